"""Every page at three widths, light and dark, and in other languages: readable for everybody, light, still, alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chalicelib.web.languages import OFFERED, SOURCE
from tests.browser.journeys import JOURNEYS, Visit
from tests.browser.reading import SCHEMES, check_page
from tests.browser.senders import EMPTY, FULL, LONG, PLAIN
from tests.browser.watching import violations

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.conftest import Opened
    from tests.browser.serving import Served
    from tests.browser.watching import Watch

WIDTHS = (320, 768, 1_280)
OF_OTHERS = ("unsubscribe-footer", "done-footer", "preferences-saved", "form-wrong")
EVERY = [(name, FULL) for name in JOURNEYS] + [(name, sender) for sender in (PLAIN, LONG) for name in OF_OTHERS]
EVERY += [("preferences", EMPTY)]

WHOLE = ("de", "ar", "ja")
"""Languages of which every page is looked at, beside English: long words, from right to left, words without spaces."""
MAIN = ("unsubscribe-footer", "done-footer", "preferences-saved", "history", "data", "erase", "form", "too-many")
"""What is looked at in the others."""
WIDE = ("de", "ar", "hi")
"""Languages whose words take most room, for the sender whose own are too long as well."""
TRANSLATED = [(name, FULL, language) for language in WHOLE for name in JOURNEYS]
TRANSLATED += [(name, FULL, language) for language in OFFERED if language not in {SOURCE, *WHOLE} for name in MAIN]
TRANSLATED += [(name, LONG, language) for language in WIDE for name in OF_OTHERS]


@pytest.mark.parametrize(("name", "sender"), EVERY)
def test_a_page_is_readable_light_still_and_alone(
    opened: Opened, served: Served, axe: str, name: str, sender: str
) -> None:
    """F1, F2: axe-core finds nothing, at every width, light and dark."""
    watch = opened()
    for width in WIDTHS:
        watch.page.set_viewport_size({"width": width, "height": 720})
        visit = Visit(watch.page, served, sender)
        JOURNEYS[name](visit)
        check_page(watch, axe, visit.language)
    logos = [path for _, path in served.asked if "/l/" in path]
    assert len(logos) == len(set(logos)), "a logo is asked for once"


@pytest.mark.parametrize(("name", "sender", "language"), TRANSLATED)
def test_a_page_is_so_in_the_language_that_a_browser_asks_for(
    speaking: Callable[[str], Watch], served: Served, axe: str, name: str, sender: str, language: str
) -> None:
    """F1, F2: on the narrowest of telephones."""
    watch = speaking(language)
    visit = Visit(watch.page, served, sender, language)
    JOURNEYS[name](visit)
    check_page(watch, axe, visit.language)


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
