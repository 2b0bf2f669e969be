"""An engine in memory for the write path: deterministic, and it can be told what to do wrong at which call."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.domain.recipients import Entry, Recipient
from chalicelib.domain.senders import Place
from chalicelib.store.ledger import Timing
from chalicelib.store.port import Busy, Commit, Head, OutcomeUnknown, Refused, Snapshot

Fault = Callable[[], None]


def fine() -> None:
    """Nothing goes wrong."""


def busy() -> None:
    raise Busy


def silent() -> None:
    raise OutcomeUnknown


@dataclass
class Clock:
    """Time that passes only when somebody waits."""

    milliseconds: int = 1_800_000_000_000

    def timing(self) -> Timing:
        return Timing(
            now=lambda: self.milliseconds,
            monotonic=lambda: self.milliseconds / 1000,
            pause=self.pause,
            jitter=lambda: 1.0,
        )

    def pause(self, seconds: float) -> None:
        self.milliseconds += int(seconds * 1000)


@dataclass
class Memory:
    """One table. Each call takes the next fault from before and after its work; none left means that all is fine."""

    recipients: dict[Place, Recipient] = field(default_factory=dict)
    entries: dict[tuple[str, int, int], Entry] = field(default_factory=dict)
    heads: dict[tuple[str, int], Head] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    before_read: deque[Fault] = field(default_factory=deque)
    before_commit: deque[Fault] = field(default_factory=deque)
    after_commit: deque[Fault] = field(default_factory=deque)
    date: int | None = None

    def read(self, place: Place) -> Snapshot:
        _next(self.before_read)
        return Snapshot(self.recipients.get(place), self.heads.get((place.sender, place.shard)), self.date)

    def commit(self, commit: Commit) -> None:
        _next(self.before_commit)
        if commit.token not in self.tokens:
            self._carry_out(commit)
        _next(self.after_commit)

    def _carry_out(self, commit: Commit) -> None:
        place = commit.entry.place
        shard = place.sender, place.shard
        held, head = self.recipients.get(place, Recipient()), self.heads.get(shard)
        if held.version != commit.entry.version - 1:
            raise Refused
        if head != commit.head_before or (*shard, commit.entry.seq) in self.entries:
            raise Refused(head)
        self.tokens.add(commit.token)
        self.recipients[place] = commit.recipient
        self.entries[(*shard, commit.entry.seq)] = commit.entry
        self.heads[shard] = commit.head


def _next(faults: deque[Fault]) -> None:
    if faults:
        faults.popleft()()
