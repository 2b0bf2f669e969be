"""May this sender send this category to this recipient? The table of `design`: first match decides, ties restrict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.domain.categories import ALL, Category
from chalicelib.domain.state import Mark, State, Value

NEVER = -(2**62)
"""Older than any time that a register can hold."""


class Reason(StrEnum):
    """Why mail is withheld."""

    RETIRED = "retired"
    UNDELIVERABLE = "undeliverable"
    BLOCKED = "blocked"
    COMPLAINT = "complaint"
    OPTED_OUT_OF_ALL = "opted_out_of_all"
    OPTED_OUT = "opted_out"
    NO_CONSENT = "no_consent"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, the rule that gave it, and since when it holds (milliseconds since 1970 UTC), where that is known."""

    rule: int
    reason: Reason | None = None
    since: int | None = None

    @property
    def may_send(self) -> bool:
        """Whether nothing withholds the mail."""
        return self.reason is None


def decide(state: State, category: Category) -> Verdict:
    """Rules 1 to 9, in their order. An unknown category never gets here: looking it up raises."""
    if category.retired:
        return Verdict(1, Reason.RETIRED)
    if (bounced := time_of(state.bounced)) > NEVER and bounced >= time_of(state.bounce_lifted):
        return Verdict(2, Reason.UNDELIVERABLE, bounced)
    if category.is_service_alert:
        return Verdict(3)
    return _decide_optional(state, category)


def _decide_optional(state: State, category: Category) -> Verdict:
    if (blocked := _blocked_since(state, category.id)) > NEVER:
        return Verdict(4, Reason.BLOCKED, blocked)
    return _decide_wanted(state, category)


def is_wanted(state: State, category: Category) -> bool:
    """Whether the recipient's side lets an optional category flow: rules 5 to 9, without blocks and bounces."""
    return _decide_wanted(state, category).may_send


def _decide_wanted(state: State, category: Category) -> Verdict:
    opted_in = opted_in_at(state, category.id)
    if (complained := time_of(state.complaint)) > NEVER and complained >= opted_in:
        return Verdict(5, Reason.COMPLAINT, complained)
    lifted = max(opted_in, time_of(state.consent.get(category.id)))
    if (out_of_all := max(_out(state, ALL), time_of(state.erased))) > NEVER and out_of_all >= lifted:
        return Verdict(6, Reason.OPTED_OUT_OF_ALL, out_of_all)
    if (out := _out(state, category.id)) > NEVER and out >= lifted:
        return Verdict(7, Reason.OPTED_OUT, out)
    if category.needs_consent and max(lifted, time_of(state.consent_told.get(category.id))) == NEVER:
        return Verdict(8, Reason.NO_CONSENT)
    return Verdict(9)


def time_of(mark: Mark | None) -> int:
    """When it was, `NEVER` where it was not."""
    return NEVER if mark is None else mark.at


def _blocked_since(state: State, category: str) -> int:
    if not state.block:
        return NEVER
    blocks = (state.block.get(scope) for scope in (ALL, category))
    return min((block.at for block in blocks if block is not None and block.is_on), default=NEVER)


def opted_in_at(state: State, category: str) -> int:
    """Since when the recipient's own opt-in to a category counts, `NEVER` where there is none."""
    choice = state.choice.get(category)
    return choice.since if choice is not None and choice.value is Value.IN else NEVER


def _out(state: State, scope: str) -> int:
    choice = state.choice.get(scope)
    chosen = choice.since if choice is not None and choice.value is Value.OUT else NEVER
    return max(chosen, time_of(state.stated.get(scope)))
