"""Images: what their octets say, whatever anybody claims. Raster only, because an SVG is a program."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.errors import InvalidRequest, TooLarge, UnsupportedMediaType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_OCTETS = 30_000
MAX_SIDE = 2_000
"""Pixels."""
KINDS = "a PNG, JPEG, GIF or WebP image"
Size = tuple[int, int]
"""Width and height in pixels."""

_PNG_CHUNK = struct.Struct(">I4s")
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length: TEM and RST0 to RST7."""
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15; the three between are tables and a reserved one."""
_JPEG_SCAN = 0xDA
_GIF_EXTENSION, _GIF_PICTURE, _GIF_TRAILER = b"!,;"
_FOURTEEN_BITS = 0x3FFF
_MOVES = "a logo does not move: the image has more than one picture"
"""WCAG 2.2.2: what moves by itself must be stoppable, and a page of ours has nothing to stop it with."""


@dataclass(frozen=True, slots=True)
class Logo:
    """A sender's logo: its media type, the SHA-256 of its octets (hex), how many they are, and its sides in pixels."""

    type: str
    sha256: str
    octets: int
    width: int
    height: int


def logo_of(octets: bytes) -> Logo:
    """The logo that these octets are. Raises `TooLarge`, `UnsupportedMediaType`, `InvalidRequest`."""
    if len(octets) > MAX_OCTETS:
        raise TooLarge(MAX_OCTETS)
    for beginning, media_type, measure in _FORMATS:
        if octets.startswith(beginning):
            width, height = _sides(octets, measure)
            return Logo(media_type, hashlib.sha256(octets).hexdigest(), len(octets), width, height)
    raise UnsupportedMediaType(KINDS)


def _sides(octets: bytes, measure: Callable[[bytes], Size]) -> Size:
    try:
        width, height = measure(octets)
    except (ValueError, IndexError, struct.error, zlib.error):
        raise InvalidRequest("the image is broken, or did not arrive whole") from None
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise InvalidRequest(f"an image has 1 to {MAX_SIDE} pixels a side")
    return width, height


def _measure_png(octets: bytes) -> Size:
    """From IHDR; each chunk must fit its sum, and nothing may follow the last one."""
    chunks = list(_png_chunks(octets))
    names = [name for name, _ in chunks]
    if names[0] != b"IHDR" or names[-1] != b"IEND" or b"IDAT" not in names:
        raise ValueError("not in the order of a PNG")
    if b"acTL" in names:
        raise InvalidRequest(_MOVES)
    width, height = struct.unpack_from(">II", chunks[0][1])
    return width, height


def _png_chunks(octets: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at < len(octets):
        length, name = _PNG_CHUNK.unpack_from(octets, at)
        content = octets[at + 8 : at + 8 + length]
        if struct.unpack_from(">I", octets, at + 8 + length)[0] != zlib.crc32(name + content):
            raise ValueError("a chunk does not fit its sum")
        yield name, content
        at += 12 + length


def _measure_jpeg(octets: bytes) -> Size:
    """From the frame's header, found from segment to segment."""
    if not octets.endswith(b"\xff\xd9"):
        raise ValueError("no end")
    at = 2
    while True:
        if octets[at] != 0xFF:  # noqa: PLR2004 - what every marker begins with
            raise ValueError("no marker")
        marker = octets[at + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", octets, at + 5)
            return width, height
        if marker == _JPEG_SCAN:
            raise ValueError("no frame before the scan")
        at += _jpeg_length(octets, at, marker)


def _jpeg_length(octets: bytes, at: int, marker: int) -> int:
    if marker == 0xFF:  # noqa: PLR2004 - a marker may be filled up by any number of these
        return 1
    if marker in _JPEG_ALONE:
        return 2
    length: int = struct.unpack_from(">H", octets, at + 2)[0]
    return 2 + max(length, 2)


def _measure_gif(octets: bytes) -> Size:
    """From the logical screen (GIF89a §18), which its only picture must fit into: browsers make room for the larger."""
    if octets[4:6] not in {b"7a", b"9a"}:
        raise ValueError("another version")
    screen: Size = struct.unpack_from("<HH", octets, 6)
    pictures = list(_gif_pictures(octets, 13 + _gif_colours(octets[10])))
    if len(pictures) > 1:
        raise InvalidRequest(_MOVES)
    left, top, width, height = pictures[0]
    if left + width > screen[0] or top + height > screen[1]:
        raise ValueError("a picture larger than the screen")
    return screen


def _gif_pictures(octets: bytes, at: int) -> Iterator[tuple[int, int, int, int]]:
    """Left, top, width and height of each, from the block at `at` to the trailer, behind which nothing may be."""
    while octets[at] != _GIF_TRAILER:
        if octets[at] == _GIF_EXTENSION:
            at = _behind_gif_blocks(octets, at + 2)
        elif octets[at] == _GIF_PICTURE:
            yield struct.unpack_from("<HHHH", octets, at + 1)
            at = _behind_gif_blocks(octets, at + 11 + _gif_colours(octets[at + 9]))
        else:
            raise ValueError("no block of a GIF")
    if at + 1 != len(octets):
        raise ValueError("something behind the end")


def _gif_colours(flags: int) -> int:
    """Octets of the table of colours that the flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _behind_gif_blocks(octets: bytes, at: int) -> int:
    while octets[at]:
        at += 1 + octets[at]
    return at + 1


def _measure_webp(octets: bytes) -> Size:
    """From the first chunk: lossy, lossless or extended. The length that RIFF tells is that of the whole."""
    told = struct.unpack_from("<I", octets, 4)[0]
    if octets[8:12] != b"WEBP" or told + 8 != len(octets):
        raise ValueError("not whole")
    if b"ANMF" in _webp_chunks(octets):
        raise InvalidRequest(_MOVES)
    measure = _WEBP.get(octets[12:16])
    if measure is None:
        raise ValueError("a chunk that no WebP begins with")
    return measure(octets)


def _webp_chunks(octets: bytes) -> set[bytes]:
    names, at = set(), 12
    while at < len(octets):
        names.add(octets[at : at + 4])
        length = struct.unpack_from("<I", octets, at + 4)[0]
        at += 8 + length + length % 2
    return names


def _measure_lossy(octets: bytes) -> Size:
    if octets[23:26] != b"\x9d\x01\x2a":
        raise ValueError("no start code")
    width, height = struct.unpack_from("<HH", octets, 26)
    return width & _FOURTEEN_BITS, height & _FOURTEEN_BITS


def _measure_lossless(octets: bytes) -> Size:
    if octets[20] != 0x2F:  # noqa: PLR2004 - its signature
        raise ValueError("no signature")
    packed = struct.unpack_from("<I", octets, 21)[0]
    return (packed & _FOURTEEN_BITS) + 1, (packed >> 14 & _FOURTEEN_BITS) + 1


def _measure_extended(octets: bytes) -> Size:
    if len(octets) < 30:  # noqa: PLR2004 - where the canvas ends
        raise ValueError("too short")
    return int.from_bytes(octets[24:27], "little") + 1, int.from_bytes(octets[27:30], "little") + 1


_WEBP: dict[bytes, Callable[[bytes], Size]] = {
    b"VP8 ": _measure_lossy,
    b"VP8L": _measure_lossless,
    b"VP8X": _measure_extended,
}
_PNG = b"\x89PNG\r\n\x1a\n"
_FORMATS: tuple[tuple[bytes, str, Callable[[bytes], Size]], ...] = (
    (_PNG, "image/png", _measure_png),
    (b"\xff\xd8\xff", "image/jpeg", _measure_jpeg),
    (b"GIF8", "image/gif", _measure_gif),
    (b"RIFF", "image/webp", _measure_webp),
)
