"""Another language, chosen at the foot of a page: the links alone keep it, and it costs nothing of what was there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Error, expect

from chalicelib.tokens import PREFERENCES_DAYS
from chalicelib.web.languages import OFFERED
from tests.browser import words
from tests.browser.hands import focused, lines, press, tab_to, ticked, title, told
from tests.browser.journeys import FOOTER, JOURNEYS, Visit
from tests.browser.reading import check_page
from tests.browser.words import spoken

if TYPE_CHECKING:
    from tests.browser.conftest import Opened
    from tests.browser.serving import Served
    from tests.browser.watching import Watch

MOST_TABS = 40
"""Through all that a page is for, and the languages."""
ALIKE = (
    *("unsubscribe-footer", "done-footer", "done-all", "preferences-saved", "history-older", "form"),
    *("bad-link", "old-link"),
)
"""Pages that are the same in another language, whether they were opened or the answer to a form."""
INSTEAD = {
    "form-wrong": words.FORM,
    "form-done": words.FORM,
    "too-many": words.FORM,
    "data-wrong": words.DATA,
    "erase-wrong": words.ERASE,
    "undone": words.CENTRE,
    "alert-pressed": words.MAIL_FROM,
}
"""Answers to a form that are not kept → the heading of the page in whose place they stand."""
ROLES: tuple[Literal["button"], Literal["link"]] = ("button", "link")
CHOSEN = ("de", "ar", "zh")


def choose_by_keyboard(visit: Visit, watch: Watch, code: str) -> None:
    """With Tab and Enter, and the path with its token stays."""
    before = visit.path
    tab_to(watch, OFFERED[code].name, most=MOST_TABS)
    with visit.arriving():
        watch.page.keyboard.press("Enter")
    visit.language = code
    assert visit.path == before
    check_language(visit)


def check_language(visit: Visit) -> None:
    """The page speaks it, says so, and nothing is kept in the browser."""
    language = OFFERED[visit.language]
    html = visit.page.locator("html")
    assert (html.get_attribute("lang"), html.get_attribute("dir")) == (language.html_tag, language.direction)
    expect(visit.languages.locator("[aria-current=true]")).to_have_text(language.name)
    assert visit.languages.get_by_role("link").count() == len(OFFERED) - 1
    assert visit.page.context.cookies() == []


def shown(watch: Watch) -> tuple[list[bool], int, int, int]:
    """What a page has, whatever it is called."""
    main = watch.page.get_by_role("main")
    buttons, links = (main.get_by_role(role).count() for role in ROLES)
    return ticked(watch), len(lines(watch)), buttons, links


@pytest.mark.parametrize("code", CHOSEN)
@pytest.mark.parametrize("name", ALIKE)
def test_a_page_is_the_same_in_another_language(opened: Opened, served: Served, axe: str, name: str, code: str) -> None:
    """The outcome is told again, and undo is there again; it takes the focus as it did."""
    watch = opened()
    visit = Visit(watch.page, served)
    JOURNEYS[name](visit)
    before, outcomes, entries = shown(watch), watch.page.get_by_role("status").count(), served.entries()

    choose_by_keyboard(visit, watch, code)

    assert spoken(JOURNEYS[name].heading, code).match(" ".join(title(watch).split()))
    assert shown(watch) == before
    assert watch.page.get_by_role("status").count() == outcomes
    if outcomes:
        assert focused(watch) == "status"
    assert served.entries() == entries
    check_page(watch, axe, code)


@pytest.mark.parametrize("name", INSTEAD)
def test_an_answer_that_is_not_kept_gives_way_to_its_page(opened: Opened, served: Served, axe: str, name: str) -> None:
    """And nothing is done once more."""
    watch = opened()
    visit = Visit(watch.page, served)
    JOURNEYS[name](visit)
    entries = served.entries()

    choose_by_keyboard(visit, watch, "ar")

    assert spoken(INSTEAD[name], "ar").match(" ".join(title(watch).split()))
    assert served.entries() == entries
    check_page(watch, axe, "ar")


def test_what_an_old_link_s_form_has_stopped_is_told_in_another_language(
    opened: Opened, served: Served, axe: str
) -> None:
    """The form lay open until the link was too old to do more, and so it stays."""
    watch = opened()
    visit = Visit(watch.page, served)
    visit.open("p", FOOTER)
    watch.page.get_by_role("checkbox").first.uncheck()
    with served.later(PREFERENCES_DAYS + 1):
        visit.press(words.SAVE)
        before, entries = shown(watch), served.entries()

        choose_by_keyboard(visit, watch, "ar")

        assert title(watch) == words.in_language(words.UNSUBSCRIBED, "ar")
        assert shown(watch) == before
        assert focused(watch) == "status"
        assert served.entries() == entries
        check_page(watch, axe, "ar")


@pytest.mark.parametrize("name", ["done-footer", "done-all", "preferences-saved"])
def test_undo_works_in_the_language_that_was_chosen_after_the_act(opened: Opened, served: Served, name: str) -> None:
    watch = opened()
    visit = Visit(watch.page, served)
    JOURNEYS[name](visit)
    choose_by_keyboard(visit, watch, "ar")
    before = served.entries()

    tab_to(watch, words.UNDO, "ar")
    press(watch, "Enter")

    assert told(watch).startswith(words.in_language(words.UNDONE, "ar"))
    assert focused(watch) == "status"
    assert ticked(watch) == [True, True, True]
    assert served.entries() == before + 1
    check_language(visit)


def test_an_older_page_of_the_history_stays_the_same_page(opened: Opened, served: Served) -> None:
    watch = opened()
    visit = Visit(watch.page, served)
    JOURNEYS["history-older"](visit)
    older = query(visit)["older"]

    choose_by_keyboard(visit, watch, "ja")

    at = query(visit).pop("at")
    assert query(visit) == {"older": older, "at": at, "lang": ["ja"]}
    visit.follow(words.NEWEST)
    assert query(visit) == {"at": at, "lang": ["ja"]}
    check_language(visit)


def query(visit: Visit) -> dict[str, list[str]]:
    return parse_qs(urlsplit(visit.page.url).query)


def test_it_is_kept_all_the_way_without_a_cookie_and_without_a_script(opened: Opened, served: Served) -> None:
    """F1."""
    watch, address = opened(java_script_enabled=False), "hafen@example.com"
    visit = Visit(watch.page, served)
    visit.open("u", FOOTER, address=address)
    token = visit.path.rpartition("/")[2]
    visit.speak("de")

    def arrived(heading: str) -> None:
        check_language(visit)
        assert spoken(heading, "de").match(title(watch))
        assert token in visit.path.split("/")

    visit.press(words.STOP)
    arrived(words.UNSUBSCRIBED)
    visit.follow(words.CHOOSE)
    arrived(words.CENTRE)
    watch.page.get_by_role("checkbox", name="Angebote").uncheck()
    visit.press(words.SAVE)
    arrived(words.CENTRE)
    assert ticked(watch) == [False, False, True]
    visit.press(words.UNDO)
    arrived(words.CENTRE)
    assert ticked(watch) == [False, True, True]

    visit.follow(words.HISTORY)
    arrived(words.HISTORY)
    assert len(lines(watch)) >= 3
    visit.follow(words.BACK)
    arrived(words.CENTRE)
    visit.follow(words.DATA)
    arrived(words.DATA)
    assert downloaded(visit, address)["categories"][0]["name"] == "Der Hafenbrief"
    visit.follow(words.BACK)

    visit.follow(words.ERASE)
    arrived(words.ERASE)
    visit.page.get_by_role("textbox").fill("else@example.com")
    visit.press(words.ERASE_NOW)
    arrived(words.ERASE)
    visit.page.get_by_role("textbox").fill(address)
    visit.press(words.ERASE_NOW)
    arrived(words.ERASED)
    visit.follow(words.CHOOSE_AGAIN)
    arrived(words.CENTRE)
    visit.press(words.STOP_ALL)
    arrived(words.UNSUBSCRIBED)


def downloaded(visit: Visit, address: str) -> dict[str, list[dict[str, str]]]:
    visit.page.get_by_role("textbox").fill(address)
    with visit.page.expect_download() as coming:
        visit.button(words.DOWNLOAD).click()
    found: dict[str, list[dict[str, str]]] = json.loads(Path(coming.value.path()).read_text("utf-8"))
    return found


def test_back_is_the_page_as_it_was(opened: Opened, served: Served) -> None:
    """And its buttons speak as it does."""
    watch = opened()
    visit = Visit(watch.page, served)
    visit.open("u", FOOTER)
    visit.speak("ja")
    visit.speak("he")

    watch.page.go_back()
    visit.language = "ja"
    check_language(visit)
    watch.page.go_back()
    visit.language = "en"
    check_language(visit)
    watch.page.go_forward()
    visit.language = "ja"
    visit.press(words.STOP)

    check_language(visit)
    assert title(watch) == words.in_language(words.UNSUBSCRIBED, "ja")


def test_loaded_again_it_says_the_same_and_back_sends_nothing_by_itself(opened: Opened, served: Served) -> None:
    watch = opened()
    visit = Visit(watch.page, served)
    JOURNEYS["done-footer"](visit)
    visit.speak("de")
    before, done = served.entries(), told(watch)

    watch.page.reload()

    assert told(watch) == done
    check_language(visit)
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        watch.page.go_back()
    assert served.entries() == before


def test_the_outcome_is_not_told_once_it_holds_no_more(opened: Opened, served: Served) -> None:
    """The page lay open in one tab; in another one the choice was taken back."""
    watch = opened()
    visit = Visit(watch.page, served)
    JOURNEYS["done-footer"](visit)
    visit.speak("de")
    with visit.in_second_tab() as other:
        other.goto(watch.page.url)
        other.press(words.UNDO)

    visit.speak("fr")

    assert spoken(words.UNSUBSCRIBE, "fr").match(title(watch))
    assert watch.page.get_by_role("status").count() == 0
