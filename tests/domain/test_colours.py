"""Every accent becomes one that can be read, on every page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.colours import (
    BLACK,
    SHAPE_CONTRAST,
    TEXT_CONTRAST,
    WHITE,
    Ground,
    accent_on,
    channels_of,
    contrast,
)
from chalicelib.domain.errors import InvalidRequest
from chalicelib.web.styles import DARK, LIGHT

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
GREYS = [f"#{grey:02x}{grey:02x}{grey:02x}" for grey in range(256)]
EDGES = ["#ff0000", "#00ff00", "#0000ff", "#ffff00", "#00ffff", "#ff00ff", "#010101", "#fefefe"]


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (BLACK, WHITE, 21.0),
        (WHITE, WHITE, 1.0),
        (channels_of("#767676"), WHITE, 4.54),
        (channels_of("#949494"), WHITE, 3.03),
        (channels_of("#ff0000"), WHITE, 4.0),
        (channels_of("#0000ff"), BLACK, 2.44),
    ],
)
def test_contrast_is_what_others_compute(one: tuple[int, int, int], other: tuple[int, int, int], told: float) -> None:
    assert round(contrast(one, other), 2) == told == round(contrast(other, one), 2)


def check(colour: str, ground: Ground) -> None:
    accent = accent_on(colour, ground)
    act = channels_of(accent.act)
    assert contrast(act, channels_of(accent.on_act)) >= TEXT_CONTRAST
    for behind in (ground.paper, ground.wash):
        assert contrast(act, channels_of(behind)) >= SHAPE_CONTRAST


@given(COLOURS)
def test_every_colour_becomes_one_that_passes_light_and_dark(colour: str) -> None:
    """WCAG 2.2: 4.5 to 1 for the text on it, 3 to 1 for itself."""
    check(colour, LIGHT)
    check(colour, DARK)


@pytest.mark.parametrize("colour", GREYS + EDGES)
def test_greys_and_corners_do(colour: str) -> None:
    check(colour, LIGHT)
    check(colour, DARK)


@given(COLOURS)
def test_what_passes_stays_as_it_is(colour: str) -> None:
    for ground in (LIGHT, DARK):
        behind = [channels_of(one) for one in (ground.paper, ground.wash)]
        passes = all(contrast(channels_of(colour), one) >= SHAPE_CONTRAST for one in behind)
        assert (accent_on(colour, ground).act == colour) is passes


@pytest.mark.parametrize("text", ["", "red", "#fff", "#12345G", "#ABCDEF", "#123456;}", "#1234567", "\u0661" * 7])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        accent_on(text, LIGHT)
