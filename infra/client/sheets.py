"""CSV for machines, and CSV that a spreadsheet does not take for formulas."""

from __future__ import annotations

import csv
import os
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from infra.client.kept import beside
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    Write = Callable[[Sequence[str]], object]

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins a formula, full-width forms included (OWASP, CSV injection)."""


def safe(cell: str) -> str:
    """The cell as a text in any spreadsheet: one that begins like a formula gets a `'` in front."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULAS) or cell.startswith("'") else cell


@contextmanager
def open_sheet(file: Path | None, *, exact: bool) -> Iterator[Write]:
    """A function that writes one row; into `file`, which is there whole or not at all, or to standard output.

    Raises CannotRun where it cannot be written. What a stopped command wrote of a file is removed again.
    """
    if file is None:
        yield _writer(sys.stdout, exact=exact)
        sys.stdout.flush()
        return
    part = beside(file, "part")
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as out:
                yield _writer(out, exact=exact)
                out.flush()
                os.fsync(out.fileno())
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise CannotRun(f"{file} cannot be written: {error.strerror}.") from None


def _writer(out: IO[str], *, exact: bool) -> Write:
    row = csv.writer(out, lineterminator="\n" if exact else "\r\n").writerow
    if exact:
        return row
    return lambda cells: row([safe(cell) for cell in cells])
