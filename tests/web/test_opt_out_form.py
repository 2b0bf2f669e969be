"""The opt-out form: acts at once, says the same whatever was known, and has a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from chalicelib.domain.decision import Reason
from chalicelib.use_cases.stopping import SOURCE_BUDGET
from tests.site import ADDRESS, CODE, Site

if TYPE_CHECKING:
    from chalice.test import HTTPResponse

PATH = f"/o/{CODE}"


def type_in(site: Site, address: str, path: str = PATH) -> HTTPResponse:
    return site.post(path, f"address={quote(address)}".encode(), Content_Type="application/x-www-form-urlencoded")


def test_a_typed_address_is_opted_out_of_all_optional_mail_at_once(site: Site) -> None:
    answer = type_in(site, f" {ADDRESS.upper()} ")

    assert answer.status_code == 200
    assert site.reasons() == {"news": Reason.OPTED_OUT_OF_ALL, "offers": Reason.OPTED_OUT_OF_ALL, "alerts": None}
    assert '"via":"opt_out_form"' in str(site.stored())


def test_the_answer_is_the_same_for_every_address(site: Site) -> None:
    """F5."""
    site.post(f"/u/{site.token()}")

    known, unknown, again = (type_in(site, address) for address in (ADDRESS, "nobody@example.com", ADDRESS))

    assert known.status_code == unknown.status_code == again.status_code == 200
    assert known.body == unknown.body == again.body
    assert dict(known.headers) == dict(unknown.headers) == dict(again.headers)
    assert b"example" not in known.body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_it_writes_nothing(site: Site, method: str) -> None:
    """A7."""
    answer = site.client.http.request(method, PATH)

    assert answer.status_code == 200
    assert site.stored() == []


def test_it_works_under_a_path_prefix(site: Site) -> None:
    assert f'action="/api{PATH}"'.encode() in site.client.http.get(PATH).body


@pytest.mark.parametrize("typed", ["", "nobody", "a@b", "a b@example.com", "a@example.com, b@example.com", "x" * 300])
def test_what_is_no_address_is_told_with_the_form_and_stored_nowhere(site: Site, typed: str) -> None:
    """D3."""
    answer = type_in(site, typed)

    assert answer.status_code == 400
    assert b'role="alert"' in answer.body
    assert b'name="address"' in answer.body
    assert site.stored() == []


@pytest.mark.parametrize("code", ["nobodyxx", "x", "TESTSEND", "testsend%20", "a" * 300])
def test_an_unknown_sender_gets_a_page(site: Site, code: str) -> None:
    for answer in (site.client.http.get(f"/o/{code}"), type_in(site, ADDRESS, f"/o/{code}")):
        assert answer.status_code == 404
        assert answer.headers["Content-Type"].startswith("text/html")
    assert site.stored() == []


def test_a_form_that_is_switched_off_says_so(site: Site) -> None:
    site.tables.client.update_item(
        TableName=site.tables.names.control,
        Key={"pk": {"S": f"sender#{CODE}"}, "sk": {"S": "sender"}},
        UpdateExpression="SET form_open = :no",
        ExpressionAttributeValues={":no": {"BOOL": False}},
    )

    answer = type_in(site, ADDRESS)

    assert answer.status_code == 404
    assert b"switched off" in answer.body
    assert site.stored() == []


def test_a_source_has_a_budget_and_gets_it_back_in_the_next_hour(site: Site) -> None:
    for number in range(SOURCE_BUDGET):
        assert type_in(site, f"reader{number}@example.com").status_code == 200

    refused = type_in(site, ADDRESS)

    assert refused.status_code == 429
    assert b"This did not go through, and nothing changed. Please come back in " in refused.body
    assert 0 < int(refused.headers["Retry-After"]) <= 3_600
    assert set(site.reasons().values()) == {None}
    site.clock.milliseconds += int(refused.headers["Retry-After"]) * 1_000
    assert type_in(site, ADDRESS).status_code == 200


def test_what_counts_sources_holds_no_network_address_and_forgets(site: Site) -> None:
    """C8."""
    type_in(site, ADDRESS)

    counted = [item for item in site.tables.items(site.tables.names.control) if item["pk"]["S"].startswith("limit#")]
    assert len(counted) == 2
    assert "127.0.0.1" not in str(counted)
    for item in counted:
        assert site.clock.milliseconds // 1000 < int(item["expires"]["N"]) <= site.clock.milliseconds // 1000 + 7_200
