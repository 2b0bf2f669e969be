"""Files to and from presigned URLs: streamed, and for downloads gone on with where they broke off."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from infra.client.retrying import PASSING, Trouble, seconds_asked_for
from infra.client.wire import BLOCK, Wire, told
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from urllib3.response import BaseHTTPResponse

    from infra.client.shown import Bar

SECONDS_TO_STORE = 300.0
"""A store may take its time to acknowledge gigabytes."""


class Refused(Exception):
    """The store did not take or give the file: most often the URL has expired."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Watched:
    """A file that is read once from its beginning, at most `octets` of it, by urllib3; a bar follows."""

    def __init__(self, file: BinaryIO, octets: int, bar: Bar) -> None:
        self._file, self._octets, self._bar = file, octets, bar
        self._done = 0
        file.seek(0)
        bar.to(0, octets)

    def read(self, size: int = BLOCK) -> bytes:
        """The next octets. Raises CannotRun where the file has become shorter."""
        wanted = min(size if size >= 0 else self._octets, self._octets - self._done)
        block = self._file.read(wanted)
        if wanted and not block:
            raise CannotRun("The file became shorter while it was uploaded: nothing was imported of it.")
        self._done += len(block)
        self._bar.to(self._done, self._octets)
        return block


def put_file(wire: Wire, upload: Mapping[str, Any], file: BinaryIO, octets: int, bar: Bar) -> None:
    """Upload once; `upload` is as an import tells it. Raises Trouble, Refused, CannotRun.

    S3 stores what it gets whole or not at all. An upload that broke may have come through all the same: the next one is
    then refused with 412, and is as good as done.
    """
    headers = {str(name): str(value) for name, value in (upload.get("headers") or {}).items()}
    headers["Content-Length"] = str(octets)
    answer = wire.send("PUT", str(upload["url"]), headers, Watched(file, octets, bar), seconds=SECONDS_TO_STORE)
    if answer.status != HTTPStatus.PRECONDITION_FAILED:
        _refuse(answer)


@dataclass(slots=True)
class Download:
    """One file that is fetched into `part`; `etag` is the version that the octets there already are of."""

    wire: Wire
    part: Path
    etag: str | None = None
    learned: Callable[[str], None] = lambda _: None
    """Is told a new file's etag before the first octet of it is written."""

    def fetch(self, url: str, bar: Bar, moved_on: Callable[[], None] = lambda: None) -> None:
        """Fetch what is missing. Raises Trouble where it broke off, Refused, CannotRun."""
        have = self.part.stat().st_size if self.etag and self.part.exists() else 0
        headers = {"Range": f"bytes={have}-", "If-Range": self.etag or ""} if have else {}
        answer = self.wire.send("GET", url, headers, streamed=True)
        try:
            if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                self._end_of(answer, have, bar)
                return
            _refuse(answer)
            start = _start_of(answer, have)
            if start == 0:
                self._begin(answer)
            self._take(answer, url, start, bar, moved_on)
        finally:
            # Left half read it is of no use to another request.
            answer.close()

    def _begin(self, answer: BaseHTTPResponse) -> None:
        etag = answer.headers.get("ETag", "")
        # A weak one does not say that the octets are the same (RFC 9110 §8.8.3).
        self.etag = etag if etag.startswith('"') else None
        with _disk(self.part):
            os.close(os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        self.learned(self.etag or "")

    def _take(self, answer: BaseHTTPResponse, url: str, start: int, bar: Bar, moved_on: Callable[[], None]) -> None:
        length = answer.headers.get("Content-Length", "")
        of = start + int(length) if length.isascii() and length.isdigit() else None
        done = start
        bar.to(done, of)
        with _disk(self.part), self.part.open("ab") as out:
            while block := self._block(answer, url):
                out.write(block)
                done += len(block)
                bar.to(done, of)
                moved_on()
            out.flush()
            os.fsync(out.fileno())

    @staticmethod
    def _block(answer: BaseHTTPResponse, url: str) -> bytes:
        with told(url):
            return answer.read(BLOCK, decode_content=False)

    def _end_of(self, answer: BaseHTTPResponse, have: int, bar: Bar) -> None:
        """There is nothing after what we have: because it is all, or because it is of something else."""
        if answer.headers.get("Content-Range", "") == f"bytes */{have}":
            bar.to(have, have)
            return
        self.etag = None
        raise Trouble("the file is another than before", retry_after=0)


def _start_of(answer: BaseHTTPResponse, have: int) -> int:
    """Where the octets of an answer belong. Raises Trouble for a part that was not asked for."""
    if answer.status != HTTPStatus.PARTIAL_CONTENT:
        return 0
    found = re.match(r"bytes (\d{1,18})-", answer.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != have:
        raise Trouble("another part of the file came than was asked for")
    return have


def _refuse(answer: BaseHTTPResponse) -> None:
    if answer.status in PASSING:
        retry_after = seconds_asked_for(answer.headers.get("Retry-After"))
        raise Trouble(f"the file store is not available just now (HTTP {answer.status})", retry_after=retry_after)
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise Refused(answer.status)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Errors of the disk as sentences."""
    try:
        yield
    except OSError as error:
        raise CannotRun(f"{path} cannot be written: {error.strerror}.") from None
