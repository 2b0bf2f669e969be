"""Undo: put choices back to what they were before an act, where nothing newer has come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.domain.acts import Act, OptedIn, OptedOut, Undone, Via
from chalicelib.domain.categories import ALL, Category
from chalicelib.domain.decision import is_wanted
from chalicelib.domain.undo import restorations
from chalicelib.use_cases.choosing import sendable
from chalicelib.use_cases.sending import new_act_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.domain.recipients import Entry, Recipient
    from chalicelib.domain.senders import Place
    from chalicelib.service import Service
    from chalicelib.use_cases.opening import OpenedLink

MOST_WALKED = 50
"""Entries read back in search of an act that is not among the newest; each is a read."""


@dataclass(frozen=True, slots=True)
class Undoing:
    """What holds after an undo. `is_done`: the choices are back as they were, now or since the same undo before.

    `wanted` and `unwanted` are the categories that it was about, as they are now, `noted` those that are wanted and
    still withheld. `is_whole`: nothing of it was left alone because something newer has come. `act` is the undo.
    """

    is_done: bool
    wanted: tuple[Category, ...] = ()
    noted: tuple[Category, ...] = ()
    unwanted: tuple[Category, ...] = ()
    is_whole: bool = True
    act: str | None = None


def undo(service: Service, opened: OpenedLink, acts: frozenset[str]) -> Undoing:
    """Undoes those of `acts` that are choices of this very recipient, and returns when that is durable.

    Only what still stands by them is put back: whatever came since stays. An act that is unknown, of somebody else, or
    told by somebody else is none of the recipient's choices, and so is nothing to undo, as what is undone already. A
    link that may not choose undoes nothing. Raises `StoreUnavailable`.
    """
    if not (acts and opened.may_choose):
        return Undoing(is_done=False)
    before = service.reader.recipient(opened.place)
    entries = _choices_among(service, opened.place, before, acts)
    undone = tuple(entry.act.id for entry in entries)
    formers = {(entry.act.id, scope): former for entry in entries for scope, former in entry.formers.items()}
    act_id = new_act_id(Via.PREFERENCE_PAGE)

    def draft(recipient: Recipient) -> Act | None:
        restored = restorations(recipient.state, undone, formers)
        part = Undone(undone, restored)
        return Act(act_id, Via.PREFERENCE_PAGE, (part,), opened.link.key_version) if restored else None

    after = service.ledger.record(opened.place, draft, opened.beside).recipient if undone else before
    back = _scopes_put_back(service, opened.place, after, acts, act_id)
    meant = {scope for entry in entries for scope in entry.formers}
    act = next((choice.act for scope, choice in after.state.choice.items() if scope in back), None)
    return replace(_told(opened, after, back), is_whole=meant <= back, act=act)


def _choices_among(service: Service, place: Place, recipient: Recipient, acts: frozenset[str]) -> list[Entry]:
    """The entries of `acts` in the recipient's own ledger, of those that are its choices.

    Those that are not among the newest are looked for only where a choice still comes from them.
    """
    numbers = [recent.seq for recent in recipient.recent if recent.act in acts]
    found = _entries(service, place, numbers)
    standing = {choice.source for choice in recipient.state.choice.values()} & acts
    missing = standing - {entry.act.id for entry in found}
    if missing and recipient.recent:
        found += _walk(service, place, recipient.recent[-1].seq, missing)
    return [entry for entry in found if all(isinstance(part, OptedOut | OptedIn) for part in entry.act.parts)]


def _walk(service: Service, place: Place, start: int, missing: set[str]) -> list[Entry]:
    found: list[Entry] = []
    for _ in range(MOST_WALKED):
        entry = next(iter(service.reader.history(place, start, 1)), None)
        if entry is None:
            break
        found += [entry] if entry.act.id in missing else []
        if len(found) == len(missing):
            break
        start = entry.previous
    return found


def _entries(service: Service, place: Place, numbers: Sequence[int]) -> list[Entry]:
    if not numbers:
        return []
    entries = service.reader.entries(place.sender, place.shard, numbers).values()
    return [entry for entry in entries if entry.place == place]


def _scopes_put_back(
    service: Service, place: Place, after: Recipient, acts: frozenset[str], act_id: str
) -> frozenset[str]:
    """The scopes whose choice is what undoing `acts` made of it: by this undo, or by one before it."""
    writers = {choice.act for choice in after.state.choice.values()}
    undos = {act_id}
    if act_id not in writers:
        entries = _entries(service, place, [recent.seq for recent in after.recent if recent.act in writers])
        undos |= {entry.act.id for entry in entries if _undoes(entry, acts)}
    return frozenset(scope for scope, choice in after.state.choice.items() if choice.act in undos)


def _undoes(entry: Entry, acts: frozenset[str]) -> bool:
    return any(isinstance(part, Undone) and acts & set(part.acts) for part in entry.act.parts)


def _told(opened: OpenedLink, after: Recipient, scopes: frozenset[str]) -> Undoing:
    about = [category for category in opened.sender.catalogue.optional if {category.id, ALL} & scopes]
    chosen = tuple(category for category in about if is_wanted(after.state, category))
    unwanted = tuple(category for category in about if category not in chosen)
    return Undoing(bool(scopes), *sendable(after.state, chosen), unwanted)
