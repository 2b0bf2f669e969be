"""Wrong rules, planted to see that a campaign of histories notices. Each was once a plausible way to build it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.domain.recipients import Entry, Recipient, signature
from chalicelib.domain.stamping import Stamp
from chalicelib.store.ledger import RULES, Rules
from chalicelib.store.reading import until_gap
from tests.campaigns.history_reader import Follow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.domain.acts import Act
    from chalicelib.domain.state import State


@dataclass(frozen=True, slots=True)
class Build:
    """By which rules a history is written and followed."""

    rules: Rules = RULES
    follow: Follow = until_gap


AS_BUILT = Build()


def wall_clock(_: State, now: int, first: Stamp | None) -> Stamp:
    """Believes its clock, whatever the state already holds."""
    return Stamp(now, now if first is None else first.kept, found=0)


def stamp_again(state: State, now: int, _: Stamp | None) -> Stamp:
    """Stamps every attempt as if it were the first."""
    return Stamp.of(state, now)


def repeats_however_old(recipient: Recipient, act: Act, _: int) -> bool:
    """Absorbs what the newest act said, even if that was last year."""
    return recipient.latest is not None and recipient.latest.signature == signature(act)


def repeats_what_holds(recipient: Recipient, act: Act, _: int) -> bool:
    """Absorbs an opt-out of what was ever opted out of, although something came after it."""
    held = recipient.state.choice
    return all(getattr(part, "scope", None) in held for part in act.parts)


def skip_gaps(_: int, entries: Iterable[Entry]) -> list[Entry]:
    """Takes whatever is there."""
    return list(entries)


BUGS: dict[str, Build] = {
    "wall clocks only": Build(replace(RULES, stamp=wall_clock)),
    "repeats absorbed however old": Build(replace(RULES, is_repeat=repeats_however_old)),
    "repeats absorbed although not the newest": Build(replace(RULES, is_repeat=repeats_what_holds)),
    "one recent act remembered": Build(replace(RULES, remembered=1)),
    "a reader that skips gaps": Build(follow=skip_gaps),
    "permissive acts stamped again": Build(replace(RULES, stamp=stamp_again)),
}
