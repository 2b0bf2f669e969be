"""Jobs that come no further end, by the function as Lambda runs it; those that do, however slowly, never end so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, count, repeat
from typing import TYPE_CHECKING, Any

import pytest

import app as module
from chalicelib.domain.errors import JobFailed, NoProgress, StoreUnavailable, UnknownSender
from chalicelib.domain.jobs import JobKind, JobStatus
from chalicelib.jobs import MOST_TIMES, PAUSES
from chalicelib.use_cases.export_runs import LEASE
from chalicelib.use_cases.handing_over import GIVEN_UP, LATER, STOOD_STILL
from chalicelib.use_cases.import_runs import BETWEEN_LOOKS, run_import
from chalicelib.use_cases.importing import rejects_key
from tests.jobs import EXPORTS, Desk, make_desk, plenty
from tests.site import CODE
from tests.use_cases.test_import_runs import Upload, people

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.domain.jobs import Job
    from tests.engines import LocalFiles, LocalTables

SHORT = 59.0
"""Seconds with which a run hands over, as of a function whose longest time is set to less than a minute."""


@dataclass
class Line:
    """In the place of the queue: what was sent, to come after how many seconds, and for how many it was put back."""

    sent: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    put: list[int] = field(default_factory=list)
    is_down: bool = False
    refused: int = 0

    def send(self, message: dict[str, Any], seconds: int = 0) -> None:
        if self.is_down:
            raise StoreUnavailable("the queue did not answer")
        self.sent.append((message, seconds))

    def put_back(self, receipt: str, seconds: int) -> None:
        self.put.append(seconds)

    def deliver(self, times: Iterator[float], come: int = 1, most: int = MOST_TIMES) -> bool:
        """Hands the last message over until it is done, at most five times in all; whether it is done.

        `times`: the seconds left, look by look; `come`: which time of the message this is.
        """
        message, _ = self.sent[-1]
        for number in range(come, min(come + most, MOST_TIMES + 1)):
            attributes = {"ApproximateReceiveCount": str(number)}
            record = {"receiptHandle": "r", "body": json.dumps(message), "attributes": attributes}
            try:
                module.jobs({"Records": [record]}, Context(times))
            except JobFailed:
                continue
            return True
        return False


@dataclass
class Context:
    """Lambda's: how much time is left; where nothing is said of it any more, the store breaks off."""

    times: Iterator[float]

    def get_remaining_time_in_millis(self) -> float:
        seconds = next(self.times, None)
        if seconds is None:
            raise StoreUnavailable("the store did not answer")
        return seconds * 1000


class Down:
    """In the place of the files: a store that does not answer."""

    def find(self, key: str) -> None:
        raise StoreUnavailable("the file store did not answer")


@pytest.fixture
def desk(dynoxide_tables: LocalTables, local_files: LocalFiles) -> Iterator[Desk]:
    with make_desk(dynoxide_tables, local_files) as made:
        yield made


@pytest.fixture
def line(desk: Desk) -> Line:
    """The queue of every container of the site."""
    made = Line()
    desk.site.service.__dict__["queue"] = made
    return made


WINDOW = 32
"""Rows of one transaction."""


@dataclass
class Slow:
    """An import of so many transactions, all in one shard, with its message in the line."""

    desk: Desk
    line: Line
    transactions: int
    upload: Upload = field(init=False)

    def __post_init__(self) -> None:
        self.upload = Upload(self.desk, people(self.desk, WINDOW * self.transactions, 3))
        self.line.sent.append((self.message, 0))

    @property
    def message(self) -> dict[str, Any]:
        return {"job": "import", "sender": CODE, "id": self.upload.id}

    @property
    def job(self) -> Job:
        return self.upload.job

    def until_one_is_done(self) -> Iterator[float]:
        """Time enough until something is recorded, however often that is tried."""
        while not self.upload.entries():
            yield 900.0


def test_an_import_without_progress_fails_after_five_runs_and_keeps_what_it_recorded(desk: Desk, line: Line) -> None:
    slow = Slow(desk, line, 2)
    assert line.deliver(chain(slow.until_one_is_done(), repeat(SHORT)))
    assert line.sent[1:] == [(slow.message, 0)]
    recorded = slow.upload.entries()
    assert 0 < len(recorded) < len(slow.upload.rows)

    assert not line.deliver(repeat(SHORT))

    assert line.put == list(PAUSES)
    assert line.sent[2:] == []
    told = desk.show(slow.upload.id)
    assert (told["status"], told["detail"]) == ("failed", STOOD_STILL[JobKind.IMPORT])
    assert told["counts"]["changed"] == len(recorded)
    assert slow.upload.entries() == recorded
    asked = {"category": "news", "addresses": slow.upload.rows[: len(recorded)]}
    checked = desk.admin.told("POST", "/v1/check", asked)["results"]
    assert [result["may_send"] for result in checked] == [False] * len(recorded)


def test_what_has_failed_so_is_over_and_the_same_file_can_be_imported_again(desk: Desk, line: Line) -> None:
    slow = Slow(desk, line, 1)
    assert not line.deliver(repeat(SHORT))
    before = slow.job
    assert line.deliver(repeat(900.0))
    assert slow.job == before
    again = Upload(desk, slow.upload.rows)
    run_import(desk.site.service, CODE, again.id, plenty)
    again.assert_is_done()


def test_an_import_that_is_broken_off_in_every_run_goes_on_while_it_comes_further(desk: Desk, line: Line) -> None:
    """A transaction in each run, and more runs than a message has."""
    slow = Slow(desk, line, MOST_TIMES + 3)
    runs = 0
    while not slow.job.is_over:
        runs += 1
        assert runs <= MOST_TIMES + 4
        line.deliver(repeat(900.0, runs), come=(runs - 1) % MOST_TIMES + 1, most=1)
    slow.upload.assert_is_done()
    assert line.sent[1:] == [(slow.message, LATER)]


def test_an_import_that_moves_no_more_after_it_was_sent_on_has_failed(desk: Desk, line: Line) -> None:
    """As where one row, and no other, cannot be recorded: the runs of one message more, and no end without that."""
    slow = Slow(desk, line, 2)
    assert line.deliver(slow.until_one_is_done(), come=MOST_TIMES)
    assert line.sent[1:] == [(slow.message, LATER)]
    recorded = slow.upload.entries()
    assert not line.deliver(repeat(900.0, 0))
    assert line.sent[2:] == []
    assert desk.show(slow.upload.id)["detail"] == GIVEN_UP
    assert slow.upload.entries() == recorded


def test_an_import_that_never_began_has_failed(desk: Desk, line: Line) -> None:
    slow = Slow(desk, line, 1)
    kept = desk.site.service.files
    desk.site.service.__dict__["files"] = Down()
    assert not line.deliver(repeat(900.0))
    desk.site.service.__dict__["files"] = kept
    assert line.sent[1:] == []
    told = desk.show(slow.upload.id)
    assert (told["status"], told["detail"], told["counts"]["rows"]) == ("failed", GIVEN_UP, 0)


def test_an_export_without_progress_fails_after_five_runs(desk: Desk, line: Line) -> None:
    desk.rows({"address": "ada@example.com", "reason": "bounce"})
    begun = desk.admin.told("POST", EXPORTS, {}, 202)
    assert not line.deliver(repeat(SHORT))
    assert (line.put, len(line.sent)) == (list(PAUSES), 1)
    told = desk.show(begun["id"])
    assert (told["status"], told["detail"], told["url"]) == ("failed", STOOD_STILL[JobKind.EXPORT], None)


def test_a_message_that_came_twice_does_not_end_the_job_of_the_other(desk: Desk, line: Line) -> None:
    begun = desk.admin.told("POST", EXPORTS, {}, 202)
    job = desk.job(begun)
    taken = desk.site.service.jobs.change(
        job, JobStatus.RUNNING, {"etags": [], "lease": desk.site.clock.milliseconds + LEASE}
    )
    message = line.sent[0][0]
    assert line.deliver(repeat(900.0))
    assert desk.job(begun) == taken
    assert line.sent[1:] == [(message, LATER)]
    desk.site.clock.milliseconds += LEASE + 1
    assert line.deliver(repeat(900.0))
    assert desk.show(begun["id"])["status"] == "done"


def test_a_queue_that_does_not_take_what_goes_on_leaves_the_message_to_the_dead_ones(
    desk: Desk, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    slow = Slow(desk, line, 2)
    line.is_down = True
    assert not line.deliver(slow.until_one_is_done(), come=MOST_TIMES)
    assert "a job that failed for good does not say so: the queue did not answer" in caplog.text
    assert not slow.job.is_over


def test_what_came_further_goes_on_when_the_queue_takes_messages_again(desk: Desk) -> None:
    line = Hiccup()
    desk.site.service.__dict__["queue"] = line
    slow = Slow(desk, line, 3)
    line.deliver(chain(slow.until_one_is_done(), repeat(SHORT)), come=MOST_TIMES)
    assert len(slow.upload.entries()) == WINDOW
    assert not slow.job.is_over
    assert line.sent[-1] == (slow.message, LATER)


class Hiccup(Line):
    """Does not take the first message."""

    def send(self, message: dict[str, Any], seconds: int = 0) -> None:
        if self.refused:
            super().send(message, seconds)
        self.refused += 1
        if self.refused == 1:
            raise StoreUnavailable("the queue did not answer")


def test_an_import_of_a_sender_that_is_gone_has_failed(desk: Desk, line: Line) -> None:
    slow = Slow(desk, line, 3)
    line.deliver(chain(slow.until_one_is_done(), repeat(SHORT)), most=1)
    desk.site.service.__dict__["senders"] = Gone()
    assert not line.deliver(repeat(900.0))
    assert slow.job.status is JobStatus.FAILED


class Gone:
    """In the place of the senders: none is known."""

    def get(self, code: str) -> None:
        raise UnknownSender


def late_at(look: int) -> Callable[[], float]:
    """Time enough, but at one look."""
    looks = count(1)
    return lambda: SHORT if next(looks) == look else 900.0


def test_a_run_that_only_passes_over_what_is_done_stops_in_time(desk: Desk) -> None:
    """Nobody ends it from outside, so that the job says what is the matter."""
    upload = Upload(desk, [*repeat("nobody", 2 * BETWEEN_LOOKS), "ada@example.com"])
    run_import(desk.site.service, CODE, upload.id, late_at(1), 1)
    with pytest.raises(NoProgress):
        run_import(desk.site.service, CODE, upload.id, late_at(2), 1)
    assert desk.site.entries() == 0
    run_import(desk.site.service, CODE, upload.id, plenty, 1)
    upload.assert_is_done()


def test_a_list_of_refused_rows_that_takes_too_long_is_left(desk: Desk) -> None:
    """Once to see whether there is time for it, and once while it is written."""
    upload = Upload(desk, [*repeat("nobody", BETWEEN_LOOKS)])
    run_import(desk.site.service, CODE, upload.id, late_at(2), 1)
    assert upload.handed_over() == 1
    assert (upload.job.status, desk.site.service.files.find(rejects_key(upload.job))) == (JobStatus.RUNNING, None)
    run_import(desk.site.service, CODE, upload.id, plenty, 1)
    upload.assert_is_done()
