"""Small images of every format, made here, and what is no image but says that it is."""

from __future__ import annotations

import struct
import zlib


def png(width: int, height: int, name: bytes = b"IHDR", extra: bytes = b"") -> bytes:
    """A grey PNG; `extra` is a comment, to make it another one."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(min(width + 1, 99) * min(height, 8)))
    chunks = ((name, header), (b"tEXt", b"Comment\0" + extra), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def moving_png(width: int, height: int) -> bytes:
    """A PNG that says that it has two frames (APNG)."""
    still, head = png(width, height), 8 + 25
    return still[:head] + _chunk(b"acTL", struct.pack(">II", 2, 0)) + still[head:]


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def jpeg(width: int, height: int, frame: int = 0xC0) -> bytes:
    """The segments of a JPEG, without a picture that could be shown."""
    table = b"\xff\xdb" + struct.pack(">H", 67) + bytes(65)
    sizes = b"\xff\xff" + bytes([frame]) + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\x01" + table + sizes + b"\xff\xda\x00\x02" + b"\xff\xd9"


def gif(width: int, height: int, *frames: bytes) -> bytes:
    """A GIF of two colours with a comment, and one black picture of its whole size where no other frame is told."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    comment = b"!\xfe\x05hello\x00"
    return b"GIF89a" + screen + comment + b"".join(frames or (frame(width, height),)) + b";"


def frame(width: int, height: int, left: int = 0, top: int = 0) -> bytes:
    """A picture of a GIF, with colours of its own, of which the first pixel is black, and the others are not told."""
    place = struct.pack("<HHHHB", left, top, width, height, 0x80)
    return b"," + place + b"\0\0\0\xff\xff\xff" + b"\x02\x02\x44\x01\x00"


def webp(width: int, height: int, kind: bytes = b"VP8L") -> bytes:
    """The first chunk of a WebP: `VP8 `, `VP8L` or `VP8X`."""
    chunk = {
        b"VP8 ": bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(2),
        b"VP8L": b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(1),
        b"VP8X": bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
    }[kind]
    return riff((kind, chunk))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """The container of a WebP: each chunk's name and content, filled up to an even length."""
    content = b"".join(name + struct.pack("<I", len(each)) + each + bytes(len(each) % 2) for name, each in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(content)) + b"WEBP" + content


IMAGES = {
    "png": (png(3, 2), "image/png"),
    "jpeg": (jpeg(3, 2), "image/jpeg"),
    "progressive jpeg": (jpeg(3, 2, 0xC2), "image/jpeg"),
    "gif": (gif(3, 2), "image/gif"),
    "lossy webp": (webp(3, 2, b"VP8 "), "image/webp"),
    "lossless webp": (webp(3, 2), "image/webp"),
    "extended webp": (webp(3, 2, b"VP8X"), "image/webp"),
}

NO_IMAGES = {
    "nothing": (b"", 415),
    "text": (b"hello", 415),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', 415),
    "svg with a declaration": (b"\xef\xbb\xbf<?xml version='1.0'?><svg/>", 415),
    "a bitmap": (b"BM" + bytes(60), 415),
    "the beginning of a png": (png(3, 2)[:8], 400),
    "half a png": (png(3, 2)[:40], 400),
    "a png with something behind it": (png(3, 2) + b"<script>", 400),
    "a png with a wrong sum": (png(3, 2).replace(b"tEXt", b"tEXu"), 400),
    "a png without a header": (png(3, 2, b"IHDX"), 400),
    "a png without a picture": (png(3, 2)[:33] + png(3, 2)[-12:], 400),
    "no width": (png(0, 2), 400),
    "no height": (gif(3, 0), 400),
    "too wide": (png(2_001, 2), 400),
    "too high": (jpeg(3, 2_001), 400),
    "far too wide": (png(2**31, 2), 400),
    "half a jpeg": (jpeg(3, 2)[:40], 400),
    "a jpeg without a frame": (b"\xff\xd8\xff\xda\x00\x02\xff\xd9", 400),
    "a jpeg without a marker": (b"\xff\xd8\xff\xe0\x00\x02hello\xff\xd9", 400),
    "an endless jpeg": (b"\xff\xd8" + b"\xff" * 500 + b"\xff\xd9", 400),
    "a gif without an end": (gif(3, 2)[:-1], 400),
    "a gif of another version": (gif(3, 2).replace(b"89a", b"88a"), 400),
    "a gif without a picture": (gif(3, 2, b"!\xfe\x00"), 400),
    "a gif with a picture larger than it says": (gif(10, 10, frame(23_000, 23_000)), 400),
    "a gif with a picture that sticks out": (gif(10, 10, frame(5, 5, 6, 5)), 400),
    "a gif with a picture that sticks out below": (gif(10, 10, frame(5, 5, 5, 6)), 400),
    "a gif that moves": (gif(3, 2, frame(3, 2), frame(3, 2)), 400),
    "a gif with something behind it": (gif(3, 2) + b"<script>;", 400),
    "a gif with a block of no kind": (gif(3, 2, b"<script>"), 400),
    "a png that moves": (moving_png(3, 2), 400),
    "a webp that moves": (riff((b"VP8X", bytes(10)), (b"ANIM", bytes(6)), (b"ANMF", bytes(16))), 400),
    "half a webp": (webp(3, 2)[:-2], 400),
    "a webp with something behind it": (webp(3, 2) + b"<script>", 400),
    "a sound": (webp(3, 2).replace(b"WEBP", b"WAVE"), 400),
    "a webp of another kind": (webp(3, 2).replace(b"VP8L", b"VP9L"), 400),
    "a webp without its signature": (webp(3, 2).replace(b"\x2f", b"\x2e"), 400),
    "a lossy webp without its start": (webp(3, 2, b"VP8 ").replace(b"\x9d", b"\x9c"), 400),
    "an extended webp that ends": (b"RIFF\x0c\x00\x00\x00WEBPVP8X\x00\x00\x00\x00"[:20], 400),
    "the beginning of a webp": (b"RIFF", 400),
    "too much": (png(3, 2, extra=bytes(30_000)), 413),
}
"""Octets, and the status that they get."""
