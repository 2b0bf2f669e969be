"""Read the whole ledger of a sender, for who looks for certain lines of it. Every read is strongly consistent."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.recipients import Entry
from chalicelib.domain.senders import Sender
from chalicelib.service import Service
from chalicelib.store.reading import until_gap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.domain.senders import Hole, SenderEntry

_T = TypeVar("_T")

PAGE = 1_000
"""Lines of a shard that are held at a time: under 1 MB, which is what one query brings."""
PAUSES = (0.1, 0.4, 1.0, 2.0, 4.0, 8.0)
"""Seconds: nobody waits for a page here, so the store is given time."""

Read = Callable[[int], object]
"""Told how many lines were read just now."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the ledger of a sender held at one moment: `lasts` are the numbers of the last line of each shard."""

    service: Service
    sender: Sender
    lasts: tuple[int, ...]

    def __len__(self) -> int:
        """Lines in it."""
        return sum(self.lasts)

    def entries(self, is_wanted: Callable[[Entry], bool], read: Read) -> Iterator[Entry]:
        """What is wanted of it, one page of each shard at a time: in order in each, and by time as far as clocks agree.

        Lines of after that moment are left out, so that it ends. Raises `StoreUnavailable`, also where a line is
        missing: nothing is passed over that may be about to appear.
        """
        shards = (self._entries(shard, last, is_wanted, read) for shard, last in enumerate(self.lasts))
        return heapq.merge(*shards, key=lambda entry: entry.recorded)

    def _entries(self, shard: int, last: int, is_wanted: Callable[[Entry], bool], read: Read) -> Iterator[Entry]:
        for start in range(1, last + 1, PAGE):
            lines = self._whole(shard, range(start, min(start + PAGE, last + 1)))
            read(len(lines))
            yield from (line for line in lines if isinstance(line, Entry) and is_wanted(line))

    def _whole(self, shard: int, numbers: range) -> list[Entry | SenderEntry | Hole]:
        def lines() -> list[Entry | SenderEntry | Hole]:
            found = self.service.feed.lines(self.sender.code, [(shard, numbers)])[shard]
            whole = until_gap(numbers.start - 1, found)
            if len(whole) < len(numbers):
                raise StoreUnavailable(f"line {numbers.start + len(whole)} of shard {shard} is missing in the ledger")
            return whole

        return patiently(self.service, lines)


def ledger_of(service: Service, sender: Sender) -> Ledger:
    """The ledger as it is now. Raises `StoreUnavailable`."""
    heads = service.feed.heads(sender.code, sender.shards)
    return Ledger(service, sender, tuple(head.seq for head in heads))


def patiently(service: Service, work: Callable[[], _T]) -> _T:
    """What `work` returns, tried again after longer and longer pauses. Raises `StoreUnavailable` in the end."""
    for seconds in PAUSES:
        try:
            return work()
        except StoreUnavailable:
            service.pause(seconds)
    return work()
