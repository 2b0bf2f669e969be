"""What senders ask: who they are, and whom they may mail."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.api_keys import parse_api_key
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.decision import Verdict, decide
from chalicelib.domain.errors import Forbidden, InvalidAddress, SenderClosed, Unauthenticated
from chalicelib.domain.identity import RECIPIENT_ID
from chalicelib.domain.senders import Place
from chalicelib.domain.state import NOTHING_KNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.api_keys import ApiKey
    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check says of one address: a verdict, or why it is no address."""

    asked: object = field(repr=False)
    recipient: str | None = None
    verdict: Verdict | None = None
    error: str | None = None


def authenticate(service: Service, header: str | None, scope: str) -> tuple[Sender, ApiKey]:
    """The API key that this `Authorization` header bears, and whose it is.

    Raises `Unauthenticated`, `SenderClosed`, `Forbidden`, `StoreUnavailable`.
    """
    scheme, _, text = (header or "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated
    parsed = parse_api_key(service.keyring, text.strip())
    key = service.api_key(parsed.sender_code, parsed.id)
    if key is None or key.revoked is not None or not secrets.compare_digest(key.digest, parsed.digest):
        raise Unauthenticated
    sender = service.sender(parsed.sender_code)
    if sender.closed:
        raise SenderClosed
    if scope not in key.scopes:
        raise Forbidden(scope)
    return sender, key


def check(service: Service, sender: Sender, category_id: str, addresses: Sequence[object]) -> list[Answer]:
    """May this be sent? One answer an address, in the order asked. Raises `UnknownCategory`, `StoreUnavailable`."""
    return _check(service, sender, category_id, addresses, [_place_of_address(sender, asked) for asked in addresses])


def check_recipients(service: Service, sender: Sender, category_id: str, ids: Sequence[object]) -> list[Answer]:
    """As `check`, for recipient ids. Of an id that was never made here nothing is known, as of an unknown address."""
    return _check(service, sender, category_id, ids, [_place_of_id(sender, asked) for asked in ids])


def _check(
    service: Service, sender: Sender, category_id: str, asked: Sequence[object], places: Sequence[Place | str]
) -> list[Answer]:
    category = sender.catalogue.get(category_id)
    states = service.reader.states([*{place for place in places if isinstance(place, Place)}])
    unknown = decide(NOTHING_KNOWN, category)  # of most nothing is known
    answers = []
    for told, place in zip(asked, places, strict=True):
        if isinstance(place, Place):
            state = states[place]
            verdict = unknown if state is NOTHING_KNOWN else decide(state, category)
            answers.append(Answer(told, place.recipient, verdict))
        else:
            answers.append(Answer(told, error=place))
    return answers


def _place_of_address(sender: Sender, asked: object) -> Place | str:
    try:
        return sender.place_of(parse_address(asked))
    except InvalidAddress as error:
        return error.reason


def _place_of_id(sender: Sender, asked: object) -> Place | str:
    if isinstance(asked, str) and RECIPIENT_ID.fullmatch(asked):
        return sender.place_of_id(asked)
    return "a recipient id is rcp_ and 26 characters"
