"""Screenshots with at most 256 colours: a third of the octets, and no eye sees it."""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from tests.browser.pictures import PALETTE, png_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

# The colours that are most frequent stay as they are; each other one becomes the nearest of them.
_REDUCE = """
async data => {
  const image = await createImageBitmap(await (await fetch(data)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height), drawing = canvas.getContext("2d");
  drawing.drawImage(image, 0, 0);
  const pixels = new Uint32Array(drawing.getImageData(0, 0, image.width, image.height).data.buffer), counts = new Map();
  for (const one of pixels) counts.set(one, (counts.get(one) ?? 0) + 1);
  const palette = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 256).map(([colour]) => colour);
  const far = (a, b) => [0, 8, 16].reduce((sum, bits) => sum + ((a >> bits & 255) - (b >> bits & 255)) ** 2, 0);
  const nearest = colour =>
    palette.reduce((best, one, at) => far(one, colour) < far(palette[best], colour) ? at : best, 0);
  const place = new Map([...counts.keys()].map(colour => [colour, nearest(colour)]));
  let text = "";
  for (const one of pixels) text += String.fromCharCode(place.get(one));
  return {width: image.width, height: image.height, palette, indices: btoa(text)};
}
"""


def reduced(page: Page, png: bytes) -> bytes:
    """The picture again, smaller. `page` is any page of a browser without a policy, as about:blank."""
    found = page.evaluate(_REDUCE, f"data:image/png;base64,{b64encode(png).decode()}")
    width, indices = found["width"], b64decode(found["indices"])
    palette = b"".join(struct.pack("<I", colour & 0xFFFFFF)[:3] for colour in found["palette"])
    rows = b"".join(b"\0" + indices[at : at + width] for at in range(0, len(indices), width))
    return png_of(width, found["height"], PALETTE, rows, (b"PLTE", palette))
