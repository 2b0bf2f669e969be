"""What hands do: with the keyboard alone, and what eyes see of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.browser.watching import Watch


def title(watch: Watch) -> str:
    return watch.page.get_by_role("heading", level=1).inner_text()


def told(watch: Watch) -> str:
    """What came of a form."""
    return watch.page.get_by_role("status").inner_text()


def ticked(watch: Watch) -> list[bool]:
    return [box.is_checked() for box in watch.page.get_by_role("checkbox").all()]


def tab_to(watch: Watch, name: str) -> None:
    """With the keyboard alone, to what begins so; whatever comes on the way can be seen to have the focus."""
    for _ in range(16):
        watch.page.keyboard.press("Tab")
        assert watch.focus_width() >= 2
        found = watch.page.locator(":focus").evaluate("e => e.labels?.[0]?.textContent ?? e.textContent")
        if found.startswith(name):
            return
    pytest.fail(f"the keyboard does not come to {name}")


def press(watch: Watch, key: str) -> None:
    with watch.page.expect_navigation():
        watch.page.keyboard.press(key)


def focused(watch: Watch) -> str:
    return str(watch.page.locator(":focus").get_attribute("role"))
