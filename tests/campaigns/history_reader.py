"""A reader of the log alongside a history: a change feed that polls while entries become visible one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from chalicelib.domain.fold import apply
from chalicelib.domain.recipients import Entry
from chalicelib.domain.senders import Place
from chalicelib.domain.state import NOTHING_KNOWN, State
from tests.campaigns.history_engine import World

Follow = Callable[[int, Iterable[Entry]], list[Entry]]
"""Which of the entries found are taken, after this number."""


@dataclass
class Follower:
    """Follows the one shard of a world, and builds a replica of its states."""

    world: World
    follow: Follow
    cursor: int = 0
    replica: dict[Place, State] = field(default_factory=dict)
    versions: dict[Place, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def poll(self) -> None:
        """Takes what is visible by now, as far as the rule of following lets it."""
        found = [
            entry
            for (_, _, seq), entry in self.world.entries.items()
            if seq > self.cursor and self.world.visible[seq] <= self.world.turn
        ]
        found.sort(key=lambda entry: entry.seq)
        taken = self.follow(self.cursor, found)
        self.world.counts["polls"] += 1
        self.world.counts["polls that met a gap"] += len(taken) < len(found)
        for entry in taken:
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        held = self.versions.get(entry.place, 0)
        if entry.version != held + 1:
            self.wrong.append(f"the reader took version {entry.version} after {held}")
        self.cursor = entry.seq
        self.versions[entry.place] = entry.version
        self.replica[entry.place] = apply(self.replica.get(entry.place, NOTHING_KNOWN), entry.act)

    def finish(self) -> list[str]:
        """Reads to the end; what it missed, or got otherwise than the table has it."""
        self.world.turn = max(self.world.turn, *self.world.visible.values(), 0)
        self.poll()
        if sum(self.versions.values()) != len(self.world.entries):
            self.wrong.append("the reader did not take every entry once")
        if self.replica != {place: recipient.state for place, recipient in self.world.recipients.items()}:
            self.wrong.append("the replica is not the table")
        return self.wrong
