"""A service on the engine in memory: what use cases read and write there, with one clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.domain.recipients import STRANGER, Entry, Recipient
from chalicelib.keyring import Keyring, KeyState, MasterKey
from chalicelib.service import Service
from chalicelib.settings import Settings
from chalicelib.store.feed import Feed
from chalicelib.store.ledger import Ledger
from chalicelib.store.port import Head
from chalicelib.store.reading import Reader
from tests.store.memory import Clock, Memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from chalicelib.domain.senders import Hole, Place, SenderEntry

KEY = MasterKey(1, bytes(range(32)), KeyState.MINTING)
SETTINGS = Settings("https://c.example.com", "r", "c", "f", "q", "us-east-1", Keyring([KEY]), bytes(64))


class MemoryReader(Reader):
    """Reads what the engine in memory holds."""

    def __init__(self, engine: Memory) -> None:
        self._engine = engine

    def recipient(self, place: Place) -> Recipient:
        return self._engine.recipients.get(place, STRANGER)

    def recipients(self, places: Sequence[Place]) -> Mapping[Place, Recipient]:
        return {place: self.recipient(place) for place in places}

    def entries(self, sender: str, shard: int, numbers: Iterable[int]) -> Mapping[int, Entry]:
        found = ((seq, self._engine.entries.get((sender, shard, seq))) for seq in numbers)
        return {seq: entry for seq, entry in found if entry is not None}


class MemoryFeed(MemoryReader, Feed):
    """The same, in the order of the ledger."""

    def heads(self, sender: str, shards: int) -> tuple[Head, ...]:
        return tuple(self._engine.heads.get((sender, shard), Head()) for shard in range(shards))

    def lines(self, sender: str, wanted: Iterable[tuple[int, range]]) -> Mapping[int, list[Entry | SenderEntry | Hole]]:
        return {shard: list(self.entries(sender, shard, numbers).values()) for shard, numbers in wanted}


@dataclass(frozen=True)
class MemoryService(Service):
    settings: Settings = SETTINGS
    engine: Memory = field(default_factory=Memory)
    own_clock: Clock = field(default_factory=Clock)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.engine, self.own_clock.timing())

    @cached_property
    def reader(self) -> Reader:
        return MemoryReader(self.engine)

    @cached_property
    def feed(self) -> Feed:
        return MemoryFeed(self.engine)
