"""The watch itself: it notices what it is there for; and a logo that comes late moves nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.journeys import JOURNEYS, Visit
from tests.browser.senders import FULL

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from tests.browser.conftest import Opened
    from tests.browser.serving import Served
    from tests.browser.watching import Watch

PAINTED = """
() => new Promise(done => new PerformanceObserver(list => done(list.getEntries().length)).observe(
  {type: "paint", buffered: true}))
"""
PLANTED = {
    "an image more": "<img alt='' src='/api/l/harbourb/x'>",
    "a script": "<script src='/api/u/script.js'></script>",
    "another host": "<img alt='' src='http://127.0.0.2:9/'>",
    "too much": f"<!--{'x' * 14_000}-->",
    "an icon of its own": "<link rel='icon' href='/favicon.ico'>",
    "a word on the console": "<script>console.log('here')</script>",
}


def plant(watch: Watch, html: str) -> None:
    """Puts this into every page, and takes its policy away."""

    def changed(route: Route) -> None:
        answer = route.fetch()
        headers = {name: value for name, value in answer.headers.items() if name != "content-security-policy"}
        route.fulfill(response=answer, headers=headers, body=answer.text().replace("</main>", f"{html}</main>"))

    watch.page.route(re.compile(r"/api/u/oB"), changed)


@pytest.mark.parametrize("name", PLANTED)
def test_it_notices(opened: Opened, served: Served, name: str) -> None:
    watch = opened()
    plant(watch, PLANTED[name])
    JOURNEYS["unsubscribe"](Visit(watch.page, served))

    with pytest.raises(AssertionError):
        watch.check()


def open_before_its_logo(watch: Watch, served: Served) -> None:
    """The logo comes when the page is painted."""
    served.hold.clear()
    try:
        watch.page.goto(f"{served.url}/o/{FULL}", wait_until="commit")
        watch.page.evaluate(PAINTED)
    finally:
        served.hold.set()
    watch.page.wait_for_load_state("load")


def test_a_logo_that_comes_late_moves_nothing(opened: Opened, served: Served) -> None:
    watch = opened()

    open_before_its_logo(watch, served)

    watch.check()


def test_it_notices_a_logo_without_a_size(opened: Opened, served: Served) -> None:
    watch = opened()

    def changed(route: Route) -> None:
        answer = route.fetch()
        headers = {name: value for name, value in answer.headers.items() if name != "content-security-policy"}
        body = re.sub(r' width="\d+" height="\d+"', "", answer.text()).replace("height:2.5rem", "")
        route.fulfill(response=answer, headers=headers, body=body)

    watch.page.route(re.compile("/api/o/"), changed)
    open_before_its_logo(watch, served)

    assert watch.shifts() != []
