"""The bulk write path on the real engine: each row once, whatever goes wrong and whoever else writes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from chalicelib.domain.acts import Act, Bounced, Consented, Evidence, OptedIn, OptedOut, Stated, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.fold import adding, fold
from chalicelib.store.bulk import MOST_AT_ONCE, SECONDS, Bulk, Given, Progress
from chalicelib.store.engine import DynamoEngine
from chalicelib.store.ledger import Ledger, Timing
from tests.site import CODE, Site
from tests.store import faults
from tests.store.faults import faulty
from tests.store.test_injected_faults import READ, READ_FAULTS, WRITE, WRITE_FAULTS
from tests.web.conftest import site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.domain.recipients import Entry
    from chalicelib.domain.senders import Place

__all__ = ["site"]

JOB = "imp_test"
SHARD = 3
AT = 1_700_000_000_000


def places(site: Site, number: int, shard: int = SHARD) -> list[Place]:
    """The first recipients that lie in one shard."""
    sender = site.service.senders.get(CODE)
    found: list[Place] = []
    for tried in count():
        if len(found) == number:
            break
        place = sender.place_of(parse_address(f"r{tried}@example.com"))
        if place.shard == shard:
            found.append(place)
    return found


def told(line: int, place: Place, rows: int = 1) -> Given:
    return Given(line, rows, place, Act(f"i_{line}", Via.IMPORT, (Stated("*", AT + line),)), f"r{line}@example.com")


def bulk_of(site: Site, timing: Timing | None = None) -> Bulk:
    unrested = Timing(pause=lambda _: None, deadline=20)
    return Bulk(site.service._wire, site.tables.names.recipients, timing or unrested)


def entries(site: Site, shard: int = SHARD) -> list[Entry]:
    found: list[Entry] = []
    while page := site.service.reader.log(CODE, shard, len(found)):
        found += page
    return found


def assert_each_once(site: Site, given: Sequence[Given]) -> None:
    """States are the fold of the acts, and each act that changed something has one line."""
    acts: dict[Place, list[Act]] = {}
    lines = entries(site, given[0].place.shard)
    for entry in lines:
        acts.setdefault(entry.place, []).append(entry.act)
    for place, done in acts.items():
        recipient = site.service.reader.recipient(place)
        assert recipient.state == fold(done)
        assert recipient.version == len(done)
    assert max(Counter(entry.act.id for entry in lines).values()) == 1
    for row in given:
        state = site.service.reader.recipient(row.place).state
        assert adding(state, row.act) is None, "a row is not in the state"


def test_rows_get_into_states_and_ledger(site: Site) -> None:
    given = [told(line, place) for line, place in enumerate(places(site, 70), start=1)]

    assert bulk_of(site).record(JOB, given, lambda: True)

    assert_each_once(site, given)
    assert bulk_of(site).progress(CODE, 8, JOB)[SHARD] == Progress(70, changed=70)
    assert site.service.reader.recipient(given[0].place).address == "r1@example.com"
    assert {len(entry.effects.added) for entry in entries(site)} == {1}


def test_a_second_run_changes_nothing_and_counts_nothing(site: Site) -> None:
    given = [told(line, place, rows=2) for line, place in enumerate(places(site, 40), start=1)]
    bulk_of(site).record(JOB, given, lambda: True)
    before = site.stored()

    assert bulk_of(site).record(JOB, given, lambda: True)

    assert site.stored() == before
    assert bulk_of(site).progress(CODE, 8, JOB)[SHARD] == Progress(40, changed=80)


def test_what_changes_nothing_is_counted_and_leaves_no_line(site: Site) -> None:
    given = [told(line, place) for line, place in enumerate(places(site, 40), start=1)]
    bulk_of(site).record(JOB, given, lambda: True)

    assert bulk_of(site).record("imp_again", given, lambda: True)

    assert bulk_of(site).progress(CODE, 8, "imp_again")[SHARD] == Progress(40, unchanged=40)
    assert len(entries(site)) == 40


def test_the_same_list_under_other_ids_changes_nothing(site: Site) -> None:
    """Of two acts of one time a register keeps the greater id, which would be half of a list that is imported again."""
    somewhere = places(site, 40)
    for job in ("b", "a", "c"):
        given = [
            Given(line, 1, place, Act(f"i_{job}{line}", Via.IMPORT, (Stated("*", AT), Bounced(AT))))
            for line, place in enumerate(somewhere, start=1)
        ]
        bulk_of(site).record(f"imp_{job}", given, lambda: True)

    assert len(entries(site)) == 40
    assert bulk_of(site).progress(CODE, 8, "imp_c")[SHARD] == Progress(40, unchanged=40)


def test_what_is_new_in_an_act_is_recorded_alone(site: Site) -> None:
    [place] = places(site, 1)
    first = Act("i_1", Via.IMPORT, (Stated("*", AT),))
    both = Act("i_2", Via.IMPORT, (Stated("*", AT), Stated("news", AT)))

    bulk_of(site).record(JOB, [Given(1, 1, place, first), Given(2, 1, place, both)], lambda: True)

    assert [entry.act.parts for entry in entries(site)] == [first.parts, (Stated("news", AT),)]


def test_a_recipient_may_come_again_in_later_lines(site: Site) -> None:
    [place] = places(site, 1)
    given = [told(line, place) for line in (1, 5, 9)]

    assert bulk_of(site).record(JOB, given, lambda: True)

    assert_each_once(site, given)
    assert len(entries(site)) == 3


def test_evidence_goes_with_its_act(site: Site) -> None:
    [place] = places(site, 1)
    act = Act("i_1", Via.IMPORT, (Consented("news", AT, "i_1"),))
    evidence = Evidence("a box", "Yes, please", "shop")

    bulk_of(site).record(JOB, [Given(1, 1, place, act, None, evidence)], lambda: True)

    assert site.service.evidences.of(place) == {"i_1": evidence}


def test_it_stops_where_it_is_told_to_and_goes_on_there(site: Site) -> None:
    given = [told(line, place) for line, place in enumerate(places(site, 100), start=1)]
    turns = iter([True, False])

    assert not bulk_of(site).record(JOB, given, lambda: next(turns))
    assert bulk_of(site).progress(CODE, 8, JOB)[SHARD] == Progress(MOST_AT_ONCE, changed=MOST_AT_ONCE)
    assert bulk_of(site).record(JOB, given, lambda: True)

    assert_each_once(site, given)
    assert bulk_of(site).progress(CODE, 8, JOB)[SHARD] == Progress(100, changed=100)


def test_it_rests_as_long_as_it_worked(site: Site) -> None:
    """Interactive writes come first."""
    ticks = iter(range(1_000))
    pauses: list[float] = []
    timing = Timing(monotonic=lambda: float(next(ticks)), pause=pauses.append, deadline=500)
    given = [told(line, place) for line, place in enumerate(places(site, 3), start=1)]

    bulk_of(site, timing).record(JOB, given, lambda: True)

    assert len(pauses) == 1
    assert pauses[0] > 0


@pytest.mark.parametrize("operation", [READ, WRITE])
@pytest.mark.parametrize("name", [*WRITE_FAULTS, *READ_FAULTS])
@pytest.mark.parametrize("at", [0, 1])
def test_one_fault_loses_nothing_and_doubles_nothing(site: Site, operation: str, name: str, at: int) -> None:
    known = WRITE_FAULTS if operation == WRITE else READ_FAULTS
    if name not in known:
        return
    wire, pool = faulty(site.service.settings)
    given = [told(line, place) for line, place in enumerate(places(site, 50), start=1)]
    pool.plan(operation, *[faults.passes] * at, known[name])

    bulk = Bulk(wire, site.tables.names.recipients, site.clock.timing())
    assert bulk.record(JOB, given, lambda: True)

    assert_each_once(site, given)
    assert bulk.progress(CODE, 8, JOB)[SHARD] == Progress(50, changed=50)


def test_a_window_that_arrives_late_is_refused(site: Site) -> None:
    wire, pool = faulty(site.service.settings)
    given = [told(line, place) for line, place in enumerate(places(site, 10), start=1)]
    pool.plan(WRITE, faults.late_request, faults.late_request)
    bulk = Bulk(wire, site.tables.names.recipients, site.clock.timing())
    bulk.record(JOB, given, lambda: True)
    before = site.stored()

    pool.arrive()

    assert site.stored() == before
    assert_each_once(site, given)


def test_what_never_answers_raises_and_what_was_recorded_stays(site: Site) -> None:
    wire, pool = faulty(site.service.settings)
    given = [told(line, place) for line, place in enumerate(places(site, 50), start=1)]
    pool.plan(WRITE, faults.passes, *[faults.throttled] * 500)
    bulk = Bulk(wire, site.tables.names.recipients, site.clock.timing())

    with pytest.raises(StoreUnavailable):
        bulk.record(JOB, given, lambda: True)

    assert bulk_of(site).progress(CODE, 8, JOB)[SHARD].changed == MOST_AT_ONCE


@pytest.mark.parametrize(("is_waited_for", "least", "most"), [(False, 20_000, 21_000), (True, 5_500, 6_500)])
def test_a_request_gives_a_silent_store_up_sooner_than_a_job(
    site: Site, is_waited_for: bool, least: int, most: int
) -> None:
    """A job is taken up again; a request has 25 s in all, and may have used half of them."""
    wire, pool = faulty(site.service.settings)
    pool.plan(READ, *[faults.throttled] * 500)
    began, timing = site.clock.milliseconds, replace(site.clock.timing(), deadline=SECONDS)
    with pytest.raises(StoreUnavailable):
        Bulk(wire, site.tables.names.recipients, timing).record(
            JOB, [told(1, places(site, 1)[0])], lambda: True, is_waited_for=is_waited_for
        )
    assert least <= site.clock.milliseconds - began <= most


RUNS = count()
"""Every example takes another shard and another job."""
RECIPIENTS = 12
STEPS = st.sampled_from([*WRITE_FAULTS.values(), faults.late_request, faults.passes, None])
ROWS = st.lists(st.tuples(st.integers(0, RECIPIENTS - 1), st.booleans(), st.integers(1, 3)), min_size=1, max_size=60)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@drawn(rows=ROWS, steps=st.lists(STEPS, max_size=12), own=st.lists(st.integers(0, RECIPIENTS - 1), max_size=6))
def test_each_row_counts_once_whatever_comes_between(
    site: Site, rows: list[tuple[int, bool, int]], steps: list[faults.Fault | None], own: list[int]
) -> None:
    """Faults, other writers, and a worker that is killed (None) and started again, between any two writes."""
    shard = next(RUNS)
    job = f"imp_{shard}"
    somewhere = places(site, RECIPIENTS, shard % 8)
    given = [
        Given(line, times, somewhere[who], Act(f"i_{job}_{line}", Via.IMPORT, (part,)))
        for line, (who, is_bounce, times) in enumerate(rows, start=1)
        for part in [Bounced(AT + line) if is_bounce else Stated("*", AT - line)]
    ]
    wire, pool = faulty(site.service.settings)
    others = iter(own)
    ledger = Ledger(DynamoEngine(site.service._wire, site.tables.names.recipients), site.clock.timing())

    def interferes() -> None:
        if (who := next(others, None)) is not None:
            part = OptedOut("news") if who % 2 else OptedIn("news")
            ledger.record(somewhere[who], Act(f"{job}_{who}_{len(pool.calls)}", Via.ONE_CLICK, (part,)))

    pool.plan(WRITE, *[step for step in steps if step is not None])
    pool.plan(READ, *[faults.after(interferes)] * len(steps))
    kills = iter(steps)
    bulk = Bulk(wire, site.tables.names.recipients, site.clock.timing())
    while not bulk.record(job, given, lambda: next(kills, faults.passes) is not None):
        bulk = Bulk(wire, site.tables.names.recipients, site.clock.timing())
    pool.arrive()

    assert_each_once(site, given)
    progress = bulk.progress(CODE, 8, job)[shard % 8]
    assert progress.changed + progress.unchanged == sum(times for _, _, times in rows)
    imported = [entry for entry in entries(site, shard % 8) if entry.act.id.startswith(f"i_{job}_")]
    counts = {row.act.id: row.rows for row in given}
    assert sum(counts[entry.act.id] for entry in imported) == progress.changed
