"""Every page at three widths, light and dark: readable for everybody, light, still, and all by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from tests.browser.journeys import JOURNEYS, Visit
from tests.browser.senders import EMPTY, FULL, LONG, PLAIN
from tests.browser.watching import violations

if TYPE_CHECKING:
    from tests.browser.conftest import Opened
    from tests.browser.serving import Served

WIDTHS = (320, 768, 1_280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
OF_OTHERS = ("unsubscribe-footer", "done-footer", "preferences-saved", "form-wrong")
EVERY = [(name, FULL) for name in JOURNEYS] + [(name, sender) for sender in (PLAIN, LONG) for name in OF_OTHERS]
EVERY += [("preferences", EMPTY)]


@pytest.mark.parametrize(("name", "sender"), EVERY)
def test_a_page_is_readable_light_still_and_alone(
    opened: Opened, served: Served, axe: str, name: str, sender: str
) -> None:
    """F1, F2: axe-core finds nothing, at every width, light and dark."""
    watch = opened()
    for width in WIDTHS:
        watch.page.set_viewport_size({"width": width, "height": 720})
        JOURNEYS[name](Visit(watch.page, served, sender))
        watch.check()
        assert watch.overflow() == 0
        assert watch.small_targets() == []
        for scheme in SCHEMES:
            watch.page.emulate_media(color_scheme=scheme)
            assert violations(watch.page, axe) == [], (width, scheme)
    logos = [path for _, path in served.asked if "/l/" in path]
    assert len(logos) == len(set(logos)), "a logo is asked for once"


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_that_tells_the_api_is_readable(opened: Opened, served: Served, axe: str, width: int) -> None:
    """F2."""
    watch = opened(viewport={"width": width, "height": 720})
    watch.page.goto(f"{served.url}/docs")

    for scheme in SCHEMES:
        watch.page.emulate_media(color_scheme=scheme)
        assert violations(watch.page, axe) == []
    assert watch.overflow() == 0
    assert {path for _, path in served.asked} == {"/api/docs"}
    assert watch.said == []
