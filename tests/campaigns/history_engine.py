"""The world of a history: true time, one table, what an engine does wrong, and requests that arrive late.

Every call gives others their turn before and after it. Time passes a little with each turn, so that nothing in flight
is older than a few seconds; it passes in leaps only between the rounds of a history.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.domain.fold import apply
from chalicelib.domain.recipients import Entry
from chalicelib.domain.senders import Place
from chalicelib.domain.state import NOTHING_KNOWN, State
from chalicelib.store.ledger import Timing
from chalicelib.store.port import Busy, Commit, OutcomeUnknown, Refused, Snapshot
from tests.store.memory import Memory

BEGINNING = 1_800_000_000_000
LATEST = 40
"""A late request arrives at most this many turns after its client gave up on it."""
STALL = 9.0
"""Seconds for which a container may freeze: longer than the write path's deadline."""

BURST = 0.5
"""The share of faults right after a fault."""
KILLS = 1 / 8
"""The share of faults that nobody survives."""


class Killed(Exception):
    """The worker is gone; nobody hears of its act any more."""


@dataclass(slots=True)
class Request:
    """Somebody wants an act recorded: since when, in steps and in true milliseconds.

    `read` is the step of its first read that was answered. Only then does the write path know what is there already,
    so that is when it begins, as far as before and after are concerned.
    """

    act: str
    place: Place
    began: int
    began_at: int
    read: int = 0
    is_sent_again: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """An entry of the ledger, who wanted it, in which step it was carried out, and the state that it led to."""

    entry: Entry
    request: Request
    committed: int
    state: State


@dataclass
class World(Memory):
    """The table. `step` numbers everything that happens; `facts` tells what truly did, whatever the table says."""

    now: int = BEGINNING
    step: int = 0
    turn: int = 0
    facts: defaultdict[Place, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    visible: dict[int, int] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    late: list[tuple[int, Commit]] = field(default_factory=list)
    visibility: Callable[[], int] = lambda: 0
    on_turn: Callable[[], None] = lambda: None
    on_commit: Callable[[Place], None] = lambda _: None

    def begin(self, act: str, place: Place) -> Request:
        """A request begins."""
        return self.requests.setdefault(act, Request(act, place, self.next_step(), self.now))

    def next_step(self) -> int:
        """Numbers what happens now."""
        self.step += 1
        return self.step

    def pass_turn(self, milliseconds: int) -> None:
        """Time passes, and late requests arrive."""
        self.turn += 1
        self.now += milliseconds
        self.arrive(self.turn)
        self.on_turn()

    def arrive(self, turn: int) -> None:
        """Carries out the late requests due by now, as far as their conditions and tokens let it."""
        due = [commit for when, commit in self.late if when <= turn]
        self.late = [waiting for waiting in self.late if waiting[0] > turn]
        for commit in due:
            is_new = commit.token not in self.tokens
            try:
                self.commit(commit)
            except Refused:
                self.counts["late, refused"] += 1
            else:
                self.counts["late, carried out" if is_new else "late, already there"] += 1

    def _carry_out(self, commit: Commit) -> None:
        try:
            super()._carry_out(commit)
        except Refused as refusal:
            self.counts["only the head moved" if refusal.head else "overtaken"] += 1
            raise
        self.next_step()
        entry = commit.entry
        self.visible[entry.seq] = self.turn + self.visibility()
        self._check(commit)
        request = self.requests[entry.act.id]
        self.facts[entry.place].append(Fact(entry, request, self.step, commit.recipient.state))
        self.on_commit(entry.place)

    def _check(self, commit: Commit) -> None:
        """The chain of a recipient's entries, and that the state written is the old one with this act applied."""
        entry, facts = commit.entry, self.facts[commit.entry.place]
        before = facts[-1] if facts else None
        if entry.version != len(facts) + 1 or commit.recipient.version != entry.version:
            self.broken.append(f"step {self.step}: {entry.act.id} has the wrong version")
        if entry.previous != (before.entry.seq if before else 0):
            self.broken.append(f"step {self.step}: {entry.act.id} names the wrong entry before it")
        if commit.recipient.state != apply(before.state if before else NOTHING_KNOWN, entry.act):
            self.broken.append(f"step {self.step}: the state is not the fold of the ledger")


@dataclass(frozen=True, slots=True)
class Weather:
    """How much goes wrong in a history: the share of calls with a fault, and whether answers bear a `Date`."""

    faults: float
    has_dates: bool


@dataclass
class Line:
    """The connection of one writer to the world; a `port.Engine`."""

    world: World
    chance: random.Random
    weather: Weather
    skew: int
    pass_on: Callable[[], None]
    request: Request | None = None
    is_down: bool = False

    def timing(self) -> Timing:
        """The writer's clock, and pauses in which others get on."""
        return Timing(
            now=self.clock, monotonic=lambda: self.world.now / 1000, pause=self._pause, jitter=self.chance.random
        )

    def clock(self) -> int:
        """What the writer takes for the time, in milliseconds."""
        return self.world.now + self.skew

    def read(self, place: Place) -> Snapshot:
        """A strong read. Now and then it is throttled, goes unanswered, or kills who asked."""
        self._turn()
        if self._is_faulty():
            raise self._fault("read", Busy, OutcomeUnknown)
        snapshot = self.world.read(place)
        if self.request and not self.request.read:
            self.request.read = self.world.next_step()
        date = self.world.now // 1000 * 1000 if self.weather.has_dates else None
        self._turn()
        return Snapshot(snapshot.recipient, snapshot.head, date)

    def commit(self, commit: Commit) -> None:
        """A transaction. What goes wrong does so before it is carried out, after it, or while it is under way."""
        self._turn()
        if self._is_faulty():
            self._go_wrong(commit)
        self.world.commit(commit)
        if self._is_faulty():
            raise self._fault("after commit", OutcomeUnknown)
        self._turn()

    def _go_wrong(self, commit: Commit) -> None:
        if self.chance.random() < 1 / 2:
            raise self._fault("before commit", Busy, OutcomeUnknown)
        self.world.counts["late requests"] += 1
        self.world.late.append((self.world.turn + self.chance.randint(1, LATEST), commit))
        raise self._fault("under way", OutcomeUnknown)

    def _is_faulty(self) -> bool:
        """Faults come in bursts: an answer that was lost once is often lost again."""
        share = BURST if self.is_down else self.weather.faults
        self.is_down = self.weather.faults > 0 and self.chance.random() < share
        return self.is_down

    def _fault(self, when: str, *errors: type[Exception]) -> Exception:
        error = Killed if self.chance.random() < KILLS else self.chance.choice(errors)
        self.world.counts["faults"] += 1
        self.world.counts[f"{error.__name__} {when}"] += 1
        return error()

    def _pause(self, seconds: float) -> None:
        is_frozen = self.chance.random() < self.weather.faults / 8
        self.world.pass_turn(int((STALL if is_frozen else seconds) * 1000))
        self.pass_on()

    def _turn(self) -> None:
        self.world.pass_turn(self.chance.choice((0, 0, 1, 10)))
        self.pass_on()
