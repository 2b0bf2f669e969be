"""Octets → text: unpacked where they are gzip, decoded, with one kind of line break. Bounded in memory whatever comes.

Everything works on blocks of one size, however the octets arrive: what is read, and where reading fails, depends on
the octets alone.
"""

from __future__ import annotations

import codecs
import io
import zlib
from typing import TYPE_CHECKING

from chalicelib.domain.errors import BadFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLOCK = 64 * 1024
"""Octets that are worked on at once."""
MOST_TIMES = 100
"""How many times larger a file may become by unpacking: lists become 10 to 30 times larger, bombs 1,000."""
ALLOWANCE = 1024 * 1024
"""Octets that may be unpacked before `MOST_TIMES` counts."""
_GZIP = b"\x1f\x8b"
_GZIP_ONLY = 31  # zlib's `wbits`: a gzip header, a window of 32 kB, the sum checked
_ZIP = b"PK\x03\x04"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LONGEST_MARK = 4


def text_of(chunks: Iterable[bytes]) -> Iterator[str]:
    r"""The text of a file, in pieces, its line breaks (CRLF, CR, LF) all `\n`.

    Octets that are not UTF-8 become lone surrogates, so that the row they are in can be refused. Raises `BadFile`.
    """
    plain = _with_head(_unpacked(_with_head(_blocks(chunks))))
    head = next(plain, b"")
    if head.startswith(_ZIP):
        raise BadFile("this is a ZIP archive or a spreadsheet: unpack it, or save it as CSV")
    name, errors = ("utf-16", "surrogatepass") if head.startswith(_UTF_16) else ("utf-8-sig", "surrogateescape")
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(name)(errors), translate=True)
    try:
        yield decoder.decode(head)
        for block in plain:
            yield decoder.decode(block)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise BadFile("the text is not whole UTF-16") from None


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same octets in blocks of `BLOCK`; the last one may be shorter."""
    held = bytearray()
    for chunk in chunks:
        for start in range(0, len(chunk), BLOCK):
            held += chunk[start : start + BLOCK]
            if len(held) >= BLOCK:
                yield bytes(held[:BLOCK])
                del held[:BLOCK]
    if held:
        yield bytes(held)


def _with_head(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same octets, the first block long enough to tell what they are."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= _LONGEST_MARK:
            break
    yield head
    yield from blocks


def _unpacked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    head = next(blocks)
    if not head.startswith(_GZIP):
        yield head
        yield from blocks
        return
    gzip = _Gzip()
    try:
        yield from gzip.unpacked(head)
        for block in blocks:
            yield from gzip.unpacked(block)
    except zlib.error:
        raise BadFile("the gzip is damaged") from None
    if not gzip.is_whole:
        raise BadFile("the gzip ends early")


class _Gzip:
    """One member after the other (RFC 1952 §2.2), zeros after the last as `tar` and tapes leave them."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_ONLY)
        self._is_fresh = True
        self._taken = 0
        self._given = 0

    @property
    def is_whole(self) -> bool:
        """Whether the octets so far end with a member."""
        return self._is_fresh

    def unpacked(self, block: bytes) -> Iterator[bytes]:
        """What `block` adds. Raises `BadFile` for a bomb, `zlib.error` for what is no gzip."""
        self._taken += len(block)
        rest = block
        while rest:
            if self._is_fresh and not (rest := rest.lstrip(b"\0") if self._given else rest):
                return
            self._is_fresh = False
            yield from self._of_member(rest)
            rest = self._member.unused_data
            if self._member.eof:
                self._member, self._is_fresh = zlib.decompressobj(_GZIP_ONLY), True

    def _of_member(self, octets: bytes) -> Iterator[bytes]:
        piece = self._member.decompress(octets, BLOCK)
        while piece:
            self._given += len(piece)
            if self._given > ALLOWANCE + MOST_TIMES * self._taken:
                raise BadFile(f"unpacked, the gzip is over {MOST_TIMES} times its size")
            yield piece
            if self._member.eof:
                return
            piece = self._member.decompress(self._member.unconsumed_tail, BLOCK)
