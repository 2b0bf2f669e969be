"""What senders ask: who they are, and whom they may mail."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.api_keys import parse_api_key
from chalicelib.domain.addresses import Address, parse_address
from chalicelib.domain.decision import Verdict, decide
from chalicelib.domain.errors import Forbidden, InvalidAddress, Unauthenticated
from chalicelib.domain.state import NOTHING_KNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check says of one address: a verdict, or why it is no address."""

    asked: object = field(repr=False)
    recipient: str | None = None
    verdict: Verdict | None = None
    error: str | None = None


def authenticate(service: Service, header: str | None, scope: str) -> Sender:
    """The sender whose API key this `Authorization` header bears. Raises `Unauthenticated`, `Forbidden`."""
    scheme, _, text = (header or "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated
    parsed = parse_api_key(service.settings.keyring, text.strip())
    key = service.api_key(parsed.sender_code, parsed.id)
    if key is None or key.revoked is not None or not secrets.compare_digest(key.digest, parsed.digest):
        raise Unauthenticated
    if scope not in key.scopes:
        raise Forbidden(scope)
    return service.sender(parsed.sender_code)


def check(service: Service, sender: Sender, category_id: str, asked: Sequence[object]) -> list[Answer]:
    """May this be sent? One answer an address, in the order asked. Raises `UnknownCategory`, `StoreUnavailable`."""
    category = sender.catalogue.get(category_id)
    parsed = [_parsed(address) for address in asked]
    places = {address.key: sender.place_of(address) for address in parsed if isinstance(address, Address)}
    states = service.reader.states(tuple(places.values()))
    unknown = decide(NOTHING_KNOWN, category)  # of most addresses nothing is known
    answers = []
    for told, address in zip(asked, parsed, strict=True):
        if isinstance(address, Address):
            place = places[address.key]
            state = states[place]
            verdict = unknown if state is NOTHING_KNOWN else decide(state, category)
            answers.append(Answer(told, place.recipient, verdict))
        else:
            answers.append(Answer(told, error=address))
    return answers


def _parsed(address: object) -> Address | str:
    try:
        return parse_address(address)
    except InvalidAddress as error:
        return error.reason
