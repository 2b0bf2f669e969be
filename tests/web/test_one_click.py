"""The one-click endpoint, by the numbers of conformance A."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app import app
from chalicelib.domain.acts import Via
from chalicelib.domain.decision import Reason, decide
from chalicelib.keyring import Keyring, KeyState, MasterKey
from chalicelib.tokens import Purpose, mint
from chalicelib.use_cases.opening import open_link
from chalicelib.use_cases.stopping import opt_out
from tests.site import ADDRESS, CODE, DAY, Site

if TYPE_CHECKING:
    from collections.abc import Callable

MULTIPART = (
    b'--b0undary\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b0undary--\r\n'
)
ONE_CLICK_BODIES = {
    "A1 form": ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
    "A2 multipart": ("multipart/form-data; boundary=b0undary", MULTIPART),
    "A2 RFC 8058's own delimiter": ("multipart/form-data; boundary=b0undary", MULTIPART.replace(b"--b0", b"b0")),
    "A9 no type": (None, b"List-Unsubscribe=One-Click"),
    "A9 text": ("text/plain", b"List-Unsubscribe=One-Click"),
    "A9 parameters": ("application/x-www-form-urlencoded; charset=UTF-8; x=y", b"List-Unsubscribe=One-Click"),
    "A9 unknown": ("application/x-who-knows", b"{"),
    "A9 JSON": ("application/json", b"[" * 5_000),
    "A9 empty": ("application/x-www-form-urlencoded", b""),
    "A9 malformed": ("multipart/form-data", b"\xff\xfe%%%"),
    "A9 large": ("application/x-www-form-urlencoded", b"x" * 6_000_000),
}


@pytest.mark.parametrize("name", ONE_CLICK_BODIES)
def test_whatever_the_body_a_good_link_opts_out_of_its_category_alone(site: Site, name: str) -> None:
    """A1, A2, A3, A4, A9, A12."""
    kind, body = ONE_CLICK_BODIES[name]

    answer = site.post(f"/u/{site.token()}", body, **({} if kind is None else {"Content_Type": kind}))

    assert answer.status_code == 200
    assert not {"location", "set-cookie"} & {header.lower() for header in answer.headers}
    assert site.reasons() == {"news": Reason.OPTED_OUT, "offers": None, "alerts": None}


@pytest.mark.parametrize("agent", ["Mozilla/5.0", "GoogleImageProxy", "python-requests/2", "Barracuda Sentinel", ""])
def test_no_user_agent_and_no_haste_keeps_a_post_from_counting(site: Site, agent: str) -> None:
    """A13: the link was minted this very moment."""
    answer = site.post(f"/u/{site.token()}", User_Agent=agent)

    assert answer.status_code == 200
    assert site.reasons()["news"] is Reason.OPTED_OUT


def test_one_post_is_all_that_it_takes(site: Site) -> None:
    """A14, C1: nothing is asked, and what is answered asks for nothing more."""
    page = site.post(f"/u/{site.token()}").body.decode()

    assert "You are unsubscribed" in page
    assert "confirm" not in page.lower()
    assert "<input" not in page
    assert site.reasons()["news"] is Reason.OPTED_OUT


def test_a_link_works_for_years_and_through_rotations(site: Site) -> None:
    """C2, H8."""
    path = f"/u/{site.token()}"
    old = replace(site.service.keyring.minting, state=KeyState.VERIFYING)
    keyring = Keyring([old, MasterKey(2, bytes(range(1, 33)), KeyState.MINTING)])
    site.clock.milliseconds += 10 * 365 * DAY
    app._service = replace(site.service, settings=replace(site.service.settings, keyring=keyring))

    assert site.client.http.get(path).status_code == 200
    assert site.post(path).status_code == 200
    assert site.reasons()["news"] is Reason.OPTED_OUT


def test_what_is_recorded_never_expires(site: Site) -> None:
    """C6: nothing that the engine deletes by itself."""
    site.post(f"/u/{site.token()}")

    assert {item["sk"]["S"].partition("#")[0] for item in site.stored()} == {"recipient", "log", "head"}
    assert not [item for item in site.stored() if "expires" in item]


def test_body_fields_never_override_the_link(site: Site) -> None:
    """A5."""
    site.post(f"/u/{site.token()}", b"category=offers&address=other@example.com&List-Unsubscribe=all&scope=*")

    assert site.reasons() == {"news": Reason.OPTED_OUT, "offers": None, "alerts": None}
    assert set(site.reasons("other@example.com").values()) == {None}


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t + "=", lambda t: "p" + t[1:], lambda _: "x"])
def test_a_spoiled_link_changes_nothing_and_says_so(site: Site, spoil: Callable[[str], str]) -> None:
    """A6, H6."""
    answer = site.post(f"/u/{spoil(site.token())}")

    assert answer.status_code == 404
    assert b"does not work" in answer.body
    assert site.stored() == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("purpose", list(Purpose))
def test_opening_writes_nothing_and_uses_no_link_up(site: Site, method: str, purpose: Purpose) -> None:
    """A7."""
    token = site.token(purpose=purpose)
    for _ in range(3):
        site.client.http.request(method, f"/u/{token}")

    assert site.stored() == []
    assert site.post(f"/u/{token}").status_code == 200
    assert site.reasons()["news"] is Reason.OPTED_OUT


def test_the_page_has_no_script_and_shows_a_mask_only(site: Site) -> None:
    """A8, F4, F5; and the sender's own words are escaped."""
    answer = site.client.http.get(f"/u/{site.token()}")
    page = answer.body.decode()

    assert "<script" not in page
    assert "News &lt;b&gt;" in page
    assert "Test &amp; Sons" in page
    assert ADDRESS not in page
    assert "d**r@e*****.com" in page
    assert 'action="/api/u/' in page
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_repeat_gets_the_same_answer_and_records_nothing_new(site: Site) -> None:
    """A10."""
    first, second = (site.post(f"/u/{site.token()}") for _ in range(2))

    assert (first.status_code, first.body) == (second.status_code, second.body)
    assert site.entries() == 1


def test_what_was_an_address_when_its_link_was_minted_stays_one(site: Site) -> None:
    """C2: an address with a character that was lost is refused today, and was not always."""
    token = site.token(1, Purpose.ONE_CLICK, "jos\ufffd@example.com")
    assert site.post(f"/u/{token}").status_code == 200
    assert site.entries() == 1


def test_two_in_parallel_record_one_act(site: Site) -> None:
    """A10."""
    opened = open_link(site.service, site.token())

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: opt_out(site.service, opened, Via.ONE_CLICK), range(2)))

    assert site.entries() == 1
    assert site.reasons()["news"] is Reason.OPTED_OUT


MORE, ALL_BUTTON = "Other optional mail from", "Stop all optional mail"


def test_a_page_says_that_more_may_come_only_where_it_may(site: Site) -> None:
    """H6. "Stop all" stays until all is stopped: there may be another category tomorrow."""
    first, second, everything, again = (
        site.post(f"/u/{site.token(number)}{way}").body.decode()
        for number, way in ((1, ""), (2, ""), (1, "/all"), (1, ""))
    )
    assert (MORE in first, ALL_BUTTON in first) == (True, True)
    assert (MORE in second, ALL_BUTTON in second) == (False, True)
    assert (MORE in everything, ALL_BUTTON in everything) == (False, False)
    assert (MORE in again, ALL_BUTTON in again) == (False, False)


def test_stop_all_leaves_service_alerts(site: Site) -> None:
    """C3, H2."""
    answer = site.post(f"/u/{site.token()}/all")

    assert answer.status_code == 200
    assert site.reasons() == {"news": Reason.OPTED_OUT_OF_ALL, "offers": Reason.OPTED_OUT_OF_ALL, "alerts": None}


def test_a_link_of_a_service_alert_stops_no_service_alert(site: Site) -> None:
    token = site.token(3, Purpose.PREFERENCES)

    assert b"You cannot opt out of" in site.client.http.get(f"/u/{token}").body
    assert site.post(f"/u/{token}").status_code == 409
    assert site.stored() == []
    assert site.post(f"/u/{token}/all").status_code == 200
    assert site.reasons() == {"news": Reason.OPTED_OUT_OF_ALL, "offers": Reason.OPTED_OUT_OF_ALL, "alerts": None}


def test_a_store_that_does_not_answer_gets_503_and_never_a_false_success(site: Site) -> None:
    """A11."""
    table = site.tables.names.recipients
    site.tables.client.update_table(TableName=table, DeletionProtectionEnabled=False)
    site.tables.client.delete_table(TableName=table)

    answer = site.post(f"/u/{site.token()}")

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert b"we cannot say that this was done" in answer.body
    assert ADDRESS.encode() not in answer.body


def test_a_sender_of_hashes_alone_keeps_no_address(site: Site) -> None:
    known = site.service.senders.get(CODE)
    site.service.senders.create(replace(known, code="hashsend", hashed=True))
    token = mint(site.service.keyring, Purpose.ONE_CLICK, "hashsend", 1, site.day, ADDRESS)

    assert site.post(f"/u/{token}").status_code == 200
    body = f"address={ADDRESS}".encode()
    assert site.post("/o/hashsend", body, Content_Type="application/x-www-form-urlencoded").status_code == 200

    assert len(site.stored()) > 0
    assert ADDRESS not in str(site.stored())
    opened = open_link(site.service, token)
    assert opened.sender.hashed
    assert "opted_out" in str(decide(site.service.reader.recipient(opened.place).state, opened.category).reason)
