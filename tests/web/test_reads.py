"""What every page that is opened costs: two reads at most and no write, also where nobody was here before.

A container that has just begun does not know the sender yet. All of it goes through a counting connection.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin

import pytest

from app import app
from chalicelib.boundary import SECURITY_HEADERS
from chalicelib.domain.acts import OptedIn, OptedOut
from chalicelib.service import Service
from chalicelib.tokens import Purpose
from chalicelib.use_cases.recalling import PAGE
from tests.heavy import LONGEST_ADDRESS, MANY
from tests.site import Site
from tests.store.faults import Answer, FaultyPool, error_before, faulty, unprocessed
from tests.store.test_injected_faults import READ
from tests.web.test_weight import GETS, Reader, aged

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.test import HTTPResponse

    from tests.store.faults import Fault, Forward


MOST_READS = 2
METHODS = ("GET", "HEAD")
BARE = ("history, bare", "history, older, bare")
"""Histories by a URL that no page of ours has."""
ROUTES = {
    path for path, methods in app.routes.items() if "GET" in methods and not path.startswith(("/v1/", "/healthz"))
}
"""Whatever a browser may open."""


def told(answer: HTTPResponse, path: str) -> str:
    """The URL of the page of an outcome, in another language."""
    assert answer.status_code == 200
    [link, *_] = re.findall(r'<a href="([^"]+)" lang="de">', answer.body.decode())
    return urljoin(path, html.unescape(link))


def stopped(reader: Reader, path: str) -> str:
    return told(reader.post(path), path)


def saved(reader: Reader) -> str:
    return told(reader.save(reader.footer), reader.footer)


def undone(reader: Reader) -> str:
    """The page of "undo", which a telephone opens again, and to which its languages lead."""
    path = f"{reader.footer}/undo"
    act = reader.record(*(OptedOut(kind) for kind in reader.kinds))
    return told(reader.post(path, ("act", act)), path)


def erased(reader: Reader) -> str:
    path = f"{reader.footer}/erase"
    return told(reader.post(path, ("address", LONGEST_ADDRESS)), path)


def saved_old(reader: Reader) -> str:
    path = aged(reader)
    return told(reader.post(path, ("shown", " ".join(reader.kinds)), ("before", " ".join(reader.kinds))), path)


def typed(reader: Reader) -> str:
    path = f"/o/{reader.code}"
    return told(reader.post(path, ("address", LONGEST_ADDRESS)), path)


def linked_history(reader: Reader) -> str:
    """As the preference centre has it."""
    [link] = re.findall(r'href="(/api/p/[^"/]+/history[^"]*)"', reader.get(reader.footer).body.decode())
    return html.unescape(link)


def busy_history(reader: Reader) -> str:
    for number in range(3 * PAGE):
        reader.record((OptedIn if number % 2 else OptedOut)(reader.kinds[0]))
    return linked_history(reader)


OPENED: dict[str, Callable[[Reader], str]] = {
    **GETS,
    "done, in another language": lambda reader: stopped(reader, f"/u/{reader.token(Purpose.PREFERENCES)}"),
    "all stopped": lambda reader: f"/u/{reader.token(Purpose.PREFERENCES)}/all",
    "all stopped, told": lambda reader: stopped(reader, f"/u/{reader.token(Purpose.ONE_CLICK)}/all"),
    "saved, in another language": saved,
    "undo, opened again": lambda reader: f"{reader.footer}/undo",
    "undone, in another language": undone,
    "erased, in another language": erased,
    "history, from the centre": busy_history,
    "history, older, from there": lambda reader: reader.older(busy_history(reader), "Older"),
    "history, far older, from there": lambda reader: reader.older(reader.older(busy_history(reader), "Older"), "Older"),
    "history, bare": lambda reader: f"{reader.footer}/history",
    "history, older, bare": lambda reader: f"{reader.footer}/history?older=1",
    "saved by an old link, in another language": saved_old,
    "the form, done, in another language": typed,
    "a bad link": lambda _: "/u/x",
    "no such sender": lambda _: "/o/nobodyxx",
    "no sender's code": lambda _: "/o/x",
    "the logo": lambda reader: re.findall(r'src="([^"]+)"', reader.get(reader.footer).body.decode())[0],
    "no logo": lambda reader: f"/l/{reader.code}/{'0' * 32}",
    "the API, to read": lambda _: "/docs",
}


@dataclass
class Container:
    """One that has just begun, and the calls that it makes."""

    site: Site
    service: Service
    pool: FaultyPool

    @classmethod
    def begun(cls, site: Site) -> Container:
        service = Service(site.service.settings, site.service.monotonic, site.service.clock)
        wire, pool = faulty(service.settings)
        service.__dict__["_wire"] = wire
        return cls(site, service, pool)

    def ask(self, method: str, path: str) -> tuple[HTTPResponse, int]:
        """The answer, and in how many reads."""
        app._service = self.service
        self.pool.calls.clear()
        answer = self.site.client.http.request(method, path.removeprefix("/api"))
        assert {operation for operation, _ in self.pool.calls} <= {READ}
        return answer, len(self.pool.calls)


def route_of(path: str) -> str:
    url = path.removeprefix("/api").partition("?")[0]
    [route] = [one for one in ROUTES if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), url)]
    return route


def test_every_page_is_counted(site: Site) -> None:
    """A new route fails here until it is among `OPENED`."""
    reader = Reader(site, MANY)
    elsewhere = {name for name in OPENED if " old link" in name or "far older" in name}
    assert {route_of(OPENED[name](reader)) for name in set(OPENED) - elsewhere} == ROUTES


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", OPENED)
def test_a_page_is_two_reads_at_most_and_no_write(site: Site, name: str, method: str) -> None:
    """A7. In a container that has just begun, and in the same one a second time."""
    path = OPENED[name](Reader(site, MANY))
    container = Container.begun(site)

    cold, first = container.ask(method, path)
    warm, second = container.ask(method, path)

    assert first <= MOST_READS
    assert second <= MOST_READS
    if cold.status_code == HTTPStatus.TEMPORARY_REDIRECT:
        assert name in BARE
    else:
        assert (cold.status_code, cold.body) == (warm.status_code, warm.body)


def left_out(table: str) -> Fault:
    """What was asked of this table comes back as not read."""

    def fault(pool: FaultyPool, forward: Forward) -> Answer:
        asked, found = json.loads(pool.calls[-1][1])["RequestItems"], json.loads(forward().data)
        found["Responses"].pop(table, None)
        return Answer(200, json.dumps({**found, "UnprocessedKeys": {table: asked[table]}}).encode())

    return fault


class TestTheHistory:
    """Where the recipient is kept stands in the links to it: the sender's row and the recipient come by one call."""

    OTHER = "ada@example.com"

    @pytest.fixture
    def path(self, site: Site) -> str:
        site.post(f"/u/{site.token(2)}")
        site.post(f"/u/{site.token(1, address=self.OTHER)}")
        return f"/p/{site.token(1, Purpose.PREFERENCES)}/history"

    def test_each_read_is_a_strong_one(self, site: Site, path: str) -> None:
        container, names = Container.begun(site), site.tables.names

        answer, reads = container.ask("GET", f"{path}?{site.at()}")

        assert b"you stopped Offers" in answer.body
        asked = [json.loads(body)["RequestItems"] for _, body in container.pool.calls]
        assert reads == 2
        assert [set(tables) for tables in asked] == [{names.control, names.recipients}, {names.recipients}]
        assert all(told["ConsistentRead"] is True for tables in asked for told in tables.values())

    def test_without_it_the_page_is_elsewhere_and_what_was_asked_goes_along(self, site: Site, path: str) -> None:
        container = Container.begun(site)

        answer, reads = container.ask("GET", f"{path}?lang=de&older=1")

        assert (answer.status_code, answer.body, reads) == (307, b"", 1)
        assert answer.headers["Location"] == f"?older=1&{site.at()}&lang=de"
        assert SECURITY_HEADERS.items() <= dict(answer.headers).items()
        assert Container.begun(site).ask("GET", urljoin(path, answer.headers["Location"]))[0].status_code == 200

    @pytest.mark.parametrize("shift", [0, 1])
    def test_that_of_another_shows_nothing_of_it(self, site: Site, path: str, shift: int) -> None:
        """Nor does one that is in another shard than its own."""
        shard, _, recipient = site.at(address=self.OTHER).removeprefix("at=").partition(".")
        told = f"{path}?at={(int(shard) + shift) % 8}.{recipient}"
        container = Container.begun(site)

        cold, reads = container.ask("GET", told)
        warm, _ = container.ask("GET", told)

        assert (cold.status_code, cold.body, reads) == (307, b"", 1)
        assert cold.headers["Location"] == f"?{site.at()}"
        assert b"you stopped Offers" in warm.body
        assert b"you stopped News" not in warm.body

    @pytest.mark.parametrize(
        "told",
        ["", "x", "3", "3.", ".rcp", f"64.rcp_{'a' * 26}", f"-1.rcp_{'a' * 26}", f"3.rcp_{'b' * 26}", "\u0663.x"],
    )
    def test_what_is_no_place_is_nothing(self, site: Site, path: str, told: str) -> None:
        answer, reads = Container.begun(site).ask("GET", f"{path}?at={quote(told)}")
        assert (answer.headers["Location"], reads) == (f"?{site.at()}", 1)

    def test_what_was_not_read_is_asked_for_again(self, site: Site, path: str) -> None:
        """And is never taken for absent."""
        names = site.tables.names
        for fault in (unprocessed, left_out(names.recipients), left_out(names.control)):
            container = Container.begun(site)
            container.pool.plan(READ, fault)

            answer, reads = container.ask("GET", f"{path}?{site.at()}")

            assert b"you stopped Offers" in answer.body
            assert reads == 3

    def test_what_was_read_ahead_serves_one_request(self, site: Site, path: str) -> None:
        """The state of a recipient is never remembered."""
        container = Container.begun(site)
        container.ask("GET", f"{path}?{site.at()}")
        app._service = site.service
        site.post(f"/u/{site.token(1)}")

        answer, _ = container.ask("GET", f"{path}?{site.at()}")

        assert b"you stopped News" in answer.body

    def test_trouble_with_both_at_once_is_not_the_end(self, site: Site, path: str) -> None:
        """Then they are read one after the other."""

        def of_both(pool: FaultyPool, forward: Forward) -> Answer:
            is_both = len(json.loads(pool.calls[-1][1])["RequestItems"]) > 1
            return error_before(pool, forward) if is_both else forward()  # type: ignore[no-any-return]

        container = Container.begun(site)
        container.pool.plan(READ, *[of_both] * 300)

        answer, _ = container.ask("GET", f"{path}?{site.at()}")

        assert answer.status_code == 200
        assert b"you stopped Offers" in answer.body

    def test_trouble_is_told(self, site: Site, path: str) -> None:
        container = Container.begun(site)
        container.pool.plan(READ, *[error_before] * 200)
        answer, _ = container.ask("GET", f"{path}?{site.at()}")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
