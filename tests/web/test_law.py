"""What laws and broken services taught, held by every page at once: conformance C1 to C5, F3, H2, H3, H5, H6."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from chalicelib.domain.acts import Act, Consented, Evidence, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.decision import Reason
from chalicelib.store.ledger import Beside
from chalicelib.store.operations import Claim
from chalicelib.tokens import Purpose
from chalicelib.use_cases.describing import Edit, retire_category
from tests.site import ADDRESS, CODE, DAY, Site
from tests.web.test_pages import PAGES, Document

if TYPE_CHECKING:
    from chalice.test import HTTPResponse

FORM = "application/x-www-form-urlencoded"
ASKS_FOR_AN_ADDRESS = {
    *("my data", "my data, another address", "erase", "erase, another address"),
    *("form", "form, no address"),
}
"""Where there is no link that says whose it is, and where what is personal is given or taken (F5)."""
NO_MENU = {
    *("a bad link", "a form that is not whole"),
    *("history", "no history", "my data", "my data, another address", "erased"),
}
"""Pages without anything to choose: of trouble, and of what happened."""


def page(site: Site, name: str) -> HTTPResponse:
    method, path, body = PAGES[name](site)
    return site.client.http.request(method, path, headers={}, body=body)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_asked_but_the_choice(site: Site, name: str) -> None:
    """C1: no name, no password, no reason, no payment; an address where no link tells it."""
    document = Document(page(site, name).body.decode())

    asked = {str(field["type"]) for field in document.all("input")} - {"hidden"}
    assert asked <= ({"email"} if name in ASKS_FOR_AN_ADDRESS else {"checkbox"})
    assert not [tag for tag, _ in document.found if tag in {"select", "textarea"}]


@pytest.mark.parametrize("name", sorted(set(PAGES) - NO_MENU))
def test_every_menu_offers_to_stop_everything(site: Site, name: str) -> None:
    """C3. A form that stops everything itself, or has done so, needs no second one."""
    text = page(site, name).body.decode()

    is_all = any(words in text for words in ("any optional mail to", "All optional mail "))
    assert is_all or re.search(r'action="[^"]*/u/[^"]*/all">', text)


@pytest.mark.parametrize("number", [1, 2])
def test_to_withdraw_takes_no_more_than_to_agree(site: Site, number: int) -> None:
    """C4: one box of one form, either way."""
    path = f"/p/{site.token(number, Purpose.PREFERENCES)}"
    out = site.post(path, b"shown=offers&before=offers&version=0", Content_Type=FORM)
    assert site.reasons()["offers"] is Reason.OPTED_OUT
    [version] = re.findall(r'name="version" value="(\d+)"', out.body.decode())

    site.post(path, f"shown=offers&wanted=offers&version={version}".encode(), Content_Type=FORM)

    assert site.reasons()["offers"] is None


def test_who_agreed_when_and_how_is_shown_to_whom_it_concerns(site: Site) -> None:
    """C4, C5: in the history, and with all of it in the download."""
    agree(site, site.clock.milliseconds - DAY)
    path = f"/p/{site.token(1, Purpose.PREFERENCES)}"

    history = site.client.http.get(f"{path}/history?{site.at()}").body.decode()
    told = json.loads(site.post(f"{path}/data", f"address={ADDRESS}".encode(), Content_Type=FORM).body)

    assert "you agreed to get Offers, as Test &amp; Sons noted." in history
    assert told["consents"] == [{"act": "a_c", "how": "checkbox", "wording": "Send me offers", "source": "shop"}]


def test_what_lifts_an_opt_out_is_in_sight_of_the_recipient(site: Site) -> None:
    """H5: consent that is newer than the opt-out, and says so; one that is older lifts nothing."""
    place = site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
    site.service.ledger.record(place, Act("o_x", Via.ONE_CLICK, (OptedOut("offers"),)))
    assert site.reasons()["offers"] is Reason.OPTED_OUT
    agree(site, site.clock.milliseconds - DAY)
    assert site.reasons()["offers"] is Reason.OPTED_OUT
    site.clock.milliseconds += DAY
    agree(site, site.clock.milliseconds)

    path = f"/p/{site.token(1, Purpose.PREFERENCES)}"
    assert site.reasons()["offers"] is None
    assert site.client.http.get(f"{path}/history?{site.at()}").body.count(b"you agreed to get Offers") == 2
    assert b'value="offers" checked' in site.client.http.get(path).body


def agree(site: Site, at: int) -> None:
    place = site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
    act = Act("a_c" if site.entries() == 0 else f"a_c{site.entries()}", Via.API, (Consented("offers", at, "a_c"),))
    shown = Evidence("checkbox", "Send me offers", "shop")
    site.service.ledger.record(place, act, Beside(ADDRESS, shown))


def test_stop_everything_leaves_service_alerts_and_says_so(site: Site) -> None:
    """H2, F3: as text with its reason, and with nothing to press."""
    answer = site.post(f"/u/{site.token(1, Purpose.PREFERENCES)}/all").body.decode()

    assert site.reasons()["alerts"] is None
    told = answer.partition("<h2>What still arrives</h2>")[2].partition("</ul>")[0]
    assert "Alerts" in told
    assert "You cannot stop these, because they are about a warranty, a recall, your safety or your security." in told
    assert "disabled" not in answer


def test_a_retired_category_keeps_its_link_and_its_choices(site: Site) -> None:
    """H3: its link stops it and nothing more; it is no choice on the page."""
    retire_category(Edit(site.service, CODE, Claim(1, is_new=True, nonce="x")), "offers")
    site.forget()
    token = site.token(2, Purpose.PREFERENCES)

    assert b"does not send <strong>Offers</strong> at the moment" in site.client.http.get(f"/u/{token}").body
    assert site.post(f"/u/{token}").status_code == 200
    assert site.reasons()["news"] is None
    assert b'value="offers"' not in site.client.http.get(f"/p/{token}").body


@pytest.mark.parametrize("path", ["/u/{}", "/u/{}/all", "/p/{}", "/p/{}/undo", "/p/{}/data", "/p/{}/erase"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_link_never_says_that_it_is_done(site: Site, path: str, method: str) -> None:
    """H6."""
    for token in ("x", site.token(1, Purpose.PREFERENCES)[:-1], site.token(1, Purpose.PREFERENCES) + "A"):
        answer = site.client.http.request(method, path.format(token), headers={}, body=b"")
        assert answer.status_code == 404
        assert b"This link does not work" in answer.body
        assert b'role="status"' not in answer.body
    assert site.stored() == []
