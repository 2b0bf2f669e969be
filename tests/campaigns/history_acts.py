"""What people, senders and mail systems do in a history: one act drawn at a time, as the product would make it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.acts import (
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
from chalicelib.domain.categories import ALL, Category, Ground, Kind
from chalicelib.domain.stamping import TICK
from chalicelib.domain.undo import restorations
from chalicelib.store.ledger import Draft
from tests.campaigns.history_engine import Fact

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.domain.recipients import Recipient

OPTIONAL = (
    Category("a", 1, Kind.OPTIONAL, "A"),
    Category("b", 2, Kind.OPTIONAL, "B"),
    Category("n", 3, Kind.OPTIONAL, "Needs consent", needs_consent=True),
)
ALERT = Category("s", 4, Kind.SERVICE_ALERT, "Alert", ground=Ground.TRANSACTION)
SCOPES = ("a", "a", "b", "n", ALL, ALL)
CATEGORIES = ("a", "a", "a", "b", "n")
KEY_VERSION = 1
UNDATED = "opt-out told undated"
AGO = (0, 0, 1_000, 30_000, 90_000, 130_000, 200_000, 3_600_000)
"""How long before its telling something told is said to have happened, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants recorded. `received` is when, by the clock of who takes it; a sender may send it again."""

    id: str
    draft: Act | Draft
    received: int
    kind: str
    may_be_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """Draws what happens to a recipient next, who knows what the ledger holds."""

    chance: random.Random
    id: str
    received: int
    facts: list[Fact]

    def wish(self, weights: Counter[str]) -> Wish:
        """One wish, of a kind drawn by weight."""
        [kind] = self.chance.choices(list(weights), weights=list(weights.values()))
        return KINDS[kind](self, kind)

    def _act(self, kind: str, via: Via, *parts: Part, key_version: int | None = None) -> Wish:
        act = Act(self.id, via, parts, key_version)
        return Wish(self.id, act, self.received, kind, may_be_repeated=via is Via.API)

    def opt_out(self, kind: str) -> Wish:
        """By any of the ways that a recipient has."""
        scope = self.chance.choice(SCOPES)
        via = self.chance.choice((Via.ONE_CLICK, Via.ONE_CLICK, Via.UNSUBSCRIBE_PAGE, Via.PREFERENCE_PAGE))
        if scope == ALL and self.chance.random() < 1 / 3:
            return self._act(kind, Via.OPT_OUT_FORM, OptedOut(ALL))
        return self._act(kind, via, OptedOut(scope), key_version=KEY_VERSION)

    def opt_in(self, kind: str) -> Wish:
        return self._act(kind, Via.PREFERENCE_PAGE, OptedIn(self.chance.choice(CATEGORIES)), key_version=KEY_VERSION)

    def form(self, kind: str) -> Wish:
        """Several choices in one act, with or without "stop all"."""
        changed = self.chance.sample([category.id for category in OPTIONAL], self.chance.randint(1, 3))
        started = changed[: self.chance.randint(0, len(changed))]
        if self.chance.random() < 1 / 2:
            parts: list[Part] = [OptedOut(ALL), *map(OptedIn, started)]
        else:
            parts = [OptedIn(scope) if scope in started else OptedOut(scope) for scope in changed]
        return self._act(kind, Via.PREFERENCE_PAGE, *parts, key_version=KEY_VERSION)

    def undo(self, kind: str) -> Wish:
        """Of the recipient's newest acts, one or two: what is put back is told by the state found at the write."""
        acts = tuple(dict.fromkeys(fact.entry.act.id for fact in self.facts[-4:] if fact.entry.formers))
        undone = tuple(self.chance.sample(acts, min(len(acts), self.chance.choice((1, 1, 2)))))
        formers = {
            (fact.entry.act.id, scope): former for fact in self.facts for scope, former in fact.entry.formers.items()
        }

        def draft(recipient: Recipient) -> Act | None:
            restored = restorations(recipient.state, undone, formers)
            return Act(self.id, Via.PREFERENCE_PAGE, (Undone(undone, restored),), KEY_VERSION) if restored else None

        return Wish(self.id, draft, self.received, kind)

    def stated_now(self, kind: str) -> Wish:
        """An opt-out told by the API without a time: it happened just now, whatever clocks say."""
        scope = self.chance.choice(SCOPES)

        def draft(recipient: Recipient) -> Act:
            at = max(self.received, recipient.state.newest() + TICK)
            return Act(self.id, Via.API, (Stated(scope, at),))

        return Wish(self.id, draft, self.received, kind, may_be_repeated=True)

    def stated(self, kind: str) -> Wish:
        via = self.chance.choice((Via.API, Via.IMPORT))
        return self._act(kind, via, Stated(self.chance.choice(SCOPES), self._told()))

    def consented(self, kind: str) -> Wish:
        via = self.chance.choice((Via.API, Via.API, Via.IMPORT))
        return self._act(kind, via, Consented(self.chance.choice(CATEGORIES), self._told(), None))

    def complained(self, kind: str) -> Wish:
        return self._act(kind, Via.FEEDBACK, Complained(self._told()))

    def bounced(self, kind: str) -> Wish:
        return self._act(kind, Via.FEEDBACK, Bounced(self._told()))

    def blocked(self, kind: str) -> Wish:
        return self._act(kind, Via.API, Blocked(self.chance.choice(SCOPES)))

    def unblocked(self, kind: str) -> Wish:
        on = [scope for fact in self.facts[-1:] for scope, block in fact.state.block.items() if block.is_on]
        return self._act(kind, Via.API, Unblocked(self.chance.choice(on or SCOPES)))

    def bounce_lifted(self, kind: str) -> Wish:
        return self._act(kind, Via.API, BounceLifted())

    def erased(self, kind: str) -> Wish:
        return self._act(kind, Via.PREFERENCE_PAGE, Erased(), key_version=KEY_VERSION)

    def _told(self) -> int:
        return self.received - self.chance.choice(AGO)


KINDS: dict[str, Callable[[Drawing, str], Wish]] = {
    "opt-out": Drawing.opt_out,
    "opt-in": Drawing.opt_in,
    "form": Drawing.form,
    "undo": Drawing.undo,
    UNDATED: Drawing.stated_now,
    "opt-out told": Drawing.stated,
    "consent": Drawing.consented,
    "complaint": Drawing.complained,
    "bounce": Drawing.bounced,
    "block": Drawing.blocked,
    "unblock": Drawing.unblocked,
    "bounce lifted": Drawing.bounce_lifted,
    "erasure": Drawing.erased,
}
CHOICES = Counter({"opt-out": 8, "opt-in": 8, "form": 2, "undo": 2, "consent": 3, UNDATED: 1})
"""Mostly what decides whether mail flows: the struggle in which an opt-out can be lost."""
EVERYTHING = Counter(dict.fromkeys(KINDS, 3)) + Counter({"opt-out": 4, "opt-in": 5, "erasure": -2, "complaint": -1})
SENDERS_HAND = Counter(
    {"block": 6, "unblock": 6, "bounce": 2, "bounce lifted": 2, "opt-in": 3, "consent": 2, UNDATED: 2}
)
"""Mostly what a sender does, whose own blocks hold like opt-outs."""
SECOND_THOUGHTS = Counter({"opt-out": 6, "opt-in": 4, "undo": 6})
"""Choices and their undoing, which brings back what was before."""
PROFILES = (CHOICES, CHOICES, EVERYTHING, SENDERS_HAND, SECOND_THOUGHTS)
