"""`/v1/check` and `/v1/links`: answers, bad input, credentials."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.api_keys import mint_api_key
from chalicelib.domain.senders import Sender
from tests.api.test_openapi import answer_errors
from tests.gateway import send
from tests.site import ADDRESS, CODE, Site

if TYPE_CHECKING:
    from tests.callers import Caller

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


def test_a_check_answers_each_address_in_the_order_asked(site: Site, caller: Caller) -> None:
    site.post(f"/u/{site.token()}")
    asked = ["other@example.com", ADDRESS.upper(), "no address", ADDRESS]

    answer = caller.ask("/v1/check", {"category": "news", "addresses": asked}, caller.key("read"))

    results = answer.json_body["results"]
    assert [result["address"] for result in results] == asked
    assert [result.get("may_send") for result in results] == [True, False, None, False]
    assert results[1]["reason"] == "opted_out"
    assert results[1]["recipient"] == results[3]["recipient"]
    assert "error" in results[2]


def test_a_check_takes_recipient_ids_too(site: Site, caller: Caller) -> None:
    site.post(f"/u/{site.token()}")
    by_address = caller.ask("/v1/check", {"category": "news", "addresses": [ADDRESS]}).json_body["results"][0]
    ids = [by_address["recipient"], "rcp_" + "a" * 26, "nobody", 7]

    answer = send_check(caller, {"category": "news", "recipients": ids})

    known, stranger, *wrong = answer["results"]
    assert known == {name: value for name, value in by_address.items() if name != "address"}
    assert stranger["may_send"] is True
    assert [set(result) for result in wrong] == [{"recipient", "error"}] * 2


def send_check(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    answer = send(
        "POST",
        "/v1/check",
        headers={"Authorization": f"Bearer {caller.key('read')}"},
        body=json.dumps(body).encode(),
    )
    assert answer_errors("/v1/check", "post", answer) == []
    told: dict[str, Any] = json.loads(answer.body)
    return told


def test_one_recipient_is_checked_by_a_get(site: Site, caller: Caller) -> None:
    site.post(f"/u/{site.token()}")
    by_address = caller.ask("/v1/check", {"category": "news", "addresses": [ADDRESS]}).json_body["results"][0]
    headers = {"Authorization": f"Bearer {caller.key('read')}"}

    for query, status in (
        ({"category": "news", "recipient": by_address["recipient"]}, 200),
        ({"category": "nope", "recipient": by_address["recipient"]}, 404),
        ({"category": "news"}, 400),
        ({"category": "news", "address": ADDRESS}, 400),
        (None, 400),
    ):
        answer = send("GET", "/v1/check", headers=headers, query=query)
        assert answer.status == status
        assert answer_errors("/v1/check", "get", answer) == []
        assert ADDRESS not in answer.body
        if status == 200:
            assert json.loads(answer.body)["results"][0]["reason"] == "opted_out"


def test_a_thousand_addresses_are_answered_in_order(site: Site, caller: Caller) -> None:
    site.post(f"/u/{site.token(address='person777@example.com')}")
    asked = [f"person{number}@example.com" for number in range(1000)]

    answer = caller.ask("/v1/check", {"category": "news", "addresses": asked}, caller.key("read"))

    assert [r["address"] for r in answer.json_body["results"]] == asked
    assert [r["address"] for r in answer.json_body["results"] if not r["may_send"]] == ["person777@example.com"]


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_gets_a_problem_document_and_stores_nothing(site: Site, caller: Caller, name: str) -> None:
    """G1, G4."""
    answer = caller.ask("/v1/check", BAD_BODIES[name], caller.key("read"))

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json_body["status"] == 400
    assert site.stored() == []


def test_a_body_over_a_megabyte_gets_413(site: Site, caller: Caller) -> None:
    """G2."""
    assert caller.ask("/v1/check", b" " * 10_000_000, caller.key("read")).status_code == 413


def test_an_unknown_category_gets_404(site: Site, caller: Caller) -> None:
    answer = caller.ask("/v1/check", {"category": "nope", "addresses": ["x"]}, caller.key("read"))

    assert answer.status_code == 404
    assert answer.json_body["type"] == "urn:signoff:unknown-category"


def test_credentials(site: Site, caller: Caller) -> None:
    body = {"category": "news", "addresses": [ADDRESS]}

    assert site.post("/v1/check", b"{}").status_code == 401
    assert caller.ask("/v1/check", body, "sgn_invented").status_code == 401
    assert caller.ask("/v1/check", body, caller.key("read", revoked=True)).status_code == 401
    unstored = mint_api_key(site.service.keyring, CODE).text
    assert caller.ask("/v1/check", body, unstored).status_code == 401
    assert caller.ask("/v1/check", body, caller.key("links")).status_code == 403
    assert caller.ask("/v1/check", body, caller.key("read")).status_code == 200


def test_another_senders_key_sees_nothing_of_this_ones(site: Site, caller: Caller) -> None:
    site.post(f"/u/{site.token()}")
    mine = site.service.senders.get(CODE)
    site.service.senders.create(Sender("othersnd", "Other", mine.catalogue, bytes(32)))

    answer = caller.ask("/v1/check", {"category": "news", "addresses": [ADDRESS]}, caller.key("read", code="othersnd"))

    assert answer.json_body["results"][0]["may_send"] is True
    assert answer.json_body["results"][0]["recipient"] not in str(site.stored())


def test_links_carry_headers_that_work(site: Site, caller: Caller) -> None:
    """B1, B2, B3."""
    body = {"category": "news", "recipients": [{"address": "a" * 12 + "@example.com"}, {"address": "x"}, 7]}

    results = caller.ask("/v1/links", body, caller.key("links")).json_body["results"]

    headers = results[0]["headers"]
    assert headers["List-Unsubscribe"] == f"<{results[0]['url']}>"
    assert len(headers["List-Unsubscribe"]) < 300
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Id"] == f"<news.{CODE}.choices.example.com>"
    assert results[0]["url"].startswith("https://choices.example.com/api/u/")
    assert "error" in results[1]
    assert "error" in results[2]


@pytest.mark.parametrize(
    "text", ["a\r\nBcc: x@example.com", "a>@example.com", "<a@example.com>", "ä@example.com", "a@ex\nample.com"]
)
def test_nothing_of_an_address_reaches_a_header(caller: Caller, text: str) -> None:
    """B2, B4."""
    recipients = [
        {"address": text},
        {"address": "x" * 64 + "@" + "a" * 60 + "." + "b" * 60 + "." + "c" * 59 + ".example"},
    ]

    results = caller.ask("/v1/links", {"category": "news", "recipients": recipients}).json_body["results"]

    for result in results:
        for name, line in result.get("headers", {}).items():
            assert re.fullmatch(r"[!-~ ]+", line)
            assert line.count("<") == line.count(">") == ("<" in line)
            assert len(f"{name}: {line}") <= 998
    assert "headers" in results[1]


def test_a_service_alert_carries_no_one_click_header(site: Site, caller: Caller) -> None:
    body = {"category": "alerts", "recipients": [{"address": ADDRESS}]}

    [result] = caller.ask("/v1/links", body, caller.key("links")).json_body["results"]

    assert result["url"] is None
    assert set(result["headers"]) == {"List-Id"}
    assert "/u/" not in str(result["footer"])
    assert "cannot opt out" in result["footer"]["text"]


def test_a_wrong_pepper_fails_closed(site: Site, caller: Caller) -> None:
    """Everything of the sender answers 503: a wrong pepper would find no recipient and say yes to all."""
    key = caller.key("read")
    for name in ("fingerprint", "pepper"):
        for value in ({"S": "AAAA"}, {"S": "no base64"}, None):
            site.tables.client.update_item(
                TableName=site.tables.names.control,
                Key={"pk": {"S": f"sender#{CODE}"}, "sk": {"S": "sender"}},
                UpdateExpression=f"SET {name} = :value" if value else f"REMOVE {name}",
                **({"ExpressionAttributeValues": {":value": value}} if value else {}),
            )
            site.forget()
            answer = caller.ask("/v1/check", {"category": "news", "addresses": [ADDRESS]}, key)
            assert answer.status_code == 503
            assert site.post(f"/u/{site.token()}").status_code == 503


def test_a_revoked_key_stops_within_a_minute_and_a_good_one_costs_one_read_in_it(site: Site, caller: Caller) -> None:
    key, body = caller.key("read"), {"category": "news", "addresses": [ADDRESS]}
    assert caller.ask("/v1/check", body, key).status_code == 200
    site.tables.client.update_item(
        TableName=site.tables.names.control,
        Key={"pk": {"S": f"sender#{CODE}"}, "sk": {"S": f"key#{key.split('_')[1]}"}},
        UpdateExpression="SET revoked = :now",
        ExpressionAttributeValues={":now": {"N": "2"}},
    )

    site.clock.milliseconds += 59_999
    assert caller.ask("/v1/check", body, key).status_code == 200
    site.clock.milliseconds += 1
    assert caller.ask("/v1/check", body, key).status_code == 401


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_a_body_of_another_type_gets_415_that_says_what_to_send(caller: Caller, kind: str) -> None:
    """G2."""
    answer = caller.ask("/v1/check", {"category": "news", "addresses": [ADDRESS]}, Content_Type=kind)

    assert answer.status_code == 415
    assert "application/json" in answer.json_body["detail"]


def test_a_problem_points_at_what_is_wrong(caller: Caller) -> None:
    answer = caller.ask("/v1/check", {"category": 7, "addresses": [ADDRESS]})

    assert answer.json_body["pointer"] == "/category"
    assert answer.json_body["type"] == "urn:signoff:invalid-request"


def test_times_are_told_as_rfc_3339(site: Site, caller: Caller) -> None:
    site.post(f"/u/{site.token()}")

    body = caller.ask("/v1/check", {"category": "news", "addresses": [ADDRESS]}).json_body

    now = datetime.fromtimestamp(site.clock.milliseconds / 1000, UTC)
    assert datetime.fromisoformat(body["as_of"]) == now
    assert abs(datetime.fromisoformat(body["results"][0]["since"]) - now) < timedelta(hours=1)


def test_a_footer_links_to_the_page_and_to_the_centre(site: Site, caller: Caller) -> None:
    body = {"category": "news", "recipients": [{"address": ADDRESS}]}

    [result] = caller.ask("/v1/links", body).json_body["results"]

    footer, token = result["footer"], result["preferences_url"].rpartition("/")[2]
    for kind in ("text", "html"):
        assert f"https://choices.example.com/api/u/{token}" in footer[kind]
        assert f"https://choices.example.com/api/p/{token}" in footer[kind]
    assert "News <b>" in footer["text"]
    assert "News &lt;b&gt;" in footer["html"]
    assert ADDRESS not in str(footer)
    assert site.client.http.get(f"/p/{token}").status_code == 200


def test_healthz(site: Site, caller: Caller) -> None:
    assert site.client.http.get("/healthz").json_body == {"status": "ok"}
