"""Follow what changes: every line of the ledger once, in order, and each recipient as it is now.

    heads of all shards (strong)  →  what is past the cursor, a fair share of each shard
    lines (strong, side by side)  →  up to the first number that is missing: it may be about to appear
    recipients (strong)           →  up to the first that is older than its line: it is about to appear too
    cursor                        →  after the last line that is handed over, never after one that is not

The items of one transaction become visible one by one, in any order. So nothing is handed over before all of it is
seen, and nothing beyond the head that was read: then no cursor is ever beyond a head that is read later, but where the
store was restored to an earlier time.
"""

from __future__ import annotations

import heapq
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from chalicelib.cursors import dump_cursor, load_cursor
from chalicelib.domain.errors import CursorExpired, InvalidCursor, StoreUnavailable
from chalicelib.domain.recipients import STRANGER, Entry, Recipient
from chalicelib.domain.senders import Hole, Place, Sender, SenderEntry
from chalicelib.service import Service
from chalicelib.store.reading import until_gap

if TYPE_CHECKING:
    from chalicelib.store.port import Head

LOG = logging.getLogger("signoff")
PURPOSE = "changes"
LOOK_EVERY = 0.75
"""Seconds between two looks of one who waits."""
LONGEST_WAIT = 20
"""Seconds."""
LAST_START = LONGEST_WAIT + 0.5
"""Seconds after which no read begins: each ends within 4.4 s, and the function has 25 s."""
OVERDUE = 60_000
"""Milliseconds after which what is missing is no delay."""

OVERLAP = 200
"""Lines of a shard that may not all be seen: transactions of up to 32 lines, and few of them under way."""

Line = Entry | SenderEntry
Found = Line | Hole
"""A line that is told, or the place of one that was lost, which is passed over."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a follower stands: in which epoch, and the number of the last line that it has of each shard."""

    epoch: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One line, and the recipient as it is now, at least as new as the line. A line of the sender itself has none."""

    shard: int
    line: Line
    recipient: Recipient = STRANGER


@dataclass(frozen=True, slots=True)
class Changes:
    """One page. `start` is where it begins, `is_more` whether there was more than fitted, `as_of` when it was read."""

    start: Position
    changes: tuple[Change, ...]
    is_more: bool
    as_of: int

    def after(self, count: int) -> Position:
        """Where a follower stands that has the first `count` of them."""
        numbers = list(self.start.numbers)
        for change in self.changes[:count]:
            numbers[change.shard] = change.line.seq
        return Position(self.start.epoch, tuple(numbers))


def _is_settled(entry: Entry, recipient: Recipient) -> bool:
    return recipient.version >= entry.version


@dataclass(frozen=True, slots=True)
class Rules:
    """By what a line counts as readable. There is one right set, the default; a campaign plants wrong ones."""

    readable: Callable[[int, Iterable[Found]], list[Found]] = until_gap
    is_settled: Callable[[Entry, Recipient], bool] = _is_settled


RULES = Rules()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a follower asks: after which cursor (None: from the beginning), how many, and how many seconds it waits."""

    cursor: str | None = None
    limit: int = 1_000
    wait: float = 0.0


def follow(service: Service, sender: Sender, wanted: Wanted, rules: Rules = RULES) -> Changes:
    """What came after the cursor; nothing where nothing came while it waited.

    Raises `InvalidCursor`, `CursorExpired`, `StoreUnavailable`.
    """
    start = None if wanted.cursor is None else position_of(service, sender, wanted.cursor)
    began = service.monotonic()
    ends = began + min(wanted.wait, LONGEST_WAIT)
    while True:
        look = _Look(service, sender, rules, began + LAST_START)
        page = look.read(start, wanted.limit)
        left = ends - service.monotonic()
        if page.changes or left <= 0:
            look.tell_overdue()
            return page
        service.pause(min(LOOK_EVERY, left))


def cursor_of(service: Service, sender: Sender, position: Position) -> str:
    """The cursor of one who stands there."""
    place = [position.epoch, *position.numbers]
    return dump_cursor(service.keyring, PURPOSE, sender.code, place)


def position_of(service: Service, sender: Sender, cursor: str) -> Position:
    """Where one stands who has this cursor. Raises `InvalidCursor`."""
    place: Any = load_cursor(service.keyring, PURPOSE, sender.code, cursor)
    if len(place) != sender.shards + 1:
        raise InvalidCursor
    return Position(place[0], tuple(place[1:]))


def position_before_a_scan(service: Service, sender: Sender) -> Position:
    """Where to begin to follow for one who reads all recipients after this. Raises `StoreUnavailable`.

    The heads, but in a shard whose last lines are not all seen in their recipients yet: there it is before the first of
    these, and what the scan may show as it was before comes again as a change.
    """
    heads = service.feed.heads(sender.code, sender.shards)
    before = Position(max(head.epoch for head in heads), tuple(max(head.seq - OVERLAP, 0) for head in heads))
    page = _Look(service, sender, RULES, last_start=math.inf).read(before, OVERLAP * len(heads))
    return page.after(len(page.changes))


@dataclass(slots=True)
class _Look:
    """One look at the ledger.

    `overdue`: shard and number of each line that should have been readable long since. `unsettled`: shards whose next
    line is newer than what is seen of its recipient.
    """

    service: Service
    sender: Sender
    rules: Rules
    last_start: float
    overdue: list[tuple[int, int]] = field(default_factory=list)
    unsettled: set[int] = field(default_factory=set)

    def read(self, start: Position | None, limit: int) -> Changes:
        as_of = self.service.clock()
        heads = self.service.feed.heads(self.sender.code, self.sender.shards)
        start = _checked(start, heads)
        while True:
            lines, is_more = self._lines(start, heads, limit)
            start = _past_holes(start, lines)
            changes = tuple(_merged(self._joined(lines)))
            if changes or not is_more:
                return Changes(start, changes, is_more, as_of)

    def tell_overdue(self) -> None:
        """Sounds the alarm, once, for what is missing for longer than any transaction takes."""
        if self.overdue:
            LOG.critical("sender %s: the feed waits at shard, number %s", self.sender.code, sorted(self.overdue))

    def _lines(self, start: Position, heads: tuple[Head, ...], limit: int) -> tuple[dict[int, list[Found]], bool]:
        """Up to `limit` lines, in order for each shard, and whether there are more that can be read."""
        last = dict(enumerate(start.numbers))
        ahead = {shard: head.seq - last[shard] for shard, head in enumerate(heads) if shard not in self.unsettled}
        ahead = {shard: count for shard, count in ahead.items() if count > 0}
        taken: dict[int, list[Found]] = {shard: [] for shard in ahead}
        room, turn = limit, sum(start.numbers)
        while room and ahead:
            shares = share_out(ahead, room, turn)
            found = self._found(last, shares)
            for shard, share in shares.items():
                lines = self._readable(shard, last[shard], found[shard])
                taken[shard] += lines
                last[shard] += len(lines)
                room -= len(lines)
                ahead[shard] = ahead[shard] - share if len(lines) == share else 0
            ahead = {shard: left for shard, left in ahead.items() if left}
        return taken, bool(ahead)

    def _found(self, last: Mapping[int, int], shares: Mapping[int, int]) -> Mapping[int, list[Found]]:
        self._refuse_late_start()
        wanted = ((shard, range(last[shard] + 1, last[shard] + 1 + share)) for shard, share in shares.items())
        return self.service.feed.lines(self.sender.code, wanted)

    def _readable(self, shard: int, last: int, found: list[Found]) -> list[Found]:
        lines = self.rules.readable(last, found)
        if len(lines) < len(found):
            self._note(shard, last + len(lines) + 1, found[len(lines)].recorded)
        return lines

    def _joined(self, lines: Mapping[int, list[Found]]) -> list[list[Change]]:
        """Every line with its recipient, up to the first of each shard that is newer than what is seen of its own."""
        places = {line.place for of_shard in lines.values() for line in of_shard if isinstance(line, Entry)}
        if places:
            self._refuse_late_start()
        recipients = self.service.feed.recipients([*places])
        return [list(self._settled(shard, of_shard, recipients)) for shard, of_shard in lines.items()]

    def _settled(self, shard: int, lines: list[Found], recipients: Mapping[Place, Recipient]) -> Iterator[Change]:
        for line in lines:
            if isinstance(line, Hole):
                continue
            if isinstance(line, SenderEntry):
                yield Change(shard, line)
            elif self.rules.is_settled(line, recipients[line.place]):
                yield Change(shard, line, recipients[line.place])
            else:
                self._note(shard, line.seq, line.recorded)
                self.unsettled.add(shard)
                return

    def _note(self, shard: int, seq: int, recorded: int) -> None:
        if self.service.clock() - recorded > OVERDUE:
            self.overdue.append((shard, seq))

    def _refuse_late_start(self) -> None:
        if self.service.monotonic() > self.last_start:
            raise StoreUnavailable("the store is slow")


def _checked(start: Position | None, heads: tuple[Head, ...]) -> Position:
    """Where the page begins. Raises `CursorExpired` for a place that this ledger never had."""
    epoch = max(head.epoch for head in heads)
    if start is None:
        return Position(epoch, (0,) * len(heads))
    if start.epoch != epoch or any(number > head.seq for number, head in zip(start.numbers, heads, strict=True)):
        raise CursorExpired
    return start


def _past_holes(start: Position, lines: Mapping[int, list[Found]]) -> Position:
    """Behind the holes that come first in each shard: a page that held nothing else would be read for ever."""
    numbers = list(start.numbers)
    for shard, found in lines.items():
        for hole in takewhile(lambda line: isinstance(line, Hole), found):
            numbers[shard] = hole.seq
    return Position(start.epoch, tuple(numbers))


def share_out(ahead: Mapping[int, int], room: int, turn: int) -> dict[int, int]:
    """How many lines to take of each shard: as even as it goes, so that a busy one does not starve the others.

    Where there is not even one for each, `turn` says which are the first: it moves on with the cursor.
    """
    shards = sorted(ahead)
    shards = [*shards[turn % len(shards) :], *shards[: turn % len(shards)]]
    shares = dict.fromkeys(shards[:room], 0)
    while room and (open_ones := [shard for shard in shares if shares[shard] < ahead[shard]]):
        each = max(1, room // len(open_ones))
        for shard in open_ones[:room]:
            given = min(each, ahead[shard] - shares[shard])
            shares[shard] += given
            room -= given
    return shares


def _merged(changes: list[list[Change]]) -> Iterator[Change]:
    """All of them, by the time at which they were recorded where that keeps the order of each shard."""
    return heapq.merge(*changes, key=lambda change: change.line.recorded)
