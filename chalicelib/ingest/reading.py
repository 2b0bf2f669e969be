"""Octets → rows. The same octets give the same rows, however they are cut: a worker that was killed reads them again.

RFC 4180, and what is seen beside it: semicolons and tabs, `sep=;` in the first line, any line break, blank lines.
A row that cannot be read is one row with a flaw; only what leaves nothing to read is a `BadFile`.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.errors import BadFile
from chalicelib.ingest.octets import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_OF_A_ROW = 64 * 1024
"""Characters of a row, all its lines together. Under the 131,072 of one field at which `csv` itself gives up."""
MOST_LINES_OF_A_ROW = 200
"""A quote that is opened and never closed takes no more lines along than these, and gives them back."""
SEPARATORS = (",", ";", "\t")

TOO_LONG = f"the row is over {MOST_OF_A_ROW} characters"
BAD_QUOTES = "a quote is not closed, or something stands behind a closing quote"
NOT_UTF_8 = "the row is not UTF-8"
HAS_NUL = "the row has a NUL"

_SURROGATE = re.compile("[\ud800-\udfff]")
_QUOTED = re.compile('"[^"]*"')
_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the number of the line in which it begins, from 1, its cells as they are, and what is wrong with it."""

    line: int
    cells: tuple[str, ...]
    flaw: str | None = None


def rows_of(chunks: Iterable[bytes]) -> Iterator[Row]:
    """The rows of a file, blank ones left out. Raises `BadFile`, also in the middle of it."""
    lines = _Lines(_split(text_of(chunks)))
    separator = _separator(lines)
    for line in lines:
        if not line:
            continue
        if '"' in line:
            row = _quoted_row(line, lines, separator)
        else:
            row = Row(lines.number, tuple(line.split(separator)), _flaw(line))
        if row.flaw is not None or any(map(str.strip, row.cells)):
            yield row


def _split(pieces: Iterable[str]) -> Iterator[str]:
    """The lines of a text. One that is too long is cut to a character more than may be."""
    rest = ""
    for piece in pieces:
        first, *others = piece.split("\n")
        rest = (rest + first)[: MOST_OF_A_ROW + 1]
        if others:
            yield rest
            rest = others.pop()
            yield from others
    if rest:
        yield rest


class _Lines:
    """The lines of a file, counted, with a way back. `number` is that of the line given last."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.number += 1
        return line

    def give_back(self, lines: list[str]) -> None:
        """Takes back the lines given last, to give them again."""
        self._again.extendleft(reversed(lines))
        self.number -= len(lines)


def _separator(lines: _Lines) -> str:
    """What stands between cells, by the first line that is not blank. Raises `BadFile` where that is not text."""
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise BadFile("the file is empty")
    if "\0" in first:
        raise BadFile("the first line is not text: save the file as CSV in UTF-8")
    if named := _SEPARATOR_LINE.fullmatch(first.strip(" ")):
        return named[1]
    lines.give_back([first])
    outside = _QUOTED.sub("", first)
    return max(SEPARATORS, key=outside.count)


def _quoted_row(first: str, lines: _Lines, separator: str) -> Row:
    """The row that begins with `first`, in which there is a quote; it takes what further lines it needs."""
    number, taken = lines.number, [first]
    reader = csv.reader(_needed(first, lines, taken), delimiter=separator, strict=True, skipinitialspace=True)
    try:
        cells = tuple(next(reader))
    except csv.Error:
        lines.give_back(taken[1:])
        return Row(number, (), TOO_LONG if len(first) > MOST_OF_A_ROW else BAD_QUOTES)
    return Row(number, cells, _flaw("\n".join(taken)))


def _needed(first: str, lines: _Lines, taken: list[str]) -> Iterator[str]:
    """Line after line, until there are too many: then `csv` misses the closing quote."""
    yield f"{first}\n"
    length = len(first)
    for line in lines:
        taken.append(line)
        length += len(line) + 1
        if length > MOST_OF_A_ROW or len(taken) > MOST_LINES_OF_A_ROW:
            return
        yield f"{line}\n"


def _flaw(text: str) -> str | None:
    if len(text) > MOST_OF_A_ROW:
        return TOO_LONG
    if "\0" in text:
        return HAS_NUL
    return None if text.isascii() or not _SURROGATE.search(text) else NOT_UTF_8
