"""Undo, history, data and erasure as people use them: the file, back, a double click, two tabs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error, expect

from chalicelib.domain.acts import PARTS, Via
from tests.browser import words
from tests.browser.hands import lines, ticked, title, told
from tests.browser.journeys import FOOTER, JOURNEYS, Visit
from tests.browser.personal import BUTTONS, downloaded, lived, typed, undone_too_late
from tests.browser.visiting import new_address

if TYPE_CHECKING:
    from tests.browser.conftest import Opened
    from tests.browser.serving import Served


def test_the_history_tells_every_kind_of_act_by_every_way(opened: Opened, served: Served) -> None:
    watch, address = opened(), new_address()
    visit = Visit(watch.page, served)
    entries = lived(visit, address).entries()
    assert {type(part) for entry in entries for part in entry.act.parts} == set(PARTS)
    assert {entry.act.via for entry in entries} == set(Via)

    visit.open_further("history", address)
    found = lines(watch)
    while visit.links(words.OLDER).count():
        visit.follow(words.OLDER)
        found += lines(watch)

    assert len(found) == sum(len({type(part) for part in entry.act.parts}) for entry in entries)
    assert all(re.match(r"On \w+ \d+, 20\d\d ", line) for line in found), "each line begins with its day"
    visit.follow(words.NEWEST)
    assert lines(watch) == found[: len(lines(watch))]


def test_nothing_yet(opened: Opened, served: Served) -> None:
    watch = opened()
    Visit(watch.page, served).open_further("history")

    assert words.NOTHING_YET in watch.page.get_by_role("main").inner_text()
    assert not lines(watch)


@pytest.mark.parametrize("name", ["history-older", "erase", "erased"])
def test_what_follows_a_list_stands_apart_from_it(opened: Opened, served: Served, name: str) -> None:
    """Or else it would look like its last line."""
    watch = opened()
    JOURNEYS[name](Visit(watch.page, served))

    after = watch.page.locator("main ul + p").first.bounding_box()
    before = watch.page.locator("main ul:has(+ p)").first.bounding_box()

    assert after is not None
    assert before is not None
    assert after["y"] - before["y"] - before["height"] >= 24


def test_the_file_is_all_that_is_kept(opened: Opened, served: Served) -> None:
    watch, address = opened(), new_address()
    visit = Visit(watch.page, served)
    entries = lived(visit, address).entries()

    download = downloaded(visit, address)

    assert download.suggested_filename == "my-data.json"
    told_all = json.loads(Path(download.path()).read_text("utf-8"))
    assert told_all["format"] == "signoff-my-data-1"
    assert told_all["address"] == address
    assert told_all["sender"]["name"] == "Harbour Books"
    assert [act["act"] for act in told_all["history"]] == [entry.act.id for entry in entries]
    assert told_all["is_whole"]
    assert title(watch) == words.DATA, "the page stays"
    assert watch.said == []


def test_a_wrong_address_gets_no_file_and_is_not_on_the_page(opened: Opened, served: Served) -> None:
    """F5: neither the one that was typed nor the one of the link."""
    watch, address = opened(), new_address()
    visit = Visit(watch.page, served)
    downloads: list[object] = []
    watch.page.on("download", lambda download: downloads.append(download))  # noqa: PLW0108 - Playwright takes no other

    typed(visit, "data", "somebody.else@example.com", address)

    assert downloads == []
    assert watch.page.get_by_role("textbox").input_value() == ""
    assert address not in watch.page.content()
    assert "somebody.else" not in watch.page.content()


@pytest.mark.parametrize("what", BUTTONS)
def test_with_nothing_typed_it_is_said(opened: Opened, served: Served, what: str) -> None:
    watch = opened()
    visit = Visit(watch.page, served)
    visit.open_further(what)

    visit.press(BUTTONS[what])

    expect(watch.page.get_by_role("alert")).to_be_visible()
    expect(watch.page.get_by_role("textbox")).to_be_focused()


def test_an_address_with_letters_beyond_ascii_can_be_typed(opened: Opened, served: Served) -> None:
    """D1: browsers take none of these for an address, and would send nothing at all."""
    watch = opened()
    visit = Visit(watch.page, served)
    with served.later(days=1):  # so that it is not refused for those who typed before it
        visit.open_form()
        visit.type_in("j\u00fcrgen@example.com", words.STOP_ALL)

    assert watch.page.get_by_role("heading", level=1).inner_text() == words.UNSUBSCRIBED


def test_a_double_click_on_undo_is_one_undo(opened: Opened, served: Served) -> None:
    watch = opened()
    visit = Visit(watch.page, served)
    visit.open("u", FOOTER)
    visit.press(words.STOP)
    before = served.entries()

    watch.page.get_by_role("button", name=words.UNDO).dblclick(
        no_wait_after=True
    )  # the second click may end the way that the first one began
    watch.page.get_by_role("checkbox").first.wait_for()

    assert told(watch).startswith(words.UNDONE)
    assert ticked(watch) == [True, True, True]
    assert served.entries() == before + 1


def test_a_double_click_on_erase_is_one_erasure(opened: Opened, served: Served) -> None:
    watch, address = opened(), new_address()
    visit = Visit(watch.page, served)
    lived(visit, address)
    visit.open_further("erase", address)
    watch.page.get_by_role("textbox").fill(address)
    before = served.entries()

    watch.page.get_by_role("button", name=words.ERASE_NOW).dblclick(
        no_wait_after=True
    )  # the second click may end the way that the first one began
    watch.page.get_by_role("status").wait_for()

    assert title(watch) == words.ERASED
    assert served.entries() == before + 1


def test_back_after_undoing_sends_nothing_by_itself(opened: Opened, served: Served) -> None:
    """What was the answer to a form is kept nowhere: the browser asks before it sends that form again."""
    watch = opened()
    visit = Visit(watch.page, served)
    visit.open("u", FOOTER)
    visit.press(words.STOP)
    visit.press(words.UNDO)
    before = served.entries()

    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        watch.page.go_back()

    assert served.entries() == before


@pytest.mark.parametrize("name", ["undone", "undone-saved", "preferences-saved", "erased", "chosen-again"])
def test_a_page_loaded_again_changes_nothing_more(opened: Opened, served: Served, name: str) -> None:
    """The form is sent once more, and the same is said."""
    watch = opened()
    JOURNEYS[name](Visit(watch.page, served))
    before, shown = served.entries(), (title(watch), told(watch), ticked(watch))

    watch.page.reload()

    assert (title(watch), told(watch), ticked(watch)) == shown
    assert served.entries() == before


def test_back_after_erasing_and_erase_again_changes_nothing_more(opened: Opened, served: Served) -> None:
    watch, address = opened(), new_address()
    visit = Visit(watch.page, served)
    lived(visit, address)
    typed(visit, "erase", address=address)
    before = served.entries()

    watch.page.go_back()
    assert title(watch) == words.ERASE
    watch.page.get_by_role("textbox").fill(address)
    visit.press(words.ERASE_NOW)

    assert title(watch) == words.ERASED
    assert served.entries() == before


def test_an_undo_in_a_stale_tab_leaves_what_is_newer(opened: Opened, served: Served) -> None:
    """H4: what it undoes was chosen anew in another tab."""
    watch = opened()
    undone_too_late(Visit(watch.page, served))
    before = served.entries()

    assert told(watch).startswith(words.NOT_UNDONE)
    assert ticked(watch) == [True, True, True]
    watch.page.reload()
    assert served.entries() == before


def test_an_undo_in_a_stale_tab_does_not_lift_a_later_stop_of_all(opened: Opened, served: Served) -> None:
    """H4: the one choice is put back, the other one stays."""
    watch = opened()
    visit = Visit(watch.page, served)
    visit.open("u", FOOTER)
    visit.press(words.STOP)
    with visit.in_second_tab() as other:
        other.goto(visit.page.url)
        other.press(words.STOP_ALL)

    visit.press(words.UNDO)

    assert ticked(watch) == [False, False, False]


def test_a_centre_in_a_stale_tab_brings_nothing_back_after_an_erasure(opened: Opened, served: Served) -> None:
    """C5: it was opened before, and what it would start is looked at once more."""
    watch, address = opened(), new_address()
    visit = Visit(watch.page, served)
    visit.open("u", FOOTER, address=address)
    visit.press(words.STOP)
    visit.follow(words.CHOOSE)
    watch.page.get_by_role("checkbox").first.check()
    with visit.in_second_tab() as other:
        typed(other, "erase", address=address)

    visit.press(words.SAVE)

    assert ticked(watch) == [False, False, False]
    assert words.SAVED not in told(watch)
