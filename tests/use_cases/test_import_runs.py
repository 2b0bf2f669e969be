"""A worker's runs of an import: short of time, killed anywhere, overtaken by another one. Every row counts once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.acts import Act, OptedIn, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import NoProgress, RowRefused, StoreUnavailable
from chalicelib.domain.fold import adding, fold
from chalicelib.domain.jobs import JobStatus
from chalicelib.ingest.opening import open_rows
from chalicelib.ingest.rows import Defaults, read_row
from chalicelib.store.jobs import JobMoved
from chalicelib.use_cases.import_runs import run_import
from chalicelib.use_cases.importing import Counts, _given, catalogue_then, counts_of, file_key
from chalicelib.worker import jobs_of
from tests.jobs import Desk, make_desk, plenty, put, rejects_of
from tests.lives import AFTER, BEFORE, Killed, Life, container
from tests.site import CODE

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.domain.jobs import Job
    from chalicelib.domain.recipients import Entry
    from chalicelib.service import Service
    from chalicelib.store.bulk import Given
    from tests.engines import LocalFiles, LocalTables

PORTION = 5
AT = 1_772_357_400
FILES = count()
"""Every file is about others."""


@pytest.fixture
def desk(dynoxide_tables: LocalTables, local_files: LocalFiles) -> Iterator[Desk]:
    with make_desk(dynoxide_tables, local_files) as made:
        yield made


def people(desk: Desk, number: int, *shards: int) -> list[str]:
    """New addresses of these shards, as many of each."""
    sender, name = desk.site.service.senders.get(CODE), next(FILES)
    drawn = (f"f{name}.{tried}@example.com" for tried in count())
    found: dict[int, list[str]] = {shard: [] for shard in shards}
    while min(map(len, found.values())) < number:
        address = next(drawn)
        found.setdefault(sender.place_of(parse_address(address)).shard, []).append(address)
    return [address for pair in zip(*(found[shard][:number] for shard in shards), strict=True) for address in pair]


@dataclass
class Upload:
    """A file that was uploaded, and what its import has to come to. `rows`: addresses, or what is none."""

    desk: Desk
    rows: list[str]
    id: str = ""
    looks: list[Counts] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.id = self.desk.begin()["id"]
        put(self.desk.show(self.id)["upload"]["url"], self.content)
        self.desk.files.messages()

    @property
    def content(self) -> bytes:
        lines = [f"{address},{AT + number}\n" for number, address in enumerate(self.rows)]
        return ("email,created\n" + "".join(lines)).encode()

    @property
    def job(self) -> Job:
        return self.desk.job({"id": self.id})

    def run(self, life: Life | None = None, seconds_left: Callable[[], float] = plenty) -> None:
        """One run in a container of its own."""
        run_import(container(self.desk.site, life), CODE, self.id, seconds_left, PORTION)

    def handed_over(self) -> int:
        """How often a run sent itself a message since this was asked last."""
        messages = self.desk.files.messages()
        assert all(jobs_of(message)[0].id == self.id for message in messages)
        return len(messages)

    def look(self, service: Service | None = None) -> None:
        """What somebody is told now, against what was told before."""
        service = service or self.desk.site.service
        told = counts_of(service, service.senders.get(CODE), self.job)
        assert told.changed + told.unchanged <= told.rows - told.rejected
        if self.looks:
            before = self.looks[-1]
            assert told.rows >= before.rows
            assert told.rejected >= before.rejected
            assert told.changed >= before.changed
            assert told.unchanged >= before.unchanged
            assert told.rows - told.rejected >= before.rows - before.rejected
        self.looks.append(told)

    def given(self) -> list[Given]:
        """What the file says, as it was cut into portions."""
        sender, job = self.desk.site.service.senders.get(CODE), self.job
        opened = open_rows([self.content], Defaults())
        found: list[Given] = []
        while portion := list(islice(opened.rows, PORTION)):
            numbered = []
            for row in portion:
                with suppress(RowRefused):
                    read = read_row(opened.layout, row, Defaults(), catalogue_then(job), job.created)
                    numbered.append((row.line, read))
            found += _given(sender, job, numbered)
        return found

    def entries(self) -> list[Entry]:
        """The lines of the ledger that tell of these recipients."""
        reader, places = self.desk.site.service.reader, {given.place for given in self.given()}
        found: list[Entry] = []
        for shard in {place.shard for place in places}:
            whole: list[Entry] = []
            while page := reader.log(CODE, shard, len(whole)):
                whole += page
            found += [entry for entry in whole if entry.place in places]
        return found

    def assert_is_done(self) -> None:
        """Each row once, and every count exact."""
        self.look()
        assert self.job.status is JobStatus.DONE, self.job.done
        given, entries = self.given(), self.entries()
        rows = {each.act.id: each.rows for each in given}
        assert max(Counter(entry.act.id for entry in entries).values(), default=1) == 1
        changed = sum(rows.get(entry.act.id, 0) for entry in entries)
        told = self.desk.show(self.id)
        accepted = sum(rows.values())
        assert told["counts"] == {
            "rows": len(self.rows),
            "accepted": accepted,
            "changed": changed,
            "unchanged": accepted - changed,
            "rejected": len(self.rows) - accepted,
        }
        assert told["octets"] == {"read": len(self.content), "of": len(self.content)}
        refused = [str(line) for line, row in enumerate(self.rows, start=2) if "@" not in row]
        assert [line for line, *_ in rejects_of(told)[1:]] == refused if refused else told["rejects_url"] is None
        held = self.desk.site.service.reader.recipients([each.place for each in given])
        assert not [each for each in given if adding(held[each.place].state, each.act)], "a row is lost"
        for place, recipient in held.items():
            own = [entry for entry in entries if entry.place == place]
            assert recipient.state == fold(entry.act for entry in own)
            assert recipient.version == len(own)


def small(desk: Desk) -> Upload:
    """Three portions in two shards, with a row that is none and recipients who come again."""
    rows = people(desk, 5, 2, 6)
    rows[4:4] = ["nobody", rows[0]]
    return Upload(desk, [*rows, rows[3].upper()])


def test_a_run_that_has_time_is_the_only_one(desk: Desk) -> None:
    upload = small(desk)
    upload.run()
    upload.assert_is_done()
    assert upload.handed_over() == 0
    assert len(upload.looks) == 1


@dataclass
class Left:
    """Time for so many transactions."""

    turns: int
    _taken: Iterator[int] = field(default_factory=count)

    def __call__(self) -> float:
        return 900.0 if next(self._taken) < self.turns else 59.0


@pytest.mark.parametrize("turns", range(2, 9))
def test_a_run_that_is_short_of_time_hands_over(desk: Desk, turns: int) -> None:
    """Between two portions, and inside one: some shards of it are recorded then."""
    upload = small(desk)
    runs = 1
    upload.run(seconds_left=Left(turns))
    while upload.handed_over():
        assert upload.job.status is JobStatus.RUNNING
        upload.look()
        runs += 1
        upload.run(seconds_left=Left(turns))
        assert runs < 20
    upload.assert_is_done()
    assert runs > 1 or turns > 6


def test_a_run_without_any_time_changes_nothing_and_fails(desk: Desk) -> None:
    """Its message comes again, and not for ever: see test_standing_still.py."""
    upload = small(desk)
    with pytest.raises(NoProgress, match=upload.id):
        upload.run(seconds_left=Left(0))
    assert upload.handed_over() == 0
    assert (desk.site.entries(), upload.job.done["line"]) == (0, 0)
    upload.run()
    upload.assert_is_done()


def test_the_list_of_refused_rows_is_left_to_a_run_that_has_time(desk: Desk) -> None:
    """It reads the whole file once more."""
    upload = small(desk)
    turns = next(number for number in range(1, 20) if is_all_but_the_list(desk, number))
    assert turns
    upload.run(seconds_left=Left(turns))
    assert (upload.handed_over(), upload.job.status) == (1, JobStatus.RUNNING)
    upload.run()
    upload.assert_is_done()


def is_all_but_the_list(desk: Desk, turns: int) -> bool:
    upload = small(desk)
    upload.run(seconds_left=Left(turns))
    return upload.handed_over() == 1 and upload.job.done["rows"] == len(upload.rows)


def test_rows_that_came_with_their_request_are_no_file_to_a_worker(desk: Desk) -> None:
    """The request alone carries them on, when it comes again."""
    told = desk.rows({"address": "ada@example.com", "reason": "bounce"})
    job = desk.site.service.jobs.change(desk.job(told), JobStatus.RUNNING, {"rows": 1, "rejected": 0})
    run_import(desk.site.service, CODE, job.id, plenty)
    assert desk.job(told) == job


def test_a_message_that_comes_twice(desk: Desk) -> None:
    upload = small(desk)
    upload.run()
    before = desk.site.stored()
    upload.run()
    assert desk.site.stored() == before
    upload.assert_is_done()


def test_a_container_that_is_killed_at_any_of_its_calls_loses_nothing_and_doubles_nothing(desk: Desk) -> None:
    whole = Life()
    upload = small(desk)
    upload.run(whole)
    upload.assert_is_done()
    assert {"head_object", "get_object", "put_object", "TransactWriteItems"} <= set(whole.names)
    for at in range(1, whole.calls + 1):
        for moment in (BEFORE, AFTER):
            upload = small(desk)
            with suppress(Killed):
                upload.run(Life(at, moment))
            upload.look()
            upload.run()
            upload.assert_is_done()


def test_two_workers_at_once(desk: Desk) -> None:
    """The other one does all of it while the first stands still, at any of its calls."""
    whole = Life()
    small(desk).run(whole)
    moved = 0
    for at in range(1, whole.calls + 1):
        upload = small(desk)

        def overtake(number: int, upload: Upload = upload, at: int = at) -> None:
            if number == at:
                upload.run()

        with suppress(JobMoved):
            upload.run(Life(between=overtake))
            moved -= 1
        moved += 1
        upload.run()
        upload.assert_is_done()
    assert moved > 3


def test_two_workers_that_take_turns(desk: Desk) -> None:
    """Each is overtaken by another one that does a little and stands still for ever."""
    whole = Life()
    small(desk).run(whole)
    for at in range(1, whole.calls + 1):
        upload = small(desk)

        def overtake(number: int, upload: Upload = upload, at: int = at) -> None:
            if number == at:
                with suppress(Killed):
                    upload.run(Life(at, AFTER))

        with suppress(StoreUnavailable):
            upload.run(Life(between=overtake))
        upload.run()
        upload.assert_is_done()


def test_what_somebody_is_told_meanwhile_never_goes_back(desk: Desk) -> None:
    upload = small(desk)
    upload.run(Life(between=lambda _: upload.look()))
    upload.assert_is_done()
    assert len(set(upload.looks)) > 4


def test_another_file_in_the_place_of_one_that_is_read(desk: Desk) -> None:
    upload = small(desk)
    upload.run(seconds_left=Left(3))
    recorded = desk.site.entries()
    desk.site.service.files.put(file_key(upload.job), b"email,created\nmallory@example.com,1772357400\n")

    upload.run()

    told = desk.show(upload.id)
    assert told["status"] == "failed"
    assert "another file was put in the place of this one" in told["detail"]
    assert told["counts"]["accepted"] == told["counts"]["changed"] + told["counts"]["unchanged"]
    assert desk.site.entries() == recorded > 0


@pytest.mark.parametrize("name", ["head_object", "get_object"])
def test_another_file_just_when_it_is_opened(desk: Desk, name: str) -> None:
    """The first one was seen, and no row of either is read; or the second one is simply the file."""
    upload = small(desk)
    life = Life()

    def replace(_: int) -> None:
        if life.names[-1] == name and life.names.count(name) == 1:
            desk.site.service.files.put(file_key(upload.job), b"email,created\nmallory@example.com,1772357400\n")

    life.between = replace
    with suppress(StoreUnavailable):
        upload.run(life)
    upload.run()
    told = desk.show(upload.id)
    assert told["status"] == ("done" if name == "head_object" else "failed")
    assert desk.site.entries() == (1 if name == "head_object" else 0)


def test_a_file_that_goes_while_it_is_read(desk: Desk) -> None:
    upload = small(desk)
    upload.run(seconds_left=Left(3))
    desk.site.service.files.delete(file_key(upload.job))
    upload.run()
    told = desk.show(upload.id)
    assert "the file is gone" in told["detail"]
    assert told["counts"]["accepted"] == told["counts"]["changed"] + told["counts"]["unchanged"] > 0
    upload.run()
    assert desk.show(upload.id) == told


def test_a_file_that_cannot_be_read_to_its_end_keeps_what_was_read(desk: Desk) -> None:
    begun = desk.begin()
    rows = people(desk, 5, 1, 2)
    text = "email,created\n" + "".join(f"{address},{AT}\n" for address in rows)
    put(begun["upload"]["url"], text.encode("utf-16") + b"\n")
    run_import(desk.site.service, CODE, begun["id"], plenty, PORTION)
    told = desk.show(begun["id"])
    assert (told["status"], told["detail"]) == ("failed", "the text is not whole UTF-16")
    assert told["counts"]["accepted"] == told["counts"]["changed"] == desk.site.entries()


def test_a_queue_that_does_not_take_the_message_leaves_the_first_one(desk: Desk) -> None:
    """It raises, and so its own message comes again."""
    upload = small(desk)
    life = Life()
    upload.run(life, Left(1))
    assert life.names[-1] == "send_message"
    upload = small(desk)
    service = container(desk.site)
    service.queue.__dict__["_client"] = None
    with pytest.raises(AttributeError):
        run_import(service, CODE, upload.id, Left(1), PORTION)
    upload.run()
    upload.assert_is_done()


ROWS = st.lists(st.one_of(st.integers(0, 7), st.none()), min_size=1, max_size=30)
"""Which recipient a row is about; None for one that is no row."""
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("kill"), st.integers(1, 40), st.sampled_from([BEFORE, AFTER])),
        st.tuples(st.just("short"), st.integers(0, 6), st.just("")),
        st.tuples(st.just("overtake"), st.integers(1, 40), st.just("")),
        st.tuples(st.just("own"), st.integers(0, 7), st.sampled_from(["in", "out"])),
    ),
    max_size=6,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=ROWS, deeds=DEEDS)
def test_whatever_happens_each_row_counts_once(
    desk: Desk, rows: list[int | None], deeds: list[tuple[str, int, str]]
) -> None:
    """Kills, hand-overs, a second worker, and the recipients' own choices in between."""
    who = people(desk, 2, 1, 3, 4, 6)
    upload = Upload(desk, [who[row] if row is not None else "nobody" for row in rows])
    sender = desk.site.service.senders.get(CODE)
    for name, number, how in deeds:
        life = Life()
        match name:
            case "kill":
                life = Life(number, how)
            case "overtake":
                life.between = lambda call, number=number: upload.run() if call == number else None  # type: ignore[misc]
            case "own":
                desk.site.clock.milliseconds += 61_000
                part = OptedIn("news") if how == "in" else OptedOut("*")
                act = Act(f"o_{desk.site.clock.milliseconds}", Via.PREFERENCE_PAGE, (part,))
                desk.site.service.ledger.record(sender.place_of(parse_address(who[number])), act)
                continue
        with suppress(Killed, NoProgress, StoreUnavailable):
            upload.run(life, Left(number) if name == "short" else plenty)
        upload.look()
    upload.run()
    upload.assert_is_done()
