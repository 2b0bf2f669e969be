"""What the tests of this folder share: a catalogue, and a file read to its end."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.domain.categories import Catalogue, Category, Ground, Kind
from chalicelib.domain.errors import RowRefused
from chalicelib.ingest.layouts import AUTO
from chalicelib.ingest.opening import open_rows
from chalicelib.ingest.rows import Defaults, ReadRow, read_row
from chalicelib.ingest.times import read_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.domain.acts import Part

NEWS = Category("news", 1, Kind.OPTIONAL, "News")
OFFERS = Category("offers", 2, Kind.OPTIONAL, "Offers")
OLD = Category("old", 3, Kind.OPTIONAL, "Old", retired=True)
ALERTS = Category("alerts", 4, Kind.SERVICE_ALERT, "Alerts", ground=Ground.SAFETY)
CATALOGUE = Catalogue((NEWS, OFFERS, OLD, ALERTS))
DAY = 86_400_000


def ms(text: str) -> int:
    """The milliseconds of a time that is written out whole."""
    span = read_time(text, "at")
    assert span is not None
    return span.first


CREATED = ms("2026-11-21T08:00:00Z")


@dataclass
class Outcome:
    """What became of a file: what was read, and by line why not."""

    layout: str
    rows: list[ReadRow] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)

    @property
    def told(self) -> dict[str, tuple[Part, ...]]:
        """Address → its parts."""
        return {row.address.spelled: row.parts for row in self.rows}


def read(
    content: str | bytes | Iterable[bytes],
    defaults: Defaults | None = None,
    wanted: str = AUTO,
    columns: Mapping[str, object] | None = None,
) -> Outcome:
    defaults = defaults or Defaults()
    chunks = [content.encode()] if isinstance(content, str) else [content] if isinstance(content, bytes) else content
    opened = open_rows(chunks, defaults, wanted, columns)
    outcome = Outcome(opened.layout.name)
    for row in opened.rows:
        try:
            outcome.rows.append(read_row(opened.layout, row, defaults, CATALOGUE, CREATED))
        except RowRefused as error:
            outcome.refused[row.line] = str(error)
    return outcome


def packed(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)
