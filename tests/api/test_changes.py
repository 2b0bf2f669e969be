"""`GET /v1/changes`: everything once and in order, whatever is not visible yet, and for nobody else."""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from chalicelib.api.changes import tell_changes
from chalicelib.api.registers import tell_registers
from chalicelib.cursors import dump_cursor
from chalicelib.domain.acts import Act, Blocked, Erased, OptedIn, OptedOut, Stated, Undone, Via, act_id_of
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.senders import Place, Sender
from chalicelib.domain.undo import restorations
from chalicelib.store.engine import entry_sort_key, partition_of
from chalicelib.store.ledger import Beside
from chalicelib.store.port import Head
from chalicelib.use_cases.following import Position, Wanted, follow, position_before_a_scan, share_out
from tests.api.test_openapi import answer_errors
from tests.domain.strategies import STATES
from tests.domain.test_properties import THOROUGH
from tests.gateway import Answer, send
from tests.ledgers import lose_line, put_head, put_item, take_item, tell_of_sender
from tests.replicas import Replica, millis, state_from
from tests.site import ADDRESS, CATALOGUE, CODE, Site

if TYPE_CHECKING:
    from chalicelib.domain.state import State
    from tests.callers import Caller

PATH = "/v1/changes"
OTHER = "othersnd"


def ask(caller: Caller, code: str = CODE, **query: str) -> Answer:
    headers = {"Authorization": f"Bearer {caller.key('read', code=code)}"}
    answer = send("GET", PATH, headers=headers, query=query)
    assert answer_errors(PATH, "get", answer) == []
    return answer


def changes(caller: Caller, cursor: str | None = None, **query: str) -> dict[str, Any]:
    answer = ask(caller, **query, **({} if cursor is None else {"cursor": cursor}))
    assert answer.status == 200
    told: dict[str, Any] = json.loads(answer.body)
    return told


def place_of(site: Site, address: str) -> Place:
    return site.service.senders.get(CODE).place_of(parse_address(address))


def of_shard(site: Site, shard: int, count: int) -> list[Place]:
    """Some recipients whom one shard holds."""
    places = (place_of(site, f"n{number}@example.com") for number in range(10_000))
    return [place for place, _ in zip((p for p in places if p.shard == shard), range(count), strict=False)]


def record(site: Site, place: Place, *parts: Any, via: Via = Via.ONE_CLICK, spelled: str | None = None) -> None:
    site.clock.milliseconds += 61_000
    name = act_id_of(via, f"{place.recipient[-6:]}.{site.clock.milliseconds}")
    site.service.ledger.record(place, Act(name, via, parts), Beside(spelled))


def opt_out(site: Site, *places: Place) -> None:
    """One opt-out of each in turn; none repeats another."""
    for number, place in enumerate(places):
        record(site, place, OptedOut(f"c{number}"))


@THOROUGH
@given(STATES)
def test_registers_are_written_out_whole(state: State) -> None:
    """To the millisecond, `since` and `source` included, and through JSON."""
    assert state_from(json.loads(json.dumps(tell_registers(state)))) == state


def test_a_change_says_what_happened_and_what_holds_now(site: Site, caller: Caller) -> None:
    site.post(f"/u/{site.token()}")
    record(site, place_of(site, ADDRESS), OptedOut(ALL), via=Via.PREFERENCE_PAGE)

    page = changes(caller)

    first, second = page["changes"]
    assert (first["type"], first["recipient"]) == ("recipient", place_of(site, ADDRESS).recipient)
    assert (first["address"], first["via"], first["erased"]) == (ADDRESS, "one_click", False)
    assert [(part["kind"], part["category"]) for part in first["parts"]] == [("opted_out", "news")]
    assert [(row["category"], row["reason"]) for row in first["added"]] == [("news", "opted_out")]
    assert first["removed"] == second["removed"] == []
    assert first["added"][0]["since"] == first["parts"][0]["at"]
    assert [change["version"] for change in page["changes"]] == [1, 2]
    assert first["current"] == second["current"]
    assert second["current"]["version"] == 2
    assert state_from(second["current"]["registers"]) == site.service.reader.recipient(place_of(site, ADDRESS)).state
    assert page["more"] is False


def test_an_undo_is_told_with_the_day_from_which_it_counts(site: Site, caller: Caller) -> None:
    place = place_of(site, ADDRESS)
    record(site, place, OptedOut("news"))
    record(site, place, OptedIn("news"), via=Via.PREFERENCE_PAGE)
    [_, entry] = site.service.reader.log(CODE, place.shard, 0)
    formers = {(entry.act.id, scope): former for scope, former in entry.formers.items()}
    state = site.service.reader.recipient(place).state
    record(site, place, Undone((entry.act.id,), restorations(state, (entry.act.id,), formers)))

    current = changes(caller)["changes"][-1]["current"]

    choice = current["registers"]["choice"]["news"]
    assert choice["value"] == "out"
    assert millis(choice["since"]) < millis(choice["at"])
    assert state_from(current["registers"]) == site.service.reader.recipient(place).state


def test_it_goes_on_where_the_cursor_stands(site: Site, caller: Caller) -> None:
    empty = changes(caller)
    assert empty["changes"] == []
    replica, cursor = Replica(), empty["cursor"]
    for number in range(40):
        record(site, place_of(site, f"n{number % 7}@example.com"), OptedOut("news" if number % 2 else "offers"))
        if number % 9 == 0:
            page = changes(caller, cursor)
            cursor = page["cursor"]
            for change in page["changes"]:
                replica.take(change)

    while (page := changes(caller, cursor, limit="2"))["changes"]:
        assert len(page["changes"]) <= 2
        assert page["more"] is (replica.changes + len(page["changes"]) < site.entries())
        cursor = page["cursor"]
        for change in page["changes"]:
            replica.take(change)

    assert (replica.changes, replica.wrong) == (40, [])
    assert changes(caller, cursor)["cursor"] == cursor


def test_one_busy_shard_does_not_starve_the_others(site: Site, caller: Caller) -> None:
    busy, quiet = of_shard(site, 3, 1)[0], [of_shard(site, shard, 1)[0] for shard in (0, 6)]
    for number in range(30):
        record(site, busy, Stated("news", 1_700_000_000_000 + number), via=Via.API)
    for place in quiet:
        record(site, place, OptedOut("news"))

    whole = changes(caller, limit="9")
    cursor, met = None, Counter[str]()
    for _ in range(6):
        page = changes(caller, cursor, limit="1")
        cursor = page["cursor"]
        met.update(change["recipient"] for change in page["changes"])

    assert {change["recipient"] for change in whole["changes"]} == {busy.recipient, *(p.recipient for p in quiet)}
    assert len(whole["changes"]) == 9
    assert set(met) == {busy.recipient, *(place.recipient for place in quiet)}
    assert sum(met.values()) == 6


def test_shares_are_even_and_whole() -> None:
    assert share_out({1: 1_000, 2: 3, 5: 2}, 10, 0) == {1: 5, 2: 3, 5: 2}
    assert share_out({1: 1_000, 2: 1_000}, 1_000, 7) == {1: 500, 2: 500}
    assert share_out({1: 4, 2: 4}, 1_000, 7) == {1: 4, 2: 4}
    assert [set(share_out(dict.fromkeys(range(4), 9), 2, turn)) for turn in (0, 2)] == [{0, 1}, {2, 3}]
    for room in range(1, 40):
        assert sum(share_out({0: 7, 1: 9, 2: 1}, room, room).values()) == min(room, 17)


def test_what_comes_after_a_gap_waits_for_what_is_missing(site: Site, caller: Caller) -> None:
    """The items of one transaction become visible one by one."""
    one, two = of_shard(site, 2, 2)
    elsewhere = of_shard(site, 5, 1)[0]
    opt_out(site, one, two, one, elsewhere)
    hidden = take_item(site, partition_of(CODE, 2), entry_sort_key(2))

    before = changes(caller)
    assert Counter(change["recipient"] for change in before["changes"]) == {one.recipient: 1, elsewhere.recipient: 1}
    assert before["more"] is False
    put_item(site, hidden)
    after = changes(caller, before["cursor"])

    assert [change["recipient"] for change in after["changes"]] == [two.recipient, one.recipient]


def test_a_gap_does_not_hold_up_the_other_shards_at_small_limits(site: Site, caller: Caller) -> None:
    stuck, other = of_shard(site, 0, 1)[0], of_shard(site, 4, 1)[0]
    opt_out(site, stuck, stuck, other, other)
    take_item(site, partition_of(CODE, 0), entry_sort_key(1))

    first = changes(caller, limit="1")
    second = changes(caller, first["cursor"], limit="1")

    assert [page["changes"][0]["recipient"] for page in (first, second)] == [other.recipient] * 2
    assert changes(caller, second["cursor"], limit="1")["changes"] == []


def test_the_end_is_told_by_the_numbers_and_not_by_the_head(site: Site, caller: Caller) -> None:
    """A head may be visible before its line."""
    place = of_shard(site, 1, 1)[0]
    opt_out(site, place, place, place)
    hidden = take_item(site, partition_of(CODE, 1), entry_sort_key(3))

    before = changes(caller)
    put_item(site, hidden)

    assert [change["version"] for change in before["changes"]] == [1, 2]
    assert [change["version"] for change in changes(caller, before["cursor"])["changes"]] == [3]


def test_a_line_that_is_visible_before_its_head_makes_no_cursor_that_is_expired(site: Site, caller: Caller) -> None:
    place = of_shard(site, 1, 1)[0]
    opt_out(site, place, place)
    put_head(site, CODE, 1, Head(1))

    page = changes(caller)

    assert [change["version"] for change in page["changes"]] == [1]
    assert changes(caller, page["cursor"])["changes"] == []


def test_a_line_that_is_visible_before_its_recipient_waits(site: Site, caller: Caller) -> None:
    """Else a replica would be left with the state of before: no other change would come for it."""
    place = of_shard(site, 1, 1)[0]
    record(site, place, OptedOut("news"))
    older = take_item(site, partition_of(CODE, 1), f"recipient#{place.recipient}")
    put_item(site, older)
    record(site, place, OptedOut("offers"))
    newer = take_item(site, partition_of(CODE, 1), f"recipient#{place.recipient}")
    put_item(site, older)

    before = changes(caller)
    put_item(site, newer)
    after = changes(caller, before["cursor"])

    assert [(change["version"], change["current"]["version"]) for change in before["changes"]] == [(1, 1)]
    assert [(change["version"], change["current"]["version"]) for change in after["changes"]] == [(2, 2)]


def test_a_recipient_that_is_not_seen_does_not_hold_up_the_other_shards_at_small_limits(
    site: Site, caller: Caller
) -> None:
    stuck, other = of_shard(site, 0, 1)[0], of_shard(site, 4, 1)[0]
    opt_out(site, stuck, other, other)
    take_item(site, partition_of(CODE, 0), f"recipient#{stuck.recipient}")

    first = changes(caller, limit="1")
    second = changes(caller, first["cursor"], limit="1")

    assert [page["changes"][0]["recipient"] for page in (first, second)] == [other.recipient] * 2
    assert changes(caller, second["cursor"], limit="1")["changes"] == []


def test_who_scans_first_follows_from_the_heads(site: Site) -> None:
    sender = site.service.sender(CODE)
    opt_out(site, *of_shard(site, 2, 3))

    assert position_before_a_scan(site.service, sender) == Position(1, (0, 0, 3, 0, 0, 0, 0, 0))


def test_who_scans_first_follows_from_before_what_is_not_seen_yet(site: Site) -> None:
    """A recipient or a line that is not visible: the scan may miss it, and the feed does not."""
    sender = site.service.sender(CODE)
    [one, other] = of_shard(site, 2, 2)
    opt_out(site, one, other)
    take_item(site, partition_of(CODE, 2), f"recipient#{other.recipient}")
    put_head(site, CODE, 5, Head(1_000, 1))

    assert position_before_a_scan(site.service, sender) == Position(1, (0, 0, 1, 0, 0, 800, 0, 0))


@pytest.mark.parametrize("what", ["a line", "a recipient"])
@pytest.mark.parametrize(("late", "alarms"), [(59_000, 0), (61_001, 1)])
def test_what_is_missing_for_over_a_minute_alarms_once(
    site: Site, caller: Caller, caplog: pytest.LogCaptureFixture, what: str, late: int, alarms: int
) -> None:
    one, two = of_shard(site, 2, 2)
    opt_out(site, one, two)
    recorded = site.service.reader.log(CODE, 2, 1)[0].recorded
    gone = entry_sort_key(1) if what == "a line" else f"recipient#{two.recipient}"
    take_item(site, partition_of(CODE, 2), gone)
    site.clock.milliseconds = recorded + late
    object.__setattr__(site.service, "pause", site.clock.pause)
    caplog.clear()

    follow(site.service, site.service.sender(CODE), Wanted(wait=5 if what == "a line" else 0))

    told = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    assert len(told) == (1 if alarms or (what == "a line" and late + 5_000 > 60_000) else 0)
    assert not any("@" in line for line in told)


def test_an_erasure_takes_the_address_out_of_what_came_before_it(site: Site, caller: Caller) -> None:
    place = place_of(site, ADDRESS)
    site.post(f"/u/{site.token()}")
    assert ADDRESS in ask(caller).body
    record(site, place, Erased(), via=Via.API)

    told = ask(caller)

    assert "dana" not in told.body
    assert [(change["erased"], change["address"]) for change in json.loads(told.body)["changes"]] == [
        (False, None),
        (True, None),
    ]


def test_categories_and_the_sender_are_told_in_between(site: Site, caller: Caller) -> None:
    retired = replace(CATALOGUE.get("offers"), retired=True)
    tell_of_sender(site.service, CODE, 2, retired)
    record(site, of_shard(site, 0, 1)[0], Blocked("news"), via=Via.API)
    tell_of_sender(site.service, CODE, 3)

    category, recipient, sender = changes(caller)["changes"]

    assert (category["type"], category["version"], category["category"]["id"]) == ("category", 2, "offers")
    assert category["category"]["retired"] is True
    assert recipient["type"] == "recipient"
    assert (sender["type"], sender["version"]) == ("sender", 3)


class TestWaiting:
    """A long poll."""

    @pytest.fixture(autouse=True)
    def _a_pause_that_takes_no_time(self, site: Site) -> None:
        self.looks = 0
        self.then: dict[int, Place] = {}

        def pause(seconds: float) -> None:
            self.looks += 1
            assert 0 < seconds <= 1
            site.clock.pause(seconds)
            if self.looks in self.then:
                place = self.then[self.looks]
                site.service.ledger.record(place, Act("o_late", Via.ONE_CLICK, (OptedOut("news"),)))

        object.__setattr__(site.service, "pause", pause)

    def test_nothing_comes(self, site: Site, caller: Caller) -> None:
        began = site.service.monotonic()

        page = changes(caller, wait="20")

        assert page["changes"] == []
        assert 20 <= site.service.monotonic() - began < 21
        assert self.looks >= 20

    def test_something_comes(self, site: Site, caller: Caller) -> None:
        self.then[3] = place_of(site, ADDRESS)
        cursor = changes(caller)["cursor"]

        page = changes(caller, cursor, wait="20")

        assert [change["act"] for change in page["changes"]] == ["o_late"]
        assert self.looks == 3

    def test_something_is_there_already(self, site: Site, caller: Caller) -> None:
        record(site, place_of(site, ADDRESS), OptedOut("news"))
        assert len(changes(caller, wait="20")["changes"]) == 1
        assert self.looks == 0

    def test_a_store_that_is_slow_ends_it_in_time(self, site: Site, caller: Caller) -> None:
        record(site, place_of(site, ADDRESS), OptedOut("news"))
        ticks = iter([0.0, 30.0, 30.0, 30.0])
        service = replace(site.service, monotonic=lambda: next(ticks))
        service.__dict__["feed"] = site.service.feed

        with pytest.raises(StoreUnavailable, match="slow"):
            follow(service, site.service.sender(CODE), Wanted(wait=20))


@pytest.mark.parametrize(("most", "pages_at_least"), [(2_500, 3), (10, 9)])
def test_a_long_page_is_cut_where_an_answer_is_full(site: Site, most: int, pages_at_least: int) -> None:
    """One change is handed over however long it is."""
    for number in range(9):
        record(site, place_of(site, f"n{number}@example.com"), OptedOut("news"))
    sender, replica, cursor = site.service.sender(CODE), Replica(), None
    pages = 0
    while True:
        page = follow(site.service, sender, Wanted(cursor))
        told = json.loads(tell_changes(site.service, sender, page, most=most))
        pages += 1
        cursor = told["cursor"]
        for change in told["changes"]:
            replica.take(change)
        assert len(told["changes"]) >= 1
        if not told["more"]:
            break
    assert pages >= pages_at_least
    assert (replica.changes, replica.wrong) == (9, [])


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"wait": "21"}, {"wait": "-1"}])
def test_a_query_that_cannot_be(caller: Caller, query: dict[str, str]) -> None:
    assert ask(caller, **query).status == 400


def test_a_cursor_is_of_one_sender_and_of_this_list(site: Site, caller: Caller) -> None:
    site.post(f"/u/{site.token()}")
    site.service.senders.create(Sender(OTHER, "Other", CATALOGUE, bytes(32)))
    mine = changes(caller)["cursor"]
    keyring = site.service.keyring
    others = [
        json.loads(ask(caller, OTHER).body)["cursor"],
        dump_cursor(keyring, "suppressions", CODE, [1] + [0] * 8),
        dump_cursor(keyring, "changes", CODE, [1] + [0] * 9),
        mine[:-1],
        mine + "A",
        "x",
        "é",
        "A" * 5_000,
    ]

    for cursor in others:
        answer = ask(caller, cursor=cursor)
        assert answer.status == 400
        assert json.loads(answer.body)["type"] == "urn:signoff:invalid-cursor"
    assert json.loads(ask(caller, OTHER).body)["changes"] == []


@pytest.mark.parametrize("head", [Head(1, 2), Head(0, 1)])
def test_a_cursor_of_before_a_restore_is_expired(site: Site, caller: Caller, head: Head) -> None:
    site.post(f"/u/{site.token()}")
    cursor = changes(caller)["cursor"]
    put_head(site, CODE, place_of(site, ADDRESS).shard, head)

    answer = ask(caller, cursor=cursor)

    assert answer.status == 410
    assert json.loads(answer.body)["type"] == "urn:signoff:cursor-expired"
    assert len(changes(caller)["changes"]) == head.seq


@pytest.mark.parametrize("lost", [{1}, {2}, {3}, {1, 2}, {2, 3}, {1, 2, 3}])
@pytest.mark.parametrize("limit", ["1", "2", "1000"])
def test_a_line_that_was_lost_in_a_restore_is_passed_over(
    site: Site, caller: Caller, lost: set[int], limit: str
) -> None:
    """And no cursor stays before it: else a follower would read a page of nothing for ever."""
    place = place_of(site, ADDRESS)
    opt_out(site, place, place, place)
    for seq in lost:
        lose_line(site, CODE, place.shard, seq)

    told, page = list[int](), changes(caller, limit=limit)
    while page["changes"] or page["more"]:
        told += [change["version"] for change in page["changes"]]
        page = changes(caller, page["cursor"], limit=limit)

    assert told == [seq for seq in (1, 2, 3) if seq not in lost]
    record(site, place, OptedOut(ALL))
    assert [change["version"] for change in changes(caller, page["cursor"])["changes"]] == [4]


@pytest.mark.parametrize("lost", [{1}, {2}, {3, 4}, {2, 4, 6}])
def test_a_history_goes_on_behind_lines_that_were_lost(site: Site, lost: set[int]) -> None:
    place = place_of(site, ADDRESS)
    opt_out(site, *[place] * 20)
    for seq in lost:
        lose_line(site, CODE, place.shard, seq)
    walked = site.service.reader.history(place, 20, 100)
    assert [entry.seq for entry in walked] == [seq for seq in range(20, 0, -1) if seq not in lost]
