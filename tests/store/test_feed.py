"""Reads of ranges on the real engine, with faults in between, and what they cost. Nothing here waits."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.domain.acts import Act, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.recipients import Entry
from chalicelib.domain.senders import Hole
from chalicelib.store.engine import entry_sort_key, partition_of
from chalicelib.store.feed import Feed
from chalicelib.store.port import Head
from chalicelib.use_cases.following import Wanted, cursor_of, follow, position_before_a_scan
from chalicelib.use_cases.scanning import ledger_of
from tests.ledgers import lose_line, put_item, take_item
from tests.site import CODE, Site
from tests.store import faults
from tests.store.faults import Answer, FaultyPool, faulty
from tests.store.memory import Clock
from tests.web.conftest import site

if TYPE_CHECKING:
    from tests.store.faults import Forward

__all__ = ["site"]

READ, QUERY = "BatchGetItem", "Query"


def short_page(_: FaultyPool, forward: Forward) -> Any:
    """One item, and where to go on: DynamoDB ends a page where it likes."""
    answer = json.loads(forward().data)
    kept = answer["Items"][:1]
    more = {"LastEvaluatedKey": {name: kept[0][name] for name in ("pk", "sk")}} if answer["Items"][1:] else {}
    return Answer(200, json.dumps({"Items": kept, "Count": len(kept), **more}).encode())


def empty_page(pool: FaultyPool, _: Forward) -> Any:
    """No item, and where to go on: where this page began."""
    start = json.loads(pool.calls[-1][1])["ExclusiveStartKey"]
    return Answer(200, json.dumps({"Items": [], "Count": 0, "LastEvaluatedKey": start}).encode())


FAULTS: dict[str, list[faults.Fault]] = {
    "lost request": [faults.lost_request],
    "lost answer": [faults.lost_answer, faults.lost_answer],
    "error": [faults.error_before],
    "throttled": [faults.throttled, faults.over_capacity],
    "short pages": [short_page, short_page, short_page],
    "an empty page": [short_page, empty_page],
}


@dataclass
class Shard:
    """Shard 0 with five lines, of two recipients, and a connection that goes wrong."""

    feed: Feed
    pool: FaultyPool

    def numbers(self, *, first: int = 1, last: int = 5) -> list[int]:
        return [line.seq for line in self.feed.lines(CODE, [(0, range(first, last + 1))])[0]]


@pytest.fixture
def shard(site: Site) -> Shard:
    sender = site.service.senders.get(CODE)
    places = (sender.place_of(parse_address(f"n{number}@example.com")) for number in range(1_000))
    one, two = [place for place in places if place.shard == 0][:2]
    for number, place in enumerate((one, two, one, one, two)):
        site.service.ledger.record(place, Act(f"o_{number}", Via.ONE_CLICK, (OptedOut(f"c{number}"),)))
    wire, pool = faulty(site.service.settings)
    feed = Feed(wire, site.service.settings.recipients_table, Clock().timing())
    return Shard(feed, pool)


@pytest.mark.parametrize("name", FAULTS)
def test_a_range_is_read_whole_whatever_goes_wrong(shard: Shard, name: str) -> None:
    shard.pool.plan(QUERY, *FAULTS[name])
    assert shard.numbers() == [1, 2, 3, 4, 5]
    assert shard.numbers(first=2, last=3) == [2, 3]


@pytest.mark.parametrize("name", FAULTS)
def test_so_are_recipients(shard: Shard, name: str) -> None:
    whole = shard.feed.recipients_from(CODE, 0, "", 10)
    shard.pool.plan(QUERY, *FAULTS[name])

    assert shard.feed.recipients_from(CODE, 0, "", 10) == whole
    assert [place.recipient for place, _ in whole] == sorted(place.recipient for place, _ in whole)
    assert len(whole) == 2
    assert shard.feed.recipients_from(CODE, 0, whole[1][0].recipient, 10) == whole[1:]
    assert shard.feed.recipients_from(CODE, 0, "", 1) == whole[:1]


@pytest.mark.parametrize("fault", [faults.throttled, faults.lost_request])
def test_a_store_that_stays_silent_is_an_error_and_never_an_empty_page(shard: Shard, fault: faults.Fault) -> None:
    """G4."""
    shard.pool.plan(QUERY, *[fault] * 10_000)
    with pytest.raises(StoreUnavailable):
        shard.numbers()
    shard.pool.plan(READ, *[fault] * 10_000)
    with pytest.raises(StoreUnavailable):
        shard.feed.heads(CODE, 8)


def test_what_the_store_refuses_is_an_error(shard: Shard) -> None:
    shard.pool.plan(QUERY, lambda *_: Answer(400, b'{"__type": "x#AccessDeniedException"}'))
    with pytest.raises(StoreUnavailable, match="AccessDenied"):
        shard.numbers()


def test_a_head_that_was_not_read_is_asked_for_again(shard: Shard) -> None:
    shard.pool.plan(READ, faults.unprocessed, faults.half_processed)
    heads = shard.feed.heads(CODE, 8)
    assert (heads[0], set(heads[1:])) == (Head(5), {Head(0)})


def test_a_gap_is_not_read_again_and_again(site: Site, shard: Shard) -> None:
    take_item(site, partition_of(CODE, 0), entry_sort_key(2))
    service = replace(site.service)
    service.__dict__["feed"] = shard.feed

    page = follow(service, site.service.senders.get(CODE), Wanted(limit=2))

    assert [change.line.seq for change in page.changes] == [1]
    assert shard.pool.count(QUERY) == 1


def test_a_look_at_nothing_new_costs_one_call_however_long_one_waits(site: Site, shard: Shard) -> None:
    clock = Clock()
    service = replace(site.service, monotonic=lambda: clock.milliseconds / 1000, pause=clock.pause)
    service.__dict__["feed"] = shard.feed
    sender = site.service.senders.get(CODE)
    page = follow(service, sender, Wanted())
    assert sorted(name for name, _ in shard.pool.calls) == [READ, READ, QUERY]
    shard.pool.calls.clear()

    cursor = cursor_of(service, sender, page.after(len(page.changes)))
    assert follow(service, sender, Wanted(cursor, wait=20)).changes == ()

    assert {name for name, _ in shard.pool.calls} == {READ}
    assert 20 < len(shard.pool.calls) < 45


def test_a_line_that_was_lost_in_a_restore_is_read_as_its_place(site: Site, shard: Shard) -> None:
    lose_line(site, CODE, 0, 2)
    assert shard.feed.lines(CODE, [(0, range(1, 4))])[0][1] == Hole(CODE, 2, 1)
    assert shard.numbers() == [1, 2, 3, 4, 5]
    assert [*shard.feed.entries(CODE, 0, range(1, 6))] == [1, 3, 4, 5]


def test_who_reads_the_whole_ledger_reads_on_behind_what_was_lost(site: Site, shard: Shard) -> None:
    for seq in (1, 4):
        lose_line(site, CODE, 0, seq)
    read: list[int] = []
    entries = ledger_of(site.service, site.service.senders.get(CODE)).entries(lambda _: True, read.append)
    assert [entry.seq for entry in entries] == [2, 3, 5]
    assert read == [5]


def test_what_is_missing_behind_a_lost_line_is_waited_for(site: Site, shard: Shard) -> None:
    """A hole is passed over; a number without anything may be about to appear, and never is."""
    service, sender = site.service, site.service.senders.get(CODE)
    lose_line(site, CODE, 0, 2)
    late = take_item(site, partition_of(CODE, 0), entry_sort_key(3))
    page = follow(service, sender, Wanted())
    assert [change.line.seq for change in page.changes] == [1]

    second = follow(service, sender, Wanted(cursor_of(service, sender, page.after(1))))
    assert (second.changes, second.start.numbers[0]) == ((), 2)

    put_item(site, late)
    third = follow(service, sender, Wanted(cursor_of(service, sender, second.start)))
    assert [change.line.seq for change in third.changes] == [3, 4, 5]


@pytest.mark.parametrize("lost", [{5}, {1, 2, 3, 4, 5}])
def test_an_export_begins_no_later_than_at_the_last_line_that_is_there(
    site: Site, shard: Shard, lost: set[int]
) -> None:
    service, sender = site.service, site.service.senders.get(CODE)
    for seq in lost:
        lose_line(site, CODE, 0, seq)
    begun = position_before_a_scan(service, sender)
    service.ledger.record(
        sender.place_of(parse_address("n0@example.com")), Act("o_new", Via.ONE_CLICK, (OptedOut(ALL),))
    )
    told = follow(service, sender, Wanted(cursor_of(service, sender, begun))).changes
    assert [change.line.act.id for change in told if isinstance(change.line, Entry)] == ["o_new"]
