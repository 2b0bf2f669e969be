"""From the link in a mail to being forgotten: with the keyboard alone, and without a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser import words
from tests.browser.hands import focused, lines, press, tab_to, ticked, title, told
from tests.browser.journeys import FOOTER, Visit

if TYPE_CHECKING:
    from tests.browser.conftest import Opened
    from tests.browser.serving import Served
    from tests.browser.watching import Watch

ADDRESS = "keyboard@example.com"


def test_with_the_keyboard_alone(opened: Opened, served: Served) -> None:
    """F2: each outcome is announced by taking the focus, and Tab goes on from there."""
    watch = opened()
    Visit(watch.page, served).open("u", FOOTER, address=ADDRESS)

    tab_to(watch, words.STOP)
    press(watch, "Enter")
    assert (title(watch), focused(watch)) == (words.UNSUBSCRIBED, "status")

    tab_to(watch, words.UNDO)
    press(watch, "Space")
    assert focused(watch) == "status"
    assert told(watch).startswith(words.UNDONE)
    assert ticked(watch) == [True, True, True]

    tab_to(watch, "Offers")
    watch.page.keyboard.press("Space")
    tab_to(watch, words.SAVE)
    press(watch, "Enter")
    assert focused(watch) == "status"
    assert told(watch).startswith(words.SAVED)
    assert ticked(watch) == [True, False, True]

    tab_to(watch, words.UNDO)
    press(watch, "Enter")
    assert told(watch).startswith(words.UNDONE)
    assert ticked(watch) == [True, True, True]

    tab_to(watch, words.HISTORY)
    press(watch, "Enter")
    assert title(watch) == words.HISTORY
    assert len(lines(watch)) == 4
    tab_to(watch, words.BACK)
    press(watch, "Enter")

    tab_to(watch, words.DATA)
    press(watch, "Enter")
    assert download_by_keyboard(watch)["address"] == ADDRESS
    tab_to(watch, words.BACK)
    press(watch, "Enter")

    tab_to(watch, words.ERASE)
    press(watch, "Enter")
    tab_to(watch, words.ADDRESS)
    watch.page.keyboard.type(ADDRESS)
    press(watch, "Enter")
    assert (title(watch), focused(watch)) == (words.ERASED, "status")
    tab_to(watch, words.CHOOSE_AGAIN)
    press(watch, "Enter")
    assert ticked(watch) == [False, False, False]


def download_by_keyboard(watch: Watch) -> dict[str, str]:
    tab_to(watch, words.ADDRESS)
    watch.page.keyboard.type(ADDRESS)
    with watch.page.expect_download() as coming:
        watch.page.keyboard.press("Enter")
    found: dict[str, str] = json.loads(Path(coming.value.path()).read_text("utf-8"))
    return found


def test_without_javascript(opened: Opened, served: Served) -> None:
    """F1."""
    watch = opened(java_script_enabled=False)
    visit = Visit(watch.page, served)
    visit.open("u", FOOTER, address="no-script@example.com")
    visit.press(words.STOP)
    assert title(watch) == words.UNSUBSCRIBED
    visit.press(words.UNDO)
    assert told(watch).startswith(words.UNDONE)
    watch.page.get_by_role("checkbox", name="The Harbour Letter").uncheck()
    visit.press(words.SAVE)
    assert told(watch).startswith(words.SAVED)
    assert ticked(watch) == [False, True, True]

    visit.follow(words.HISTORY)
    assert len(lines(watch)) == 3
    visit.follow(words.BACK)
    visit.follow(words.DATA)
    watch.page.get_by_role("textbox").fill("no-script@example.com")
    with watch.page.expect_download():
        visit.button(words.DOWNLOAD).click()
    visit.follow(words.BACK)

    visit.follow(words.ERASE)
    watch.page.get_by_role("textbox").fill("no-script@example.com")
    visit.press(words.ERASE_NOW)
    assert title(watch) == words.ERASED
    visit.follow(words.CHOOSE_AGAIN)
    watch.page.get_by_role("checkbox").first.check()
    visit.press(words.SAVE)
    assert ticked(watch) == [True, False, False]
    visit.press(words.STOP_ALL)
    assert title(watch) == words.UNSUBSCRIBED
