"""What must be so on every page, for whoever reads it: at the width of the window, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from chalicelib.web.languages import OFFERED, SOURCE
from tests.browser.watching import violations

if TYPE_CHECKING:
    from tests.browser.watching import Watch

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def check_page(watch: Watch, axe: str, language: str = SOURCE) -> None:
    """Light, still and alone; nothing over the edge, nothing too small, nothing that axe-core finds (F1, F2)."""
    watch.check()
    assert watch.overflow() == 0
    assert watch.small_targets() == []
    spoken = OFFERED[language]
    html = watch.page.locator("html")
    assert (html.get_attribute("lang"), html.get_attribute("dir")) == (spoken.html_tag, spoken.direction)
    for scheme in SCHEMES:
        watch.page.emulate_media(color_scheme=scheme)
        assert violations(watch.page, axe) == [], (watch.page.viewport_size, scheme)
