"""Every page at three widths, light and dark: readable for everybody, light, still, and all by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.journeys import FOOTER, JOURNEYS, Visit
from tests.browser.senders import EMPTY, FULL, LONG, PLAIN

if TYPE_CHECKING:
    from tests.browser.conftest import Opened
    from tests.browser.serving import Served
    from tests.browser.watching import Watch

WIDTHS = (320, 768, 1_280)
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
        for scheme in ("light", "dark"):
            watch.page.emulate_media(color_scheme=scheme)
            from tests.browser.watching import violations
            assert violations(watch.page, axe) == [], (width, scheme)
    logos = [path for _, path in served.asked if "/l/" in path]
    assert len(logos) == len(set(logos)), "a logo is asked for once"
