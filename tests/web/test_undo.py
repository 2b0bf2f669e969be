"""Undo: only what still stands is put back, only by the recipient, and once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from app import app
from chalicelib.domain.acts import Act, Blocked, OptedIn, OptedOut, Stated, Undone, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.decision import Reason
from chalicelib.keyring import Keyring, KeyState, MasterKey
from chalicelib.tokens import PREFERENCES_DAYS, Purpose
from chalicelib.use_cases.undoing import MOST_WALKED
from chalicelib.web.words import MOST_UNDONE
from tests.gateway import send
from tests.site import ADDRESS, CODE, DAY, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.test import HTTPResponse

    from chalicelib.domain.acts import Part
    from chalicelib.domain.senders import Place

OTHER = "other@example.com"
FREE: dict[str, Reason | None] = {"news": None, "offers": None, "alerts": None}


def footer(site: Site, address: str = ADDRESS) -> str:
    return site.token(1, Purpose.PREFERENCES, address)


def record(site: Site, *parts: Part, via: Via = Via.PREFERENCE_PAGE, address: str = ADDRESS) -> str:
    """Puts an act into the ledger, and returns its id."""
    place = site.service.senders.get(CODE).place_of(parse_address(address))
    act = Act(f"{via}-{site.entries()}", via, parts)
    site.service.ledger.record(place, act)
    return act.id


def act_on(answer: HTTPResponse) -> str:
    """What the undo button of a page names."""
    [form] = re.findall(r'<form [^>]*action="/api/p/[^/"]+/undo">(.*?)</form>', answer.body.decode())
    [act] = re.findall(r'name="act" value="([^"]+)"', form)
    return str(act)


def undo(site: Site, *acts: str, token: str | None = None) -> HTTPResponse:
    body = urlencode([("act", act) for act in acts]).encode()
    return site.post(f"/p/{token or footer(site)}/undo", body, Content_Type="application/x-www-form-urlencoded")


def boxes(answer: HTTPResponse) -> dict[str, bool]:
    found = re.findall(r'name="wanted" value="([^"]+)"( checked)?', answer.body.decode())
    return {category: bool(ticked) for category, ticked in found}


def test_the_page_of_an_opt_out_offers_its_undo(site: Site) -> None:
    done = site.post(f"/u/{footer(site)}")
    assert site.reasons()["news"] is Reason.OPTED_OUT

    answer = undo(site, act_on(done))

    assert answer.status_code == 200
    assert b"Undone. Test &amp; Sons will send you News &lt;b&gt;." in answer.body
    assert b'role="status"' in answer.body
    assert site.reasons() == FREE
    assert boxes(answer) == {"news": True, "offers": True}


def test_stopping_all_is_undone_and_what_was_stopped_before_stays_stopped(site: Site) -> None:
    record(site, OptedOut("offers"))

    answer = undo(site, act_on(site.post(f"/u/{footer(site)}/all")))

    assert b"will not send you Offers. Test &amp; Sons will send you News &lt;b&gt;." in answer.body
    assert site.reasons() == {**FREE, "offers": Reason.OPTED_OUT}


def test_saving_is_undone_in_both_directions(site: Site) -> None:
    record(site, OptedOut("offers"))
    form = [("version", "1"), ("shown", "news"), ("shown", "offers"), ("before", "news"), ("wanted", "offers")]
    saved = site.post(f"/p/{footer(site)}", urlencode(form).encode())
    assert site.reasons() == {**FREE, "news": Reason.OPTED_OUT}

    undo(site, act_on(saved))

    assert site.reasons() == {**FREE, "offers": Reason.OPTED_OUT}
    assert site.entries() == 3


def test_a_form_that_changed_nothing_offers_no_undo(site: Site) -> None:
    answer = site.post(f"/p/{footer(site)}", b"shown=news&before=news&wanted=news")
    assert b"/undo" not in answer.body


def test_a_stale_form_that_started_nothing_offers_no_undo(site: Site) -> None:
    record(site, OptedOut("news"))
    answer = site.post(f"/p/{footer(site)}", b"version=0&shown=news&wanted=news")
    assert b"save again" in answer.body
    assert b"/undo" not in answer.body


def test_it_is_recorded_and_shown(site: Site) -> None:
    act = act_on(site.post(f"/u/{footer(site)}"))
    undo(site, act)

    [newest, _] = site.service.reader.log(CODE, place(site).shard, 0)[::-1]
    assert isinstance(newest.act.parts[0], Undone)
    assert newest.act.parts[0].acts == (act,)
    assert (newest.act.via, newest.act.key_version) == (Via.PREFERENCE_PAGE, 1)
    history = site.client.http.get(f"/p/{footer(site)}/history").body.decode()
    assert "you undid a choice, on the page where you choose what you get" in history


def place(site: Site, address: str = ADDRESS) -> Place:
    return site.service.senders.get(CODE).place_of(parse_address(address))


def test_undone_twice_it_is_undone_once_and_the_answer_is_the_same(site: Site) -> None:
    """A double click, a reload: it does not redo."""
    act = act_on(site.post(f"/u/{footer(site)}"))

    first, second, third = (undo(site, act) for _ in range(3))

    assert (first.status_code, first.body) == (second.status_code, second.body) == (third.status_code, third.body)
    assert site.entries() == 2
    assert site.reasons() == FREE


def test_an_undo_is_not_undone_by_its_own_id(site: Site) -> None:
    act = act_on(site.post(f"/u/{footer(site)}"))
    undo(site, act)
    [_, undone] = site.service.reader.log(CODE, place(site).shard, 0)

    answer = undo(site, undone.act.id)

    assert b"Nothing was undone" in answer.body
    assert site.reasons() == FREE
    assert site.entries() == 2


def test_an_opt_out_that_came_since_stays(site: Site) -> None:
    """The promise: what was acknowledged since is not undone by an old form."""
    act = act_on(site.post(f"/u/{footer(site)}"))
    undo(site, act)
    assert site.post(f"/u/{site.token()}").status_code == 200

    answer = undo(site, act)

    assert b"Nothing was undone" in answer.body
    assert site.reasons()["news"] is Reason.OPTED_OUT
    assert site.entries() == 3
    assert boxes(answer)["news"] is False


@pytest.mark.parametrize("part", [OptedOut("news"), OptedIn("news")])
def test_a_newer_choice_of_the_same_stays(site: Site, part: Part) -> None:
    act = act_on(site.post(f"/u/{footer(site)}"))
    record(site, part)

    assert b"Nothing was undone" in undo(site, act).body

    assert site.reasons()["news"] is (Reason.OPTED_OUT if isinstance(part, OptedOut) else None)
    assert site.entries() == 2


def test_of_an_act_only_what_still_stands_is_undone(site: Site) -> None:
    act = record(site, OptedOut("news"), OptedOut("offers"))
    record(site, OptedOut("offers"))

    undo(site, act)

    assert site.reasons() == {**FREE, "offers": Reason.OPTED_OUT}


def test_an_opt_out_that_is_told_holds_whatever_is_undone(site: Site) -> None:
    act = act_on(site.post(f"/u/{footer(site)}"))
    told = record(site, Stated("news", site.clock.milliseconds), via=Via.API)

    answer = undo(site, act, told)

    assert site.reasons()["news"] is Reason.OPTED_OUT
    assert b"will not send you News" in answer.body
    assert b"Nothing was undone" in undo(site, told).body


def test_a_repeat_within_a_minute_is_undone_with_what_it_repeats(site: Site) -> None:
    first, second = (site.post(f"/u/{footer(site)}") for _ in range(2))
    assert act_on(first) == act_on(second)

    undo(site, act_on(second))

    assert site.reasons() == FREE


def test_an_opt_out_of_what_was_stopped_already_is_undone_to_that_and_it_is_said(site: Site) -> None:
    site.post(f"/u/{footer(site)}")
    record(site, Blocked("offers"), via=Via.API)
    second = site.post(f"/u/{footer(site)}")

    answer = undo(site, act_on(second))

    assert b"Undone. Test &amp; Sons will not send you News" in answer.body
    assert site.reasons()["news"] is Reason.OPTED_OUT


def test_two_acts_are_undone_to_before_both(site: Site) -> None:
    acts = [record(site, OptedOut("news"), via=via) for via in (Via.ONE_CLICK, Via.UNSUBSCRIBE_PAGE)]
    acts.append(record(site, OptedOut(ALL)))

    undo(site, *acts)

    assert site.reasons() == FREE
    assert site.entries() == 4


def test_an_opt_out_by_another_link_or_the_form_is_the_recipients_own(site: Site) -> None:
    for via in (Via.ONE_CLICK, Via.UNSUBSCRIBE_PAGE, Via.OPT_OUT_FORM, Via.MAILTO):
        undo(site, record(site, OptedOut(ALL), via=via))
        assert site.reasons() == FREE


OF_OTHERS: dict[str, Callable[[Site], str]] = {
    "another recipient's": lambda site: record(site, OptedOut("news"), address=OTHER),
    "unknown": lambda _: "o_" + "a" * 22,
    "empty": lambda _: "",
    "markup": lambda _: '"><script>',
    "no Unicode": lambda _: "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "huge": lambda _: "o_" + "a" * 40_000,
    "told": lambda site: record(site, Stated("news", 5), via=Via.IMPORT),
    "the sender's own": lambda site: record(site, Blocked("news"), via=Via.API),
}


@pytest.mark.parametrize("name", OF_OTHERS)
def test_what_is_no_choice_of_the_recipient_is_nothing_to_undo(site: Site, name: str) -> None:
    record(site, OptedOut("offers"))
    act = OF_OTHERS[name](site)
    before, others = site.stored(), site.reasons(OTHER)

    answer = undo(site, act)

    assert answer.status_code == 200
    assert b"Nothing was undone" in answer.body
    assert b"<script>" not in answer.body
    assert site.stored() == before
    assert site.reasons(OTHER) == others


def test_it_looks_the_same_for_an_act_of_another_as_for_none(site: Site) -> None:
    """F5: nobody learns by it what there is."""
    act = record(site, OptedOut("news"), address=OTHER)
    assert undo(site, act).body == undo(site, "o_" + "a" * 22).body


def test_a_form_with_too_many_acts_undoes_the_first_of_them(site: Site) -> None:
    act = act_on(site.post(f"/u/{footer(site)}"))
    undo(site, *(f"x{number}" for number in range(MOST_UNDONE)), act)
    assert site.reasons()["news"] is Reason.OPTED_OUT
    undo(site, act)
    assert site.reasons() == FREE


@pytest.mark.parametrize(("between", "is_found"), [(8, True), (20, True), (MOST_WALKED + 20, False)])
def test_an_act_of_long_ago_that_still_stands_is_found(site: Site, between: int, is_found: bool) -> None:
    act = record(site, OptedOut("news"))
    for number in range(between):
        record(site, OptedOut("offers") if number % 2 else OptedIn("offers"))
    before = site.reasons()

    answer = undo(site, act)

    assert (b"Undone" in answer.body) is is_found
    assert site.reasons() == ({**before, "news": None} if is_found else before)


class TestALinkThatOnlyStops:
    """A header's link, an old one, one of a compromised key: none undoes anything."""

    def test_of_a_header(self, site: Site) -> None:
        done = site.post(f"/u/{site.token()}")
        assert b"undo" not in done.body.lower()
        before = site.stored()

        answer = undo(site, "x", token=site.token())

        assert answer.status_code == 404
        assert site.stored() == before

    def test_that_is_old(self, site: Site) -> None:
        token = footer(site)
        act = act_on(site.post(f"/u/{token}"))
        site.clock.milliseconds += (PREFERENCES_DAYS + 1) * DAY
        assert b"/undo" not in site.post(f"/u/{token}").body
        before = site.stored()

        answer = undo(site, act, token=token)

        assert answer.status_code == 403
        assert b"This link is old" in answer.body
        assert b"/p/" not in answer.body
        assert site.stored() == before

    def test_of_a_compromised_key(self, site: Site) -> None:
        token = footer(site)
        act = act_on(site.post(f"/u/{token}"))
        old, new = site.service.keyring.minting, MasterKey(2, bytes(range(1, 33)), KeyState.MINTING)
        keyring = Keyring([replace(old, state=KeyState.COMPROMISED), new])
        app._service = replace(site.service, settings=replace(site.service.settings, keyring=keyring))

        assert undo(site, act, token=token).status_code == 403
        assert site.reasons()["news"] is Reason.OPTED_OUT


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("OPTIONS", 405)])
def test_no_scanner_undoes(site: Site, method: str, status: int) -> None:
    """A7."""
    act = act_on(site.post(f"/u/{footer(site)}"))
    body, values = f"act={act}".encode(), {"token": footer(site)}
    assert send(method, "/p/{token}/undo", values, body=body, query={"act": act}).status == status
    assert site.reasons()["news"] is Reason.OPTED_OUT
    assert site.entries() == 1
