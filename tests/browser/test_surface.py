"""Every route that shows a page, and every way that it may go, has a journey: a new one fails here until it has."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from app import app
from tests.browser import going, words
from tests.browser.journeys import DATA, ERASE, JOURNEYS, Visit, route_of
from tests.browser.serving import PREFIX

if TYPE_CHECKING:
    from tests.browser.conftest import Opened
    from tests.browser.serving import Served

ROUTES = [
    f"{method} {path}"
    for path, methods in app.routes.items()
    for method in ("GET", "POST")
    if path.startswith(("/u/", "/p/", "/o/")) and method in methods
]
ELSEWHERE = {f"POST {DATA} 200": "a file, and no page: test_my_data.py looks at it"}
READS_NO_RECIPIENT = {f"GET {DATA}", f"GET {ERASE}", "GET /o/{sender}"}
"""So it has no trouble where none can be read."""
LANDINGS = {journey.lands for journey in JOURNEYS.values()} | set(ELSEWHERE)
OLD = {journey.lands.rpartition(" ")[0] for name, journey in JOURNEYS.items() if name.startswith("old-link")}
OPENED = [name for name, journey in JOURNEYS.items() if re.match(r"GET .* 200$", journey.lands)]


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_has_a_journey_for_every_way_that_it_may_go(route: str) -> None:
    assert f"{route} {HTTPStatus.OK:d}" in LANDINGS
    if route not in READS_NO_RECIPIENT:
        assert f"{route} {HTTPStatus.SERVICE_UNAVAILABLE:d}" in LANDINGS
    if "/p/" in route:
        assert route in OLD, "the link may be old"


def test_no_journey_leads_elsewhere() -> None:
    known = {landing.rpartition(" ")[0] for landing in LANDINGS}
    assert known == set(ROUTES)


@pytest.mark.parametrize("route", [route for route in ROUTES if "{token}" in route])
def test_a_bad_link_is_told_wherever_it_leads(opened: Opened, served: Served, route: str) -> None:
    watch = opened()
    visit = Visit(watch.page, served)
    method, path = route.replace("{token}", "x").split()
    if method == "GET":
        visit.goto(served.url + path)
    else:
        visit.open_form()
        going.post(visit, path)

    assert visit.page.get_by_role("heading", level=1).inner_text() == words.BAD_LINK
    assert visit.landed is not None
    assert visit.landed.status == HTTPStatus.NOT_FOUND
    watch.check()


@pytest.mark.parametrize("name", OPENED)
def test_whatever_a_page_leads_to_has_a_journey(opened: Opened, served: Served, name: str) -> None:
    visit = Visit(opened().page, served)
    JOURNEYS[name](visit)
    links = visit.page.locator("a").evaluate_all("found => found.map(link => link.href)")
    own = [urlsplit(link).path for link in links if link.startswith(served.url)]
    assert {f"GET {route_of(path.removeprefix(PREFIX))} 200" for path in own} <= LANDINGS
    for form in visit.page.locator("form").all():
        route = route_of(urlsplit(form.evaluate("form => form.action")).path.removeprefix(PREFIX))
        takes_text = form.get_by_role("textbox").count()
        outcomes = (200, 400, 429) if takes_text else (200,)
        assert {f"POST {route} {status}" for status in outcomes} <= LANDINGS
