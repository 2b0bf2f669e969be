"""Tables as CSV (RFC 4180): exact for machines, and a form that a spreadsheet shows and does not carry out."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

CSV = "text/csv; charset=utf-8; header=present"
"""RFC 4180 §3."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes a cell for a formula by: an address may begin with `=` or `+`."""


def cells_of(row: Mapping[str, Any], columns: Iterable[str]) -> list[str]:
    """The cells of these columns: a list is its items with spaces between, and what is null is empty."""
    return [" ".join(value) if isinstance(value, list) else value or "" for value in map(row.get, columns)]


def csv_text(rows: Iterable[Sequence[str]], kind: str) -> str:
    """Rows with CRLF, and quotation marks where they are needed. `kind` is `csv` or `spreadsheet`."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_CELLS[kind](cell) for cell in row] for row in rows)
    return text.getvalue()


def _exact(text: str) -> str:
    return text


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


_CELLS: Mapping[str, Callable[[str], str]] = {"csv": _exact, "spreadsheet": _no_formula}
