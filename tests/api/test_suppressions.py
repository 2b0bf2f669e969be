"""`GET /v1/suppressions`: every row once, whatever the page size and the filter; as JSON, as CSV, for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.domain.acts import (
    Act,
    Blocked,
    Bounced,
    Complained,
    Consented,
    Erased,
    OptedIn,
    OptedOut,
    Part,
    Stated,
    Via,
    act_id_of,
)
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.decision import decide
from chalicelib.domain.senders import Place, Sender
from chalicelib.domain.suppressions import suppressions_of
from chalicelib.store.ledger import Beside
from chalicelib.use_cases.listing import Bounds, Filter, Rows, Wanted, list_suppressions
from tests.api.test_openapi import answer_errors
from tests.gateway import Answer, send
from tests.ledgers import put_item
from tests.site import ADDRESS, CATALOGUE, CODE, Site

if TYPE_CHECKING:
    from tests.callers import Caller

PATH = "/v1/suppressions"
THEN = 1_700_000_000_000
HOUR = 3_600_000
OTHER = "othersnd"


def ask(caller: Caller, code: str = CODE, accept: str = "*/*", **query: str) -> Answer:
    headers = {"Authorization": f"Bearer {caller.key('read', code=code)}", "Accept": accept}
    answer = send("GET", PATH, headers=headers, query=query)
    assert answer_errors(PATH, "get", answer) == []
    return answer


def page(caller: Caller, **query: str) -> dict[str, Any]:
    answer = ask(caller, **query)
    assert answer.status == 200
    told: dict[str, Any] = json.loads(answer.body)
    return told


def every_row(caller: Caller, **query: str) -> list[dict[str, Any]]:
    """All pages; the link leads to the next one."""
    rows, more = [], dict[str, str]()
    while True:
        answer = ask(caller, **{**query, **more})
        told = json.loads(answer.body)
        rows += told["suppressions"]
        assert ("link" in answer.headers) is (told["cursor"] is not None)
        if told["cursor"] is None:
            return rows
        more = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["link"][1:-13]).query).items()}
        assert more["cursor"] == told["cursor"]


def place_of(site: Site, address: str) -> Place:
    return site.service.senders.get(CODE).place_of(parse_address(address))


def record(site: Site, address: str, *parts: Part, via: Via = Via.API) -> None:
    act = Act(act_id_of(via, f"{address}{parts}"), via, parts)
    site.service.ledger.record(place_of(site, address), act, Beside(address))


def brief(rows: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(row["address"] or "", row["category"], row["reason"]) for row in rows}


def rows_at(at: int) -> list[Part]:
    """What puts rows on the list."""
    return [Stated("news", at), Stated(ALL, at), Complained(at), Bounced(at), Blocked("offers"), OptedOut("offers")]


@pytest.fixture
def people(site: Site) -> list[str]:
    """Forty recipients of whom most have a row or several."""
    chance = random.Random(3)  # noqa: S311 - seeded on purpose
    addresses = [f"n{number}@example.com" for number in range(40)]
    for address in addresses:
        for _ in range(chance.randrange(5)):
            at = THEN + chance.randrange(9) * HOUR
            record(site, address, chance.choice(rows_at(at)))
    return addresses


def expected(site: Site, addresses: list[str]) -> set[tuple[str, str, str]]:
    known = site.service.reader.recipients([place_of(site, address) for address in addresses])
    return {
        (recipient.address or "", row.scope, str(row.reason))
        for recipient in known.values()
        for row in suppressions_of(recipient.state)
    }


@pytest.mark.parametrize("limit", ["1", "2", "7", "1000"])
def test_every_row_comes_once_whatever_fits_a_page(site: Site, caller: Caller, people: list[str], limit: str) -> None:
    rows = every_row(caller, limit=limit)

    assert brief(rows) == expected(site, people)
    assert len(rows) == len(brief(rows)) > 40


def test_a_page_holds_no_more_than_its_limit_and_its_newest_row_is_first(caller: Caller, people: list[str]) -> None:
    told = page(caller, limit="20")

    assert len(told["suppressions"]) == 20
    times = [row["since"] for row in told["suppressions"]]
    assert times == sorted(times, reverse=True)
    assert len(page(caller)["suppressions"]) <= 100


def test_a_row_says_whose_it_is_and_where_it_comes_from(site: Site, caller: Caller) -> None:
    site.post(f"/u/{site.token()}")
    [row] = page(caller)["suppressions"]
    assert row == {
        "recipient": place_of(site, ADDRESS).recipient,
        "address": ADDRESS,
        "category": "news",
        "reason": "opted_out",
        "since": row["since"],
        "via": "one_click",
        "except": [],
    }
    record(site, ADDRESS, OptedOut(ALL), OptedIn("news"), via=Via.PREFERENCE_PAGE)

    [row] = page(caller)["suppressions"]

    assert (row["category"], row["reason"], row["via"], row["except"]) == (
        "*",
        "opted_out_of_all",
        "preference_page",
        ["news"],
    )


def test_an_act_of_before_ids_said_their_way_has_none(site: Site, caller: Caller) -> None:
    site.service.ledger.record(place_of(site, ADDRESS), Act("old", Via.ONE_CLICK, (OptedOut("news"),)))
    assert [row["via"] for row in page(caller)["suppressions"]] == [None]


def test_filters(site: Site, caller: Caller) -> None:
    record(site, "one@example.com", Stated("news", THEN))
    record(site, "two@example.com", Stated(ALL, THEN + HOUR), via=Via.IMPORT)
    record(site, "two@example.com", Consented("news", THEN + 3 * HOUR))
    record(site, "three@example.com", Bounced(THEN + 2 * HOUR), via=Via.FEEDBACK)
    record(site, "three@example.com", Blocked("offers"))

    def addresses(**query: str) -> set[tuple[str, str, str]]:
        return {
            (address.partition("@")[0], scope, reason) for address, scope, reason in brief(every_row(caller, **query))
        }

    news, all_out = ("one", "news", "opted_out"), ("two", "*", "opted_out_of_all")
    bounced, blocked = ("three", "*", "undeliverable"), ("three", "offers", "blocked")
    assert addresses() == {news, all_out, bounced, blocked}
    assert addresses(reason="blocked") == {blocked}
    assert addresses(category="news") == {news, bounced}, "who consented since is mailed"
    assert addresses(category="offers") == {all_out, bounced, blocked}
    assert addresses(category="alerts") == {bounced}, "an opt-out of all is none of service alerts"
    assert addresses(category="*") == {all_out, bounced}
    assert addresses(via="import") == {all_out}
    assert addresses(via="feedback", reason="blocked") == set()
    assert addresses(since="2023-11-14T23:13:20Z") == {all_out, bounced, blocked}
    assert addresses(since="2023-11-15T00:13:20.001+00:00") == {blocked}


def test_the_filter_of_a_category_says_what_a_check_says(site: Site, caller: Caller, people: list[str]) -> None:
    known = site.service.reader.recipients([place_of(site, address) for address in people])
    for category in CATALOGUE.categories:
        withheld = {place.recipient for place, held in known.items() if not decide(held.state, category).may_send}
        assert {row["recipient"] for row in every_row(caller, category=category.id, limit="9")} == withheld


def pages_within(site: Site, bounds: Bounds, wanted: Wanted) -> list[Rows]:
    """All pages where a request does no more than this."""
    sender, pages = site.service.senders.get(CODE), list[Rows]()
    while True:
        pages.append(list_suppressions(site.service, sender, wanted, bounds))
        if pages[-1].cursor is None:
            return pages
        wanted = replace(wanted, cursor=pages[-1].cursor)


def test_a_page_without_a_row_is_not_the_end(site: Site, people: list[str]) -> None:
    """H9: a request looks at so many recipients and no more."""
    record(site, "last@example.com", Complained(THEN), via=Via.FEEDBACK)
    bounds = Bounds(looked_at=3, read=(2, 2))

    filtered = pages_within(site, bounds, Wanted(Filter(via="feedback"), limit=1))
    whole = pages_within(site, bounds, Wanted(limit=2))

    assert [row.address for page in filtered for row in page.rows] == ["last@example.com"]
    assert len(filtered) > 5
    rows = [(row.address or "", row.suppression.scope, str(row.suppression.reason)) for p in whole for row in p.rows]
    assert set(rows) == expected(site, [*people, "last@example.com"])
    assert len(rows) == len(set(rows))


def test_a_row_that_stays_is_neither_skipped_nor_repeated_by_what_is_written(site: Site, caller: Caller) -> None:
    for scope in ("b", "c", "d", "e"):
        record(site, ADDRESS, Stated(scope, THEN))
    first = page(caller, limit="2")
    record(site, ADDRESS, Stated("a", THEN))
    record(site, ADDRESS, Consented("b", THEN + HOUR))

    second = page(caller, limit="2", cursor=first["cursor"])

    assert [row["category"] for row in first["suppressions"]] == ["b", "c"]
    assert [row["category"] for row in second["suppressions"]] == ["d", "e"]


def test_long_rows_make_shorter_pages(site: Site) -> None:
    for number in range(9):
        record(site, f"n{number}@example.com", OptedOut(ALL), OptedIn("news"))

    pages = pages_within(site, Bounds(characters=1_000), Wanted())

    assert [len(page.rows) for page in pages] == [3, 3, 3]


def test_an_erased_recipient_stays_without_its_address(site: Site, caller: Caller) -> None:
    """C5."""
    site.post(f"/u/{site.token()}")
    record(site, ADDRESS, Erased())

    [row] = page(caller)["suppressions"]

    assert (row["address"], row["reason"]) == (None, "opted_out_of_all")
    assert ask(caller, format="csv").body.splitlines()[1].startswith(f"{row['recipient']},,*,opted_out_of_all,")


SPELLED = ["=1+2@example.com", "+plus@example.com", "-minus@example.com", "grüße@example.com", "plain@example.com"]


@pytest.mark.parametrize("kind", ["csv", "spreadsheet"])
def test_csv_is_exact_and_a_spreadsheet_carries_nothing_out(site: Site, caller: Caller, kind: str) -> None:
    for address in SPELLED:
        record(site, address, Stated(ALL, THEN))
        record(site, address, Consented("news", THEN + HOUR), Consented("offers", THEN + HOUR))

    answer = ask(caller, format=kind)

    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == 'attachment; filename="suppressions.csv"'
    assert answer.body.count("\r\n") == len(answer.body.splitlines()) == 6
    rows = list(csv.DictReader(io.StringIO(answer.body, newline="")))
    safe = [f"'{address}" if kind == "spreadsheet" and address[0] in "=+-" else address for address in SPELLED]
    assert {row["address"] for row in rows} == set(safe)
    assert {row["except"] for row in rows} == {"news offers"}
    if kind == "csv":
        told = {row["recipient"]: row for row in page(caller)["suppressions"]}
        for row in rows:
            assert {**told[row["recipient"]], "except": "news offers"} == row


def test_whoever_accepts_csv_alone_gets_csv_and_the_query_decides(site: Site, caller: Caller) -> None:
    site.post(f"/u/{site.token()}")
    assert ask(caller, accept="text/csv; charset=utf-8").body.startswith("recipient,address,")
    assert ask(caller, accept="text/csv", format="json").body.startswith("{")
    assert ask(caller, accept="application/json, text/csv").body.startswith("{")


def test_the_next_page_is_linked_with_its_filters_and_format(site: Site, caller: Caller, people: list[str]) -> None:
    asked = {"reason": "complaint", "category": "*", "via": "api", "since": "2023-11-14T22:13:20Z", "limit": "2"}

    link = ask(caller, accept="text/csv", **asked).headers["link"]

    assert link.startswith("<https://choices.example.com/api/v1/suppressions?")
    assert link.endswith('>; rel="next"')
    told = {name: values[0] for name, values in parse_qs(urlsplit(link[1:-13]).query).items()}
    assert told == {**asked, "format": "csv", "cursor": told["cursor"]}


@pytest.mark.parametrize(
    "query",
    [
        {"reason": "no_consent"},
        {"reason": ""},
        {"via": "x"},
        {"since": "yesterday"},
        {"since": "2026-02-30T00:00:00Z"},
        {"limit": "0"},
        {"limit": "1001"},
        {"format": "xlsx"},
        {"cursor": "x"},
    ],
)
def test_a_query_that_cannot_be(caller: Caller, query: dict[str, str]) -> None:
    assert ask(caller, **query).status == 400


def test_a_category_that_there_is_not(caller: Caller) -> None:
    answer = ask(caller, category="nope")
    assert (answer.status, json.loads(answer.body)["type"]) == (404, "urn:signoff:unknown-category")


def test_a_cursor_is_of_one_sender_one_list_and_one_filter(site: Site, caller: Caller, people: list[str]) -> None:
    site.service.senders.create(Sender(OTHER, "Other", CATALOGUE, bytes(32)))
    mine = page(caller, limit="1", reason="complaint")["cursor"]
    feed = json.loads(
        send("GET", "/v1/changes", headers={"Authorization": f"Bearer {caller.key('read')}"}, query={"limit": "1"}).body
    )["cursor"]
    for code, query in (
        (CODE, {"cursor": mine}),
        (CODE, {"cursor": mine, "reason": "blocked"}),
        (CODE, {"cursor": mine, "reason": "complaint", "via": "feedback"}),
        (CODE, {"cursor": mine[:-1], "reason": "complaint"}),
        (CODE, {"cursor": feed}),
        (OTHER, {"cursor": mine, "reason": "complaint"}),
    ):
        answer = ask(caller, code, **query)
        assert (answer.status, json.loads(answer.body)["type"]) == (400, "urn:signoff:invalid-cursor")
    assert page(caller, reason="complaint", cursor=mine, format="json", limit="5")["suppressions"]
    assert json.loads(ask(caller, OTHER).body)["suppressions"] == []


def test_as_of_is_before_the_read(site: Site) -> None:
    """What is written while a page is read may be missing from it, and is then later than `as_of`."""
    sender = site.service.senders.get(CODE)
    before = site.clock.milliseconds
    assert list_suppressions(site.service, sender, Wanted()).as_of == before


def test_other_items_of_a_shard_are_no_recipients(site: Site, caller: Caller) -> None:
    site.post(f"/u/{site.token()}")
    shard = place_of(site, ADDRESS).shard
    for name in ("recipient", "recipient$x", "recipients#x", "zz"):
        put_item(site, {"pk": {"S": f"{CODE}#{shard}"}, "sk": {"S": name}})

    assert len(page(caller)["suppressions"]) == 1
