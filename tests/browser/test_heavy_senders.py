"""Senders with more to show than a page has room for, in a browser: 25 kinds of mail, and all that the API allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import words
from tests.browser.journeys import FOOTER, HEADER, Visit
from tests.browser.reading import check_page
from tests.heavy import HINDI, LONGEST_ADDRESS, MANY, QUOTE, WIDE, WORST, many_sender, worst_sender

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.conftest import Opened
    from tests.browser.serving import Served

WIDTHS = (320, 1_280)
SENDERS = (MANY, WORST, WIDE)


@pytest.fixture(scope="module", autouse=True)
def create(served: Served) -> None:
    for sender in (many_sender(), worst_sender(WORST, QUOTE), worst_sender(WIDE, HINDI)):
        served.site.service.senders.create(sender)


def first(visit: Visit) -> None:
    visit.open("p", FOOTER, address=LONGEST_ADDRESS)


def second(visit: Visit) -> None:
    first(visit)
    visit.follow(words.MORE_KINDS)


def saved(visit: Visit) -> None:
    """Every box of the second page is the other way round."""
    second(visit)
    for box in visit.page.get_by_role("checkbox").all():
        box.click()
    visit.press(words.SAVE)


def undone(visit: Visit) -> None:
    saved(visit)
    visit.press(words.UNDO)


def history(visit: Visit) -> None:
    saved(visit)
    visit.follow(words.FIRST_KINDS)
    visit.follow(words.HISTORY)


def done(visit: Visit) -> None:
    visit.open("u", FOOTER, address=LONGEST_ADDRESS)
    visit.press(words.STOP)


PAGES: dict[str, Callable[[Visit], None]] = {
    "unsubscribe": lambda visit: visit.open("u", HEADER, address=LONGEST_ADDRESS),
    "done": done,
    "first": first,
    "second": second,
    "saved": saved,
    "undone": undone,
    "history": history,
}


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_readable_light_still_and_alone(
    opened: Opened, served: Served, axe: str, name: str, sender: str
) -> None:
    """F1, F2."""
    watch = opened()
    for width in WIDTHS:
        watch.page.set_viewport_size({"width": width, "height": 720})
        PAGES[name](Visit(watch.page, served, sender))
        check_page(watch, axe)


def test_through_all_kinds_by_their_links_and_back(opened: Opened, served: Served) -> None:
    """H4: what is saved on the last page leaves what the first one shows as it is."""
    watch = opened(java_script_enabled=False)
    visit = Visit(watch.page, served, MANY)
    visit.open("p", FOOTER)
    seen = 0
    more = visit.links(words.MORE_KINDS)
    while more.count():
        seen += watch.page.get_by_role("checkbox").count()
        visit.follow(words.MORE_KINDS)
    seen += watch.page.get_by_role("checkbox").count()
    assert seen == 25

    watch.page.get_by_role("checkbox").last.uncheck()
    visit.press(words.SAVE)

    expect(watch.page.get_by_role("checkbox").last).not_to_be_checked()
    expect(watch.page.get_by_role("status")).to_contain_text("will not send you Letters on shelf 25")
    visit.press(words.UNDO)
    expect(watch.page.get_by_role("checkbox").last).to_be_checked()
    visit.follow(words.FIRST_KINDS)
    expect(watch.page.get_by_role("checkbox").first).to_have_accessible_name(
        "Letters on shelf 1 and all that stands there"
    )
    assert all(box.is_checked() for box in watch.page.get_by_role("checkbox").all())
