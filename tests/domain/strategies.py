"""What the stories and the properties share: categories, a row as containers write it, drawn acts and states.

Written from the design's text; times and the two minutes of consent are literals here on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

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
    Restored,
    Stated,
    Unblocked,
    Undone,
    Via,
)
from chalicelib.domain.categories import ALL, Category, Ground, Kind
from chalicelib.domain.decision import Reason, decide
from chalicelib.domain.fold import apply
from chalicelib.domain.stamping import Stamp, stamped
from chalicelib.domain.state import NOTHING_KNOWN, Block, Choice, Mark, State, Value
from chalicelib.domain.undo import formers_of, restorations

SECOND, MINUTE = 1_000, 60_000
TWO_MINUTES = 120_000
NOON = 1_000 * MINUTE
NEWS = Category("news", 1, Kind.OPTIONAL, "News")
OFFERS = Category("offers", 2, Kind.OPTIONAL, "Offers")
STUDY = Category("study", 3, Kind.OPTIONAL, "Study", needs_consent=True)
ALERTS = Category("alerts", 4, Kind.SERVICE_ALERT, "Alerts", ground=Ground.SAFETY)
OPTIONAL = (NEWS, OFFERS, STUDY)

Parts = Callable[[State], tuple[Part, ...]]


@dataclass
class Attempt:
    """A write that has read the row: what it wants, what it read, when it was stamped first."""

    id: str
    via: Via
    parts: Parts
    read: State
    stamp: Stamp


@dataclass
class Row:
    """One recipient's row, written as the design has it: read and stamp; where the row moved, read and stamp again."""

    state: State = NOTHING_KNOWN
    formers: dict[tuple[str, str], Choice | None] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    count: int = 0

    def begin(self, *parts: Part, at: int, via: Via = Via.PREFERENCE_PAGE) -> Attempt:
        return self._begin(lambda _: parts, at, via)

    def begin_undo(self, *acts: str, at: int) -> Attempt:
        return self._begin(lambda state: (Undone(acts, restorations(state, acts, self.formers)),), at)

    def finish(self, attempt: Attempt, at: int) -> str:
        if attempt.read != self.state:
            attempt.stamp = Stamp.of(self.state, at, attempt.stamp)
        act = stamped(Act(attempt.id, attempt.via, attempt.parts(self.state)), attempt.stamp)
        self.formers |= {(act.id, scope): former for scope, former in formers_of(self.state, act).items()}
        self.state = apply(self.state, act)
        self.acts.append(act)
        return act.id

    def then(self, *parts: Part, at: int, via: Via = Via.PREFERENCE_PAGE) -> str:
        return self.finish(self.begin(*parts, at=at, via=via), at)

    def undo(self, *acts: str, at: int) -> str:
        return self.finish(self.begin_undo(*acts, at=at), at)

    def reason(self, category: Category) -> Reason | None:
        return decide(self.state, category).reason

    def _begin(self, parts: Parts, at: int, via: Via = Via.PREFERENCE_PAGE) -> Attempt:
        self.count += 1
        return Attempt(f"act{self.count}", via, parts, self.state, Stamp.of(self.state, at))


# Few times and few categories, so that they collide: offers are there to be left alone.
TIMES = st.sampled_from([NOON + minutes * MINUTE + millis for minutes in range(6) for millis in (0, 1)])
IDS = st.sampled_from([NEWS.id, STUDY.id])
SCOPES = st.sampled_from([ALL, NEWS.id, STUDY.id])
EVERY_SCOPE = st.sampled_from([ALL, NEWS.id, OFFERS.id, STUDY.id, ALERTS.id])
ACT_IDS = st.sampled_from(["p", "q", "r"])
NOWS = st.sampled_from([NOON + minutes * MINUTE for minutes in (-1, 0, 1, 3, 5, 6, 90)])


@st.composite
def former_choices(draw: st.DrawFn, until: int) -> Choice:
    """A content that an undo at `until` may carry: older than the undo, effective no later than it was written."""
    at = draw(TIMES.map(lambda time: min(time, until - 1)))
    since = draw(TIMES.map(lambda time: min(time, at)))
    act, source = draw(ACT_IDS), draw(ACT_IDS)
    return Choice(at, draw(st.sampled_from(Value)), act, since, source)


@st.composite
def undos(draw: st.DrawFn) -> Undone:
    at = draw(TIMES)
    scopes = draw(st.lists(SCOPES, min_size=1, max_size=2))
    restored = tuple(Restored(scope, draw(st.none() | former_choices(at))) for scope in scopes)
    return Undone(("p",), restored, at)


OPT_OUTS = st.builds(OptedOut, SCOPES, TIMES)
OPT_INS = st.builds(OptedIn, IDS, TIMES)
STATEMENTS = st.builds(Stated, SCOPES, TIMES)
CONSENTS = st.builds(Consented, IDS, TIMES)
BLOCKS = st.builds(Blocked, SCOPES, TIMES)
UNBLOCKS = st.builds(Unblocked, SCOPES, TIMES)
COMPLAINTS = st.builds(Complained, TIMES)
BOUNCES = st.builds(Bounced, TIMES)
LIFTS = st.builds(BounceLifted, TIMES)
ERASURES = st.builds(Erased, TIMES)
PARTS: tuple[st.SearchStrategy[Part], ...] = (
    OPT_OUTS,
    OPT_INS,
    undos(),
    STATEMENTS,
    CONSENTS,
    BLOCKS,
    UNBLOCKS,
    COMPLAINTS,
    BOUNCES,
    LIFTS,
    ERASURES,
)


def acts(parts: st.SearchStrategy[Part], *vias: Via, most: int = 1) -> st.SearchStrategy[Act]:
    """Acts of such parts. Ids collide as times do."""
    drawn = st.lists(parts, min_size=1, max_size=most).map(tuple)
    return st.builds(Act, ACT_IDS, st.sampled_from(vias), drawn)


VIAS = st.sampled_from([Via.API, Via.IMPORT, Via.PREFERENCE_PAGE])


@st.composite
def histories(draw: st.DrawFn) -> list[Act]:
    """Acts of a few kinds each time, so that what one kind does is not always hidden by another."""
    kinds = draw(st.lists(st.sampled_from(range(len(PARTS))), min_size=1, max_size=4, unique=True))
    lengths = draw(st.lists(st.sampled_from([1, 1, 1, 2]), max_size=7))
    return [
        Act(draw(ACT_IDS), draw(VIAS), tuple(draw(PARTS[draw(st.sampled_from(kinds))]) for _ in range(length)))
        for length in lengths
    ]


HISTORIES = histories()

MARKS = st.builds(Mark, TIMES, ACT_IDS)


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    """No choice counts from later than it was written."""
    since, at = sorted([draw(TIMES), draw(TIMES)])
    return Choice(at, draw(st.sampled_from(Value)), draw(ACT_IDS), since, draw(ACT_IDS))


CHOICES = choices()
STATES = st.builds(
    State,
    choice=st.dictionaries(EVERY_SCOPE, CHOICES),
    stated=st.dictionaries(EVERY_SCOPE, MARKS),
    consent=st.dictionaries(EVERY_SCOPE, MARKS),
    consent_told=st.dictionaries(EVERY_SCOPE, MARKS),
    block=st.dictionaries(EVERY_SCOPE, st.builds(Block, TIMES, st.booleans(), ACT_IDS), max_size=2),
    complaint=st.none() | MARKS,
    bounced=st.none() | MARKS,
    bounce_lifted=st.none() | MARKS,
    erased=st.none() | MARKS,
)
"""Any registers at all, whether or not acts can lead there."""


def unhindered(state: State) -> State:
    """The state without what is the sender's to lift: blocks and bounces."""
    return replace(state, block={}, bounced=None)
