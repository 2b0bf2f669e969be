"""One function per verb: load, decide, record."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.api_keys import parse_api_key
from chalicelib.domain.acts import Act, OptedOut, Via
from chalicelib.domain.addresses import Address, parse_address
from chalicelib.domain.categories import ALL, Category
from chalicelib.domain.decision import Verdict, decide
from chalicelib.domain.errors import Forbidden, InvalidAddress, InvalidToken, Unauthenticated, UnknownCategory
from chalicelib.domain.errors import UnknownSender as _UnknownSender
from chalicelib.domain.senders import Sender
from chalicelib.settings import Settings
from chalicelib.store.calls import connect
from chalicelib.store.engine import DynamoEngine
from chalicelib.store.ledger import Ledger
from chalicelib.store.reading import Reader
from chalicelib.store.senders import Senders
from chalicelib.tokens import Link, Purpose, mint, open_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pynamodb.connection import Connection


DAY = 86_400


@dataclass(frozen=True)
class Service:
    """Everything that a request needs, made once per container, each part when it is first asked for."""

    settings: Settings

    @cached_property
    def _connection(self) -> Connection:
        return connect(self.settings)

    @cached_property
    def ledger(self) -> Ledger:
        """The write path."""
        return Ledger(DynamoEngine(self._connection, self.settings.recipients_table))

    @cached_property
    def reader(self) -> Reader:
        """The read path."""
        return Reader(self._connection, self.settings.recipients_table)

    @cached_property
    def senders(self) -> Senders:
        """The control table."""
        return Senders(self._connection, self.settings.control_table, self.settings.pepper_key)


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A good link with whom and what it speaks of."""

    link: Link
    sender: Sender
    category: Category
    address: Address


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check says of one address: a verdict, or why it is no address."""

    spelled: str
    recipient: str | None = None
    verdict: Verdict | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Minted:
    """The links for one recipient; `one_click` is None for a service alert, which nobody can opt out of."""

    spelled: str
    recipient: str
    one_click: str | None
    preferences: str


def open_link(service: Service, token: object) -> OpenedLink:
    """What the link says. Raises `InvalidToken` before any store call where it is not one of ours."""
    link = open_token(service.settings.keyring, token)
    try:
        sender = service.senders.get(link.sender)
        return OpenedLink(link, sender, sender.catalogue.get_number(link.category), parse_address(link.address))
    except (_UnknownSender, UnknownCategory, InvalidAddress):
        raise InvalidToken from None


def opt_out(service: Service, opened: OpenedLink, via: Via, *, of_all: bool = False) -> None:
    """Records the opt-out and returns when it is durable (conformance A11). Raises `StoreUnavailable`.

    A link of a service alert stops nothing by itself, since service alerts always arrive: it offers "stop all" alone.
    """
    scope = ALL if of_all else opened.category.id
    if scope != ALL and opened.category.is_service_alert:
        raise InvalidToken
    act = Act(new_act_id(), via, (OptedOut(scope),), opened.link.key_version)
    spelled = None if opened.sender.hashed else opened.address.spelled
    service.ledger.record(opened.sender.place_of(opened.address), act, spelled)


def new_act_id() -> str:
    """128 random bits: never derived from a token, because two clicks on one link are two acts."""
    return secrets.token_urlsafe(16)


def authenticate(service: Service, header: str | None, scope: str) -> Sender:
    """The sender whose API key this `Authorization` header bears. Raises `Unauthenticated`, `Forbidden`."""
    scheme, _, text = (header or "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated
    parsed = parse_api_key(service.settings.keyring, text.strip())
    key = service.senders.find_key(parsed.sender_code, parsed.id)
    if key is None or key.revoked is not None or not secrets.compare_digest(key.digest, parsed.digest):
        raise Unauthenticated
    if scope not in key.scopes:
        raise Forbidden(scope)
    return service.senders.get(parsed.sender_code)


def check(service: Service, sender: Sender, category_id: str, addresses: Sequence[object]) -> list[Answer]:
    """May this be sent? One answer an address, in the order asked. Raises `UnknownCategory`, `StoreUnavailable`."""
    category = sender.catalogue.get(category_id)
    parsed = [_parsed(address) for address in addresses]
    places = {address.key: sender.place_of(address) for address in parsed if isinstance(address, Address)}
    recipients = service.reader.recipients(tuple(places.values()))
    answers = []
    for asked, address in zip(addresses, parsed, strict=True):
        if isinstance(address, Address):
            place = places[address.key]
            answers.append(Answer(str(asked), place.recipient, decide(recipients[place].state, category)))
        else:
            answers.append(Answer(str(asked), error=address))
    return answers


def _parsed(address: object) -> Address | str:
    try:
        return parse_address(address)
    except InvalidAddress as error:
        return error.reason


def mint_links(service: Service, sender: Sender, category_id: str, address: Address) -> Minted:
    """The links to put into one message. Raises `UnknownCategory`. Stores nothing."""
    category = sender.catalogue.get(category_id)
    today = int(time.time()) // DAY
    urls = {
        purpose: service.settings.public_url
        + "/u/"
        + mint(service.settings.keyring, purpose, sender.code, category.number, today, address.spelled)
        for purpose in Purpose
    }
    return Minted(
        spelled=address.spelled,
        recipient=sender.place_of(address).recipient,
        one_click=None if category.is_service_alert else urls[Purpose.ONE_CLICK],
        preferences=urls[Purpose.PREFERENCES],
    )
