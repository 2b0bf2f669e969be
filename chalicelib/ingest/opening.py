"""A file → its layout and its rows: what the first row is, a header or a row, is settled here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from chalicelib.domain.errors import BadFile, UnknownLayout
from chalicelib.ingest.layouts import AUTO, Layout, recognise
from chalicelib.ingest.reading import NOT_UTF_8, Row, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.ingest.rows import Defaults


@dataclass(frozen=True, slots=True)
class Opened:
    """A file under way: its rows without the header. They can be gone through once, and may raise `BadFile`."""

    layout: Layout
    rows: Iterator[Row]


def open_rows(
    chunks: Iterable[bytes], defaults: Defaults, wanted: str = AUTO, columns: Mapping[str, object] | None = None
) -> Opened:
    """Reads as far as the first row. Raises `BadFile` and `UnknownLayout`, both before any row is given."""
    rows = rows_of(chunks)
    first = next(rows, None)
    if first is None:
        raise BadFile("the file is empty")
    if first.flaw not in (None, NOT_UTF_8):
        raise BadFile(f"the first row cannot be read: {first.flaw}")
    layout = recognise(first.cells, wanted, columns)
    if layout.is_silent and defaults.reason is None:
        raise UnknownLayout("the file does not say why its addresses are in it: give a default reason")
    return Opened(layout, rows if layout.has_header else chain([first], rows))
