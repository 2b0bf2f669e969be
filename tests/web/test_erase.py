"""Erasure by the recipient: forgotten but for the hash with the opt-out, and back only by its own choice (C5, H5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from chalicelib.domain.acts import Act, Consented, Evidence, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.decision import Reason
from chalicelib.store.ledger import Beside
from chalicelib.tokens import Purpose
from chalicelib.use_cases.opening import open_link
from tests.site import ADDRESS, CODE, DAY, Site
from tests.store import faults
from tests.store.faults import FaultyPool

if TYPE_CHECKING:
    from chalice.test import HTTPResponse

ERASED = {"news": Reason.OPTED_OUT_OF_ALL, "offers": Reason.OPTED_OUT_OF_ALL, "alerts": None}
SHOWN = Evidence("the form that Dana filled", "Yes, sing to me", "order 4711")
MARKS = ("dana.reader", "sing to me", "order 4711")


def footer(site: Site) -> str:
    return f"/p/{site.token(1, Purpose.PREFERENCES)}"


def erase(site: Site) -> HTTPResponse:
    return site.post(f"{footer(site)}/erase", f"address={quote(ADDRESS)}".encode())


def live(site: Site) -> None:
    place = site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
    consent = Act("a_consent", Via.API, (Consented("offers", site.clock.milliseconds - DAY, "a_consent"),))
    site.service.ledger.record(place, consent, Beside(ADDRESS, SHOWN))
    site.post(f"/u/{site.token()}")


def choose(site: Site, *wanted: str) -> HTTPResponse:
    page = site.client.http.get(footer(site)).body.decode()
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', page)
    body = "&".join(f"{name}={value}" for name, value in [*fields, *(("wanted", one) for one in wanted)])
    return site.post(footer(site), body.encode())


def marks(site: Site) -> list[str]:
    tables = site.tables
    stored = str([tables.items(tables.names.recipients), tables.items(tables.names.control)]).lower()
    return [mark for mark in MARKS if mark in stored]


def test_the_page_says_what_goes_and_what_stays_and_asks_for_the_address(site: Site) -> None:
    live(site)
    before = site.stored()

    answer = site.client.http.get(f"{footer(site)}/erase")

    page = answer.body.decode()
    for said in ("What is erased", "What stays, and why", "Nobody can read the address", "at most 30 days", "d**r@e"):
        assert said in page
    assert page.count("<button") == 1
    assert ADDRESS not in page
    assert f'href="/api{footer(site)}"' in page
    assert site.stored() == before


def test_it_erases_at_once_and_says_what_is_true_now(site: Site) -> None:
    """C5, H2: the service alerts stay."""
    live(site)
    assert set(marks(site)) == set(MARKS)

    answer = erase(site)

    assert answer.status_code == 200
    page = answer.body.decode()
    assert "Your address and your choices are erased" in page
    assert "will not send any optional mail to d**r@e*****.com any more" in page
    assert "What still arrives" in page
    assert ADDRESS not in page
    assert marks(site) == []
    assert site.reasons() == ERASED
    history = site.client.http.get(f"{footer(site)}/history").body.decode()
    assert "you erased your address and your choices, on the page where you choose what you get" in history


def test_the_act_is_the_recipient_s_own(site: Site) -> None:
    erase(site)
    place = open_link(site.service, site.token()).place
    [entry] = site.service.reader.log(CODE, place.shard, 0)
    assert (entry.act.via, entry.act.key_version, entry.act.id[:2]) == (Via.PREFERENCE_PAGE, 1, "p_")


def test_of_an_unknown_address_it_keeps_the_opt_out_and_looks_the_same(site: Site) -> None:
    """F5; and what the page promises is true."""
    unknown = erase(site)
    assert site.reasons() == ERASED
    assert marks(site) == []
    assert site.entries() == 1

    assert erase(site).body == unknown.body


def test_a_second_one_records_nothing_new(site: Site) -> None:
    live(site)
    first, second = erase(site), erase(site)
    assert first.body == second.body
    assert site.entries() == 3


def test_links_still_opt_out_and_store_no_address(site: Site) -> None:
    erase(site)
    for path in (f"/u/{site.token()}", f"/u/{site.token(2)}/all", footer(site).replace("/p/", "/u/")):
        assert site.client.http.get(path.removesuffix("/all")).status_code == 200
        assert site.post(path).status_code == 200
    assert marks(site) == []
    assert site.reasons() == ERASED


def test_choosing_again_works_and_stores_the_address_again(site: Site) -> None:
    """H5."""
    live(site)
    erase(site)
    page = site.client.http.get(footer(site)).body.decode()
    assert " checked" not in page

    answer = choose(site, "news")

    assert b"Test &amp; Sons will send you News" in answer.body
    assert site.reasons() == {**ERASED, "news": None}
    assert marks(site) == ["dana.reader"]


def test_an_opt_in_after_it_can_be_undone_and_the_erasure_cannot(site: Site) -> None:
    live(site)
    erase(site)
    [act] = re.findall(r'name="act" value="([^"]+)"', choose(site, "news").body.decode())

    site.post(f"{footer(site)}/undo", f"act={act}".encode())

    assert site.reasons() == ERASED
    place = open_link(site.service, site.token()).place
    acts = [entry.act.id for entry in site.service.reader.log(CODE, place.shard, 0)]
    before = site.stored()
    for one in acts:
        assert b"will send" not in site.post(f"{footer(site)}/undo", f"act={one}".encode()).body
    assert site.stored() == before


@pytest.mark.parametrize("operation", ["Query", "DeleteItem"])
def test_where_the_store_fails_nothing_is_promised_and_the_next_try_goes_on(site: Site, operation: str) -> None:
    """A11."""
    live(site)
    wire = site.service._wire
    wire.pool = pool = FaultyPool(wire.pool)
    pool.plan(operation, faults.over_capacity)

    broken = erase(site)

    assert broken.status_code == 503
    assert b"erased" not in broken.body
    assert marks(site)
    assert erase(site).status_code == 200
    assert marks(site) == []
    assert site.reasons() == ERASED
