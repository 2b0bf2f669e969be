"""A stranger's opt-outs reversed on real tables: what the recipient sees, what the sender sees, and being killed."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from chalicelib.domain.acts import Undone, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.decision import Reason
from chalicelib.tokens import Purpose
from chalicelib.use_cases.reverting import Fate, Finding, Meant, revert
from chalicelib.use_cases.scanning import ledger_of
from tests.callers import Caller
from tests.engines import make_tables
from tests.gateway import send
from tests.lives import AFTER, BEFORE, Killed, Life, container
from tests.site import ADDRESS, CODE, Site, make_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.domain.recipients import Entry
    from chalicelib.service import Service
    from infra.local.engine import Engine
    from tests.engines import LocalTables

BY_FORM = Meant(Via.OPT_OUT_FORM, 0, 2**50)
FREE = {"news": None, "offers": None, "alerts": None}
OUT = {"news": Reason.OPTED_OUT_OF_ALL, "offers": Reason.OPTED_OUT_OF_ALL, "alerts": None}


@pytest.fixture
def site(dynoxide_tables: LocalTables) -> Iterator[Site]:
    with make_site(dynoxide_tables) as made:
        yield made


def type_in(site: Site, *addresses: str) -> None:
    for address in addresses:
        body = f"address={quote(address)}".encode()
        assert site.post(f"/o/{CODE}", body, Content_Type="application/x-www-form-urlencoded").status_code == 200


def reverted(service: Service) -> list[Finding]:
    return list(revert(ledger_of(service, service.senders.get(CODE)), BY_FORM, lambda _: None))


def history(site: Site) -> list[str]:
    """What the recipient reads, newest first, without the days."""
    page = site.client.http.get(f"/p/{site.token(1, Purpose.PREFERENCES)}/history").body.decode()
    [listed, *_] = re.findall(r'<ul role="list">(.*?)</ul>', page, re.DOTALL)
    lines = re.findall("<li>(.*?)</li>", listed, re.DOTALL)
    return [html.unescape(re.sub(r"^On \d+ \w+ \d{4} ", "", line)) for line in lines]


def reversals(site: Site) -> list[Entry]:
    ledger = ledger_of(site.service, site.service.senders.get(CODE))
    return list(ledger.entries(lambda entry: entry.act.via is Via.OPS, lambda _: None))


def undone_by(entry: Entry) -> Iterator[str]:
    return (act for part in entry.act.parts if isinstance(part, Undone) for act in part.acts)


def test_the_recipient_gets_mail_again_and_reads_why(site: Site) -> None:
    type_in(site, ADDRESS)
    assert site.reasons() == OUT

    assert [one.fate for one in reverted(site.service)] == [Fate.REVERSED]

    assert site.reasons() == FREE
    assert history(site) == [
        (
            "the people who run this page undid what was noted for your address. "
            "As if you had never chosen: all optional mail."
        ),
        "all optional mail stopped, because your address was typed into the form to unsubscribe.",
    ]


def test_who_had_stopped_all_before_reads_that_it_stays_stopped(site: Site) -> None:
    site.post(f"/u/{site.token()}/all")
    type_in(site, ADDRESS)
    reverted(site.service)
    assert site.reasons() == OUT
    assert history(site)[0] == (
        "the people who run this page undid what was noted for your address. Stopped as before: all optional mail."
    )


def test_who_clicks_within_the_same_minute_stays_opted_out(site: Site) -> None:
    """A10's repeat is one of the same way alone: the recipient's own click renews what the stranger did."""
    type_in(site, ADDRESS)
    site.post(f"/u/{site.token()}/all")
    assert [one.fate for one in reverted(site.service)] == [Fate.OVERTAKEN]
    assert site.reasons() == OUT


def test_the_sender_sees_it_in_its_feed_and_its_list(site: Site) -> None:
    other = "other@example.com"
    type_in(site, ADDRESS, other)
    site.post(f"/u/{site.token(1, address=other)}/all")
    key = Caller(site).key("read")
    cursor = told(key, "/v1/changes")["cursor"]
    assert len(told(key, "/v1/suppressions")["suppressions"]) == 2

    reverted(site.service)

    place = site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
    [change] = told(key, "/v1/changes", cursor=cursor)["changes"]
    assert (change["recipient"], change["via"], change["added"]) == (place.recipient, "ops", [])
    assert [(row["category"], row["reason"]) for row in change["removed"]] == [("*", "opted_out_of_all")]
    [row] = told(key, "/v1/suppressions")["suppressions"]
    assert (row["address"], row["via"]) == (other, "unsubscribe_page")


def told(key: str, path: str, **query: str) -> Any:
    answer = send("GET", path, headers={"Authorization": f"Bearer {key}"}, query=query)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


ADDRESSES = [f"reader{number}@example.com" for number in range(4)]


def test_whenever_it_is_killed_the_next_run_reverses_the_rest_and_nothing_twice(dynoxide: Engine) -> None:
    """At each of its calls to the store, before and after it was carried out."""
    moments = [(number, moment) for number in range(1, 40) for moment in (BEFORE, AFTER)]
    ends = [end for number, moment in moments for end in _killed_and_run_again(dynoxide, number, moment)]
    assert len(ends) > 4 * len(ADDRESSES), "it was killed at its calls"
    assert {0, len(ADDRESSES)} < set(ends), "before the first, after the last, and in between"


def _killed_and_run_again(dynoxide: Engine, number: int, moment: str) -> list[int]:
    """How many were reversed when it was killed; nothing where it ended before."""
    with make_site(make_tables(dynoxide.url)) as site:
        type_in(site, *ADDRESSES)
        life = Life(number, moment)
        try:
            reverted(container(site, life))
        except Killed:
            was_killed = True
        else:
            was_killed = False
        before = len(reversals(site))
        fates = Counter(one.fate for one in reverted(container(site)))
        assert fates == Counter({Fate.GONE: before, Fate.REVERSED: len(ADDRESSES) - before}) + Counter()
        undone = Counter(act for entry in reversals(site) for act in undone_by(entry))
        assert set(undone.values()) == {1}
        assert len(undone) == len(ADDRESSES)
        assert {address: site.reasons(address) for address in ADDRESSES} == dict.fromkeys(ADDRESSES, FREE)
        return [before] if was_killed else []
