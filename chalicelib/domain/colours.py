"""Colours that can be read: a sender's accent, adjusted until it contrasts with the page and with what stands on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from chalicelib.domain.errors import InvalidRequest

Channels = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

TEXT_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3, AA."""
SHAPE_CONTRAST = 3.0
"""WCAG 2.2, 1.4.11, AA: what tells a button from the page, and the focus from what has none."""
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_STEPS = 64
_ON_LINE = 0.04045
"""Below it a channel of sRGB is linear (IEC 61966-2-1)."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A page's colours that an accent meets: `paper` behind everything, `wash` behind what is set apart."""

    paper: str
    wash: str
    is_dark: bool


@dataclass(frozen=True, slots=True)
class Accent:
    """An accent as one ground lets it be, and the colour of the text that stands on it: both as #rrggbb."""

    act: str
    on_act: str


@lru_cache(maxsize=512)
def accent_on(colour: str, ground: Ground) -> Accent:
    """The nearest shade of `colour`, darker on a light ground and lighter on a dark one, that can be seen there.

    Black or white always reads on it: the worst colour has a contrast of 4.58 to the better of the two.
    Raises `InvalidRequest` for what is no colour.
    """
    grounds = channels_of(ground.paper), channels_of(ground.wash)
    goal = WHITE if ground.is_dark else BLACK
    shades = (_between(channels_of(colour), goal, step) for step in range(_STEPS + 1))
    act = next(shade for shade in shades if all(contrast(shade, one) >= SHAPE_CONTRAST for one in grounds))
    return Accent(_text(act), _text(max(WHITE, BLACK, key=lambda one: contrast(one, act))))


def channels_of(colour: str) -> Channels:
    """The channels of #rrggbb. Raises `InvalidRequest`."""
    if not _COLOUR.fullmatch(colour):
        raise InvalidRequest("a colour as #rrggbb", "/accent")
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def contrast(one: Channels, other: Channels) -> float:
    """1 to 21, as WCAG 2.2 defines it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Channels) -> float:
    red, green, blue = (_linear(channel / 255) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= _ON_LINE else ((channel + 0.055) / 1.055) ** 2.4


def _between(colour: Channels, goal: Channels, step: int) -> Channels:
    red, green, blue = (round(one + (end - one) * step / _STEPS) for one, end in zip(colour, goal, strict=True))
    return red, green, blue


def _text(colour: Channels) -> str:
    return f"#{bytes(colour).hex()}"
