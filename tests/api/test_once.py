"""Idempotency keys of the control plane (G3): one answer, whatever happened since, and no address in the note."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from chalicelib.domain.acts import Act, Bounced, OptedIn, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.store.ledger import Beside
from chalicelib.store.operations import KEPT_SECONDS
from tests.api.asking import CATEGORY, Admin
from tests.site import ADDRESS, CODE, Site
from tests.store import faults
from tests.store.faults import FaultyPool

if TYPE_CHECKING:
    from chalicelib.domain.senders import Place
    from tests.callers import Caller

RECIPIENT, KEY = "/v1/recipients/{recipient}", "/v1/keys/{key_id}"
OTHER = "other@example.com"
PARTS_OF_AN_ADDRESS = ("dana", "reader", base64.b64encode(b"dana")[:5].decode())


@pytest.fixture
def admin(caller: Caller) -> Admin:
    return Admin.of(caller)


def known(site: Site, address: str = ADDRESS) -> Place:
    place = site.service.senders.get(CODE).place_of(parse_address(address))
    site.service.ledger.record(place, Act(f"b{address[0]}", Via.OPS, (Bounced(1),)), Beside(address))
    return place


def comes_back(site: Site, place: Place) -> None:
    act = Act("back", Via.PREFERENCE_PAGE, (OptedIn("news"),))
    assert site.service.ledger.record(place, act, Beside(ADDRESS)).act == "back"


def notes(site: Site) -> str:
    return json.dumps([item for item in site.stored() if item["sk"]["S"].startswith("op#")], ensure_ascii=False)


def test_an_erasure_that_comes_again_erases_nobody_who_came_back(site: Site, admin: Admin) -> None:
    """G3, C5."""
    place = known(site)
    first = admin.ask("DELETE", RECIPIENT, once="k", recipient=place.recipient)
    comes_back(site, place)

    again = admin.ask("DELETE", RECIPIENT, once="k", recipient=place.recipient)

    assert (again.status, again.body) == (first.status, first.body) == (200, first.body)
    assert site.service.reader.recipient(place).address == ADDRESS
    assert site.service.reader.recipient(place).state.choice["news"].act == "back"
    assert not [part for part in PARTS_OF_AN_ADDRESS if part in notes(site)]
    assert json.loads(first.body)["address"] is None


def test_an_erasure_whose_answer_was_not_kept_is_not_done_twice(site: Site, admin: Admin) -> None:
    """The first attempt died between the act and the note of its answer."""
    place = known(site)
    site.service.operations._timing = site.clock.timing()
    wire = site.service._wire
    wire.pool = pool = FaultyPool(wire.pool)
    # The use of the key is noted, and the erasure counted twice.
    pool.plan("UpdateItem", *[faults.passes] * 3, *[faults.lost_request] * 60)
    admin.ask("GET", "/v1/sender")
    assert admin.ask("DELETE", RECIPIENT, once="k", recipient=place.recipient).status == 503
    pool._planned.clear()
    comes_back(site, place)

    again = admin.ask("DELETE", RECIPIENT, once="k", recipient=place.recipient)

    assert again.status == 200
    assert site.service.reader.recipient(place).address == ADDRESS
    assert json.loads(again.body)["address"] is None, "who came back meanwhile is in no note"
    assert not [part for part in PARTS_OF_AN_ADDRESS if part in notes(site)]


def test_a_change_whose_answer_was_not_kept_does_not_undo_what_came_after_it(site: Site, admin: Admin) -> None:
    admin.get("news")
    site.service.operations._timing = site.clock.timing()
    wire = site.service._wire
    wire.pool = pool = FaultyPool(wire.pool)
    pool.plan("UpdateItem", *[faults.lost_request] * 60)
    assert admin.ask("PATCH", "/v1/sender", {"name": "One"}, once="k").status == 503
    pool._planned.clear()
    admin.told("PATCH", "/v1/sender", {"name": "Two"})

    again = admin.ask("PATCH", "/v1/sender", {"name": "One"}, once="k")

    assert again.status == 200
    assert json.loads(again.body)["name"] == admin.told("GET", "/v1/sender")["name"] == "Two"


def test_one_key_is_for_one_recipient(site: Site, admin: Admin) -> None:
    """The route is the same, and so is the body; the path is another."""
    one, other = known(site), known(site, OTHER)
    assert admin.ask("DELETE", RECIPIENT, once="k", recipient=one.recipient).status == 200
    assert admin.ask("DELETE", RECIPIENT, once="k", recipient=other.recipient).status == 422
    assert site.service.reader.recipient(other).address == OTHER


def test_a_recipient_who_is_not_known_is_answered_the_same(site: Site, admin: Admin) -> None:
    stranger = site.service.senders.get(CODE).place_of(parse_address(ADDRESS)).recipient
    first = admin.ask("DELETE", RECIPIENT, once="k", recipient=stranger)
    place = known(site)

    again = admin.ask("DELETE", RECIPIENT, once="k", recipient=stranger)

    assert (first.status, first.body) == (again.status, again.body) == (404, first.body)
    assert site.service.reader.recipient(place).address == ADDRESS
    assert admin.ask("DELETE", RECIPIENT, recipient=stranger).status == 200


def test_a_revocation_is_answered_the_same(site: Site, caller: Caller, admin: Admin) -> None:
    key_id = caller.key("read").split("_")[1]
    first = admin.ask("DELETE", KEY, once="k", key_id=key_id)
    site.clock.milliseconds += 5_000

    assert admin.ask("DELETE", KEY, once="k", key_id=key_id).body == first.body
    assert admin.ask("DELETE", KEY, once="k", key_id=caller.key("read").split("_")[1]).status == 422


def test_a_key_that_is_used_again_after_two_days_is_another_request(site: Site, admin: Admin) -> None:
    assert admin.ask("PUT", CATEGORY, {"name": "One"}, once="k", category="news").status == 200
    admin.put("news", {"name": "Two"})
    site.clock.milliseconds += (KEPT_SECONDS + 1) * 1_000

    assert json.loads(admin.ask("PUT", CATEGORY, {"name": "One"}, once="k", category="news").body)["name"] == "One"
    assert admin.get("news")["name"] == "One"


@pytest.mark.parametrize("key", ["", " ", "a b", "ü", "x" * 256])
def test_a_key_that_cannot_be(admin: Admin, key: str) -> None:
    assert admin.ask("DELETE", CATEGORY, once=key, category="news").status == 400
    assert not admin.get("news")["retired"]


@pytest.mark.parametrize("fault", [faults.lost_answer, faults.error_after, faults.throttled, faults.lost_request])
def test_an_answer_is_kept_once_whatever_goes_wrong(site: Site, admin: Admin, fault: faults.Fault) -> None:
    admin.get("news")
    wire = site.service._wire
    wire.pool = pool = FaultyPool(wire.pool)
    pool.plan("UpdateItem", fault)

    first = admin.ask("DELETE", CATEGORY, once="k", category="news")

    assert first.status == 200
    assert pool.count("UpdateItem") == 2
    assert admin.ask("DELETE", CATEGORY, once="k", category="news").body == first.body
    assert pool.count("UpdateItem") == 2


def test_what_the_store_could_not_do_is_no_answer(site: Site, admin: Admin) -> None:
    admin.get("news")
    wire = site.service._wire
    wire.pool = pool = FaultyPool(wire.pool)
    site.service.sender_changes._timing = site.clock.timing()
    pool.plan("TransactWriteItems", *[faults.throttled] * 60)
    assert admin.ask("DELETE", CATEGORY, once="k", category="news").status == 503
    pool._planned.clear()

    assert admin.ask("DELETE", CATEGORY, once="k", category="news").status == 200
    assert admin.get("news")["retired"]
