"""`POST /v1/acts`: what a sender tells, under the rules, once for each idempotency key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from app import app
from chalicelib.api import times
from chalicelib.domain.acts import Act, Bounced, Complained, OptedIn, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.decision import Reason
from chalicelib.domain.senders import Sender
from chalicelib.tokens import Purpose
from tests.site import ADDRESS, CODE, Site

if TYPE_CHECKING:
    from tests.callers import Caller

MINUTE = 60_000
EVIDENCE = {"how": "a box at the checkout", "wording": "Yes, send me News", "source": "order 4711"}
OPT_OUT = {"act": "opt_out", "address": ADDRESS, "category": "news"}
BLOCK = {"act": "block", "address": ADDRESS, "category": "*"}
LIFT_BLOCK = {"act": "lift", "address": ADDRESS, "reason": "blocked", "category": "*"}
LIFT_BOUNCE = {"act": "lift", "address": ADDRESS, "reason": "undeliverable"}


def recipient_of(site: Site, address: str = ADDRESS) -> str:
    return site.service.senders.get(CODE).place_of(parse_address(address)).recipient


def record(site: Site, act: Act) -> None:
    site.service.ledger.record(site.service.senders.get(CODE).place_of(parse_address(ADDRESS)), act)


def consent(at: int, **changes: Any) -> dict[str, Any]:
    told = {"act": "consent", "address": ADDRESS, "category": "news", "at": times.tell(at), "evidence": EVIDENCE}
    return told | changes


def test_an_opt_out_told_holds_at_once(site: Site, caller: Caller) -> None:
    answer = caller.act(OPT_OUT)

    assert answer.status_code == 200
    [result] = answer.json_body["results"]
    assert result["recipient"] == recipient_of(site)
    assert f'"id":"{result["act"]}"' in str(site.stored())
    assert site.reasons() == {"news": Reason.OPTED_OUT, "offers": None, "alerts": None}


def test_an_opt_out_of_all_leaves_service_alerts(site: Site, caller: Caller) -> None:
    caller.act({**OPT_OUT, "category": "*"})

    assert site.reasons() == {"news": Reason.OPTED_OUT_OF_ALL, "offers": Reason.OPTED_OUT_OF_ALL, "alerts": None}


def test_an_opt_out_without_a_time_beats_an_opt_in_from_a_fast_clock(site: Site, caller: Caller) -> None:
    """An opt-out that was acknowledged holds at once, whatever the clocks of containers say."""
    site.clock.milliseconds += 10 * MINUTE
    record(site, Act("in", Via.PREFERENCE_PAGE, (OptedIn("news"),)))
    site.clock.milliseconds -= 10 * MINUTE

    caller.act(OPT_OUT)

    assert site.reasons()["news"] is Reason.OPTED_OUT


def test_an_opt_out_of_the_past_does_not_beat_a_newer_opt_in(site: Site, caller: Caller) -> None:
    record(site, Act("in", Via.PREFERENCE_PAGE, (OptedIn("news"),)))

    caller.act({**OPT_OUT, "at": "2020-01-01T00:00:00+02:00"})

    assert site.reasons()["news"] is None


def test_a_time_in_the_future_counts_as_that_of_receipt(site: Site, caller: Caller) -> None:
    caller.act({**OPT_OUT, "at": "2999-01-01T00:00:00Z"})
    site.clock.milliseconds += MINUTE
    record(site, Act("in", Via.PREFERENCE_PAGE, (OptedIn("news"),)))

    assert site.reasons()["news"] is None


def test_a_block_and_its_lifting(site: Site, caller: Caller) -> None:
    caller.act(BLOCK)
    assert site.reasons() == {"news": Reason.BLOCKED, "offers": Reason.BLOCKED, "alerts": None}

    caller.act(LIFT_BLOCK)
    assert set(site.reasons().values()) == {None}


def test_a_bounce_is_lifted_and_a_complaint_and_an_opt_out_are_not(site: Site, caller: Caller) -> None:
    now = site.clock.milliseconds
    record(site, Act("bounce", Via.FEEDBACK, (Bounced(now),)))
    record(site, Act("complaint", Via.FEEDBACK, (Complained(now),)))
    assert set(site.reasons().values()) == {Reason.UNDELIVERABLE}

    caller.act(LIFT_BOUNCE)
    assert site.reasons() == {"news": Reason.COMPLAINT, "offers": Reason.COMPLAINT, "alerts": None}
    [refused] = caller.act({**LIFT_BLOCK, "reason": "complaint"}).json_body["results"]
    assert refused["error"]["pointer"] == "/acts/0/reason"
    caller.act(consent(now + MINUTE))
    assert site.reasons()["news"] is Reason.COMPLAINT


def test_consent_newer_than_the_opt_out_lifts_it_and_older_does_not(site: Site, caller: Caller) -> None:
    """H5; two minutes are allowed for."""
    site.post(f"/u/{site.token()}")
    out = site.clock.milliseconds
    site.clock.milliseconds += 10 * MINUTE

    caller.act(consent(out + MINUTE))
    assert site.reasons()["news"] is Reason.OPTED_OUT
    caller.act(consent(out + 9 * MINUTE))
    assert site.reasons()["news"] is None


def test_the_evidence_of_consent_lies_on_an_item_of_its_own(site: Site, caller: Caller) -> None:
    """C4."""
    [result] = caller.act(consent(site.clock.milliseconds)).json_body["results"]

    [item] = [item for item in site.stored() if item["sk"]["S"].startswith("evidence#")]
    assert item["sk"]["S"] == f"evidence#{recipient_of(site)}#{result['act']}"
    assert {name: item[name]["S"] for name in EVIDENCE} == EVIDENCE
    assert "checkout" not in str([other for other in site.stored() if other is not item and other["sk"] != item["sk"]])


def test_acts_by_recipient_id_are_about_the_same_recipient(site: Site, caller: Caller) -> None:
    caller.act({"act": "opt_out", "recipient": recipient_of(site), "category": "news"})

    assert site.reasons()["news"] is Reason.OPTED_OUT
    assert ADDRESS not in str(site.stored())


def test_another_sender_touches_only_its_own(site: Site, caller: Caller) -> None:
    mine = site.service.senders.get(CODE)
    site.service.senders.create(Sender("othersnd", "Other", mine.catalogue, bytes(32)))
    key = caller.key("write", code="othersnd")

    caller.ask("/v1/acts", {"acts": [OPT_OUT, {**OPT_OUT, "address": None, "recipient": recipient_of(site)}]}, key)
    caller.ask("/v1/acts", {"acts": [{"act": "block", "recipient": recipient_of(site), "category": "*"}]}, key)

    assert set(site.reasons().values()) == {None}


def test_a_thousand_acts_are_recorded_and_answered_in_order(site: Site, caller: Caller) -> None:
    people = [f"person{number}@example.com" for number in range(1_000)]

    answer = caller.act(*({**OPT_OUT, "address": address} for address in people))

    results = answer.json_body["results"]
    assert [result["recipient"] for result in results] == [recipient_of(site, address) for address in people]
    assert site.entries() == 1_000
    assert {site.reasons(address)["news"] for address in people[::97]} == {Reason.OPTED_OUT}


REFUSED: dict[str, tuple[Any, str]] = {
    "no object": (7, "/acts/1"),
    "no act": ({"address": ADDRESS}, "/acts/1/act"),
    "an unknown act": ({**OPT_OUT, "act": "opt_in"}, "/acts/1/act"),
    "no address": ({"act": "opt_out", "category": "news"}, "/acts/1"),
    "address and recipient": ({**OPT_OUT, "recipient": "rcp_" + "a" * 26}, "/acts/1"),
    "a bad address": ({**OPT_OUT, "address": "nobody"}, "/acts/1/address"),
    "a number for an address": ({**OPT_OUT, "address": 1}, "/acts/1/address"),
    "a bad recipient": ({"act": "opt_out", "recipient": "rcp_x", "category": "news"}, "/acts/1/recipient"),
    "no category": ({"act": "opt_out", "address": ADDRESS}, "/acts/1/category"),
    "a bad time": ({**OPT_OUT, "at": "yesterday"}, "/acts/1/at"),
    "no such time": ({**OPT_OUT, "at": "2026-02-30T00:00:00Z"}, "/acts/1/at"),
    "a time without a zone": ({**OPT_OUT, "at": "2026-02-20T00:00:00"}, "/acts/1/at"),
    "a time before mail": ({**OPT_OUT, "at": "0001-01-01T00:00:00Z"}, "/acts/1/at"),
    "what there is not": ({**OPT_OUT, "reason": "x"}, "/acts/1"),
    "a lift of an opt-out": ({**LIFT_BLOCK, "reason": "opted_out"}, "/acts/1/reason"),
    "consent to all": (consent(1_700_000_000_000, category="*"), "/acts/1/category"),
    "consent without evidence": (consent(1_700_000_000_000, evidence=None), "/acts/1/evidence"),
    "empty evidence": (consent(1_700_000_000_000, evidence={**EVIDENCE, "how": " "}), "/acts/1/evidence/how"),
    "long evidence": (consent(1_700_000_000_000, evidence={**EVIDENCE, "how": "x" * 2_001}), "/acts/1/evidence/how"),
    "evidence of more": (consent(1_700_000_000_000, evidence={**EVIDENCE, "more": "x"}), "/acts/1/evidence"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_act_says_where_and_the_others_are_recorded(site: Site, caller: Caller, name: str) -> None:
    item, pointer = REFUSED[name]
    other = {**OPT_OUT, "address": "other@example.com"}

    first, refused, last = caller.act(other, item, BLOCK).json_body["results"]

    assert refused["error"]["pointer"] == pointer
    assert refused["error"]["status"] == 400
    assert {"recipient", "act"} == set(first) == set(last)
    assert site.entries() == 2
    assert ADDRESS not in str(refused)


@pytest.mark.parametrize(
    ("category", "status", "kind"),
    [("alerts", 409, "urn:signoff:cannot-opt-out"), ("nope", 404, "urn:signoff:unknown-category")],
)
@pytest.mark.parametrize("act", [OPT_OUT, BLOCK, LIFT_BLOCK, consent(1_700_000_000_000)], ids=lambda act: act["act"])
def test_no_act_is_about_a_service_alert_or_an_unknown_category(
    site: Site, caller: Caller, act: dict[str, Any], category: str, status: int, kind: str
) -> None:
    [result] = caller.act({**act, "category": category}).json_body["results"]

    assert (result["error"]["status"], result["error"]["type"]) == (status, kind)
    assert site.entries() == 0


@pytest.mark.parametrize("acts", [[], None, "x", {}, [OPT_OUT] * 1_001])
def test_a_request_without_a_list_of_acts_is_refused_whole(site: Site, caller: Caller, acts: Any) -> None:
    answer = caller.ask("/v1/acts", {"acts": acts})

    assert answer.status_code == 400
    assert answer.json_body["pointer"] == "/acts"
    assert site.stored() == []


def test_the_scope_write_is_needed(caller: Caller) -> None:
    assert caller.ask("/v1/acts", {"acts": [OPT_OUT]}, caller.key("read", "links")).status_code == 403


class TestAnIdempotencyKey:
    """G3."""

    def test_the_same_key_and_body_give_the_same_answer_and_record_once(self, site: Site, caller: Caller) -> None:
        first, second = (caller.act(OPT_OUT, BLOCK, {"act": "nope"}, Idempotency_Key="k-1") for _ in range(2))

        assert first.status_code == second.status_code == 200
        assert first.json_body == second.json_body
        assert site.entries() == 2

    def test_another_body_is_refused_and_records_nothing(self, site: Site, caller: Caller) -> None:
        caller.act(OPT_OUT, Idempotency_Key="k-1")

        answer = caller.act({**OPT_OUT, "address": "other@example.com"}, Idempotency_Key="k-1")

        assert answer.status_code == 422
        assert answer.json_body["type"] == "urn:signoff:idempotency-mismatch"
        assert site.entries() == 1

    def test_without_a_key_the_same_is_told_again(self, site: Site, caller: Caller) -> None:
        caller.act(OPT_OUT)
        site.clock.milliseconds += MINUTE
        caller.act(OPT_OUT)

        assert site.entries() == 2

    def test_a_repeated_lift_does_not_undo_a_block_made_since(self, site: Site, caller: Caller) -> None:
        """Not even where so much has happened since that the state no longer remembers the lift."""
        caller.act(BLOCK)
        caller.act(LIFT_BLOCK, Idempotency_Key="lift")
        for _ in range(9):
            site.clock.milliseconds += MINUTE
            caller.act(BLOCK)

        caller.act(LIFT_BLOCK, Idempotency_Key="lift")

        assert site.reasons()["news"] is Reason.BLOCKED

    def test_a_repeated_consent_counts_from_its_first_receipt(self, site: Site, caller: Caller) -> None:
        told = consent(site.clock.milliseconds + 60 * MINUTE)
        caller.act(told, Idempotency_Key="consent")
        for _ in range(9):
            site.clock.milliseconds += 10 * MINUTE
            site.post(f"/u/{site.token()}")

        caller.act(told, Idempotency_Key="consent")

        assert site.reasons()["news"] is Reason.OPTED_OUT

    def test_two_at_once_record_one_act(self, site: Site, caller: Caller) -> None:
        key = caller.key("write")
        with ThreadPoolExecutor(2) as pool:
            claims = list(
                pool.map(
                    lambda _: site.service.operations.claim(CODE, 0, "k", "body", site.clock.milliseconds), range(2)
                )
            )
        assert sorted(claim.is_new for claim in claims) == [False, True]
        for _ in range(2):
            caller.ask("/v1/acts", {"acts": [OPT_OUT]}, key, Idempotency_Key="same")
        assert site.entries() == 1

    def test_it_is_forgotten_after_two_days(self, site: Site, caller: Caller) -> None:
        caller.act(OPT_OUT, Idempotency_Key="k-1")
        site.clock.milliseconds += 49 * 60 * MINUTE

        assert caller.act(BLOCK, Idempotency_Key="k-1").status_code == 200

    def test_used_again_after_that_it_makes_other_acts(self, site: Site, caller: Caller) -> None:
        """An opt-out that is acknowledged holds: it is not taken for another one of the same key."""
        caller.act({**OPT_OUT, "category": "offers"}, Idempotency_Key="call-4711")
        site.clock.milliseconds += 49 * 60 * MINUTE

        caller.act(OPT_OUT, Idempotency_Key="call-4711")

        assert site.reasons() == {"news": Reason.OPTED_OUT, "offers": Reason.OPTED_OUT, "alerts": None}

    @pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ä"])
    def test_a_bad_one_is_refused(self, site: Site, caller: Caller, key: str) -> None:
        assert caller.act(OPT_OUT, Idempotency_Key=key).status_code == 400
        assert site.stored() == []

    def test_its_note_holds_no_address_and_an_end(self, site: Site, caller: Caller) -> None:
        caller.act(OPT_OUT, Idempotency_Key=f"sync {ADDRESS}".replace(" ", "-"))

        [note] = [item for item in site.stored() if item["sk"]["S"].startswith("op#")]
        assert ADDRESS not in str(note)
        assert int(note["expires"]["N"]) == site.clock.milliseconds // 1000 + 172_800


def test_what_takes_too_long_gets_503_and_the_same_request_again_completes_it(site: Site, caller: Caller) -> None:
    """A11, G3: no partial success is ever told as a whole one."""
    acts = [{**OPT_OUT, "address": f"person{number}@example.com"} for number in range(40)]
    key = caller.key("write")
    seconds = count()
    app._service = replace(site.service, monotonic=lambda: float(next(seconds)))

    slow = caller.ask("/v1/acts", {"acts": acts}, key, Idempotency_Key="k")
    app._service = site.service
    assert slow.status_code == 503
    assert 0 < site.entries() < 40
    answer = caller.ask("/v1/acts", {"acts": acts}, key, Idempotency_Key="k")

    assert answer.status_code == 200
    assert site.entries() == 40


def test_preferences_show_what_was_told(site: Site, caller: Caller) -> None:
    caller.act(OPT_OUT)

    page = site.client.http.get(f"/p/{site.token(purpose=Purpose.PREFERENCES)}").body.decode()

    assert 'value="news" checked' not in page
    assert 'value="offers" checked' in page
