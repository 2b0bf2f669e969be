"""The download: all that is kept, for whoever knows the address, and for nobody else (C5, F5)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest

from chalicelib.domain.acts import Act, Blocked, Consented, Erased, Evidence, OptedIn, OptedOut, Stated, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.store.ledger import Beside
from chalicelib.tokens import PREFERENCES_DAYS, Purpose, mint
from chalicelib.use_cases import recalling
from chalicelib.use_cases.opening import open_link
from chalicelib.use_cases.proving import TYPED_BUDGET
from tests.site import ADDRESS, CODE, DAY, Site

if TYPE_CHECKING:
    from chalice.test import HTTPResponse

DOCUMENT = Path(__file__).parents[2] / "docs" / "my-data.md"
SHOWN = Evidence("the box on the form", "Yes to <News>", "order 4711")


def footer(site: Site) -> str:
    return f"/p/{site.token(1, Purpose.PREFERENCES)}"


def ask(site: Site, address: str = ADDRESS, path: str | None = None) -> HTTPResponse:
    return site.post(path or f"{footer(site)}/data", f"address={quote(address)}".encode())


def told(answer: HTTPResponse) -> dict[str, Any]:
    assert answer.status_code == 200
    body: dict[str, Any] = json.loads(answer.body)
    return body


def live(site: Site) -> None:
    """A life with consent, choices, and the sender's own hand."""
    place, now = site.service.senders.get(CODE).place_of(parse_address(ADDRESS)), site.clock.milliseconds
    consent = Act("a_consent", Via.API, (Consented("news", now - DAY, "a_consent"),))
    site.service.ledger.record(place, consent, Beside(ADDRESS, SHOWN))
    site.post(f"/u/{site.token(2)}")
    for act in (Act("x", Via.API, (Blocked("offers"),)), Act("y", Via.IMPORT, (Stated("offers", now - DAY),))):
        site.service.ledger.record(place, act)


def test_the_right_address_gets_a_file_with_everything(site: Site) -> None:
    live(site)

    answer = ask(site, f" {ADDRESS.upper()} ")
    file = told(answer)

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert (file["address"], file["address_kept"], file["is_whole"]) == (ADDRESS, ADDRESS, True)
    assert file["recipient"] == open_link(site.service, site.token()).place.recipient
    assert file["sender"] == {"name": "Test & Sons", "postal_address": None, "privacy_link": None}
    assert {one["category"]: one["reason"] for one in file["categories"]} == {
        "news": None,
        "offers": "blocked",
        "alerts": None,
    }
    assert [act["via"] for act in file["history"]] == ["import", "api", "one_click", "api"]
    assert file["history"][2]["in_words"][0].endswith("you stopped Offers, by the button of your mail program.")
    assert file["consents"] == [
        {"act": "a_consent", "how": SHOWN.how, "wording": SHOWN.wording, "source": SHOWN.source}
    ]
    assert set(file["kept"]["registers"]) == {"choice", "stated", "consent", "block"}
    assert len(file["kept"]["in_words"]) == 4


def test_its_shape_is_the_documented_one(site: Site) -> None:
    live(site)
    file = told(ask(site))

    assert list(file) == re.findall(r"^\| `(\w+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert f"`{file['format']}`" in DOCUMENT.read_text("utf-8")
    assert f"{recalling.MOST_ACTS:,} acts" in DOCUMENT.read_text("utf-8")
    keys = {"category", "name", "description", "kind", "may_send", "reason", "since"}
    assert {frozenset(one) for one in file["categories"]} == {frozenset(keys)}
    keys = {"in_words", "act", "via", "recorded", "version", "parts"}
    assert {frozenset(one) for one in file["history"]} == {frozenset(keys)}
    assert set(file["consents"][0]) == {"act", "how", "wording", "source"}


def test_of_whom_nothing_is_known_it_is_said_as_much(site: Site) -> None:
    file = told(ask(site))
    assert (file["history"], file["consents"], file["address_kept"]) == ([], [], None)
    assert file["kept"] == {"in_words": [], "registers": {}}
    assert site.stored() == []


def test_after_an_erasure_it_tells_what_is_left(site: Site) -> None:
    """C5."""
    live(site)
    ask(site, path=f"{footer(site)}/erase")

    file = told(ask(site))

    assert (file["address_kept"], file["consents"]) == (None, [])
    assert len(file["history"]) == 5
    assert any(words.startswith("Your address and your choices were erased") for words in file["kept"]["in_words"])


def test_a_long_history_is_whole(site: Site) -> None:
    place = open_link(site.service, site.token()).place
    for number in range(53):
        part = OptedOut("offers") if number % 2 else OptedIn("offers")
        site.service.ledger.record(place, Act(f"act{number}", Via.PREFERENCE_PAGE, (part,)))

    file = told(ask(site))

    assert [act["act"] for act in file["history"]] == [f"act{number}" for number in range(53)][::-1]
    assert file["is_whole"] is True


def test_it_is_cut_after_a_while_and_says_so(site: Site) -> None:
    """The clock is read between blocks: here it goes on by itself."""
    place = open_link(site.service, site.token()).place
    for number in range(60):
        part = OptedOut("offers") if number % 2 else OptedIn("offers")
        site.service.ledger.record(place, Act(f"act{number}", Via.PREFERENCE_PAGE, (part,)))
    ticks = iter(range(0, 1_000, 6))
    slow = replace(site.service, monotonic=lambda: float(next(ticks)))
    opened = open_link(site.service, site.token())

    found = recalling.recall_everything(slow, opened)

    assert recalling.PAGE < len(found.entries) < 60
    assert not found.is_whole
    assert recalling.recall_everything(site.service, opened).is_whole


WRONG = ("", "nobody", "other@example.com", f"x{ADDRESS}", "a b@example.com", "<script>@example.com", "x" * 300)


@pytest.mark.parametrize("what", ["data", "erase"])
def test_every_wrong_address_gets_the_same_page(site: Site, what: str) -> None:
    """F5: neither whether it is known, nor what is wrong with it."""
    live(site)
    site.post(f"/o/{CODE}", b"address=other%40example.com")
    before = site.stored()

    answers = [ask(site, address, f"{footer(site)}/{what}") for address in WRONG]

    assert {answer.status_code for answer in answers} == {400}
    assert len({answer.body for answer in answers}) == 1
    assert len({str(answer.headers) for answer in answers}) == 1
    page = answers[0].body.decode()
    assert "That is not the address" in page
    assert 'role="alert" id="error"' in page
    assert 'aria-invalid="true" aria-describedby="error"' in page
    assert ADDRESS not in page
    assert site.stored() == before


@pytest.mark.parametrize("what", ["data", "erase"])
@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("POST", 400)])
def test_without_an_address_it_is_asked_for(site: Site, what: str, method: str, status: int) -> None:
    """A7: and nothing is written, or counted."""
    answer = site.client.http.request(method, f"{footer(site)}/{what}", headers={}, body=b"")

    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    if method != "HEAD":
        assert b'name="address"' in answer.body
        assert (b'role="alert"' in answer.body) is (method == "POST")
    assert site.stored() == []
    assert not [item for item in site.tables.items(site.tables.names.control) if "limit#" in item["pk"]["S"]]


def test_tries_are_limited_for_each_recipient_whatever_they_are_for(site: Site) -> None:
    paths = [f"{footer(site)}/{what}" for what in ("data", "erase")]
    for number in range(TYPED_BUDGET):
        assert ask(site, "other@example.com", paths[number % 2]).status_code == 400

    for path in paths:
        refused = ask(site, path=path)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 3_600
    assert site.stored() == []
    other = site.token(1, Purpose.PREFERENCES, "other@example.com")
    assert ask(site, "other@example.com", f"/p/{other}/data").status_code == 200
    site.clock.milliseconds += 3_600_000
    assert ask(site).status_code == 200
    limits = [item for item in site.tables.items(site.tables.names.control) if "limit#" in item["pk"]["S"]]
    assert limits
    assert "example.com" not in str(limits)


def test_a_sender_of_hashes_alone_tells_the_address_and_keeps_none(site: Site) -> None:
    site.service.senders.create(replace(site.service.senders.get(CODE), code="hashsend", hashed=True))
    token = mint(site.service.keyring, Purpose.PREFERENCES, "hashsend", 1, site.day, ADDRESS)
    site.post(f"/u/{token}")

    file = told(ask(site, path=f"/p/{token}/data"))

    assert (file["address"], file["address_kept"]) == (ADDRESS, None)
    assert ADDRESS not in str(site.stored())


@pytest.mark.parametrize("what", ["data", "erase"])
class TestALinkThatOnlyStops:
    def test_of_a_header(self, site: Site, what: str) -> None:
        path = f"/p/{site.token()}/{what}"
        assert {site.client.http.get(path).status_code, ask(site, path=path).status_code} == {404}
        assert site.stored() == []

    def test_that_is_old(self, site: Site, what: str) -> None:
        path = f"{footer(site)}/{what}"
        live(site)
        before = site.stored()
        site.clock.milliseconds += (PREFERENCES_DAYS + 1) * DAY

        answers = [site.client.http.get(path), ask(site, path=path)]

        assert [answer.status_code for answer in answers] == [200, 403]
        for answer in answers:
            assert b"This link is old" in answer.body
            assert ADDRESS.encode() not in answer.body
            assert b"/p/" not in answer.body
        assert site.stored() == before


def test_nothing_hostile_becomes_markup_or_a_header(site: Site) -> None:
    body = urlencode([("address", "a\r\nSet-Cookie: x=1@example.com"), ("address", ADDRESS)]).encode()
    answer = site.post(f"{footer(site)}/data", body)
    assert answer.status_code == 400
    assert "Set-Cookie" not in answer.headers


def test_an_erasure_is_in_words(site: Site) -> None:
    place = open_link(site.service, site.token()).place
    site.service.ledger.record(place, Act("e", Via.OPS, (Erased(),)))
    assert "the people who run this page erased" in told(ask(site))["history"][0]["in_words"][0]
