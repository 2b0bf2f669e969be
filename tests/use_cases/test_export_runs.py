"""A worker's runs of an export: in parts, short of time, killed anywhere, overtaken. One whole file comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import pytest

from chalicelib.api.exported import ExportFile
from chalicelib.domain.errors import NoProgress, StoreUnavailable
from chalicelib.domain.jobs import JobStatus
from chalicelib.store.jobs import JobMoved
from chalicelib.use_cases.export_runs import LEASE, MOST_BEGINNINGS, Rules, run_export
from chalicelib.use_cases.exporting import file_key
from tests.jobs import EXPORTS, Desk, get, lines_of, make_desk, plenty
from tests.lives import AFTER, BEFORE, Killed, Life, container
from tests.site import CODE

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.domain.jobs import Job
    from chalicelib.domain.recipients import Recipient
    from chalicelib.domain.senders import Place
    from tests.engines import LocalFiles, LocalTables

LEAST = 5 * 1024 * 1024
"""S3's, of every part but the last. Lines are made long enough for that by `Long`."""
PEOPLE = 40
LONG = 400_000
"""Octets of a line: 16 MB in all, which is two parts and a rest."""
IN_PARTS = Rules(page=3, part=LEAST)
WHOLE = Rules(page=3)


@pytest.fixture
def desk(dynoxide_tables: LocalTables, local_files: LocalFiles) -> Iterator[Desk]:
    """A site with forty recipients."""
    with make_desk(dynoxide_tables, local_files) as made:
        made.rows(*({"address": f"n{number}@example.com", "reason": "bounce"} for number in range(PEOPLE)))
        yield made


class Long(ExportFile):
    """As it is, with white space that JSON lines allow at the end of each."""

    def recipient(self, job: Job, place: Place, recipient: Recipient, address: str | None) -> bytes:
        line = super().recipient(job, place, recipient, address)
        if job.wanted["format"] == "jsonl":
            return line[:-1].ljust(LONG) + b"\n"
        return line[:-2] + b" " * LONG + b"\r\n"


@dataclass
class Export:
    """One export, run by containers of their own."""

    desk: Desk
    rules: Rules = WHOLE
    id: str = ""
    form: str = "jsonl"
    written: ExportFile = field(default_factory=ExportFile)

    def __post_init__(self) -> None:
        self.id = self.desk.admin.told("POST", EXPORTS, {"format": self.form}, status=202)["id"]
        self.desk.files.messages()
        self.written = Long() if self.rules is IN_PARTS else ExportFile()

    @property
    def job(self) -> Job:
        return self.desk.job({"id": self.id})

    def run(self, life: Life | None = None, seconds_left: Callable[[], float] = plenty) -> None:
        run_export(container(self.desk.site, life), CODE, self.id, seconds_left, self.written, self.rules)

    def handed_over(self) -> int:
        """How often a run sent itself a message since this was asked last."""
        return len(self.desk.files.messages())

    def lease_ends(self) -> None:
        self.desk.site.clock.milliseconds += LEASE + 1

    def assert_is_whole(self) -> None:
        """One file, with everybody in it once."""
        told = self.desk.show(self.id)
        assert told["status"] == "done"
        octets = get(told["url"])
        addresses = [line["address"] for line in lines_of(octets)]
        assert sorted(addresses) == sorted(f"n{number}@example.com" for number in range(PEOPLE))
        assert (told["rows"], told["octets"]) == (PEOPLE, len(octets))
        uploads = self.desk.files.s3.list_multipart_uploads(Bucket=self.desk.files.names.bucket)
        assert self.job.done["upload"] is None
        assert self.job.done["run"] not in str(uploads.get("Uploads", []))


@dataclass
class Left:
    """Time for so many pages."""

    turns: int
    _taken: Iterator[int] = field(default_factory=count)

    def __call__(self) -> float:
        return 900.0 if next(self._taken) < self.turns else 59.0


@pytest.mark.parametrize("rules", [WHOLE, IN_PARTS], ids=["one piece", "parts"])
def test_a_run_that_has_time_is_the_only_one(desk: Desk, rules: Rules) -> None:
    export, life = Export(desk, rules), Life()
    export.run(life)
    export.assert_is_whole()
    assert export.handed_over() == 0
    assert life.names.count("upload_part") == (3 if rules is IN_PARTS else 0)


@pytest.mark.parametrize("turns", [8, 11, 14])
def test_a_run_that_is_short_of_time_hands_over_and_the_next_goes_on_in_the_same_file(desk: Desk, turns: int) -> None:
    """What it had read and not sent is read again."""
    export = Export(desk, IN_PARTS)
    export.run(seconds_left=Left(turns))
    first = export.job
    assert (first.status, first.done["lease"], export.handed_over()) == (JobStatus.RUNNING, 0, 1)
    assert 0 < first.done["rows"] < PEOPLE
    runs = 1
    while export.job.status is JobStatus.RUNNING:
        runs += 1
        assert runs < 10
        export.run(seconds_left=Left(turns))
    assert export.job.done["run"] == first.done["run"]
    assert export.job.done["cursor"] == first.done["cursor"]
    export.assert_is_whole()


def test_a_table_that_is_handed_over_has_its_head_once(desk: Desk) -> None:
    export = Export(desk, IN_PARTS, form="csv")
    export.run(seconds_left=Left(11))
    while export.handed_over():
        export.run(seconds_left=Left(11))
    octets = get(desk.show(export.id)["url"])
    assert octets.count(b"recipient,address,category") == 1
    assert octets.count(b"@example.com") == octets.count(b"\r\n") - 1 == PEOPLE


def test_a_run_that_sends_no_part_in_its_time_fails_and_the_next_goes_on_in_the_same_file(desk: Desk) -> None:
    """Its message comes again, and not for ever: see test_standing_still.py."""
    export = Export(desk, IN_PARTS)
    export.run(seconds_left=Left(8))
    before = export.job
    assert (len(before.done["etags"]), export.handed_over()) == (1, 1)
    with pytest.raises(NoProgress, match=export.id):
        export.run(seconds_left=Left(1))
    assert (export.job.done["run"], export.job.done["etags"]) == (before.done["run"], before.done["etags"])
    assert export.handed_over() == 0
    export.run()
    assert export.job.done["run"] == before.done["run"]
    export.assert_is_whole()


def test_an_export_that_is_cut_off_again_and_again_does_not_begin_for_ever(desk: Desk) -> None:
    """Each message comes five times, but a run that has time to hand over sends another."""
    export = Export(desk, IN_PARTS)
    for _ in range(MOST_BEGINNINGS):
        export.run(seconds_left=Left(8))
        assert export.handed_over() == 1
        desk.site.service.jobs.change(export.job, JobStatus.RUNNING, {**export.job.done, "lease": 1})
    with pytest.raises(NoProgress, match=export.id):
        export.run()


def test_a_job_that_somebody_has_is_left_to_it_until_its_lease_ends(desk: Desk) -> None:
    export = Export(desk)
    number = 0
    while "run" not in export.job.done or export.job.done["lease"] <= 1:  # until it is killed with the job in its hands
        number += 1
        with suppress(Killed):
            export.run(Life(number, AFTER))
    before = export.job
    assert before.done["lease"] > desk.site.clock.milliseconds
    with pytest.raises(StoreUnavailable, match="another worker has this job"):
        export.run()
    assert export.job == before

    export.lease_ends()
    export.run()

    assert export.job.done["run"] != before.done["run"]
    export.assert_is_whole()


def test_a_run_that_fails_lets_go_at_once(desk: Desk) -> None:
    """Its message comes again after 30 s, and five times at most."""
    export = Export(desk)
    service = container(desk.site)
    service.files._bucket = "nobodys-bucket"
    with pytest.raises(StoreUnavailable):
        run_export(service, CODE, export.id, plenty, export.written, WHOLE)
    failed = export.job.done["run"]
    export.run()
    assert export.job.done["run"] != failed
    export.assert_is_whole()


@pytest.mark.parametrize("rules", [WHOLE, IN_PARTS], ids=["one piece", "parts"])
def test_a_container_that_is_killed_at_any_of_its_calls_leaves_no_half_file(desk: Desk, rules: Rules) -> None:
    whole = Life()
    Export(desk, rules).run(whole)
    interesting = [at for at, name in enumerate(whole.names, start=1) if name != "Query"]
    for at in interesting:
        for moment in (BEFORE, AFTER):
            export = Export(desk, rules)
            with suppress(Killed):
                export.run(Life(at, moment))
            told = desk.show(export.id)
            if told["status"] == "done":
                assert told["url"] is not None
            else:
                assert (told["url"], "cursor" in told) == (None, False)
                export.lease_ends()
                export.run()
            export.assert_is_whole()


@pytest.mark.parametrize("rules", [WHOLE, IN_PARTS], ids=["one piece", "parts"])
def test_an_old_run_that_wakes_up_does_not_touch_the_file_of_the_new_one(desk: Desk, rules: Rules) -> None:
    """It stood still for longer than its lease, at any call, while another run did all of it."""
    whole = Life()
    Export(desk, rules).run(whole)
    interesting = [at for at, name in enumerate(whole.names, start=1) if name != "Query"]
    refused = 0
    for at in interesting:
        export = Export(desk, rules)
        done: list[Job] = []

        def overtake(number: int, export: Export = export, at: int = at, done: list[Job] = done) -> None:
            if number == at:
                export.lease_ends()
                with suppress(StoreUnavailable):
                    export.run()
                done.append(export.job)

        with suppress(StoreUnavailable):
            export.run(Life(between=overtake))
            refused -= 1
        refused += 1
        if done[0].is_over:
            assert export.job == done[0]
        export.lease_ends()
        export.run()
        export.assert_is_whole()
        assert export.handed_over() == 0
    assert refused > 2


def test_two_that_take_the_same_message_at_once(desk: Desk) -> None:
    """One of them begins, and the other is told so."""
    export = Export(desk)

    def overtake(number: int) -> None:
        if number == 3:
            export.run()

    with pytest.raises(JobMoved):
        export.run(Life(between=overtake))
    export.assert_is_whole()


def test_a_message_that_comes_twice(desk: Desk) -> None:
    export = Export(desk)
    export.run()
    before = export.job
    export.run()
    assert export.job == before
    run_export(desk.site.service, CODE, "exp_" + "0" * 26, plenty, export.written)


BEGINNING = 1
"""The lease of a run that has not noted anything yet."""


def test_a_long_run_renews_its_lease(desk: Desk) -> None:
    """Else another one would begin anew beside it."""
    export = Export(desk)

    def takes_long(number: int) -> None:
        desk.site.clock.milliseconds += 20_000
        lease = export.job.done.get("lease", BEGINNING)
        assert lease == BEGINNING or lease > desk.site.clock.milliseconds

    export.run(Life(between=takes_long))
    export.assert_is_whole()


def test_the_file_is_where_the_run_says(desk: Desk) -> None:
    export = Export(desk)
    export.run()
    assert file_key(export.job) == f"exports/{CODE}/{export.id}-{export.job.done['run']}.jsonl"
