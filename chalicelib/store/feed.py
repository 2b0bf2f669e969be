"""Reading the ledger as it grows: the heads of all shards, and the lines after a number. Always strongly consistent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.store.engine import entry_sort_key, load_head, load_line, partition_of
from chalicelib.store.ledger import Timing
from chalicelib.store.models import HEAD
from chalicelib.store.port import Head
from chalicelib.store.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.domain.recipients import Entry
    from chalicelib.domain.senders import Hole, SenderEntry
    from chalicelib.store.wire import Wire

DEADLINE = 1.0
"""Seconds until the last call of a read begins; with a pause and its time-outs a read ends within 4.4 s."""


class Feed(Reader):
    """Reads of the recipients table for whoever follows it. Safe to share between threads."""

    def __init__(self, connection: Wire, table: str, timing: Timing | None = None) -> None:
        super().__init__(connection, table, timing or Timing(deadline=DEADLINE))

    def heads(self, sender: str, shards: int) -> tuple[Head, ...]:
        """The head of each shard, all in one call; a shard without one has never been written to.

        Raises `StoreUnavailable`.
        """
        keys = [(partition_of(sender, shard), HEAD) for shard in range(shards)]
        found = self._read(keys)
        return tuple(load_head(found[key]) if key in found else Head() for key in keys)

    def lines(self, sender: str, wanted: Iterable[tuple[int, range]]) -> Mapping[int, list[Entry | SenderEntry | Hole]]:
        """Shard → its lines from the first number of its range on, as many as the range has, in order.

        Numbers may be missing: the items of one transaction become visible one by one. One query a shard, side by
        side. Raises `StoreUnavailable`.
        """
        asked = list(wanted)
        answers = self._pool.map(lambda one: self._lines(sender, *one), asked)
        return {shard: lines for (shard, _), lines in zip(asked, answers, strict=True)}

    def _lines(self, sender: str, shard: int, numbers: range) -> list[Entry | SenderEntry | Hole]:
        between = entry_sort_key(numbers.start), entry_sort_key(numbers.stop - 1)
        return [load_line(raw) for raw in self._range(partition_of(sender, shard), between, len(numbers))]
