"""`/v1/check` and `/v1/links`: answers, bad input, credentials."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.api_keys import mint_api_key
from chalicelib.domain.senders import Sender
from chalicelib.store.senders import ApiKey
from tests.web.conftest import ADDRESS, CODE, Site, site

if TYPE_CHECKING:
    from chalice.test import HTTPResponse

__all__ = ["site"]
BAD_BODIES = {
    "not JSON": b"nonsense",
    "empty": b"",
    "no object": b"[]",
    "NaN": b'{"category":"news","addresses":[NaN]}',
    "a name twice": b'{"category":"news","category":"offers","addresses":["x"]}',
    "a depth bomb": b"[" * 100_000,
    "broken UTF-8": b'{"category":"\xff"}',
    "a lone surrogate": b'{"category":"\\ud800","addresses":["x"]}',
    "no category": b'{"addresses":["x"]}',
    "a number for a category": b'{"category":1,"addresses":["x"]}',
    "no addresses": b'{"category":"news","addresses":[]}',
    "a text for addresses": b'{"category":"news","addresses":"x"}',
    "too many addresses": json.dumps({"category": "news", "addresses": ["x"] * 1001}).encode(),
}


def key_of(site: Site, *scopes: str, code: str = CODE, revoked: bool = False) -> str:
    key = mint_api_key(site.service.settings.keyring, code)
    site.service.senders.create_key(ApiKey(key.id, code, key.digest, frozenset(scopes), 1))
    if revoked:
        site.tables.client.update_item(
            TableName=site.tables.names.control,
            Key={"pk": {"S": f"sender#{code}"}, "sk": {"S": f"key#{key.id}"}},
            UpdateExpression="SET revoked = :now",
            ExpressionAttributeValues={":now": {"N": "2"}},
        )
    return key.text


def ask(site: Site, path: str, body: Any, key: str) -> HTTPResponse:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return site.post(path, octets, Authorization=f"Bearer {key}")


def test_a_check_answers_each_address_in_the_order_asked(site: Site) -> None:
    site.post(f"/u/{site.token()}")
    asked = ["other@example.com", ADDRESS.upper(), "no address", ADDRESS]

    answer = ask(site, "/v1/check", {"category": "news", "addresses": asked}, key_of(site, "read"))

    results = answer.json_body["results"]
    assert [result["address"] for result in results] == asked
    assert [result.get("may_send") for result in results] == [True, False, None, False]
    assert results[1]["reason"] == "opted_out"
    assert results[1]["recipient"] == results[3]["recipient"]
    assert "error" in results[2]


def test_a_thousand_addresses_are_answered_in_order(site: Site) -> None:
    site.post(f"/u/{site.token(address='person777@example.com')}")
    asked = [f"person{number}@example.com" for number in range(1000)]

    answer = ask(site, "/v1/check", {"category": "news", "addresses": asked}, key_of(site, "read"))

    assert [r["address"] for r in answer.json_body["results"]] == asked
    assert [r["address"] for r in answer.json_body["results"] if not r["may_send"]] == ["person777@example.com"]


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_gets_a_problem_document_and_stores_nothing(site: Site, name: str) -> None:
    """G1, G4."""
    answer = ask(site, "/v1/check", BAD_BODIES[name], key_of(site, "read"))

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json_body["status"] == 400
    assert site.stored() == []


def test_a_body_over_a_megabyte_gets_413(site: Site) -> None:
    """G2."""
    assert ask(site, "/v1/check", b" " * 10_000_000, key_of(site, "read")).status_code == 413


def test_an_unknown_category_gets_404(site: Site) -> None:
    answer = ask(site, "/v1/check", {"category": "nope", "addresses": ["x"]}, key_of(site, "read"))

    assert answer.status_code == 404
    assert answer.json_body["type"] == "urn:signoff:unknown-category"


def test_credentials(site: Site) -> None:
    body = {"category": "news", "addresses": [ADDRESS]}

    assert site.post("/v1/check", b"{}").status_code == 401
    assert ask(site, "/v1/check", body, "sgn_invented").status_code == 401
    assert ask(site, "/v1/check", body, key_of(site, "read", revoked=True)).status_code == 401
    unstored = mint_api_key(site.service.settings.keyring, CODE).text
    assert ask(site, "/v1/check", body, unstored).status_code == 401
    assert ask(site, "/v1/check", body, key_of(site, "links")).status_code == 403
    assert ask(site, "/v1/check", body, key_of(site, "read")).status_code == 200


def test_another_senders_key_sees_nothing_of_this_ones(site: Site) -> None:
    site.post(f"/u/{site.token()}")
    mine = site.service.senders.get(CODE)
    site.service.senders.create(Sender("othersnd", "Other", mine.catalogue, bytes(32)))

    answer = ask(site, "/v1/check", {"category": "news", "addresses": [ADDRESS]}, key_of(site, "read", code="othersnd"))

    assert answer.json_body["results"][0]["may_send"] is True
    assert answer.json_body["results"][0]["recipient"] not in str(site.stored())


def test_links_carry_headers_that_work(site: Site) -> None:
    """B1, B2, B3."""
    body = {"category": "news", "recipients": [{"address": "a" * 12 + "@example.com"}, {"address": "x"}, 7]}

    results = ask(site, "/v1/links", body, key_of(site, "links")).json_body["results"]

    headers = results[0]["headers"]
    assert headers["List-Unsubscribe"] == f"<{results[0]['url']}>"
    assert len(headers["List-Unsubscribe"]) < 300
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Id"] == f"<news.{CODE}.choices.example.com>"
    assert results[0]["url"].startswith("https://choices.example.com/api/u/")
    assert "error" in results[1]
    assert "error" in results[2]


def test_a_service_alert_carries_no_one_click_header(site: Site) -> None:
    body = {"category": "alerts", "recipients": [{"address": ADDRESS}]}

    [result] = ask(site, "/v1/links", body, key_of(site, "links")).json_body["results"]

    assert result["url"] is None
    assert set(result["headers"]) == {"List-Id"}


def test_a_wrong_pepper_fails_closed(site: Site) -> None:
    """Everything of the sender answers 503: a wrong pepper would find no recipient and say yes to all."""
    key = key_of(site, "read")
    for name in ("fingerprint", "pepper"):
        for value in ({"B": b"\0" * 48}, None):
            site.tables.client.update_item(
                TableName=site.tables.names.control,
                Key={"pk": {"S": f"sender#{CODE}"}, "sk": {"S": "sender"}},
                UpdateExpression=f"SET {name} = :value" if value else f"REMOVE {name}",
                **({"ExpressionAttributeValues": {":value": value}} if value else {}),
            )
            site.forget()
            answer = ask(site, "/v1/check", {"category": "news", "addresses": [ADDRESS]}, key)
            assert answer.status_code == 503
            assert site.post(f"/u/{site.token()}").status_code == 503


def test_healthz(site: Site) -> None:
    assert site.client.http.get("/healthz").json_body == {"status": "ok"}
