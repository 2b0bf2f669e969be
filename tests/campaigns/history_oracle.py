"""What must be true in a history, judged by what truly happened: steps and true time, never by the state alone.

An acknowledged restriction is a claim. While mail may flow, each claim has to have been lifted by something that the
rules allow, which is in the ledger and was *begun* after the restriction was there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.domain.acts import (
    CONSENT_ALLOWANCE,
    Act,
    Blocked,
    Bounced,
    BounceLifted,
    Complained,
    Consented,
    Erased,
    OptedIn,
    OptedOut,
    Part,
    Stated,
    Unblocked,
    Undone,
    Via,
)
from chalicelib.domain.categories import ALL
from chalicelib.domain.decision import Reason, decide
from tests.campaigns.history_acts import ALERT, OPTIONAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chalicelib.domain.categories import Category
    from chalicelib.domain.state import State
    from tests.campaigns.history_engine import Fact, Request

CLOCKS_DIFFER = 120_000
"""Two clocks differ by this much at most: each is up to a minute off."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An acknowledged part that withholds mail.

    A choice made here yields to what began after step `after`, when it was carried out. A repeat that was absorbed
    left no entry: it yields to what was carried out after step `after`, when it began itself. A statement about the
    past (`is_dated`) yields to what is newer by date.
    """

    act: str
    part: Part
    at: int
    after: int
    began: int
    is_absorbed: bool = False
    is_dated: bool = False
    spared: frozenset[str] = field(default=frozenset())

    def withholds(self, category: Category) -> bool:
        """Whether it is about this category; a form that stops all but one spares that one."""
        scope = getattr(self.part, "scope", ALL)
        return scope == category.id or (scope == ALL and category.id not in self.spared)

    def yields_to(self, fact: Fact, at: int) -> bool:
        """Whether what the recipient itself did in `fact`, to count from `at`, came later."""
        if self.is_dated:
            return at > self.at
        return (fact.committed if self.is_absorbed else fact.request.read) > self.after

    def yields_to_consent(self, fact: Fact, told: int) -> bool:
        """Whether consent of this date is newer, with the allowance; and was not told before this began."""
        later = fact.committed if self.is_absorbed else fact.request.began
        return told - CONSENT_ALLOWANCE > self.at and (self.is_dated or later > self.began)


WITHHOLDING = (OptedOut, Stated, Erased, Complained, Blocked)


def claims_of(fact: Fact, *, has_made_up_time: bool) -> Iterator[Claim]:
    """What holds from now on, since the act of this fact was acknowledged."""
    act = fact.entry.act
    for part in act.parts:
        if isinstance(part, WITHHOLDING):
            is_dated = isinstance(part, Complained) or (isinstance(part, Stated) and not has_made_up_time)
            yield Claim(
                act.id, part, part.at, fact.committed, fact.request.began, is_dated=is_dated, spared=_spared(act)
            )


def claims_of_absorbed(act: Act, request: Request, newest: str) -> Iterator[Claim]:
    """What holds from now on, since this repeat was acknowledged; `newest` is the act that it was taken to repeat.

    That one was recorded under a minute before, by clocks that differ by two: so what counts, counts from then.
    """
    for part in act.parts:
        if isinstance(part, OptedOut):
            at = request.began_at - CLOCKS_DIFFER
            yield Claim(newest, part, at, request.read, request.began, is_absorbed=True, spared=_spared(act))


def _spared(act: Act) -> frozenset[str]:
    return frozenset(part.category for part in act.parts if isinstance(part, OptedIn))


def troubles(state: State, claims: Iterable[Claim], facts: list[Fact]) -> Iterator[str]:
    """What is wrong with what a check would answer now."""
    if decide(state, ALERT).may_send is not _arrives(facts):
        yield "the service alert is withheld, or the mailbox is gone"
    for category in OPTIONAL:
        if decide(state, category).may_send:
            for claim in claims:
                if claim.withholds(category) and not any(_lifts(fact, claim, category, facts) for fact in facts):
                    yield f"{category.id} flows in spite of {claim.act}: {claim.part}"
            if category.needs_consent and not any(_agrees_to(fact, category, facts) for fact in facts):
                yield f"{category.id} flows without consent"


def _arrives(facts: list[Fact]) -> bool:
    parts = [part for fact in facts for part in fact.entry.act.parts]
    bounced = max((part.at for part in parts if isinstance(part, Bounced)), default=None)
    lifted = max((part.at for part in parts if isinstance(part, BounceLifted)), default=None)
    return bounced is None or (lifted is not None and lifted > bounced)


def _agrees_to(fact: Fact, category: Category, facts: list[Fact]) -> bool:
    for part in fact.entry.act.parts:
        match part:
            case OptedIn(scope) if scope == category.id and not _is_taken_back(fact, scope, facts):
                return True
            case Consented(scope) if scope == category.id:
                return True
    return False


def _lifts(fact: Fact, claim: Claim, category: Category, facts: list[Fact]) -> bool:
    return any(_lifts_by(part, fact, claim, category, facts) for part in fact.entry.act.parts)


def _lifts_by(part: Part, fact: Fact, claim: Claim, category: Category, facts: list[Fact]) -> bool:
    withheld = claim.part
    match part:
        case OptedIn(scope, at) if not isinstance(withheld, Blocked):
            is_later = scope == category.id and claim.yields_to(fact, at)
            return is_later and not _is_taken_back(fact, scope, facts)
        case Undone(acts, _, at) if isinstance(withheld, OptedOut):
            is_of_it = claim.act in acts and _took_effect(fact, withheld.scope)
            return is_of_it and claim.yields_to(fact, at) and not _is_taken_back(fact, withheld.scope, facts)
        case Consented(scope, at) if isinstance(withheld, OptedOut | Stated | Erased):
            is_of_it = scope == category.id and fact.entry.act.via is Via.API
            return is_of_it and claim.yields_to_consent(fact, at)
        case Unblocked(scope) if isinstance(withheld, Blocked):
            # sent again, it counts from its first receipt, and which of two came first only clocks can tell
            is_later = fact.request.is_sent_again and fact.request.began > claim.began
            return scope == withheld.scope and (is_later or claim.yields_to(fact, 0))
        case _:
            return False


def _took_effect(fact: Fact, scope: str) -> bool:
    choice = fact.state.choice.get(scope)
    return choice is not None and choice.act == fact.entry.act.id


def _is_taken_back(fact: Fact, scope: str, facts: list[Fact]) -> bool:
    """Whether an undo put this choice back to what was before it, and was not undone itself.

    Nothing but undoing that undo can bring it back: what was noted as former content before is older.
    """
    own = fact.entry.act.id
    undos = {
        fact.entry.act.id: part.acts for fact in facts for part in fact.entry.act.parts if isinstance(part, Undone)
    }
    return any(
        other.entry.act.id in undos
        and (former := other.entry.formers.get(scope)) is not None
        and former.source == own
        and _took_effect(other, scope)
        and not any(other.entry.act.id in acts for acts in undos.values())
        for other in facts
    )


def refused_opt_in(state: State, act: Act) -> Iterator[str]:
    """What is wrong where an opt-in met nobody, was acknowledged, and still starts nothing."""
    for category in OPTIONAL:
        reason = decide(state, category).reason
        if category.id in _spared(act) and reason not in {None, Reason.BLOCKED, Reason.UNDELIVERABLE}:
            yield f"the opt-in {act} to {category.id} was acknowledged, and the answer is {reason}"
