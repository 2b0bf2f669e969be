"""What a screen reader is told on every page (F2): names of controls, outcomes, headings, landmarks, the title."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from chalicelib.web.languages import OFFERED, SOURCE
from tests.browser import words
from tests.browser.journeys import JOURNEYS, Visit
from tests.browser.test_pages import MAIN
from tests.browser.trees import CONTROLS, FIELDS, OUTCOMES, Tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.serving import Served
    from tests.browser.watching import Watch

OF_NOBODY = {"nothing-here", "bad-link"}
"""Pages that speak of no sender: there is nothing before the main part."""
SENT = [name for name, journey in JOURNEYS.items() if journey.lands.startswith("POST")]


TRANSLATED = (*MAIN, "form-wrong", "erase-wrong", "erased", "alert-pressed", "old-link-saved")
"""What is looked at in other languages, too."""
EVERY = [(name, SOURCE) for name in JOURNEYS] + [(name, code) for name in TRANSLATED for code in ("ar", "ja")]


def tree_at(speaking: Callable[[str], Watch], served: Served, name: str, language: str) -> tuple[Visit, Tree]:
    visit = Visit(speaking(language).page, served, language=language)
    JOURNEYS[name](visit)
    return visit, Tree.of(visit.page)


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_what_a_page_is_for_a_screen_reader(
    speaking: Callable[[str], Watch], served: Served, name: str, language: str
) -> None:
    visit, tree = tree_at(speaking, served, name, language)

    check_title(visit, tree)
    check_headings(tree)
    check_landmarks(visit, tree, has_sender=name not in OF_NOBODY)
    check_controls(visit, tree)
    check_lists(visit, tree)
    check_languages(visit, tree)
    if name not in SENT:
        assert tree.focused == tree.root
        assert tree.having(*OUTCOMES) == []


def check_title(visit: Visit, tree: Tree) -> None:
    """It is what is read first when a page has come. Where something was wrong with a form it says so."""
    [heading] = [one for one in tree.having("heading") if one.properties["level"] == 1]
    assert heading.text
    assert visit.landed is not None
    told = words.in_language(words.ERROR, visit.language).format(title=heading.text)
    is_wrong = visit.landed.status == HTTPStatus.BAD_REQUEST
    assert tree.root.name == (told if is_wrong else heading.text)


def check_headings(tree: Tree) -> None:
    first, *others = [heading.properties["level"] for heading in tree.having("heading")]
    assert first == 1
    assert set(others) <= {2}


def check_landmarks(visit: Visit, tree: Tree, *, has_sender: bool) -> None:
    counts = [len(tree.having(one)) for one in ("banner", "main", "contentinfo", "navigation")]
    assert counts == [has_sender, 1, 1, True]
    outside = visit.page.locator("body > :not(header, main, footer)")
    assert outside.count() == 0, "all that is said stands in a landmark"
    assert visit.page.locator("html[lang][dir]").count() == 1


def check_controls(visit: Visit, tree: Tree) -> None:
    assert all(control.name for control in tree.having(*CONTROLS))
    names = [button.name for button in tree.having("button")]
    assert len(names) == len(set(names)), "two buttons of one name are told apart by nobody"
    described = visit.page.locator("[aria-describedby]").count()
    assert described == sum(bool(one.description) for one in tree.having(*FIELDS)), "a description that is not found"
    alerts = [alert.text for alert in tree.having("alert")]
    for one in tree.having("textbox"):
        assert one.is_invalid is bool(alerts)
        assert one.description == "".join(alerts)


def check_lists(visit: Visit, tree: Tree) -> None:
    assert len(tree.having("list")) == visit.page.locator("ul").count()
    assert len(tree.having("listitem")) == visit.page.locator("li").count()


def check_languages(visit: Visit, tree: Tree) -> None:
    """One is that of the page; each other is a link, which is called what it is called in it, and says so."""
    [navigation] = tree.having("navigation")
    assert words.spoken(words.LANGUAGE, visit.language).match(navigation.name)
    current = visit.languages.locator("[aria-current=true]")
    assert current.inner_text() == OFFERED[visit.language].name
    links = visit.languages.get_by_role("link").evaluate_all("all => all.map(one => [one.lang, one.textContent])")
    others = [one for one in OFFERED.values() if one.code != visit.language]
    assert sorted(map(tuple, links)) == sorted((one.html_tag, one.name) for one in others)
    assert {name for _, name in links} <= {link.name for link in tree.having("link")}


@pytest.mark.parametrize(("name", "language"), [one for one in EVERY if one[0] in SENT])
def test_what_came_of_a_form_is_announced(
    speaking: Callable[[str], Watch], served: Served, name: str, language: str
) -> None:
    """By what takes the focus, or else by the title of a page that tells trouble and has nothing to press."""
    visit, tree = tree_at(speaking, served, name, language)
    outcomes = tree.having(*OUTCOMES)

    if tree.having("alert"):
        assert [one.role for one in outcomes] == ["alert"]
        assert tree.focused.role == "textbox"
        assert tree.focused.description == outcomes[0].text
    elif tree.having("button"):
        [status] = outcomes
        assert status.role == "status"
        assert status.text
        assert tree.focused == status
    else:
        assert visit.landed is not None
        assert not visit.landed.ok or tree.focused in tree.having("status")
        assert visit.landed.ok or visit.page.get_by_role("main").locator("p").inner_text()
