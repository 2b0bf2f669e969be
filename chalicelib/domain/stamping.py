"""When an act counts. Clocks of containers differ by a minute; what a state already holds is never outdated by one.

    at = max(now, newest time anywhere in the state + 1 ms)

On a retry, restrictive parts are stamped again, so that they win over whatever made the retry necessary; permissive
parts keep their first stamp, so that they lose to what overtook them. Parts told from outside keep the time they tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.domain.acts import PERMISSIVE, RESTRICTIVE, Act, Part, scope_of
from chalicelib.domain.categories import ALL

if TYPE_CHECKING:
    from chalicelib.domain.state import State

TICK = 1
"""One millisecond: the least by which a later act is later."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The times of one attempt: `now` for restrictive parts, `first` (of the first attempt) for permissive ones."""

    now: int
    first: int

    @classmethod
    def of(cls, state: State, now: int, first: Stamp | None = None) -> Stamp:
        """The stamp of an attempt that read `state` at `now`; `first` is that of the first attempt, if not this one."""
        at = max(now, state.newest() + 2 * TICK)  # two, because the `*` part of a submission counts one earlier
        return cls(at, at if first is None else first.first)


def stamped(draft: Act, stamp: Stamp) -> Act:
    """`draft` with the time of every part that is made here."""
    is_mixed = len(draft.parts) > 1
    return replace(draft, parts=tuple(_stamped(part, stamp, is_mixed=is_mixed) for part in draft.parts))


def _stamped(part: Part, stamp: Stamp, *, is_mixed: bool) -> Part:
    if isinstance(part, RESTRICTIVE):
        earlier = TICK if is_mixed and scope_of(part) == ALL else 0
        return replace(part, at=stamp.now - earlier)
    if isinstance(part, PERMISSIVE):
        return replace(part, at=stamp.first)
    return part
