"""`/v1/categories`: made, changed, ordered, retired, revived, and what the rules forbid."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.domain.acts import Act, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.decision import Reason
from chalicelib.domain.senders import SenderEntry
from chalicelib.service import SENDER_SECONDS, Service
from chalicelib.store.changing import Change
from chalicelib.store.engine import load_line
from tests.api.asking import CATEGORY, Admin, body_errors
from tests.domain.test_describing import LINES, NO_LINES, NO_TAGS, TAGS
from tests.site import ADDRESS, CODE, Site

if TYPE_CHECKING:
    from tests.callers import Caller

PARCELS = {"name": "Parcels", "kind": "service_alert", "ground": "delivery"}
STUDY = {
    "name": "Study",
    "names": {"de": "Studie", "pt-BR": "Estudo"},
    "description": "Twice a year",
    "descriptions": {"de": "Zweimal im Jahr"},
    "kind": "optional",
    "needs_consent": True,
}


@pytest.fixture
def admin(caller: Caller) -> Admin:
    return Admin.of(caller)


def lines(site: Site) -> list[SenderEntry]:
    found = [load_line(item) for item in site.stored() if item["sk"]["S"].startswith("log#")]
    return sorted((line for line in found if isinstance(line, SenderEntry)), key=lambda line: line.seq)


def test_a_category_is_made_with_the_next_number(site: Site, admin: Admin) -> None:
    made = admin.put("study", STUDY, 201)

    assert made == {
        **STUDY,
        "id": "study",
        "number": 4,
        "ground": None,
        "names": {"de": "Studie", "pt-br": "Estudo"},
        "retired": False,
        "version": 2,
    }
    assert admin.get("study") == made
    assert admin.ids() == ["news", "offers", "alerts", "study"]
    [line] = lines(site)
    assert (line.seq, line.version, line.category) == (1, 2, site.service.senders.get(CODE).catalogue.get("study"))
    assert site.service.senders.get(CODE).version == 2


def test_what_was_got_can_be_put(site: Site, admin: Admin) -> None:
    admin.put("study", STUDY, 201)
    for category in ("study", "alerts", "news"):
        got = admin.get(category)
        assert admin.put(category, got) == got
    assert len(lines(site)) == 1, "what changes nothing is not told to whoever follows"


def test_a_partial_change_drops_nothing_that_it_does_not_name(admin: Admin) -> None:
    """H4."""
    made = admin.put("study", STUDY, 201)

    changed = admin.put("study", {"names": {"fr": "Étude", "DE": None}, "description": "Yearly"})

    names = {"pt-br": "Estudo", "fr": "Étude"}
    assert changed == {**made, "names": names, "description": "Yearly", "version": 3}
    assert admin.get("study") == changed


def test_a_retired_category_keeps_its_number_and_its_choices(site: Site, admin: Admin) -> None:
    """H3."""
    place = site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
    site.service.ledger.record(place, Act("a", Via.ONE_CLICK, (OptedOut("news"),)))

    retired = admin.retire("news")

    assert retired["retired"]
    assert admin.retire("news") == retired
    assert site.reasons()["news"] is Reason.RETIRED
    assert site.client.http.post(f"/u/{site.token()}", body=b"List-Unsubscribe=One-Click").status_code == 200
    assert admin.ids() == ["news", "offers", "alerts"]
    assert admin.put("more", {"name": "More", "kind": "optional"}, 201)["number"] == 4
    assert admin.put("news", {"name": "Renamed"})["retired"], "a change alone revives nothing"
    revived = admin.put("news", {"retired": False})
    assert (revived["number"], revived["retired"]) == (1, False)
    assert site.reasons()["news"] is Reason.OPTED_OUT


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "H10: optional to service alert": ("news", {"kind": "service_alert", "ground": "delivery"}),
    "H10: the last service alert": ("alerts", {"kind": "optional"}),
    "H10: the last service alert, retired": ("alerts", {"retired": True}),
    "C7: a service alert without a ground": ("new", {"name": "New", "kind": "service_alert"}),
    "C7: a ground taken away": ("alerts", {"ground": None}),
    "C7: an optional one with a ground": ("news", {"ground": "delivery"}),
    "C7: a service alert that needs consent": ("alerts", {"needs_consent": True}),
    "another number": ("news", {"number": 9}),
    "a number that was given": ("new", {"name": "New", "kind": "optional", "number": 1}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_rules_forbid(site: Site, admin: Admin, name: str) -> None:
    """C7, H3, H10."""
    category, body = REFUSED[name]
    before = admin.told("GET", "/v1/categories")

    refused = admin.put(category, body, 409)

    assert refused["type"] == "urn:signoff:category-refused"
    assert admin.told("GET", "/v1/categories") == before
    assert lines(site) == []


def test_the_last_service_alert_stays_and_a_retired_one_is_not_made_mandatory(admin: Admin) -> None:
    """H10: for a retired id, too."""
    assert admin.retire("alerts", 409)["type"] == "urn:signoff:category-refused"
    admin.retire("news")
    admin.put("news", {"kind": "service_alert", "ground": "delivery", "retired": False}, 409)
    admin.put("parcels", PARCELS, 201)
    optional = admin.put("alerts", {"kind": "optional"})
    assert (optional["kind"], optional["ground"]) == ("optional", None)
    assert admin.retire("parcels", 409)["type"] == "urn:signoff:category-refused"
    admin.put("alerts", {"kind": "service_alert", "ground": "delivery"}, 409)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"kind": "optional"}, "/name"),
    "no kind": ({"name": "New"}, "/kind"),
    "a kind that there is not": ({"name": "New", "kind": "mandatory"}, "/kind"),
    "a kind that is no text": ({"name": "New", "kind": ["optional"]}, "/kind"),
    "a ground that there is not": ({"name": "New", "kind": "service_alert", "ground": "profit"}, "/ground"),
    "a name that is no text": ({"name": 7, "kind": "optional"}, "/name"),
    "a name of nothing": ({"name": " ", "kind": "optional"}, "/name"),
    "a name of two lines": ({"name": "a\nb", "kind": "optional"}, "/name"),
    "a long name": ({"name": "x" * 501, "kind": "optional"}, "/name"),
    "a description that is no text": ({"name": "x", "kind": "optional", "description": None}, "/description"),
    "a flag that is none": ({"name": "x", "kind": "optional", "needs_consent": 1}, "/needs_consent"),
    "retired that is none": ({"name": "x", "kind": "optional", "retired": "no"}, "/retired"),
    "names that are a list": ({"name": "x", "kind": "optional", "names": ["x"]}, "/names"),
    "a name of no language": ({"name": "x", "kind": "optional", "names": {"d_e": "x"}}, "/names"),
    "a language twice": ({"name": "x", "kind": "optional", "names": {"de": "x", "DE": "y"}}, "/names"),
    "a translation that is no text": ({"name": "x", "kind": "optional", "names": {"de": 7}}, "/names"),
    "a translation of two lines": (
        {"name": "x", "kind": "optional", "descriptions": {"de": "a\nb"}},
        "/descriptions",
    ),
    "a number that is none": ({"name": "x", "kind": "optional", "number": "1"}, "/number"),
    "a version that is none": ({"name": "x", "kind": "optional", "version": "1"}, "/version"),
    "another id": ({"name": "x", "kind": "optional", "id": "other"}, "/id"),
    "an unknown field": ({"name": "x", "kind": "optional", ADDRESS: 1}, ""),
    "many languages": (
        {"name": "x", "kind": "optional", "names": {f"a{chr(97 + n // 26)}{chr(97 + n % 26)}": "x" for n in range(51)}},
        "/names",
    ),
}


SEEN_BY_NO_SCHEMA = {"no name", "no kind", "a language twice", "another id"}
"""They depend on what is there, or on the path."""


@pytest.mark.parametrize("name", WRONG)
def test_the_document_refuses_what_is_refused(name: str) -> None:
    """G5."""
    assert bool(body_errors("PUT", CATEGORY, WRONG[name][0])) is (name not in SEEN_BY_NO_SCHEMA)


@pytest.mark.parametrize("body", [STUDY, PARCELS, {}, {"retired": False}, *(body for _, body in REFUSED.values())])
def test_the_document_allows_what_is_allowed(body: dict[str, Any]) -> None:
    """G5: the rules of categories are no matter of a schema."""
    assert body_errors("PUT", CATEGORY, body) == []


@pytest.mark.parametrize("text", [*LINES, *NO_LINES])
def test_the_document_calls_the_same_texts_lines(text: str) -> None:
    assert bool(body_errors("PUT", CATEGORY, {"name": text})) is (text in NO_LINES and text != "\u200d")


@pytest.mark.parametrize("tag", [*TAGS, *NO_TAGS])
def test_the_document_calls_the_same_tags_languages(tag: str) -> None:
    wrong = tag in NO_TAGS and tag != "de\n"  # Python's $ stands before the last line end, too
    assert bool(body_errors("PUT", CATEGORY, {"names": {tag: "x"}})) is wrong
    assert bool(body_errors("PATCH", "/v1/sender", {"languages": [tag]})) is wrong


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_its_place(site: Site, admin: Admin, name: str) -> None:
    body, pointer = WRONG[name]

    refused = admin.put("new", body, 400)

    assert refused["pointer"] == pointer
    assert ADDRESS not in str(refused)
    assert lines(site) == []


@pytest.mark.parametrize("category", ["", "A", "a" * 33, "a_b", "dana@example.com", "%2e%2e", "*"])
def test_an_id_that_cannot_be(admin: Admin, category: str) -> None:
    """Neither made nor found, nor repeated in an answer."""
    assert "@" not in str(admin.put(category, {"name": "New", "kind": "optional"}, 400))
    for method in ("GET", "DELETE"):
        assert "@" not in str(admin.told(method, CATEGORY, status=404, category=category))


def test_an_order(site: Site, admin: Admin) -> None:
    admin.retire("offers")
    version = admin.told("GET", "/v1/categories")["version"]

    ordered = admin.told("PUT", "/v1/categories", {"order": ["alerts", "offers", "news"], "version": version})

    assert [category["id"] for category in ordered["categories"]] == ["alerts", "offers", "news"]
    assert admin.told("GET", "/v1/categories") == ordered
    assert (lines(site)[-1].category, lines(site)[-1].version) == (None, version + 1)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/order"),
        ({"order": "news"}, "/order"),
        ({"order": [7]}, "/order/0"),
        ({"order": ["news", "offers"]}, "/order"),
        ({"order": ["news", "offers", "alerts", "alerts"]}, "/order"),
        ({"order": ["news", "offers", ADDRESS]}, "/order/2"),
        ({"order": ["news", "offers", "alerts"], "more": 1}, ""),
    ],
)
def test_an_order_that_cannot_be(site: Site, admin: Admin, body: dict[str, Any], pointer: str) -> None:
    refused = admin.told("PUT", "/v1/categories", body, 400)
    assert refused["pointer"] == pointer
    assert ADDRESS not in str(refused)
    assert lines(site) == []


def test_a_version_that_has_moved(admin: Admin) -> None:
    version = admin.get("news")["version"]
    assert admin.put("news", {"name": "One", "version": version})["version"] == version + 1

    for path, values, body in (
        (CATEGORY, {"category": "news"}, {"name": "Two", "version": version}),
        ("/v1/categories", {}, {"order": ["alerts", "news", "offers"], "version": version}),
    ):
        refused = admin.told("PUT", path, body, 409, **values)
        assert refused["type"] == "urn:signoff:version-moved"
        assert str(version + 1) in refused["detail"]
    assert admin.get("news")["name"] == "One"
    assert admin.ids() == ["news", "offers", "alerts"]


def test_there_are_not_endlessly_many(admin: Admin) -> None:
    for number in range(197):
        admin.put(f"c{number}", {"name": "x", "kind": "optional"}, 201)
    assert "at most 200" in admin.put("one-more", {"name": "x", "kind": "optional"}, 409)["detail"]


def test_a_change_is_in_force_here_at_once_and_elsewhere_within_30_seconds(site: Site, admin: Admin) -> None:
    other = Service(site.service.settings, monotonic=site.service.monotonic, clock=site.service.clock)
    assert not site.service.sender(CODE).catalogue.get("news").retired
    assert not other.sender(CODE).catalogue.get("news").retired

    admin.retire("news")

    assert site.service.sender(CODE).catalogue.get("news").retired
    assert not other.sender(CODE).catalogue.get("news").retired
    site.clock.milliseconds += SENDER_SECONDS * 1_000
    assert other.sender(CODE).catalogue.get("news").retired


def test_what_is_read_is_what_holds_whatever_the_container_remembers(site: Site, admin: Admin) -> None:
    admin.ids()
    other = Service(site.service.settings)
    other.change_sender(CODE, "x", lambda before: Change(replace(before, name="Renamed")))

    assert admin.told("GET", "/v1/sender")["name"] == "Renamed"
    assert admin.told("GET", "/v1/categories")["version"] == 2
    assert admin.get("news")["version"] == 2
    assert admin.put("news", {"name": "New"})["version"] == 3
    assert site.service.senders.get(CODE).name == "Renamed"


def test_the_same_request_is_answered_the_same(site: Site, admin: Admin) -> None:
    """G3."""
    first = admin.ask("PUT", CATEGORY, STUDY, once="k", category="study")
    admin.put("study", {"name": "Other"})
    again = admin.ask("PUT", CATEGORY, STUDY, once="k", category="study")

    assert (first.status, first.body) == (again.status, again.body)
    assert first.status == 201
    assert admin.get("study")["name"] == "Other"
    assert len(lines(site)) == 2
    assert admin.ask("PUT", CATEGORY, {**STUDY, "name": "x"}, once="k", category="study").status == 422
    assert admin.ask("PUT", CATEGORY, STUDY, once="k", category="other").status == 422
    assert admin.ask("DELETE", CATEGORY, once="k", category="study").status == 422


def test_a_refusal_is_answered_the_same_too(admin: Admin) -> None:
    """G3."""
    first = admin.ask("DELETE", CATEGORY, once="k", category="alerts")
    admin.put("parcels", PARCELS, 201)
    again = admin.ask("DELETE", CATEGORY, once="k", category="alerts")

    assert (first.status, first.headers, first.body) == (again.status, again.headers, again.body)
    assert first.status == 409
    assert admin.ask("DELETE", CATEGORY, once="another", category="alerts").status == 200


def test_another_senders_categories_are_its_own(site: Site, caller: Caller, admin: Admin) -> None:
    site.service.senders.create(replace(site.service.senders.get(CODE), code="othersnd"))
    other = Admin(caller.key("admin", "read", code="othersnd"))
    before = admin.told("GET", "/v1/categories")

    assert other.put("study", STUDY, 201)["number"] == 4
    assert admin.told("GET", "/v1/categories") == before
    assert admin.told("GET", CATEGORY, status=404, category="study")["type"] == "urn:signoff:unknown-category"
    assert json.loads(admin.ask("PUT", CATEGORY, STUDY, once="k", category="study").body)["version"] == 2
