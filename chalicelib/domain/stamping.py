"""When an act counts. Clocks of containers differ by a minute; what a state already holds is never outdated by one.

    at = max(now, newest time anywhere in the state + 1 ms)

On a retry that something came before, restrictive parts are stamped again, so that they win over it; permissive parts
go back to just after what their first attempt had read, so that they lose to it. Parts told from outside keep the time
they tell.
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
    """The times of one attempt: `now` for restrictive parts, `kept` for permissive ones.

    `found` is the newest time that the first attempt read: whatever is newer than that has overtaken it.
    """

    now: int
    kept: int
    found: int

    @classmethod
    def of(cls, state: State, now: int, first: Stamp | None = None) -> Stamp:
        """The stamp of an attempt that read `state` at `now`; `first` is that of the first attempt, if not this one.

        What overtook a permissive part may bear an earlier time, from a container with a slower clock, and a register
        tells only the newest of what did. So the part goes back to where nothing of it can be: before all that is made
        here after the first read, and after all that this read saw.
        """
        newest = state.newest()
        if first is not None and newest == first.found:
            return first  # nobody came between
        at = max(now, newest + 2 * TICK)  # two, because the `*` part of a submission counts one earlier
        if first is None:
            return cls(at, at, newest)
        return cls(at, min(first.kept, first.found + TICK), first.found)


def stamped(draft: Act, stamp: Stamp) -> Act:
    """`draft` with the time of every part that is made here."""
    is_mixed = len(draft.parts) > 1
    return replace(draft, parts=tuple(_stamped(part, stamp, is_mixed=is_mixed) for part in draft.parts))


def _stamped(part: Part, stamp: Stamp, *, is_mixed: bool) -> Part:
    if isinstance(part, RESTRICTIVE):
        earlier = TICK if is_mixed and scope_of(part) == ALL else 0
        return replace(part, at=stamp.now - earlier)
    if isinstance(part, PERMISSIVE):
        return replace(part, at=stamp.kept)
    return part
