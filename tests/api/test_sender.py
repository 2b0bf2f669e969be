"""`/v1/sender` and its logo."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.asking import Admin, body_errors
from tests.api.test_categories import lines
from tests.images import IMAGES, NO_IMAGES, png
from tests.site import ADDRESS, CODE, Site

if TYPE_CHECKING:
    from tests.callers import Caller

SENDER, LOGO = "/v1/sender", "/v1/sender/logo"
FULL = {
    "name": "Test Shop",
    "names": {"de": "Prüfladen", "pt-BR": "Loja"},
    "languages": ["de", "en", "pt-BR"],
    "default_language": "de",
    "accent": "#AA00ff",
    "postal_address": "Test Shop\r\n1 Road\nTown",
    "privacy_link": "https://shop.example.com/privacy?lang=en",
    "opt_out_form": False,
}


@pytest.fixture
def admin(caller: Caller) -> Admin:
    return Admin.of(caller)


def put_logo(admin: Admin, octets: bytes, kind: str = "image/png", status: int = 200) -> dict[str, Any]:
    return admin.told("PUT", LOGO, octets, status, type=kind)


def test_a_sender_as_it_is(admin: Admin) -> None:
    assert admin.told("GET", SENDER) == {
        "code": CODE,
        "name": "Test & Sons",
        "names": {},
        "default_language": "en",
        "languages": ["en"],
        "accent": None,
        "postal_address": None,
        "privacy_link": None,
        "opt_out_form": True,
        "logo": None,
        "hashed": False,
        "shards": 8,
        "version": 1,
    }


def test_a_change_keeps_what_it_does_not_name(site: Site, admin: Admin) -> None:
    """H4."""
    put_logo(admin, png(3, 2))
    full = admin.told("PATCH", SENDER, FULL)
    assert full["names"] == {"de": "Prüfladen", "pt-br": "Loja"}
    assert full["languages"] == ["de", "en", "pt-br"]
    assert full["accent"] == "#aa00ff"
    assert full["postal_address"] == "Test Shop\n1 Road\nTown"
    assert admin.told("GET", SENDER) == full

    changed = admin.told("PATCH", SENDER, {"names": {"fr": "Essai", "PT-br": None}, "accent": None})

    names = {"de": "Prüfladen", "fr": "Essai"}
    assert changed == {**full, "names": names, "accent": None, "version": full["version"] + 1}
    assert [(line.seq, line.version, line.category) for line in lines(site)] == [(n, n + 1, None) for n in (1, 2, 3)]
    assert admin.told("PATCH", SENDER, {}) == changed
    assert len(lines(site)) == 3


def test_the_form_is_opened_and_shut_and_the_name_shows_at_once(site: Site, admin: Admin) -> None:
    assert site.client.http.get(f"/o/{CODE}").status_code == 200
    admin.told("PATCH", SENDER, {"opt_out_form": False})
    assert site.client.http.get(f"/o/{CODE}").status_code == 404
    admin.told("PATCH", SENDER, {"opt_out_form": True, "name": "Renamed <Shop>"})
    assert "Renamed &lt;Shop&gt;" in site.client.http.get(f"/o/{CODE}").body.decode()
    assert "Renamed &lt;Shop&gt;" in site.client.http.get(f"/u/{site.token()}").body.decode()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "/name"),
    ({"name": None}, "/name"),
    ({"name": "x" * 101}, "/name"),
    ({"names": {"de": "x" * 101}}, "/names"),
    ({"names": {"de": 7}}, "/names"),
    ({"names": {ADDRESS: "x"}}, "/names"),
    ({"names": None}, "/names"),
    ({"languages": []}, "/languages"),
    ({"languages": ["de"]}, "/languages"),
    ({"languages": ["en", "EN"]}, "/languages"),
    ({"languages": ["en", ADDRESS]}, "/languages/1"),
    ({"languages": ["en", 7]}, "/languages/1"),
    ({"languages": "en"}, "/languages"),
    ({"default_language": "de"}, "/default_language"),
    ({"default_language": "e n"}, "/default_language"),
    ({"default_language": None}, "/default_language"),
    ({"accent": "red"}, "/accent"),
    ({"accent": "#12345"}, "/accent"),
    ({"accent": 7}, "/accent"),
    ({"postal_address": ""}, "/postal_address"),
    ({"postal_address": "a\n\nb"}, "/postal_address"),
    ({"postal_address": "x" * 501}, "/postal_address"),
    ({"privacy_link": "http://shop.example.com"}, "/privacy_link"),
    ({"privacy_link": "javascript:alert(1)"}, "/privacy_link"),
    ({"privacy_link": "https://shop.example.com/" + "x" * 1_000}, "/privacy_link"),
    ({"opt_out_form": "no"}, "/opt_out_form"),
    ({"hashed": True}, ""),
    ({"shards": 8}, ""),
    ({"code": "othersnd"}, ""),
    ({"logo": None}, ""),
    ({"version": True}, "/version"),
    ({ADDRESS: 1}, ""),
    ({"form_open": False}, ""),
]


@pytest.mark.parametrize(("body", "pointer"), WRONG)
def test_what_cannot_be_changed_is_told_with_its_place(
    site: Site, admin: Admin, body: dict[str, Any], pointer: str
) -> None:
    before = admin.told("GET", SENDER)

    refused = admin.told("PATCH", SENDER, body, 400)

    assert refused["pointer"] == pointer
    assert ADDRESS not in str(refused)
    assert admin.told("GET", SENDER) == before
    assert lines(site) == []


OF_WHAT_IS_THERE: list[dict[str, Any]] = [
    {"languages": ["de"]},
    {"languages": ["en", "EN"]},
    {"default_language": "de"},
]


@pytest.mark.parametrize("body", [body for body, _ in WRONG if body not in OF_WHAT_IS_THERE])
def test_the_document_refuses_what_is_refused(body: dict[str, Any]) -> None:
    """G5."""
    assert body_errors("PATCH", SENDER, body) != []


@pytest.mark.parametrize("body", [FULL, {}, *OF_WHAT_IS_THERE])
def test_the_document_allows_what_is_allowed(body: dict[str, Any]) -> None:
    """G5."""
    assert body_errors("PATCH", SENDER, body) == []


def test_a_version_that_has_moved(admin: Admin) -> None:
    assert admin.told("PATCH", SENDER, {"name": "One", "version": 1})["version"] == 2
    assert admin.told("PATCH", SENDER, {"name": "Two", "version": 1}, 409)["type"] == "urn:signoff:version-moved"
    assert admin.told("GET", SENDER)["name"] == "One"


def test_the_same_change_is_answered_the_same(admin: Admin) -> None:
    """G3."""
    first = admin.ask("PATCH", SENDER, {"name": "One"}, once="k")
    admin.told("PATCH", SENDER, {"name": "Two"})

    assert admin.ask("PATCH", SENDER, {"name": "One"}, once="k").body == first.body
    assert admin.told("GET", SENDER)["name"] == "Two"
    assert admin.ask("PATCH", SENDER, {"name": "Three"}, once="k").status == 422


@pytest.mark.parametrize("name", IMAGES)
def test_a_logo_is_what_its_octets_say(site: Site, admin: Admin, name: str) -> None:
    octets, kind = IMAGES[name]
    about = {
        "type": kind,
        "sha256": hashlib.sha256(octets).hexdigest(),
        "octets": len(octets),
        "width": 3,
        "height": 2,
    }

    assert put_logo(admin, octets, "application/octet-stream") == {**about, "version": 2}
    assert put_logo(admin, octets, "image/svg+xml; charset=utf-8") == {**about, "version": 2}, "twice is once"

    assert admin.told("GET", LOGO) == {**about, "image": base64.b64encode(octets).decode()}
    assert admin.told("GET", SENDER)["logo"] == about
    [item] = [item for item in site.tables.items(site.tables.names.control) if item["sk"]["S"] == "logo"]
    assert item["image"]["B"] == octets
    assert len(lines(site)) == 1


@pytest.mark.parametrize("name", NO_IMAGES)
def test_what_is_no_logo_is_refused_and_changes_nothing(site: Site, admin: Admin, name: str) -> None:
    octets, status = NO_IMAGES[name]
    put_logo(admin, png(5, 5))
    before = admin.told("GET", LOGO)

    refused = put_logo(admin, octets, status=status)

    assert refused["type"] == {
        400: "urn:signoff:invalid-request",
        413: "urn:signoff:too-large",
        415: "urn:signoff:unsupported-media-type",
    }.get(status)
    assert admin.told("GET", LOGO) == before
    assert len(lines(site)) == 1


@pytest.mark.parametrize(
    "kind", ["application/json", "text/html", "multipart/form-data; boundary=x", "image", "x/image/y"]
)
def test_a_logo_comes_as_an_image(admin: Admin, kind: str) -> None:
    """G2."""
    assert "PNG, JPEG, GIF or WebP" in put_logo(admin, png(3, 2), kind, 415)["detail"]


def test_a_logo_without_a_type(admin: Admin) -> None:
    assert admin.ask("PUT", LOGO, png(3, 2)).status == 415


def test_a_logo_that_a_gateway_took_for_text_is_refused(admin: Admin) -> None:
    octets, _ = IMAGES["lossy webp"]
    assert put_logo(admin, octets.decode("utf-8", "replace").encode(), "image/webp", 400)["status"] == 400


def test_a_logo_goes_and_another_comes(site: Site, admin: Admin) -> None:
    assert admin.told("GET", LOGO, status=404)["type"] == "urn:signoff:no-logo"
    assert admin.told("DELETE", LOGO)["version"] == 1, "nothing was there"
    put_logo(admin, png(3, 2))
    put_logo(admin, png(4, 2))
    assert admin.told("GET", SENDER)["logo"]["width"] == 4

    assert admin.told("DELETE", LOGO)["logo"] is None

    assert admin.told("GET", LOGO, status=404)["type"] == "urn:signoff:no-logo"
    assert not [item for item in site.tables.items(site.tables.names.control) if item["sk"]["S"] == "logo"]
    assert [line.version for line in lines(site)] == [2, 3, 4]


def test_the_same_logo_is_answered_the_same(admin: Admin) -> None:
    """G3."""
    first = admin.ask("PUT", LOGO, png(3, 2), once="k", type="image/png")
    admin.told("DELETE", LOGO)

    assert admin.ask("PUT", LOGO, png(3, 2), once="k", type="image/png").body == first.body
    assert admin.ask("GET", LOGO).status == 404, "what was taken away since does not come back"
    assert admin.ask("PUT", LOGO, png(4, 2), once="k", type="image/png").status == 422
