"""Messages → jobs, and the Lambda function that takes them from the queue."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from chalice.app import SQSEventConfig
from chalice.local import LambdaContext

import app as module
from chalicelib import jobs, worker
from chalicelib.domain.errors import JobFailed, StoreUnavailable
from chalicelib.service import Service
from chalicelib.worker import JOBS, Job, jobs_of, work
from tests.site import settings_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.engines import LocalFiles, LocalTables

CANARY = "dana.reader@example.com"
KIND = "test"
EXPORT = {"job": "export", "sender": "testsend", "id": "job_1-a"}
GOOD_MESSAGES: dict[str, tuple[dict[str, Any], list[Job]]] = {
    "ours": (EXPORT, [Job("export", "testsend", "job_1-a")]),
    "ours, with more": ({**EXPORT, "job": "import", "new": 1}, [Job("import", "testsend", "job_1-a")]),
    "an upload": (
        {"Records": [{"s3": {"object": {"key": "imports/testsend/job-1"}}}]},
        [Job("import", "testsend", "job-1")],
    ),
    "two uploads, encoded": (
        {
            "Records": [
                {"s3": {"object": {"key": "imports%2Ftestsend%2Fj%2D1"}}},
                {"s3": {"object": {"key": "imports/testsend/j2"}}},
            ]
        },
        [Job("import", "testsend", "j-1"), Job("import", "testsend", "j2")],
    ),
    "S3's test": ({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}, []),
    "no records": ({"Records": []}, []),
}
ODD_KEYS = ["imports/testsend", "imports/testsend/a/b", "exports/testsend/a", "imports/UPPER/a", f"imports/x/{CANARY}"]
ODD_MESSAGES: list[dict[str, Any]] = [
    {},
    {"job": "export"},
    {**EXPORT, "sender": CANARY},
    {**EXPORT, "id": CANARY},
    {**EXPORT, "id": 7},
    {**EXPORT, "job": f"export {CANARY}"},
    {"Records": [CANARY]},
    {"Records": [{"s3": None}]},
    *({"Records": [{"s3": {"object": {"key": key}}}]} for key in ODD_KEYS),
]


@pytest.mark.parametrize(("message", "jobs"), GOOD_MESSAGES.values(), ids=GOOD_MESSAGES)
def test_a_message_names_its_jobs(message: dict[str, Any], jobs: list[Job], caplog: pytest.LogCaptureFixture) -> None:
    assert jobs_of(message) == jobs
    assert caplog.records == []


@pytest.mark.parametrize("message", ODD_MESSAGES, ids=range(len(ODD_MESSAGES)))
def test_what_is_no_job_is_dropped_without_a_word_of_it(
    message: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert jobs_of(message) == []
    assert [record.getMessage() for record in caplog.records] == ["a message that is no job was dropped"]


Run = tuple[str, str, float]


@dataclass
class Recorder:
    """A kind of job that notes its runs, and fails as it is told to."""

    runs: list[Run] = field(default_factory=list)
    error: Exception | None = None

    def __call__(self, service: Service, sender: str, job: str, seconds_left: Callable[[], float]) -> None:
        self.runs.append((sender, job, seconds_left()))
        if self.error is not None:
            raise self.error


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorded = Recorder()
    JOBS[KIND] = recorded
    yield recorded
    del JOBS[KIND]


@pytest.fixture
def service(moto_dynamodb: LocalTables) -> Iterator[Service]:
    module.app._service = Service(settings_for(moto_dynamodb))
    yield module.app._service
    module.app._service = None


def test_a_job_is_run_by_its_kind(recorder: Recorder, service: Service) -> None:
    work(service, {**EXPORT, "job": KIND}, lambda: 5.0)
    assert recorder.runs == [("testsend", "job_1-a", 5.0)]


def test_a_kind_that_nobody_runs_is_dropped(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    work(service, {**EXPORT, "job": "brew"}, lambda: 5.0)
    [record] = caplog.records
    assert (record.levelno, record.name) == (logging.ERROR, worker.LOG.name)
    assert record.getMessage() == "a job of a kind that nobody runs was dropped: brew"


def record_of(message: dict[str, Any], body: str | None = None) -> dict[str, Any]:
    """As Lambda hands over what SQS tells."""
    return {
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"] if body is None else body,
        "attributes": message["Attributes"],
    }


def received(files: LocalFiles, message: dict[str, Any]) -> dict[str, Any]:
    """A message that was sent and received."""
    files.messages()
    files.sqs.send_message(QueueUrl=files.queue_url, MessageBody=json.dumps(message))
    answer = files.receive()
    assert answer is not None
    return answer


def call(record: dict[str, Any]) -> None:
    """The function as Lambda finds it."""
    module.jobs({"Records": [record]}, LambdaContext("jobs", 1024, 900_000))


def test_the_function_hands_messages_over_with_the_time_that_is_left(
    recorder: Recorder, service: Service, moto_files: LocalFiles
) -> None:
    call(record_of(received(moto_files, {**EXPORT, "job": KIND})))
    [(sender, job, seconds)] = recorder.runs
    assert (sender, job) == ("testsend", "job_1-a")
    assert 0 < seconds <= 900


@pytest.mark.parametrize("body", ["", "{", "[]", '"text"', "null"])
def test_a_body_that_is_no_object_is_dropped(
    body: str, service: Service, moto_files: LocalFiles, caplog: pytest.LogCaptureFixture
) -> None:
    call(record_of(received(moto_files, {}), body))
    assert "a message that is no job was dropped" in caplog.text


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (StoreUnavailable("the store did not answer"), "a job failed: StoreUnavailable: the store did not answer"),
        (ValueError(CANARY), "a job failed: ValueError in __call__, line "),
    ],
)
def test_a_failed_job_is_told_without_an_address_and_its_message_stays(
    error: Exception,
    says: str,
    recorder: Recorder,
    service: Service,
    moto_files: LocalFiles,
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder.error = error
    message = received(moto_files, {**EXPORT, "job": KIND})
    with pytest.raises(JobFailed) as caught:
        call(record_of(message))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert says in caplog.text
    assert CANARY not in caplog.text + str(caught.value)
    assert waiting(moto_files) == (0, 1)


def waiting(files: LocalFiles) -> tuple[int, int]:
    """How many messages may be received now, and how many are hidden."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = files.sqs.get_queue_attributes(QueueUrl=files.queue_url, AttributeNames=names)["Attributes"]
    visible, hidden = (int(told[name]) for name in names)
    return visible, hidden - 1  # the test event, which nobody deleted


@dataclass
class Pauses:
    """In the place of the queue: notes for how long messages are put back."""

    error: StoreUnavailable | None = None
    seconds: list[int] = field(default_factory=list)

    def put_back(self, receipt: str, seconds: int) -> None:
        self.seconds.append(seconds)
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(("times", "seconds"), [(1, 30), (2, 120), (3, 480), (4, 900)])
def test_a_failed_job_comes_again_after_a_pause_that_grows(
    times: int, seconds: int, recorder: Recorder, service: Service
) -> None:
    pauses = service.__dict__["queue"] = Pauses()
    recorder.error = StoreUnavailable("no")
    with pytest.raises(JobFailed):
        call(failing(times))
    assert pauses.seconds == [seconds]


def test_after_the_last_time_it_is_not_put_back(recorder: Recorder, service: Service) -> None:
    """The queue takes it to where no worker looks, and the job says so (tests/api/test_exports.py)."""
    pauses = service.__dict__["queue"] = Pauses()
    recorder.error = StoreUnavailable("no")
    with pytest.raises(JobFailed):
        call(failing(jobs.MOST_TIMES))
    assert pauses.seconds == []


def test_a_queue_that_fails_too_changes_nothing_of_it(
    recorder: Recorder, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.__dict__["queue"] = Pauses(StoreUnavailable("the queue did not answer"))
    recorder.error = StoreUnavailable("no")
    with pytest.raises(JobFailed):
        call(failing(1))
    assert "comes again later than it could: the queue did not answer" in caplog.text


def failing(times: int) -> dict[str, Any]:
    return {
        "receiptHandle": "receipt",
        "body": json.dumps({**EXPORT, "job": KIND}),
        "attributes": {"ApproximateReceiveCount": str(times)},
    }


def test_lambda_finds_the_function_where_chalice_says() -> None:
    [source] = [source for source in module.app.event_sources if isinstance(source, SQSEventConfig)]
    assert source.handler_string == "app.jobs"
    assert module.app.handler_map["jobs"] is module.jobs is jobs.jobs
    assert source.batch_size == 1
