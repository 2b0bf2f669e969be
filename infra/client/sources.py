"""What is uploaded: a file, or standard input spooled into one."""

from __future__ import annotations

import hashlib
import stat
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from infra.client.wire import BLOCK
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.client.shown import Shown

STDIN = Path("-")
LARGEST = 5 * 1024**3
"""In octets: what S3 takes in one piece."""


@dataclass(frozen=True, slots=True)
class Source:
    """An opened file; `mark` differs where its content does."""

    file: BinaryIO
    octets: int
    mark: str


@contextmanager
def open_source(path: Path, shown: Shown) -> Iterator[Source]:
    """The file, or standard input for `-`. Raises CannotRun: missing, empty, too large."""
    with ExitStack() as stack:
        if path == STDIN:
            source = _spooled(stack.enter_context(tempfile.TemporaryFile()), shown)
        else:
            source = _opened(path, stack)
        if source.octets == 0:
            raise CannotRun(f"{name_of(path)} is empty: there is nothing to import.")
        if source.octets > LARGEST:
            raise CannotRun(f"{name_of(path)} is over 5 GiB, which a store takes at most: split it.")
        yield source


def name_of(path: Path) -> str:
    """How a person calls it."""
    return "Standard input" if path == STDIN else str(path)


def has_changed(source: Source, path: Path) -> bool:
    """Whether a file is another than when it was opened. Standard input is spooled, and stays."""
    if path == STDIN:
        return False
    try:
        return _mark(path) != source.mark
    except OSError:
        return True


def _mark(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size} octets, modified at {found.st_mtime_ns} ns"


def _opened(path: Path, stack: ExitStack) -> Source:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise CannotRun(f"{path} is no regular file: name one, or pipe the rows in and write - for the file.")
        return Source(stack.enter_context(path.open("rb")), found.st_size, _mark(path))
    except OSError as error:
        raise CannotRun(f"{path} cannot be read: {error.strerror}.") from None


def _spooled(spool: BinaryIO, shown: Shown) -> Source:
    digest, octets = hashlib.sha256(), 0
    try:
        with shown.octets("Reading standard input", None) as bar:
            while block := sys.stdin.buffer.read(BLOCK):
                spool.write(block)
                digest.update(block)
                octets += len(block)
                bar.to(octets)
        spool.flush()
    except OSError as error:
        raise CannotRun(f"Standard input cannot be spooled into {tempfile.gettempdir()}: {error.strerror}.") from None
    return Source(spool, octets, f"{octets} octets, sha256 {digest.hexdigest()}")
