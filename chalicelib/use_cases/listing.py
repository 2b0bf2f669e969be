"""List the suppressions of a sender, page by page, from the recipients themselves: no index could be older than them.

A page ends where it is full, and also where a request has looked at enough recipients without finding any: then it may
be short or empty, and is not the last (conformance H9). A cursor names the last row that was handed over, so that what
is written in between neither skips nor repeats a row that stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.cursors import dump_cursor, load_cursor
from chalicelib.domain.acts import Via, via_of
from chalicelib.domain.categories import ALL, Category
from chalicelib.domain.decision import Reason
from chalicelib.domain.errors import InvalidCursor
from chalicelib.domain.senders import Sender
from chalicelib.domain.suppressions import Suppression, is_about, suppressions_of
from chalicelib.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.domain.recipients import Recipient

PURPOSE = "suppressions"
_OF_A_ROW = 400
"""Characters, about, besides the categories that it excepts."""
REASONS = (Reason.UNDELIVERABLE, Reason.BLOCKED, Reason.COMPLAINT, Reason.OPTED_OUT_OF_ALL, Reason.OPTED_OUT)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one request does.

    `looked_at`: recipients, each about 1 KB, within `seconds`. `read`: in one read, few at first, more where the filter
    leaves little. `characters`: a Lambda function may answer with 6 MB, in which quotation marks take two octets.
    """

    looked_at: int = 5_000
    seconds: float = 10.0
    read: tuple[int, int] = (100, 1_000)
    characters: int = 3_000_000


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows. None lets all pass; `category` is one, or `*` for the rows of all mail alone; `since` in ms."""

    reason: str | None = None
    category: str | None = None
    via: str | None = None
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row, and whose."""

    recipient: str
    address: str | None = field(repr=False)
    suppression: Suppression

    @property
    def via(self) -> Via | None:
        """The way by which it came."""
        return via_of(self.suppression.act)


@dataclass(frozen=True, slots=True)
class Rows:
    """One page, newest first; `cursor` is None at the end of the list alone. `as_of` is before the first read."""

    rows: tuple[Row, ...]
    cursor: str | None
    as_of: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins: after this row of this recipient; after all rows where `cell` is None."""

    shard: int = 0
    recipient: str = ""
    cell: tuple[str, str] | None = None

    def is_before(self, recipient: str, cell: tuple[str, str]) -> bool:
        """Whether a row of the same shard comes after it."""
        return recipient > self.recipient or (self.cell is not None and cell > self.cell)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: rows that the filter lets pass, after the cursor (None: from the beginning), so many."""

    filter: Filter = Filter()
    cursor: str | None = None
    limit: int = 100


def list_suppressions(service: Service, sender: Sender, asked: Wanted, bounds: Bounds = BOUNDS) -> Rows:
    """Up to `limit` rows. Raises `UnknownCategory`, `InvalidCursor`, `StoreUnavailable`."""
    as_of, wanted = service.clock(), asked.filter
    passes = _Passes(wanted, None if wanted.category in {None, ALL} else sender.catalogue.get(wanted.category or ""))
    start = _Place() if asked.cursor is None else _load(service, sender, wanted, asked.cursor)
    walk = _Walk(service, sender, start, asked.limit, bounds)
    rows = sorted(walk.rows(passes), key=lambda row: row.suppression.since, reverse=True)
    end = walk.place
    return Rows(tuple(rows), None if end is None else _dump(service, sender, wanted, end), as_of)


@dataclass(frozen=True, slots=True)
class _Passes:
    wanted: Filter
    category: Category | None

    def __call__(self, row: Suppression) -> bool:
        wanted = self.wanted
        return (
            (wanted.reason is None or row.reason == wanted.reason)
            and (wanted.category != ALL or row.scope == ALL)
            and (self.category is None or is_about(row, self.category))
            and (wanted.via is None or via_of(row.act) == wanted.via)
            and (wanted.since is None or row.since >= wanted.since)
        )


@dataclass(slots=True)
class _Walk:
    """Through all recipients, shard after shard. `place` is where it stands, None at the end."""

    service: Service
    sender: Sender
    place: _Place | None
    limit: int
    bounds: Bounds
    found: list[Row] = field(default_factory=list)
    characters: int = 0

    @property
    def is_full(self) -> bool:
        """Whether no more rows fit."""
        return len(self.found) == self.limit or self.characters > self.bounds.characters

    def rows(self, passes: _Passes) -> list[Row]:
        """The rows of this page; moves `place`."""
        ends = self.service.monotonic() + self.bounds.seconds
        least, most = self.bounds.read
        left, size = self.bounds.looked_at, min(max(least, self.limit), most)
        while self.place is not None and left > 0 and self.service.monotonic() <= ends:
            left -= self._read(self.place, size, passes)
            size = min(size * 2, most)
            if self.is_full:
                break
        return self.found

    def _read(self, start: _Place, size: int, passes: _Passes) -> int:
        """Looks at so many recipients, or at fewer where the page is full before; how many it looked at."""
        met = self.service.reader.recipients_from(self.sender.code, start.shard, start.recipient, size)
        for place, recipient in met:
            for row in _rows_of(place.recipient, recipient):
                cell = _cell(row.suppression)
                if start.is_before(place.recipient, cell) and passes(row.suppression):
                    if self.is_full:
                        return size
                    self._take(row)
                    self.place = _Place(start.shard, place.recipient, cell)
            self.place = _Place(start.shard, place.recipient)
        if len(met) < size:
            self.place = _Place(start.shard + 1) if start.shard + 1 < self.sender.shards else None
        return len(met)

    def _take(self, row: Row) -> None:
        self.found.append(row)
        self.characters += _OF_A_ROW + sum(len(category) + 4 for category in row.suppression.excepted)


def _rows_of(name: str, recipient: Recipient) -> Iterator[Row]:
    for row in sorted(suppressions_of(recipient.state), key=_cell):
        yield Row(name, recipient.address, row)


def _cell(row: Suppression) -> tuple[str, str]:
    return row.scope, str(row.reason)


def _dump(service: Service, sender: Sender, wanted: Filter, place: _Place) -> str:
    raw = [_filter(wanted), place.shard, place.recipient, place.cell]
    return dump_cursor(service.keyring, PURPOSE, sender.code, raw)


def _load(service: Service, sender: Sender, wanted: Filter, cursor: str) -> _Place:
    filters, shard, recipient, cell = load_cursor(service.keyring, PURPOSE, sender.code, cursor)
    if filters != _filter(wanted):
        raise InvalidCursor
    return _Place(shard, recipient, None if cell is None else (cell[0], cell[1]))


def _filter(wanted: Filter) -> list[Any]:
    return [wanted.reason, wanted.category, wanted.via, wanted.since]
