"""Lists of addresses: one on each line, or a column of a CSV file; read a line at a time."""

from __future__ import annotations

import codecs
import csv
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from infra.client.sources import STDIN, name_of
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST_LINE = 1_000_000
"""In octets. A file with a longer one is no list."""

LONGEST_ADDRESS = 1_000
"""In characters. Nothing as long is ever an address, and it is not sent."""

_DELIMITERS = ",;\t"
_HEADERS = frozenset({"address", "addresses", "email", "e-mail", "emails", "mail", "email address", "e-mail address"})


@dataclass(slots=True)
class AddressList:
    """The addresses of an opened file, once; `read` counts the octets that were read of it."""

    name: str
    file: BinaryIO
    column: str | None = None
    read: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[str]:
        """Addresses as they stand there, white space around them removed. Raises CannotRun."""
        return self._of_column(self.column) if self.column is not None else self._of_lines()

    def _of_lines(self) -> Iterator[str]:
        for number, line in enumerate(self._lines()):
            address = line.strip()
            if number == 0 and _is_header(address):
                raise CannotRun(f"{self.name} begins with names of columns: say which is the address's with --column.")
            if address:
                yield address

    def _of_column(self, column: str) -> Iterator[str]:
        lines = self._lines()
        first = next(lines, "")
        delimiter = max(_DELIMITERS, key=first.count)
        [names] = csv.reader([first], delimiter=delimiter) if first.strip() else [[]]
        place = self._place([name.strip() for name in names], column)
        rows = csv.reader(lines, delimiter=delimiter)
        try:
            for row in rows:
                if row:
                    yield row[place].strip() if place < len(row) else ""
        except csv.Error:
            raise CannotRun(f"{self.name} cannot be read as CSV near line {rows.line_num + 1}: mend it.") from None

    def _place(self, names: list[str], column: str) -> int:
        found = [place for place, name in enumerate(names) if name.casefold() == column.strip().casefold()]
        if len(found) == 1:
            return found[0]
        # A file without a header has an address in its first line: such a name is not repeated.
        named = ", ".join(repr(name) for name in names if "@" not in name)
        trouble = "no column" if not found else "more than one column"
        raise CannotRun(f"{self.name} has {trouble} {column!r}; its first line names {named or 'none'}.")

    def _lines(self) -> Iterator[str]:
        number = 0
        while octets := self.file.readline(LONGEST_LINE):
            number += 1
            self.read += len(octets)
            if len(octets) == LONGEST_LINE:
                raise CannotRun(f"Line {number} of {self.name} is over {LONGEST_LINE} octets: this is no list.")
            if number == 1:
                octets = octets.removeprefix(codecs.BOM_UTF8)
            try:
                line = octets.decode("utf-8")
            except UnicodeDecodeError:
                line = "\0"
            if "\0" in line:
                raise CannotRun(f"Line {number} of {self.name} is not UTF-8 text: save the list as UTF-8.")
            yield line


def _is_header(line: str) -> bool:
    return "@" not in line and (any(mark in line for mark in _DELIMITERS) or line.casefold() in _HEADERS)


@contextmanager
def open_list(path: Path, column: str | None) -> Iterator[tuple[AddressList, int | None]]:
    """The list, and its size in octets; None for standard input (`-`). Raises CannotRun."""
    if path == STDIN:
        yield AddressList(name_of(path), sys.stdin.buffer, column), None
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise CannotRun(f"{path} cannot be read: {error.strerror}.") from None
    with file:
        yield AddressList(str(path), file, column), path.stat().st_size or None
