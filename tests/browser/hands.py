"""What hands do: with the keyboard alone, and what eyes see of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chalicelib.web.languages import SOURCE
from tests.browser.words import spoken

if TYPE_CHECKING:
    from tests.browser.watching import Watch


MOST_TABS = 16
"""To anything that a page is for."""


def title(watch: Watch) -> str:
    return watch.page.get_by_role("heading", level=1).inner_text()


def told(watch: Watch) -> str:
    """What came of a form."""
    return watch.page.get_by_role("status").inner_text()


def ticked(watch: Watch) -> list[bool]:
    return [box.is_checked() for box in watch.page.get_by_role("checkbox").all()]


def lines(watch: Watch) -> list[str]:
    """What is listed on a page, but for lists of links: what happened, on the page of the history."""
    items = watch.page.locator("main li:not(:has(a))").all()
    return [line for item in items for line in item.inner_text().split("\n") if line]


def tab_to(watch: Watch, name: str, language: str = SOURCE, most: int = MOST_TABS) -> None:
    """With the keyboard alone, to what has this name; whatever comes on the way can be seen to have the focus."""
    for _ in range(most):
        watch.page.keyboard.press("Tab")
        assert watch.focus_width() >= 2
        found = watch.page.locator(":focus").evaluate("e => e.labels?.[0]?.textContent ?? e.textContent")
        if spoken(name, language).match(found):
            return
    pytest.fail(f"the keyboard does not come to {name}")


def press(watch: Watch, key: str) -> None:
    with watch.page.expect_navigation():
        watch.page.keyboard.press(key)


def focused(watch: Watch) -> str:
    return str(watch.page.locator(":focus").get_attribute("role"))
