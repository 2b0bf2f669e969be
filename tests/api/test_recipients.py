"""`/v1/recipients`: looked up, looked at, what happened, forgotten."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.api import times
from chalicelib.domain.acts import Act, Bounced, OptedIn, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.decision import Reason
from chalicelib.domain.senders import Sender
from tests.api.test_openapi import answer_errors
from tests.gateway import Answer, send
from tests.site import ADDRESS, CODE, Site

if TYPE_CHECKING:
    from tests.callers import Caller

ONE = "/v1/recipients/{recipient}"
ACTS = "/v1/recipients/{recipient}/acts"
MINUTE = 60_000
EVIDENCE = {"how": "a form that dana@example.com filled", "wording": "Yes", "source": "order 4711"}


def call(caller: Caller, method: str, path: str, recipient: str = "", query: Any = None, body: Any = None) -> Answer:
    answer = send(
        method,
        path,
        {"recipient": recipient},
        headers={"Authorization": f"Bearer {caller.key('read', 'write')}"},
        query=query,
        body=None if body is None else json.dumps(body).encode(),
    )
    assert answer_errors(path, method.lower(), answer) == []
    return answer


def lookup(caller: Caller, address: str = ADDRESS) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(call(caller, "POST", "/v1/recipients/lookup", body={"address": address}).body)
    return told


def consent(site: Site, at: int) -> dict[str, Any]:
    return {"act": "consent", "address": ADDRESS, "category": "news", "at": times.tell(at), "evidence": EVIDENCE}


def history(caller: Caller, recipient: str, **query: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(call(caller, "GET", ACTS, recipient, query or None).body)
    return told


def test_an_address_is_looked_up_in_a_body_and_may_be_unknown(site: Site, caller: Caller) -> None:
    """G6."""
    unknown = lookup(caller)
    assert (unknown["known"], unknown["address"], unknown["version"]) == (False, None, 0)

    site.post(f"/u/{site.token()}/all")
    known = lookup(caller, ADDRESS.upper())

    assert (known["known"], known["address"], known["recipient"]) == (True, ADDRESS, unknown["recipient"])
    reasons = {standing["category"]: standing["reason"] for standing in known["categories"]}
    assert reasons == {"news": "opted_out_of_all", "offers": "opted_out_of_all", "alerts": None}
    assert json.loads(call(caller, "GET", ONE, known["recipient"]).body) == known


@pytest.mark.parametrize("address", [None, 7, "nobody", ""])
def test_what_is_no_address_is_refused_where_it_is(caller: Caller, address: Any) -> None:
    answer = call(caller, "POST", "/v1/recipients/lookup", body={"address": address})
    assert answer.status == 400
    assert json.loads(answer.body)["pointer"] == "/address"


@pytest.mark.parametrize("recipient", ["x", "rcp_" + "a" * 26, "rcp_" + "A" * 26, "", "lookup", "%2e"])
def test_a_recipient_of_whom_nothing_is_stored(site: Site, caller: Caller, recipient: str) -> None:
    """G4: an error, and no "may send"."""
    for method, path in (("GET", ONE), ("DELETE", ONE), ("GET", ACTS)):
        assert call(caller, method, path, recipient).status == 404
    assert site.stored() == []


def test_what_happened_comes_newest_first_and_in_pages(site: Site, caller: Caller) -> None:
    site.post(f"/u/{site.token()}")
    caller.act(consent(site, site.clock.milliseconds), {"act": "block", "address": ADDRESS, "category": "*"})
    other = {"act": "opt_out", "address": "other@example.com", "category": "*"}
    caller.act(other, {"act": "lift", "address": ADDRESS, "reason": "blocked", "category": "*"})
    recipient = lookup(caller)["recipient"]

    whole = history(caller, recipient)

    assert [act["parts"][0]["kind"] for act in whole["acts"]] == ["unblocked", "blocked", "consented", "opted_out"]
    assert [act["version"] for act in whole["acts"]] == [4, 3, 2, 1]
    assert whole["cursor"] is None
    assert whole["acts"][2]["evidence"] == EVIDENCE
    assert whole["acts"][3]["via"] == "one_click"
    page = history(caller, recipient, limit="1")
    pages = page["acts"]
    while page["cursor"]:
        page = history(caller, recipient, limit="1", cursor=str(page["cursor"]))
        pages += page["acts"]
    assert pages == whole["acts"]
    linked = call(caller, "GET", ACTS, recipient, {"limit": "1"}).headers["link"]
    assert linked.startswith(f"<https://choices.example.com/api/v1/recipients/{recipient}/acts?limit=1&cursor=")
    assert linked.endswith('>; rel="next"')


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "51"}, {"limit": "x"}, {"cursor": "-1"}, {"cursor": "9" * 30}]
)
def test_a_query_that_cannot_be(site: Site, caller: Caller, query: dict[str, str]) -> None:
    site.post(f"/u/{site.token()}")
    assert call(caller, "GET", ACTS, lookup(caller)["recipient"], query).status == 400


def test_a_cursor_of_somebody_else_shows_nothing_of_them(site: Site, caller: Caller) -> None:
    sender = site.service.senders.get(CODE)
    mine = sender.place_of(parse_address(ADDRESS))
    theirs = next(
        place
        for place in (sender.place_of(parse_address(f"n{number}@example.com")) for number in range(1_000))
        if place.shard == mine.shard
    )
    for place in (theirs, mine):
        site.service.ledger.record(place, Act(f"of {place.recipient}", Via.ONE_CLICK, (OptedOut("news"),)))

    answer = call(caller, "GET", ACTS, mine.recipient, {"cursor": "1"})

    assert answer.status == 400
    assert theirs.recipient not in answer.body


class TestAnErasure:
    """C5."""

    @pytest.fixture
    def recipient(self, site: Site, caller: Caller) -> str:
        site.post(f"/u/{site.token()}")
        caller.act(consent(site, site.clock.milliseconds))
        return str(lookup(caller)["recipient"])

    def test_nothing_of_the_address_is_left_and_nothing_optional_is_sent(
        self, site: Site, caller: Caller, recipient: str
    ) -> None:
        assert ADDRESS in str(site.stored())

        told = json.loads(call(caller, "DELETE", ONE, recipient).body)

        assert (told["known"], told["address"]) == (True, None)
        assert "dana" not in str(site.stored())
        assert not [item for item in site.stored() if item["sk"]["S"].startswith("evidence#")]
        assert site.reasons() == {"news": Reason.OPTED_OUT_OF_ALL, "offers": Reason.OPTED_OUT_OF_ALL, "alerts": None}
        assert [act["parts"][0]["kind"] for act in history(caller, recipient)["acts"]] == [
            "erased",
            "consented",
            "opted_out",
        ]
        assert "evidence" not in str(history(caller, recipient))

    def test_said_again_it_is_not_done_again(self, site: Site, caller: Caller, recipient: str) -> None:
        first, second = (call(caller, "DELETE", ONE, recipient) for _ in range(2))

        assert first.body == second.body
        assert site.entries() == 3

    def test_an_older_consent_brings_nothing_back_and_a_newer_one_does(
        self, site: Site, caller: Caller, recipient: str
    ) -> None:
        """H5, and the evidence of the new one stays where the erasure is said again too late."""
        call(caller, "DELETE", ONE, recipient)
        erased = site.clock.milliseconds
        site.clock.milliseconds += 30 * MINUTE
        caller.act(consent(site, erased - 10 * MINUTE))
        assert site.reasons()["news"] is Reason.OPTED_OUT_OF_ALL
        assert ADDRESS not in str(site.stored())

        caller.act(consent(site, erased + 10 * MINUTE))

        assert site.reasons()["news"] is None
        assert lookup(caller)["address"] == ADDRESS
        assert [act.get("evidence") for act in history(caller, recipient, limit="1")["acts"]] == [EVIDENCE]

    def test_the_recipients_own_opt_in_brings_the_address_back(
        self, site: Site, caller: Caller, recipient: str
    ) -> None:
        call(caller, "DELETE", ONE, recipient)
        site.clock.milliseconds += MINUTE
        place = site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
        site.post(f"/u/{site.token(2)}")
        assert lookup(caller)["address"] is None, "an opt-out does not"

        site.service.ledger.record(place, Act("in", Via.PREFERENCE_PAGE, (OptedIn("news"),)))

        assert site.reasons()["news"] is None

    def test_it_needs_the_scope_write_and_a_service_alert_still_passes(
        self, site: Site, caller: Caller, recipient: str
    ) -> None:
        headers = {"Authorization": f"Bearer {caller.key('read')}"}
        assert send("DELETE", ONE, {"recipient": recipient}, headers=headers).status == 403
        call(caller, "DELETE", ONE, recipient)
        assert site.reasons()["alerts"] is None


def test_another_sender_sees_nothing_and_erases_nothing(site: Site, caller: Caller) -> None:
    site.post(f"/u/{site.token()}")
    recipient = lookup(caller)["recipient"]
    site.service.senders.create(Sender("othersnd", "Other", site.service.senders.get(CODE).catalogue, bytes(32)))
    headers = {"Authorization": f"Bearer {caller.key('read', 'write', code='othersnd')}"}

    for method, path in (("GET", ONE), ("GET", ACTS), ("DELETE", ONE)):
        assert send(method, path, {"recipient": recipient}, headers=headers).status == 404
    assert lookup(caller)["address"] == ADDRESS


def test_bounces_and_their_times_are_told(site: Site, caller: Caller) -> None:
    place = site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
    site.service.ledger.record(place, Act("b", Via.FEEDBACK, (Bounced(1_700_000_000_000),)))

    standings = {standing["category"]: standing for standing in lookup(caller)["categories"]}

    assert standings["alerts"]["reason"] == "undeliverable"
    assert standings["alerts"]["since"] == "2023-11-14T22:13:20.000Z"
