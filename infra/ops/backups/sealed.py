"""Lines in a file that only the ops key opens: gzip within age, which authenticates order and end.

A file that was cut off, changed or put together anew does not open. Nothing of it is on the disk in clear, nor held in
memory as a whole.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyrage

from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_GZIP = 31
"""zlib's number for the largest window with a header and an end of gzip."""
_CHUNK = 1 << 20


def seal(file: Path, lines: Iterable[bytes], recipients: list[Any]) -> None:
    """Writes lines, readable by its owner alone. What the lines raise, it raises. Raises CannotRun."""
    source = _Source(_compressed(lines))
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            try:
                pyrage.encrypt_io(source, out, recipients)
            except pyrage.EncryptError:
                if source.wrong is not None:
                    raise source.wrong from None
                raise
            out.flush()
            os.fsync(out.fileno())
    except (OSError, pyrage.EncryptError) as error:
        told = error.strerror if isinstance(error, OSError) else error
        raise CannotRun(f"{file} could not be written: {told}.") from None


def unseal(file: Path, identity: Any, take: Callable[[bytes], None]) -> None:
    """Hands over each line. Whether the file is whole is known when it returns, not before. Raises CannotRun."""
    sink = _Sink(take)
    try:
        with file.open("rb") as source:
            pyrage.decrypt_io(source, sink, [identity])
        sink.close()
    except (OSError, pyrage.DecryptError, zlib.error, EOFError):
        if sink.wrong is not None:
            raise sink.wrong from None
        raise CannotRun(f"{file.name} does not open: it is not whole, or encrypted to another key.") from None


def digest_of(file: Path) -> str:
    """SHA-256, in hex."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=_GZIP)
    for line in lines:
        if packed := packer.compress(line + b"\n"):
            yield packed
    yield packer.flush()


@dataclass(slots=True)
class _Source:
    """What age reads from."""

    chunks: Iterator[bytes]
    wrong: BaseException | None = None
    _left: bytes = b""

    def read(self, most: int = _CHUNK) -> bytes:
        try:
            while len(self._left) < most:
                self._left += next(self.chunks)
        except StopIteration:
            pass
        except BaseException as error:
            self.wrong = error  # age would tell its text alone
            raise
        found, self._left = self._left[:most], self._left[most:]
        return found


@dataclass(slots=True)
class _Sink:
    """What age writes to."""

    take: Callable[[bytes], None]
    wrong: BaseException | None = None
    _packer: Any = field(default_factory=lambda: zlib.decompressobj(wbits=_GZIP))
    _left: bytes = b""

    def write(self, packed: bytes) -> int:
        clear = self._left + self._packer.decompress(packed)
        *lines, self._left = clear.split(b"\n")
        try:
            for line in lines:
                self.take(line)
        except BaseException as error:
            self.wrong = error
            raise
        return len(packed)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Raises EOFError where what was packed is not whole."""
        if not self._packer.eof or self._left:
            raise EOFError
