"""The preference centre: what it shows, what it saves, and what links may do there."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from app import app
from chalicelib.domain.acts import Act, Blocked, Bounced, Complained, Consented, OptedIn, OptedOut, Stated, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.decision import Reason
from chalicelib.keyring import Keyring, KeyState, MasterKey
from chalicelib.tokens import PREFERENCES_DAYS, Purpose
from tests.site import ADDRESS, CODE, Site

if TYPE_CHECKING:
    from chalice.test import HTTPResponse

    from chalicelib.domain.acts import Part

FORM = "application/x-www-form-urlencoded"
DAY = 86_400_000


@dataclass(frozen=True)
class Shown:
    """What a page of the preference centre shows: category → whether its box is ticked."""

    boxes: dict[str, bool]
    hidden: list[tuple[str, str]]

    def saving(self, *wanted: str) -> bytes:
        """The form as a browser sends it with these boxes ticked."""
        return urlencode([*self.hidden, *(("wanted", category) for category in wanted)]).encode()


def read(answer: HTTPResponse) -> Shown:
    page = answer.body.decode()
    assert answer.status_code == 200, page
    boxes = re.findall(r'type="checkbox" id="\w+" name="wanted" value="([^"]+)"( checked)?', page)
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return Shown({category: bool(ticked) for category, ticked in boxes}, hidden)


def link(site: Site, number: int = 1) -> str:
    return f"/p/{site.token(number, Purpose.PREFERENCES)}"


def open_centre(site: Site) -> Shown:
    return read(site.client.http.get(link(site)))


def record(site: Site, *parts: Part, via: Via = Via.PREFERENCE_PAGE) -> None:
    place = site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
    site.service.ledger.record(place, Act(f"act{site.entries()}", via, parts))


def save(site: Site, body: bytes, path: str | None = None) -> HTTPResponse:
    return site.post(path or link(site), body, Content_Type=FORM)


def test_it_shows_what_can_be_chosen_and_service_alerts_as_text(site: Site) -> None:
    """F3."""
    record(site, OptedOut("offers"))

    assert open_centre(site).boxes == {"news": True, "offers": False}
    page = site.client.http.get(link(site)).body.decode()
    assert "Alerts</strong>" in page
    assert "You cannot stop these, because they are about a warranty" in page
    assert ADDRESS not in page


def test_saving_records_the_differences_as_one_act(site: Site) -> None:
    record(site, OptedOut("offers"))

    answer = save(site, open_centre(site).saving("offers"))

    assert read(answer).boxes == {"news": False, "offers": True}
    assert b"will not send you News &lt;b&gt;" in answer.body
    assert b"will send you Offers" in answer.body
    assert site.reasons() == {"news": Reason.OPTED_OUT, "offers": None, "alerts": None}
    assert site.entries() == 2


def test_a_form_saved_unchanged_records_nothing(site: Site) -> None:
    answer = save(site, open_centre(site).saving("news", "offers"))

    assert b"Nothing was changed" in answer.body
    assert site.stored() == []


def test_a_stale_tab_saved_unchanged_undoes_nothing(site: Site) -> None:
    stale = open_centre(site)
    site.post(f"/u/{site.token()}/all")

    save(site, stale.saving("news", "offers"))

    assert site.reasons()["news"] is Reason.OPTED_OUT_OF_ALL


def test_a_form_sent_twice_does_not_undo_what_was_stopped_in_between(site: Site) -> None:
    """A reload, a restored tab, a proxy that tries again: the same bytes are no new wish."""
    record(site, OptedOut("news"))
    form = open_centre(site).saving("news", "offers")
    assert read(save(site, form)).boxes == {"news": True, "offers": True}
    site.post(f"/u/{site.token()}")

    again = save(site, form)

    assert site.reasons()["news"] is Reason.OPTED_OUT
    assert b"save again" in again.body
    assert read(again).boxes == {"news": False, "offers": True}


def test_a_form_sent_twice_at_once_is_one_wish(site: Site) -> None:
    record(site, OptedOut("news"))
    form = open_centre(site).saving("news", "offers")

    first, second = (save(site, form) for _ in range(2))

    assert read(first).boxes == read(second).boxes == {"news": True, "offers": True}
    assert b"save again" not in second.body
    assert site.entries() == 2


def test_an_opt_out_of_a_form_that_is_old_counts_still(site: Site) -> None:
    form = open_centre(site).saving("offers")
    record(site, Bounced(1), via=Via.FEEDBACK)

    save(site, form)

    assert open_centre(site).boxes == {"news": False, "offers": True}


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 400, "\u0663"])
def test_a_version_that_is_none_starts_nothing(site: Site, version: str) -> None:
    record(site, OptedOut("news"))

    assert (
        save(site, urlencode([("shown", "news"), ("wanted", "news"), ("version", version)]).encode()).status_code == 200
    )

    assert site.reasons()["news"] is Reason.OPTED_OUT


def test_a_category_that_the_form_did_not_show_stays(site: Site) -> None:
    """H4."""
    record(site, OptedOut("offers"))

    save(site, urlencode([("shown", "news"), ("before", "news"), ("wanted", "offers")]).encode())

    assert site.reasons() == {"news": Reason.OPTED_OUT, "offers": Reason.OPTED_OUT, "alerts": None}


def test_nobody_opts_out_of_a_service_alert_or_of_what_there_is_not(site: Site) -> None:
    body = [
        ("shown", "alerts"),
        ("before", "alerts"),
        ("shown", "nope"),
        ("before", "nope"),
        ("shown", "*"),
        ("before", "*"),
    ]

    answer = save(site, urlencode(body).encode())

    assert answer.status_code == 200
    assert site.stored() == []


def test_choosing_one_after_stopping_all_brings_that_one_back(site: Site) -> None:
    site.post(f"/u/{site.token()}/all")

    save(site, open_centre(site).saving("offers"))

    assert site.reasons() == {"news": Reason.OPTED_OUT_OF_ALL, "offers": None, "alerts": None}


def test_the_recipient_alone_lifts_a_complaint(site: Site) -> None:
    record(site, Complained(site.clock.milliseconds), via=Via.FEEDBACK)
    assert open_centre(site).boxes == {"news": False, "offers": False}

    save(site, open_centre(site).saving("news"))

    assert site.reasons() == {"news": None, "offers": Reason.COMPLAINT, "alerts": None}


@pytest.mark.parametrize(("part", "note"), [(Blocked("news"), b"is not sending you this"), (Bounced(1), b"came back")])
def test_what_is_withheld_by_others_is_said_and_the_wish_is_kept(site: Site, part: Part, note: bytes) -> None:
    record(site, part, via=Via.API)

    assert open_centre(site).boxes["news"] is True
    assert note in site.client.http.get(link(site)).body
    save(site, open_centre(site).saving("offers"))
    assert open_centre(site).boxes["news"] is False


def test_a_header_link_opens_no_preference_centre(site: Site) -> None:
    """A one-click link yields no more than opting out."""
    for method in ("GET", "POST"):
        answer = site.client.http.request(
            method, f"/p/{site.token()}", headers={"Content-Type": FORM}, body=b"shown=news"
        )
        assert answer.status_code == 404
    assert b"/p/" not in site.client.http.get(f"/u/{site.token()}").body
    assert site.stored() == []


def test_a_footer_link_leads_from_the_page_to_the_centre(site: Site) -> None:
    page = site.client.http.get(f"/u/{site.token(purpose=Purpose.PREFERENCES)}").body.decode()

    [href] = re.findall(r'href="(/api/p/[^"]+)"', page)
    assert open_centre(site) == read(site.client.http.get(href.removeprefix("/api")))


class TestAnOldLink:
    """After 90 days a footer's link acts as a header's: it stops, and starts nothing."""

    @pytest.fixture(autouse=True)
    def grow_old(self, site: Site) -> None:
        self.before = open_centre(site)
        record(site, OptedOut("offers"))
        site.clock.milliseconds += (PREFERENCES_DAYS + 1) * DAY

    def test_it_shows_one_button(self, site: Site) -> None:
        answer = site.client.http.get(link(site))
        assert b"This link is old" in answer.body
        assert b"checkbox" not in answer.body
        assert b"/p/" not in answer.body

    def test_a_form_from_before_stops_and_starts_nothing(self, site: Site) -> None:
        shown = self.before.hidden.index(("before", "news offers"))
        self.before.hidden[shown] = ("before", "news")
        answer = save(site, self.before.saving("offers"))
        assert answer.status_code == 200
        assert site.reasons() == {"news": Reason.OPTED_OUT, "offers": Reason.OPTED_OUT, "alerts": None}

    def test_a_bare_post_is_one_click(self, site: Site) -> None:
        assert save(site, b"List-Unsubscribe=One-Click").status_code == 200
        assert site.reasons()["news"] is Reason.OPTED_OUT

    def test_for_a_service_alert_it_offers_stop_all_alone(self, site: Site) -> None:
        page = site.client.http.get(link(site, 3)).body.decode()
        assert re.findall(r'<form method="post" action="/api/u/[^"/]+(/all)?">', page) == ["/all"]
        assert save(site, b"", link(site, 3)).status_code == 409


def test_a_link_of_a_compromised_key_stops_and_opens_nothing_else(site: Site) -> None:
    path = link(site)
    old, new = site.service.keyring.minting, MasterKey(2, bytes(range(1, 33)), KeyState.MINTING)
    keyring = Keyring([replace(old, state=KeyState.COMPROMISED), new])
    app._service = replace(site.service, settings=replace(site.service.settings, keyring=keyring))

    assert b"checkbox" not in site.client.http.get(path).body
    assert save(site, b"shown=offers&wanted=offers", path).status_code == 200
    assert site.stored() == []
    assert site.post(path.replace("/p/", "/u/")).status_code == 200
    assert site.reasons()["news"] is Reason.OPTED_OUT


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"List-Unsubscribe=One-Click", 400),
        (b"\xff\xfe%00%ff", 400),
        (b"shown=news&" + b"a=b&" * 1_001, 400),
        (b"x" * 60_000, 413),
    ],
)
def test_a_body_that_is_no_form_of_ours_changes_nothing(site: Site, body: bytes, status: int) -> None:
    answer = save(site, body)

    assert answer.status_code == status
    assert b"Nothing changed" in answer.body
    assert site.stored() == []


def test_a_retired_category_is_not_shown_and_its_link_still_stops_it(site: Site) -> None:
    """H3."""
    retire(site, "news")

    assert open_centre(site).boxes == {"offers": True}
    assert b"does not send <strong>News" in site.client.http.get(f"/u/{site.token()}").body
    assert site.post(f"/u/{site.token()}").status_code == 200
    assert site.reasons()["news"] is Reason.RETIRED
    revive(site, "news")
    assert site.reasons()["news"] is Reason.OPTED_OUT


def retire(site: Site, category: str) -> None:
    _set_catalogue(site, category, retired=True)


def revive(site: Site, category: str) -> None:
    _set_catalogue(site, category, retired=False)


def _set_catalogue(site: Site, category: str, *, retired: bool) -> None:
    """Until senders can change their categories, the row is changed as it lies."""
    row = {"pk": {"S": f"sender#{CODE}"}, "sk": {"S": "sender"}}
    table = site.tables.names.control
    told = site.tables.client.get_item(TableName=table, Key=row, ConsistentRead=True)["Item"]["categories"]["S"]
    was, becomes = (f'"retired":{str(value).lower()}' for value in (not retired, retired))
    first, rest = told.split("}", 1)
    assert f'"id":"{category}"' in first
    site.tables.client.update_item(
        TableName=table,
        Key=row,
        UpdateExpression="SET categories = :new",
        ExpressionAttributeValues={":new": {"S": first.replace(was, becomes) + "}" + rest}},
    )
    site.forget()


def test_an_opt_in_then_a_told_opt_out_then_the_centre_shows_it(site: Site) -> None:
    record(site, OptedIn("news"))
    record(site, Stated(ALL, site.clock.milliseconds + 3_600_000), via=Via.IMPORT)

    assert open_centre(site).boxes == {"news": False, "offers": False}


def both_ways(site: Site) -> tuple[str, bytes]:
    """A page, and a form on it that stops what is got and starts what was stopped."""
    path = f"/p/{site.token(1, Purpose.PREFERENCES)}"
    site.post(path, b"shown=news&before=news&version=0", Content_Type=FORM)
    return path, b"shown=news offers&before=offers&wanted=news&version=1"


def test_a_form_that_is_sent_again_is_undone_with_what_was_sent_before(site: Site) -> None:
    """A reload after a minute: another act, since it renews the stop, and one undo for both."""
    path, body = both_ways(site)
    first = site.post(path, body, Content_Type=FORM)
    site.clock.milliseconds += 120_000
    again = site.post(path, body, Content_Type=FORM)
    acts = re.findall('name="act" value="([^"]+)"', again.body.decode())
    assert acts[-1:] == re.findall('name="act" value="([^"]+)"', first.body.decode())

    answer = site.post(f"{path}/undo", urlencode([("act", act) for act in acts]).encode(), Content_Type=FORM)

    assert (
        b"Undone. Test &amp; Sons will not send you News &lt;b&gt;. Test &amp; Sons will send you Offers."
        in answer.body
    )
    assert site.reasons() == {"news": Reason.OPTED_OUT, "offers": None, "alerts": None}


def test_a_form_that_is_sent_again_stops_again_what_was_let_through_since(site: Site) -> None:
    """The promise: it is a wish of its own, whatever came in between."""
    path = f"/p/{site.token(1, Purpose.PREFERENCES)}"
    body = b"shown=offers&before=offers&version=0"
    site.post(path, body, Content_Type=FORM)
    site.clock.milliseconds += 3_600_000  # the engine has a clock of its own, which went on since this one was set
    place = site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
    consent = Consented("offers", site.clock.milliseconds, "a_c")
    site.service.ledger.record(place, Act("a_c", Via.API, (consent,)))
    assert site.reasons()["offers"] is None
    site.clock.milliseconds += 300_000

    site.post(path, body, Content_Type=FORM)

    assert site.reasons()["offers"] is Reason.OPTED_OUT


def test_what_is_wanted_and_withheld_is_not_promised(site: Site) -> None:
    path = f"/p/{site.token(1, Purpose.PREFERENCES)}"
    site.post(path, b"shown=offers&before=offers&version=0", Content_Type=FORM)
    place = site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
    site.service.ledger.record(place, Act("a_b", Via.API, (Blocked(ALL),)))

    answer = site.post(path, b"shown=offers&wanted=offers&version=2", Content_Type=FORM)

    assert b"will send you" not in answer.body
    assert b"You want this, and Test &amp; Sons is not sending it at the moment: Offers." in answer.body
    assert site.reasons()["offers"] is Reason.BLOCKED


def test_an_undo_that_something_newer_has_come_over_says_so(site: Site) -> None:
    path = f"/p/{site.token(1, Purpose.PREFERENCES)}"
    saved = site.post(path, b"shown=news offers&before=news offers&version=0", Content_Type=FORM)
    [act] = re.findall('name="act" value="([^"]+)"', saved.body.decode())
    site.clock.milliseconds += 120_000
    site.post(f"/u/{site.token(2)}")

    answer = site.post(f"{path}/undo", f"act={act}".encode(), Content_Type=FORM)

    assert b"Undone in part: for the rest, something newer has come since." in answer.body
    assert site.reasons() == {"news": None, "offers": Reason.OPTED_OUT, "alerts": None}
