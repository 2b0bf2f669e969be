"""Pictures written by hand: PNG (RFC 2083)."""

from __future__ import annotations

import struct
import zlib

PALETTE, COLOURS = 3, 6
"""Of what an octet, or four, are made: a place in the palette, or red, green, blue and opacity."""


def png_of(width: int, height: int, kind: int, rows: bytes, *further: tuple[bytes, bytes]) -> bytes:
    """A picture of these rows, of which each begins with the filter that it has; `further` are chunks before it."""
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    chunks = (b"IHDR", header), *further, (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
