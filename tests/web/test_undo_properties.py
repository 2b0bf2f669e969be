"""Undo in every order and at every moment: histories drawn at random, on an engine in memory.

What the use case does is held against what the states were: each act's own memory of what was before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from hypothesis import event, given, settings
from hypothesis import strategies as st

from chalicelib.domain.acts import Act, Blocked, Erased, OptedIn, OptedOut, Part, Stated, Undone, Via, scope_of
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.decision import is_wanted
from chalicelib.domain.fold import fold
from chalicelib.domain.recipients import STRANGER, Entry, Recipient
from chalicelib.domain.senders import Place, Sender
from chalicelib.domain.state import Choice, State, Value
from chalicelib.keyring import Keyring, KeyState, MasterKey
from chalicelib.service import Service
from chalicelib.settings import Settings
from chalicelib.store.ledger import Ledger
from chalicelib.store.reading import Reader
from chalicelib.tokens import Link, Purpose
from chalicelib.use_cases.opening import OpenedLink
from chalicelib.use_cases.undoing import undo
from tests.site import ADDRESS, CATALOGUE, CODE
from tests.store.memory import Clock, Fault, Memory, fine, silent

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterable, Mapping

SENDER = Sender(CODE, "Test & Sons", CATALOGUE, bytes(32), shards=1)
OPTIONAL = CATALOGUE.optional
THOROUGH = settings(max_examples=300, derandomize=True, deadline=None)


class MemoryReader(Reader):
    """Reads what the engine in memory holds."""

    def __init__(self, engine: Memory) -> None:
        self._engine = engine

    def recipient(self, place: Place) -> Recipient:
        return self._engine.recipients.get(place, STRANGER)

    def entries(self, sender: str, shard: int, numbers: Iterable[int]) -> Mapping[int, Entry]:
        found = ((seq, self._engine.entries.get((sender, shard, seq))) for seq in numbers)
        return {seq: entry for seq, entry in found if entry is not None}


@dataclass(frozen=True)
class MemoryService(Service):
    engine: Memory = field(default_factory=Memory)
    own_clock: Clock = field(default_factory=Clock)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.engine, self.own_clock.timing())

    @cached_property
    def reader(self) -> Reader:
        return MemoryReader(self.engine)


def opened_for(address: str) -> OpenedLink:
    link = Link(Purpose.PREFERENCES, 1, CODE, 1, 20_000, address, compromised=False)
    return OpenedLink(link, SENDER, CATALOGUE.get("news"), parse_address(address), may_choose=True)


OPENED, NEIGHBOUR = opened_for(ADDRESS), opened_for("other@example.com")
PLACE = OPENED.place


@dataclass(frozen=True)
class Step:
    """Something happens; `skew` is by how many milliseconds the clock of who takes it is ahead."""

    part: Part | None
    """None: an undo."""
    also: Part | None = None
    """A second part of the act; or, of an undo, what comes between its read and its write."""
    skew: int = 0
    undone: tuple[int, ...] = ()
    is_lost: bool = False
    """Whether the answer of the engine is lost."""
    is_early: bool = False
    """Whether what comes between comes before the write path's own read."""


CHOICES: st.SearchStrategy[Part] = st.sampled_from(
    [OptedOut("news"), OptedIn("news"), OptedOut("offers"), OptedIn("offers"), OptedOut(ALL)]
)
TOLD: st.SearchStrategy[Part] = st.sampled_from([Stated("news", 9), Stated(ALL, 9), Blocked("news"), Erased()])
SKEW = st.integers(-60_000, 60_000)
ACTS = st.builds(Step, CHOICES, st.none() | CHOICES, SKEW) | st.builds(Step, TOLD, st.none(), SKEW)
UNDOS = st.builds(
    Step,
    st.none(),
    st.none() | CHOICES | TOLD,
    SKEW,
    st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple),
    st.booleans(),
    st.booleans(),
)
STEPS = st.lists(ACTS | ACTS | UNDOS, min_size=2, max_size=14)


class World:
    """One recipient, and another one whose acts are in the same shard."""

    def __init__(self) -> None:
        key = MasterKey(1, bytes(range(32)), KeyState.MINTING)
        self.service = MemoryService(
            Settings("https://c.example.com", "r", "c", "f", "q", "us-east-1", Keyring([key]), bytes(64))
        )
        self.engine, self.clock = self.service.engine, self.service.own_clock
        self.before: dict[str, State] = {}
        self.record(NEIGHBOUR.place, OptedOut("news"))
        self.count = 0

    @property
    def state(self) -> State:
        return self.service.reader.recipient(PLACE).state

    def own(self) -> list[Entry]:
        return [entry for entry in self.engine.entries.values() if entry.place == PLACE]

    def record(self, place: Place, *parts: Part, skew: int = 0) -> None:
        """What a container with a clock of its own records.

        Each act bears another key version, so that none is absorbed as a repeat of what is about to be undone: then
        nothing would be recorded, and the undo, which came at the same time, is taken for the later of the two.
        """
        via = Via.API if isinstance(parts[0], Stated | Blocked) else Via.UNSUBSCRIBE_PAGE
        number = len(self.engine.entries)
        name = f"act{number}"
        self.before[name] = self.service.reader.recipient(place).state
        clock = Clock(self.clock.milliseconds + skew)
        Ledger(self.engine, clock.timing()).record(place, Act(name, via, parts, number))

    def act(self, step: Step) -> None:
        parts = [part for part in (step.part, step.also) if part is not None]
        self.record(PLACE, *{scope_of(part): part for part in parts}.values(), skew=step.skew)

    def undo(self, step: Step) -> None:
        newest = [entry.act.id for entry in self.engine.entries.values()][::-1]
        acts = frozenset(newest[number - 1] if number <= len(newest) else "nobody's" for number in step.undone)
        if step.also is not None:
            calls = self.engine.before_read if step.is_early else self.engine.before_commit
            calls.append(partial(self.record_between, calls, step.also, step.skew))
        if step.is_lost:
            self.engine.after_commit.append(silent)
        was = self.state
        self.count = len(self.engine.entries)

        told = undo(self.service, OPENED, acts)

        has_met = not (self.engine.before_commit or self.engine.before_read) and step.also is not None
        self.engine.before_read.clear()
        self.engine.before_commit.clear()
        self.engine.after_commit.clear()
        event(f"done: {told.is_done}, met: {has_met}")
        if has_met:
            self.look_at_what_came_between(step.also)
        else:
            self.look_at_what_was_put_back(was, acts)
        assert all(is_wanted(self.state, category) for category in told.wanted)
        assert not any(is_wanted(self.state, category) for category in told.unwanted)
        self.look_at_the_ledger()
        self.again(acts, told.is_done)

    def record_between(self, calls: deque[Fault], part: Part, skew: int) -> None:
        calls.appendleft(fine)  # for the act itself
        self.record(PLACE, part, skew=skew)

    def look_at_what_was_put_back(self, was: State, acts: frozenset[str]) -> None:
        """Each choice of these acts is what it was before them, and nothing else is another."""
        for scope, choice in was.choice.items():
            now = self.state.choice[scope]
            if choice.source not in acts or choice.source not in self.before:
                assert now == choice
                continue
            former: Choice | None = choice
            while former is not None and former.source in acts & self.before.keys():
                former = self.before[former.source].choice.get(scope)
            if former is None:
                assert now.value is Value.UNSET
            else:
                assert (now.value, now.since, now.source) == (former.value, former.since, former.source)
        assert replace(self.state, choice={}) == replace(was, choice={})
        assert self.state.choice.keys() == was.choice.keys()

    def look_at_what_came_between(self, part: Part | None) -> None:
        """The promise: an opt-out that was acknowledged before the undo was holds."""
        if isinstance(part, OptedOut | Stated | Erased):
            scope = getattr(part, "scope", ALL)
            for category in OPTIONAL:
                own = self.state.choice.get(category.id)
                lifted = isinstance(part, Stated) and own is not None and own.value is Value.IN
                if scope in {ALL, category.id} and not lifted and not is_lifted_before(self, scope, category.id):
                    assert not is_wanted(self.state, category)
        if isinstance(part, OptedOut):
            assert self.state.choice[part.scope].value is Value.OUT

    def look_at_the_ledger(self) -> None:
        entries = self.own()
        assert self.state == fold(entry.act for entry in entries)
        assert len(self.engine.entries) <= self.count + 2
        mine = {entry.act.id for entry in entries}
        for entry in entries:
            for part in entry.act.parts:
                if isinstance(part, Undone):
                    assert set(part.acts) <= mine, "nobody else's"

    def again(self, acts: frozenset[str], is_done: bool) -> None:
        """Twice is once: it does not redo."""
        state, count = self.state, len(self.engine.entries)
        assert undo(self.service, OPENED, acts).is_done is is_done
        assert (self.state, len(self.engine.entries)) == (state, count)


def is_lifted_before(world: World, scope: str, category: str) -> bool:
    """An opt-out of all with an opt-in that is newer by a container's clock: what is told late."""
    choice = world.state.choice.get(category)
    return scope == ALL and choice is not None and choice.value is Value.IN and choice.since > out_of_all(world.state)


def out_of_all(state: State) -> int:
    marks = [state.choice[ALL].since] if ALL in state.choice else []
    marks += [mark.at for mark in (state.stated.get(ALL), state.erased) if mark is not None]
    return max(marks, default=0)


@THOROUGH
@given(STEPS)
def test_whatever_happened_an_undo_puts_back_what_still_stands_and_nothing_else(steps: list[Step]) -> None:
    world = World()
    for step in steps:
        if step.part is None:
            world.undo(step)
        else:
            world.act(step)
    others = [entry for entry in world.engine.entries.values() if entry.place != PLACE]
    assert [entry.act.parts[0] for entry in others if isinstance(entry.act.parts[0], Undone)] == []
