"""The suppression list: why mail to a recipient is withheld, one row for each scope and reason.

`no_consent` and `retired` are answers of a check and no rows: they speak of a category, not of what happened to a
recipient. Rows do not hide each other, as the rules of a check do: who is opted out of all and complained has two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.categories import ALL
from chalicelib.domain.decision import Reason, opted_in_at, time_of
from chalicelib.domain.state import Mark, State, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.domain.categories import Category

Cell = tuple[str, Reason]
"""A scope and a reason: what names a row of one recipient."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """One row. `since` in milliseconds since 1970 UTC, `act` what it comes from.

    `excepted`: the categories that the recipient has let in since, or consented to, and which it does not withhold.
    """

    scope: str
    reason: Reason
    since: int
    act: str
    excepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Effects:
    """What an act did to the list: cells added, with their dates, and cells removed.

    A category that a row of all mail begins to except is a cell removed, and added where it ceases to. What is removed
    is so after what is added: a new row of all mail may except some from its beginning.
    """

    added: tuple[tuple[str, Reason, int], ...] = ()
    removed: tuple[Cell, ...] = ()


NO_EFFECTS = Effects()


def suppressions_of(state: State) -> tuple[Suppression, ...]:
    """Every row of one recipient, the same for the same state. An optional category that none covers may be sent."""
    return tuple(_rows(state))


def is_about(row: Suppression, category: Category) -> bool:
    """Whether a row is of this category, or of all mail and withholds it too.

    Of a service alert only what is undeliverable is withheld (rule 3); a row of its own says what a recipient chose
    while it was optional.
    """
    if row.scope != ALL:
        return row.scope == category.id
    if category.is_service_alert:
        return row.reason is Reason.UNDELIVERABLE
    return category.id not in row.excepted


def effects_of(before: State, after: State) -> Effects:
    """What became of the rows."""
    was, now = _by_cell(before), _by_cell(after)
    if was == now:
        return NO_EFFECTS
    added, removed = [], []
    for cell, row in now.items():
        ceased = set(was[cell].excepted) - set(row.excepted) if cell in was else ()
        added += [(scope, row.reason, row.since) for scope in ([row.scope] if cell not in was else sorted(ceased))]
    for cell, row in was.items():
        removed += [(row.scope, row.reason)] if cell not in now else []
    for cell, row in now.items():
        begun = set(row.excepted) - set(was[cell].excepted if cell in was else ())
        removed += [(scope, row.reason) for scope in sorted(begun)]
    return Effects(tuple(added), tuple(removed))


def _by_cell(state: State) -> Mapping[Cell, Suppression]:
    return {(row.scope, row.reason): row for row in _rows(state)}


def _rows(state: State) -> Iterator[Suppression]:
    bounced = state.bounced
    if bounced is not None and bounced.at >= time_of(state.bounce_lifted):
        yield Suppression(ALL, Reason.UNDELIVERABLE, bounced.at, bounced.act)
    for scope, block in sorted(state.block.items()):
        if block.is_on:
            yield Suppression(scope, Reason.BLOCKED, block.at, block.act)
    if (complaint := state.complaint) is not None:
        yield Suppression(ALL, Reason.COMPLAINT, complaint.at, complaint.act, _opted_in_after(state, complaint.at))
    if (out := _newest(_out(state, ALL), state.erased)) is not None:
        yield Suppression(ALL, Reason.OPTED_OUT_OF_ALL, out.at, out.act, _lifted_after(state, out.at))
    for scope in sorted({*state.choice, *state.stated} - {ALL}):
        if (out := _out(state, scope)) is not None and out.at >= _lifted_at(state, scope):
            yield Suppression(scope, Reason.OPTED_OUT, out.at, out.act)


def _out(state: State, scope: str) -> Mark | None:
    """The newest opt-out of a scope, chosen or stated, with its act."""
    choice = state.choice.get(scope)
    chosen = Mark(choice.since, choice.source) if choice is not None and choice.value is Value.OUT else None
    return _newest(chosen, state.stated.get(scope))


def _newest(one: Mark | None, other: Mark | None) -> Mark | None:
    marks = [mark for mark in (one, other) if mark is not None]
    return max(marks, key=lambda mark: mark.order, default=None)


def _lifted_at(state: State, category: str) -> int:
    return max(opted_in_at(state, category), time_of(state.consent.get(category)))


def _opted_in_after(state: State, at: int) -> tuple[str, ...]:
    return tuple(sorted(category for category in {*state.choice} - {ALL} if opted_in_at(state, category) > at))


def _lifted_after(state: State, at: int) -> tuple[str, ...]:
    known = {*state.choice, *state.consent} - {ALL}
    return tuple(sorted(category for category in known if _lifted_at(state, category) > at))
