"""What people do on the pages, with whatever they have: a magnifier, two tabs, no patience, paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import words
from tests.browser.hands import ticked, title
from tests.browser.journeys import FOOTER, HEADER, JOURNEYS, Visit
from tests.browser.senders import FULL, LONG
from tests.browser.watching import violations

if TYPE_CHECKING:
    from tests.browser.conftest import Opened
    from tests.browser.serving import Served

MAGNIFIED = (
    *("unsubscribe-footer", "done-footer", "preferences-saved", "form-wrong"),
    *("undone", "history", "history-older", "data-wrong", "erase", "erased", "trouble-erasing"),
)
SIDEWAYS = (
    *("unsubscribe-footer", "preferences-saved", "form-wrong"),
    *("undone-too-late", "history", "data-wrong", "erase-wrong", "erased"),
)


@pytest.mark.parametrize("sender", [FULL, LONG])
@pytest.mark.parametrize("name", MAGNIFIED)
def test_at_400_percent_and_with_letters_twice_as_large(opened: Opened, served: Served, name: str, sender: str) -> None:
    """WCAG 2.2, 1.4.10 and 1.4.4: a window of 1280 by 1024, of which 320 by 256 CSS pixels are left."""
    watch = opened(viewport={"width": 320, "height": 256}, device_scale_factor=4)
    JOURNEYS[name](Visit(watch.page, served, sender))

    assert watch.overflow() == 0
    watch.page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert watch.overflow() == 0


def test_the_big_button_is_on_the_first_screen_of_a_phone(opened: Opened, served: Served) -> None:
    watch = opened(viewport={"width": 360, "height": 640})
    Visit(watch.page, served).open("u", FOOTER)

    first, second = (button.bounding_box() for button in watch.page.get_by_role("button").all())

    assert first is not None
    assert second is not None
    assert first["width"] >= 300
    assert first["height"] >= 48
    assert first["y"] + first["height"] < second["y"] < 640


def test_back_after_saving_shows_what_was_saved(opened: Opened, served: Served) -> None:
    watch = opened()
    visit = Visit(watch.page, served)
    visit.open("p", FOOTER)
    watch.page.get_by_role("checkbox", name="Offers").uncheck()
    visit.press(words.SAVE)
    before = served.entries()

    watch.page.go_back()

    assert ticked(watch) == [True, False, True]
    visit.press(words.SAVE)
    assert watch.page.get_by_role("status").inner_text() == words.NOT_CHANGED
    assert served.entries() == before


def test_back_after_unsubscribing_offers_the_button_again(opened: Opened, served: Served) -> None:
    watch = opened()
    visit = Visit(watch.page, served)
    visit.open("u", HEADER)
    visit.press(words.STOP)

    watch.page.go_back()
    visit.press(words.STOP)

    assert title(watch) == words.UNSUBSCRIBED


def test_a_double_click_is_one_act(opened: Opened, served: Served) -> None:
    """A10."""
    watch = opened()
    Visit(watch.page, served).open("u", HEADER)
    before = served.entries()

    watch.page.get_by_role("button").first.dblclick(
        no_wait_after=True
    )  # the second click may end the way that the first one began
    watch.page.get_by_role("status").wait_for()

    assert title(watch) == words.UNSUBSCRIBED
    assert served.entries() == before + 1


def test_a_stale_tab_saved_unchanged_changes_nothing(opened: Opened, served: Served) -> None:
    """H4."""
    first, second = opened(), opened()
    for watch in (first, second):
        Visit(watch.page, served).open("p", FOOTER, address="tabs@example.com")
    first.page.get_by_role("checkbox", name="Offers").uncheck()
    Visit(first.page, served).press(words.SAVE)
    before = served.entries()

    Visit(second.page, served).press(words.SAVE)

    assert second.page.get_by_role("status").inner_text() == words.NOT_CHANGED
    assert ticked(second) == [True, False, True]
    assert served.entries() == before


TREES = {
    "unsubscribe-footer": """
      - banner: Harbour Books
      - main:
        - heading "Unsubscribe from The Harbour Letter" [level=1]
        - paragraph:
          - strong: The Harbour Letter
        - button "Stop The Harbour Letter"
        - button "Stop all optional mail"
        - paragraph:
          - link "Choose what you get"
      - contentinfo:
        - paragraph:
          - link "Privacy notice"
        - navigation "Language":
          - list:
            - listitem:
              - link "Deutsch"
            - listitem:
              - text: English
    """,
    "done-footer": """
      - banner: Harbour Books
      - main:
        - heading "You are unsubscribed" [level=1]
        - status:
          - strong: The Harbour Letter
        - button "Stop all optional mail"
        - paragraph:
          - link "Choose what you get"
        - heading "What still arrives" [level=2]
        - list:
          - listitem:
            - strong: Your orders
    """,
    "preferences-saved": """
      - main:
        - heading "Choose what you get" [level=1]
        - status: Saved. Harbour Books will not send you The Harbour Letter.
        - group "What you want from Harbour Books":
          - checkbox "The Harbour Letter"
          - checkbox "Offers" [checked]
          - checkbox "Readings and events" [checked]
        - button "Save"
        - button "Stop all optional mail"
    """,
    "form-wrong": """
      - main:
        - heading "Unsubscribe from Harbour Books" [level=1]
        - alert: "That is not an address that mail can reach. It has no @."
        - paragraph:
          - textbox "Your address" [invalid]
        - button "Stop all optional mail"
    """,
    "form-done": """
      - main:
        - heading "You are unsubscribed" [level=1]
        - status
    """,
}


@pytest.mark.parametrize("name", TREES)
def test_what_a_screen_reader_is_told(opened: Opened, served: Served, name: str) -> None:
    """F2: names, states, outcomes; what is told more than this does not matter here."""
    watch = opened()
    JOURNEYS[name](Visit(watch.page, served))

    expect(watch.page.locator("body")).to_match_aria_snapshot(TREES[name])


def test_a_description_belongs_to_its_box_and_an_error_to_its_field(opened: Opened, served: Served) -> None:
    watch = opened()
    JOURNEYS["preferences"](Visit(watch.page, served))
    box = watch.page.get_by_role("checkbox", name="Readings")
    expect(box).to_have_accessible_description("Who reads where, near you.")
    JOURNEYS["form-wrong"](Visit(watch.page, served))
    field = watch.page.get_by_role("textbox")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description("That is not an address that mail can reach. It has no @.")


READS_RIGHTWARDS = """
found => found.map(address => {
  const [text] = address.childNodes, range = document.createRange();
  const at = place => {
    range.setStart(text, place);
    range.setEnd(text, place + 1);
    return range.getBoundingClientRect();
  };
  return at(0).right <= at(text.length - 1).left && at(0).top === at(text.length - 1).top;
})
"""
"""Whether each text stands in one line, its first letter at the left."""


@pytest.mark.parametrize("language", ["ar", "he"])
@pytest.mark.parametrize("name", SIDEWAYS)
def test_from_right_to_left(opened: Opened, served: Served, axe: str, name: str, language: str) -> None:
    """Everything is on the other side, and nothing hangs over the edge; an address reads as it does everywhere."""
    watch = opened(locale=language)
    JOURNEYS[name](Visit(watch.page, served, language=language))

    assert watch.page.locator("html").get_attribute("dir") == "rtl"
    assert watch.overflow() == 0
    logo = watch.page.locator("header img").bounding_box()
    assert logo is not None
    assert logo["x"] + logo["width"] == 300
    beside = watch.page.locator("header bdi").bounding_box()
    assert beside is not None
    assert beside["x"] + beside["width"] == logo["x"] - 12, "the name stands beside the logo"
    for box in watch.page.get_by_role("checkbox").all():
        place = box.bounding_box()
        assert place is not None
        assert place["x"] > 200
    masked = watch.page.locator("main bdi", has_text="@").evaluate_all(READS_RIGHTWARDS)
    assert masked == ([] if name == "form-wrong" else [True])
    assert violations(watch.page, axe) == []


@pytest.mark.parametrize("name", ["preferences-saved", "data-wrong", "erased"])
def test_forced_colours_keep_the_edges(opened: Opened, served: Served, axe: str, name: str) -> None:
    watch = opened(forced_colors="active", contrast="more")
    JOURNEYS[name](Visit(watch.page, served))

    edges = watch.page.locator("button, .said, input:not([type=hidden], [type=checkbox])").evaluate_all(
        "found => found.map(e => parseFloat(getComputedStyle(e).borderInlineStartWidth))"
    )

    assert min(edges) >= 2
    assert violations(watch.page, axe) == []


def test_what_is_printed_says_all_and_offers_nothing(opened: Opened, served: Served) -> None:
    watch = opened()
    JOURNEYS["preferences-saved"](Visit(watch.page, served))

    watch.page.emulate_media(media="print", color_scheme="dark")

    assert not watch.page.get_by_role("button").all()
    assert watch.page.get_by_role("status").is_visible()
    assert ticked(watch) == [False, True, True]
    colours = "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    assert watch.page.locator("body").evaluate(colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
