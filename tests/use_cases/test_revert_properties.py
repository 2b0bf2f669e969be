"""Revert in whatever history, with whatever comes between: what is left is what would be without the acts meant.

The judge is the ledger without them: it is folded anew, from the acts of the others alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from hypothesis import event, given, settings
from hypothesis import strategies as st

from chalicelib.domain.acts import Act, Blocked, Consented, Erased, OptedIn, OptedOut, Part, Stated, Undone, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.fold import fold
from chalicelib.domain.senders import Place, Sender
from chalicelib.domain.state import Choice, State, Value
from chalicelib.domain.undo import restorations
from chalicelib.store.ledger import Ledger
from chalicelib.use_cases.reverting import Fate, Meant, find, revert
from chalicelib.use_cases.scanning import ledger_of
from chalicelib.use_cases.sending import new_act_id
from tests.site import CATALOGUE, CODE
from tests.store.memory import Clock, busy, fine, silent
from tests.store.memory_service import MemoryService

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterator

    from chalicelib.domain.recipients import Entry, Recipient
    from tests.store.memory import Fault

SENDER = Sender(CODE, "Test & Sons", CATALOGUE, bytes(32), shards=1)
PLACES = tuple(SENDER.place_of(parse_address(f"{name}@example.com")) for name in ("dana", "other"))
THOROUGH = settings(max_examples=1_000, derandomize=True, deadline=None)
BEGINNING = Clock().milliseconds
MINUTE = 60_000
SCOPES = ("news", "offers", ALL)


@dataclass(frozen=True)
class Step:
    """Somebody acts, or ops revert. `leap` milliseconds pass before; `skew` is by how many the actor's clock is ahead.

    `between`: what is recorded while ops are reverting. `fault`: what the store does wrong then.
    """

    via: Via
    parts: tuple[Part, ...] = ()
    place: Place = PLACES[0]
    leap: int = 0
    skew: int = 0
    key: int = 1
    between: Step | None = None
    fault: Callable[[], None] = fine


OWN: st.SearchStrategy[tuple[Part, ...]] = st.sampled_from(
    [
        (OptedOut("news"),),
        (OptedOut("offers"),),
        (OptedIn("news"),),
        (OptedOut(ALL),),
        (OptedOut(ALL), OptedIn("news")),
        (OptedOut("news"), OptedIn("offers")),
        (Erased(),),
    ]
)
BY_LINK = st.sampled_from([Via.ONE_CLICK, Via.PREFERENCE_PAGE])
PLACE = st.sampled_from([*PLACES[:1] * 3, *PLACES[1:]])
LEAP, SKEW = st.sampled_from([0, 1, 30_000, 70_000, 600_000]), st.integers(-MINUTE, MINUTE)
OWN_STEPS = st.builds(Step, BY_LINK, OWN, PLACE, LEAP, SKEW, st.integers(1, 2))
STRANGERS = st.builds(Step, st.just(Via.OPT_OUT_FORM), st.just((OptedOut(ALL),)), PLACE, LEAP, SKEW)
TOLD = st.builds(
    Step,
    st.just(Via.API),
    st.sampled_from([(Stated("news", 9),), (Stated(ALL, 9),), (Blocked("news"),), (Consented("news", 9),)]),
    PLACE,
    LEAP,
    SKEW,
)
UNDOS = st.builds(Step, st.just(Via.PREFERENCE_PAGE), st.just(()), PLACE, LEAP, SKEW)
ACTS = OWN_STEPS | STRANGERS | STRANGERS | TOLD
REVERTS = st.builds(
    Step,
    st.just(Via.OPS),
    leap=LEAP,
    between=st.none() | OWN_STEPS | TOLD | STRANGERS,
    fault=st.sampled_from([fine, fine, silent, busy]),
)
WINDOW = st.tuples(st.integers(-10, 4), st.integers(5, 90)).map(
    lambda two: (BEGINNING + two[0] * MINUTE, BEGINNING + (two[0] + two[1]) * MINUTE)
)


def ignore(_lines: int) -> None:
    """Nobody watches."""


class Town:
    """Two recipients, and ops who revert the same acts again and again."""

    def __init__(self, meant: Meant) -> None:
        self.meant = meant
        self.service = MemoryService()
        self.engine, self.clock = self.service.engine, self.service.own_clock

    def state(self, place: Place) -> State:
        return self.service.reader.recipient(place).state

    def entries(self, place: Place) -> list[Entry]:
        return [entry for entry in self.engine.entries.values() if entry.place == place]

    def take(self, step: Step) -> None:
        self.clock.milliseconds += step.leap
        if step.via is Via.OPS:
            self.revert(step)
        else:
            self.record(step)

    def record(self, step: Step) -> None:
        """No act is a repeat of what is reverted: where that is recorded is what counts here."""
        act_id, entries = new_act_id(step.via), self.entries(step.place)
        parts = step.parts
        ledger = Ledger(self.engine, Clock(self.clock.milliseconds + step.skew).timing())

        def undo(recipient: Recipient) -> Act | None:
            undone = tuple(entry.act.id for entry in entries[-2:])
            formers = {(entry.act.id, scope): former for entry in entries for scope, former in entry.formers.items()}
            restored = restorations(recipient.state, undone, formers)
            return Act(act_id, step.via, (Undone(undone, restored),), step.key) if restored else None

        key = None if step.via is Via.OPT_OUT_FORM else step.key
        ledger.record(step.place, Act(act_id, step.via, parts, key) if parts else undo)

    def revert(self, step: Step) -> None:
        if step.between is not None:
            self.engine.before_commit.append(partial(self.record_between, self.engine.before_commit, step.between))
        self.engine.after_commit.append(step.fault)
        fates = [finding.fate for finding in revert(ledger_of(self.service, SENDER), self.meant, ignore)]
        event(f"reversed: {Fate.REVERSED in fates}, met: {step.between is not None and not self.engine.before_commit}")
        for faults in (self.engine.before_read, self.engine.before_commit, self.engine.after_commit):
            faults.clear()

    def record_between(self, calls: deque[Fault], step: Step) -> None:
        calls.appendleft(fine)  # for the act itself
        self.record(step)

    def revert_all(self) -> None:
        """Undisturbed, and again, by a run that finds nothing to do."""
        listed = list(find(ledger_of(self.service, SENDER), self.meant, ignore))
        self.revert(Step(Via.OPS))
        lines = len(self.engine.entries)
        again = {finding.fate for finding in revert(ledger_of(self.service, SENDER), self.meant, ignore)}
        assert len(self.engine.entries) == lines
        assert not again & {Fate.STANDS, Fate.REVERSED}
        event(f"listed: {sorted({finding.fate for finding in listed})}")

    def is_of_ops(self, entry: Entry) -> bool:
        return entry.act.via is Via.OPS

    def without_the_meant(self, place: Place) -> State:
        acts = (
            entry.act for entry in self.entries(place) if not self.meant.is_about(entry) and not self.is_of_ops(entry)
        )
        return fold(acts)


def content(choice: Choice | None) -> tuple[object, ...]:
    """What counts of a choice; that there is none is the same as that it was taken back."""
    is_none = choice is None or choice.value is Value.UNSET
    return () if choice is None or is_none else (choice.value, choice.since, choice.source)


def contents(state: State) -> Iterator[tuple[object, ...]]:
    return (content(state.choice.get(scope)) for scope in SCOPES)


@THOROUGH
@given(st.lists(ACTS | ACTS | ACTS | REVERTS, min_size=6, max_size=16), WINDOW)
def test_what_is_left_is_what_would_be_without_the_strangers(steps: list[Step], window: tuple[int, int]) -> None:
    town = Town(Meant(Via.OPT_OUT_FORM, *window))
    for step in steps:
        town.take(step)
        for place in PLACES:
            for scope, choice in town.without_the_meant(place).choice.items():
                if choice.value is Value.OUT:
                    assert content(town.state(place).choice[scope])[:1] == (Value.OUT,), "its own wish holds"
    town.revert_all()
    for place in PLACES:
        state, expected = town.state(place), town.without_the_meant(place)
        assert [*contents(state)] == [*contents(expected)]
        assert state.erased == expected.erased
        assert (state.stated, state.consent, state.block) == (expected.stated, expected.consent, expected.block)
        assert state == fold(entry.act for entry in town.entries(place))


@THOROUGH
@given(
    st.lists(ACTS | ACTS | UNDOS | REVERTS, min_size=6, max_size=16),
    WINDOW,
    st.sampled_from([Via.OPT_OUT_FORM, Via.ONE_CLICK, Via.PREFERENCE_PAGE]),
    st.none() | st.just(2),
)
def test_a_reversal_touches_nothing_but_what_stands_by_the_acts_meant(
    steps: list[Step], window: tuple[int, int], via: Via, key: int | None
) -> None:
    """With undos of the recipients', which bring contents back under other names."""
    town = Town(Meant(via, *window, None if via is Via.OPT_OUT_FORM else key))
    for step in steps:
        town.take(step)
    before = {place: town.state(place) for place in PLACES}
    town.revert_all()
    for place in PLACES:
        meant = {entry.act.id for entry in town.entries(place) if town.meant.is_about(entry)}
        for scope, choice in before[place].choice.items():
            after = town.state(place).choice[scope]
            if not {choice.act, choice.source} & meant:
                assert after == choice
            else:
                assert not {after.act, after.source} & meant
        named = {act for entry in town.entries(place) if town.is_of_ops(entry) for act in _undone(entry)}
        assert named <= meant


def _undone(entry: Entry) -> set[str]:
    return {act for part in entry.act.parts if isinstance(part, Undone) for act in part.acts}
