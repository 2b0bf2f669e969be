"""Look at one recipient: what holds, what happened; and forget it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.domain.acts import Act, Consented, Erased, Evidence, Via, act_id_of
from chalicelib.domain.categories import Category
from chalicelib.domain.decision import Verdict, decide
from chalicelib.domain.errors import InvalidRequest, UnknownRecipient
from chalicelib.domain.identity import RECIPIENT_ID
from chalicelib.domain.recipients import STRANGER, Entry, Recipient
from chalicelib.domain.senders import Place
from chalicelib.use_cases.repeating import hashed

if TYPE_CHECKING:
    from chalicelib.domain.addresses import Address
    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service
    from chalicelib.store.operations import Claim


@dataclass(frozen=True, slots=True)
class Known:
    """One recipient, and what a check would say of every category, retired ones too."""

    place: Place
    recipient: Recipient
    verdicts: tuple[tuple[Category, Verdict], ...]

    @property
    def is_known(self) -> bool:
        """Whether anything is stored."""
        return self.recipient != STRANGER


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a recipient's ledger, newest first, with its evidence; `older` is where the rest begins, if any."""

    entries: tuple[Entry, ...]
    evidence: Mapping[str, Evidence]
    older: int | None


def look_up(service: Service, sender: Sender, address: Address) -> Known:
    """What is known of an address, which may be nothing. Raises `StoreUnavailable`."""
    return _find(service, sender, sender.place_of(address))


def look_at(service: Service, sender: Sender, recipient: str) -> Known:
    """What is known of a recipient. Raises `UnknownRecipient`, `StoreUnavailable`."""
    known = _find(service, sender, place_of(sender, recipient))
    if not known.is_known:
        raise UnknownRecipient
    return known


def history(service: Service, sender: Sender, recipient: str, start: int | None, limit: int) -> Page:
    """What happened to a recipient, newest first, from `start` (the `older` of another page) or the newest on.

    Raises `UnknownRecipient`, `InvalidRequest` for a start that is not this recipient's, `StoreUnavailable`.
    """
    known = look_at(service, sender, recipient)
    newest = known.recipient.recent[0].seq if start is None else start
    entries = service.reader.history(known.place, newest, limit)
    if not entries:
        raise InvalidRequest("this cursor is not of this recipient: begin without one")
    has_evidence = any(isinstance(part, Consented) for entry in entries for part in entry.act.parts)
    evidence = service.evidences.of(known.place) if has_evidence else {}
    return Page(tuple(entries), evidence, entries[-1].previous or None)


def erase(service: Service, sender: Sender, recipient: str, claim: Claim) -> Known:
    """Forgets a recipient but for the keyed hash that is never mailed again (GDPR 17, conformance C5).

    Address and choices go with the act; the evidence of consents goes after it, and a repetition goes on where this was
    broken off, without a second act: its id is made from the request. What is known afterwards is told without an
    address, although somebody may have come back meanwhile. Raises `UnknownRecipient`, `StoreUnavailable`.
    """
    place = look_at(service, sender, recipient).place
    act = Act(act_id_of(Via.API, hashed(f"{claim.nonce}\nerasure")), Via.API, (Erased(),))
    after = forget(service, place, act)
    return _known(sender, place, replace(after, address=None))


def forget(service: Service, place: Place, erasure: Act) -> Recipient:
    """Records `erasure`, deletes the evidence of consents from before it, and returns what is known then.

    Who is forgotten already gets no second act. To be called again where it was broken off. Raises `StoreUnavailable`.
    """

    def draft(before: Recipient) -> Act | None:
        erased = before.state.erased
        is_done = erased is not None and erased.at == before.state.newest() and before.address is None
        return None if is_done else erasure

    # Counted before and after: an export that begins in between may have read the address still.
    service.senders.count_erasure(place.sender)
    service.ledger.record(place, draft)
    service.senders.count_erasure(place.sender)
    return forget_evidence(service, place)


def forget_evidence(service: Service, place: Place) -> Recipient:
    """Deletes the evidence of consents that hold no more, and returns what is known then. Raises `StoreUnavailable`."""
    kept = service.evidences.of(place)
    # Read after the evidence: whoever consented anew since the erasure has it in the state by now.
    after = service.reader.recipient(place)
    live = {mark.act for mark in (*after.state.consent.values(), *after.state.consent_told.values())}
    service.evidences.delete(place, kept.keys() - live)
    return after


def place_of(sender: Sender, recipient: str) -> Place:
    """Where the recipient of this id is kept. Raises `UnknownRecipient` for what is no id."""
    if not RECIPIENT_ID.fullmatch(recipient):
        raise UnknownRecipient
    return sender.place_of_id(recipient)


def _find(service: Service, sender: Sender, place: Place) -> Known:
    return _known(sender, place, service.reader.recipient(place))


def _known(sender: Sender, place: Place, recipient: Recipient) -> Known:
    verdicts = tuple((category, decide(recipient.state, category)) for category in sender.catalogue.categories)
    return Known(place, recipient, verdicts)
