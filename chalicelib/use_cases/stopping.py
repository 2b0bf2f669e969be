"""Stop mail: by a link, or by typing an address."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.acts import Act, OptedOut, Via
from chalicelib.domain.categories import ALL
from chalicelib.domain.decision import is_wanted
from chalicelib.domain.errors import CannotOptOut, FormClosed, UnknownSender
from chalicelib.domain.senders import SENDER_CODE
from chalicelib.domain.state import Value
from chalicelib.store.ledger import Beside
from chalicelib.use_cases.sending import new_act_id

if TYPE_CHECKING:
    from chalicelib.domain.addresses import Address
    from chalicelib.domain.categories import Category
    from chalicelib.domain.senders import Sender
    from chalicelib.domain.state import State
    from chalicelib.service import Service
    from chalicelib.use_cases.opening import OpenedLink

SOURCE_BUDGET = 30
"""Addresses that one source may type in an hour."""
SENDER_BUDGET = 3_000
"""Addresses that may be typed for one sender in an hour."""
_IPV6_OWNED = 64
"""One customer usually has this many bits of prefix, so what follows tells nobody apart."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What stands stopped by a link: its category, or all optional mail.

    `act` is the id of the act that holds it. `more_arrives`: other optional mail may still come; `may_stop_all`: that,
    or mail of categories to come, can be stopped yet.
    """

    act: str
    of_all: bool
    more_arrives: bool
    may_stop_all: bool


def opt_out(service: Service, opened: OpenedLink, via: Via, *, of_all: bool = False) -> Stopped:
    """Records the opt-out and returns when it is durable (conformance A11).

    The act is an earlier one where this only repeats it. Raises `CannotOptOut` for a link of a service alert, which
    offers "stop all" alone; `StoreUnavailable`.
    """
    if opened.category.is_service_alert and not of_all:
        raise CannotOptOut(opened.category.id)
    scope = ALL if of_all else opened.category.id
    act = Act(new_act_id(via), via, (OptedOut(scope),), opened.link.key_version)
    recorded = service.ledger.record(opened.place, act, opened.beside)
    is_new = recorded.act is None or recorded.recipient.find_recent(act.id)
    return _stopped(opened, recorded.recipient.state, act.id if is_new else recorded.act or act.id, of_all=of_all)


def _stopped(opened: OpenedLink, state: State, act: str, *, of_all: bool) -> Stopped:
    more_arrives = any(is_wanted(state, category) for category in opened.sender.catalogue.optional)
    out_of_all = (choice := state.choice.get(ALL)) is not None and choice.value is Value.OUT
    return Stopped(act, of_all, more_arrives and not of_all, (more_arrives or not out_of_all) and not of_all)


def stopped_by(service: Service, opened: OpenedLink, act: str) -> Stopped | None:
    """What stands stopped by this very act; None where nothing does.

    Nor does anything where something else has since brought back what it stopped: consent, or a choice beneath "all".
    Raises `StoreUnavailable`.
    """
    state = service.reader.recipient(opened.place).state
    beneath = {opened.category.id: [opened.category], ALL: opened.sender.catalogue.optional}
    for scope, categories in beneath.items():
        choice = state.choice.get(scope)
        if choice and choice.act == act and choice.value is Value.OUT:
            is_back = any(is_wanted(state, category) for category in categories)
            return None if is_back else _stopped(opened, state, act, of_all=scope == ALL)
    return None


def stopped_among(service: Service, opened: OpenedLink, acts: tuple[str, ...]) -> tuple[Category, ...]:
    """The optional categories that stand stopped by one of these acts, and that nothing has brought back since.

    Raises `StoreUnavailable`.
    """
    state = service.reader.recipient(opened.place).state
    choices = {scope: choice for scope, choice in state.choice.items() if choice.value is Value.OUT}
    return tuple(
        category
        for category in opened.sender.catalogue.categories
        if not category.is_service_alert
        and category.id in choices
        and choices[category.id].act in acts
        and not is_wanted(state, category)
    )


def open_form(service: Service, code: str) -> Sender:
    """The sender whose opt-out form this is. Raises `UnknownSender`, `FormClosed`, `StoreUnavailable`."""
    if not SENDER_CODE.fullmatch(code):
        raise UnknownSender
    sender = service.sender(code)
    if not sender.form_open:
        raise FormClosed
    return sender


def opt_out_by_form(service: Service, sender: Sender, address: Address, source: str) -> None:
    """Opts the typed address out of all optional mail at once, and returns when that is durable.

    `source` is the network address of who typed it: it is counted, never stored. Raises `TooManyRequests`,
    `StoreUnavailable`.
    """
    now = service.clock()
    service.limits.take(sender.code, f"source#{_source_of(service, sender, source)}", SOURCE_BUDGET, now)
    service.limits.take(sender.code, "sender", SENDER_BUDGET, now)
    act = Act(new_act_id(Via.OPT_OUT_FORM), Via.OPT_OUT_FORM, (OptedOut(ALL),))
    service.ledger.record(sender.place_of(address), act, Beside(None if sender.hashed else address.spelled))


def _source_of(service: Service, sender: Sender, source: str) -> str:
    """What a source is counted under: a keyed hash that is another one tomorrow (conformance C8)."""
    keyring = service.keyring
    key = keyring.derive(keyring.minting.version, sender.code, b"opt-out-form/source", 32)
    return hmac.new(key, f"{service.today()} {_network(source)}".encode(), "sha256").hexdigest()[:24]


def _network(source: str) -> str:
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((address, _IPV6_OWNED), strict=False)) if address.version == 6 else str(address)  # noqa: PLR2004 - its name is its number
