"""The local worker: uploads reach jobs through S3's notification, the queue and the function, whatever is killed."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import threading
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.store.files import Files
from chalicelib.store.queue import Queue
from infra.local.environment import REGION
from infra.local.worker import LocalQueue, work_once
from tests.infra.processes import ROOT, SECONDS, children_of, environment_for, has_ended, infra_command, runner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engines import LocalFiles

APP = """
import json
import os

from chalicelib.application import SignoffApp
from chalicelib.jobs import events
from chalicelib.worker import JOBS

app = SignoffApp(app_name="signoff")
app.register_blueprint(events)


@app.route("/healthz")
def settings():
    return {name: value for name, value in os.environ.items() if name.startswith("SIGNOFF_")}


def record(service, sender, job, seconds_left):
    with open("jobs.fifo", "w") as fifo:
        fifo.write(json.dumps([os.getpid(), sender, job, service.files.size(f"imports/{sender}/{job}")]) + "\\n")
    if job == "hangs":
        open("never.fifo").read()


JOBS["import"] = JOBS["export"] = record
"""


@dataclass(frozen=True, slots=True)
class Jobs:
    """What the worker of a runner is working on, as it says itself; and ways to give it work."""

    runner_pid: int
    settings: dict[str, str]
    fifo: int

    def next(self) -> list[Any]:
        """The next job that was begun: the worker's pid, the sender, the job's id, the octets of its upload."""
        ready, _, _ = select.select([self.fifo], [], [], SECONDS)
        assert ready, "no job was begun"
        found: list[Any] = json.loads(os.read(self.fifo, 4096).splitlines()[0])
        return found

    def upload(self, job: str, octets: bytes) -> None:
        files = Files(self.settings["SIGNOFF_FILES_BUCKET"], REGION, self.settings["SIGNOFF_S3_URL"])
        url = files.put_url(f"imports/testsend/{job}", 60)
        with urllib.request.urlopen(urllib.request.Request(url, octets, method="PUT")) as answer:  # noqa: S310 - our own
            assert answer.status == 200

    def send(self, message: dict[str, Any]) -> None:
        Queue(self.settings["SIGNOFF_JOBS_QUEUE_URL"], REGION, self.settings["SIGNOFF_SQS_URL"]).send(message)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    """A runner with an application whose jobs tell of themselves."""
    (tmp_path / "app.py").write_text(APP, "utf-8")
    for name in ("jobs.fifo", "never.fifo"):
        os.mkfifo(tmp_path / name)
    fifo = os.open(tmp_path / "jobs.fifo", os.O_RDWR)
    with runner(tmp_path, tmp_path / "data") as running:
        with urllib.request.urlopen(f"{running.url}/healthz") as answer:  # noqa: S310 - our own server
            settings = json.load(answer)
        yield Jobs(running.process.pid, settings, fifo)
    os.close(fifo)


def test_an_upload_becomes_a_job_and_so_does_a_message_of_ours(jobs: Jobs) -> None:
    jobs.upload("job-1", b"dana.reader@example.com\n")
    assert jobs.next()[1:] == ["testsend", "job-1", 24]
    jobs.send({"job": "export", "sender": "testsend", "id": "job-2"})
    assert jobs.next()[1:] == ["testsend", "job-2", None]


def test_the_job_of_a_worker_that_was_killed_is_begun_again_by_the_next(jobs: Jobs) -> None:
    jobs.upload("hangs", b"x")
    first, *job = jobs.next()
    assert children_of(jobs.runner_pid)["worker"] == first
    os.kill(first, signal.SIGKILL)
    second, *again = jobs.next()
    assert again == job == ["testsend", "hangs", 1]
    assert second != first
    assert has_ended(first)


def test_a_worker_that_works_ends_with_the_runner(jobs: Jobs) -> None:
    jobs.upload("hangs", b"x")
    worker = jobs.next()[0]
    os.kill(jobs.runner_pid, signal.SIGKILL)
    assert has_ended(worker)


def test_a_worker_of_nobody_is_told_in_one_sentence() -> None:
    environment = {name: text for name, text in environment_for(ROOT).items() if not name.startswith("SIGNOFF_")}
    command = infra_command("worker")
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "SIGNOFF_SQS_URL is not set: the worker is started by `python -m infra run`.\n"


def waiting(files: LocalFiles) -> int:
    """How many messages are in the queue, received or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = files.sqs.get_queue_attributes(QueueUrl=files.queue_url, AttributeNames=names)["Attributes"]
    return sum(int(told[name]) for name in names)


def test_a_message_is_deleted_when_its_job_is_done_and_not_when_it_failed(
    local_files: LocalFiles, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails(event: Any, context: Any) -> None:
        raise ValueError("dana.reader@example.com")

    events: list[Any] = []
    queue = LocalQueue(local_files.sqs, local_files.queue_url)
    assert waiting(local_files) == 1
    assert work_once(queue, fails)
    assert waiting(local_files) == 1
    assert capfd.readouterr().err == "A job failed and comes again: ValueError.\n"

    local_files.sqs.send_message(QueueUrl=local_files.queue_url, MessageBody="{}")
    assert work_once(queue, lambda event, context: events.append((event, context.get_remaining_time_in_millis())))
    assert waiting(local_files) == 1
    [(event, milliseconds)] = events
    [record] = event["Records"]
    assert (record["body"], record["eventSource"]) == ("{}", "aws:sqs")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert 800_000 < milliseconds <= 900_000
    assert not work_once(queue, fails)


@dataclass
class Renewals:
    """In the place of SQS: tells when a message is hidden again."""

    renewed: threading.Event = field(default_factory=threading.Event)
    calls: int = 0

    def change_message_visibility(self, **_: Any) -> None:
        self.calls += 1
        if self.calls == 1:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        self.renewed.set()


def test_a_message_stays_hidden_while_it_is_worked_on_and_no_longer() -> None:
    renewals = Renewals()
    with LocalQueue(renewals, "queue", renewed=0.01).hiding({"receiptHandle": "receipt"}):
        assert renewals.renewed.wait(SECONDS)
    assert not [thread for thread in threading.enumerate() if thread.name == "hiding"]
