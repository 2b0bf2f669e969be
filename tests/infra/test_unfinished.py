"""What becomes of imports and exports when the local runner is stopped and started again."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.domain.jobs import JobStatus
from infra.local.unfinished import take_up
from tests.api.asking import Admin
from tests.callers import Caller
from tests.campaigns.imports import Server, write_file
from tests.infra.processes import ROOT, SECONDS, Runner, children_of, runner
from tests.jobs import Desk, get, make_desk, put
from tests.site import CODE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engines import LocalFiles, LocalTables


@pytest.fixture
def desk(dynoxide_tables: LocalTables, local_files: LocalFiles) -> Iterator[Desk]:
    with make_desk(dynoxide_tables, local_files) as made:
        yield made


def begun(desk: Desk, kind: str, status: JobStatus, **done: Any) -> str:
    """A job in this state, whose message is gone."""
    asked = desk.begin() if kind == "import" else desk.admin.told("POST", "/v1/exports", {}, status=202)
    job = desk.job(asked)
    if status is not JobStatus.WAITING:
        desk.site.service.jobs.change(job, status, done)
    desk.files.messages()
    return job.id


def test_every_job_that_nobody_would_finish_is_taken_up(desk: Desk) -> None:
    lease = {"lease": desk.site.clock.milliseconds + 100_000, "upload": "lost", "run": "1a"}
    begun(desk, "import", JobStatus.WAITING)
    begun(desk, "import", JobStatus.FAILED)
    running = begun(desk, "import", JobStatus.RUNNING, line=0, rows=0, rejected=0, read=0, of=9, etag="e")
    rows = desk.rows({"address": "ada@example.com", "reason": "bounce"})
    unfinished = replace(desk.job(rows), status=JobStatus.RUNNING)
    desk.site.service.jobs.change(desk.job(rows), JobStatus.RUNNING, unfinished.done)
    exports = [begun(desk, "export", JobStatus.WAITING), begun(desk, "export", JobStatus.RUNNING, **lease)]
    begun(desk, "export", JobStatus.FAILED)

    assert take_up(desk.site.service) == 3

    messages = desk.files.messages()
    assert {message["id"] for message in messages} == {running, *exports}
    for message in messages:
        desk.files.sqs.send_message(QueueUrl=desk.files.queue_url, MessageBody=json.dumps(message))
    desk.work()
    assert "the file is gone" in desk.show(running)["detail"]
    for export in exports:
        assert len(get(desk.show(export)["url"]).splitlines()) == 1
    assert desk.show(rows["id"])["status"] == "running"


def test_there_may_be_more_jobs_than_fit_in_one_page(desk: Desk) -> None:
    ids = [begun(desk, "export", JobStatus.WAITING) for _ in range(3)]
    assert take_up(desk.site.service, page=2) == 3
    assert {message["id"] for message in desk.files.messages()} == set(ids)


def test_the_jobs_of_every_sender_are_taken_up(desk: Desk) -> None:
    site, first = desk.site, begun(desk, "export", JobStatus.WAITING)
    site.service.senders.create(replace(site.service.senders.get(CODE), code="othersnd"))
    other = Admin(Caller(site).key("admin", "read", "write", code="othersnd"))
    second = other.told("POST", "/v1/exports", {}, status=202)["id"]
    desk.files.messages()
    assert take_up(site.service) == 2
    assert {(message["sender"], message["id"]) for message in desk.files.messages()} == {
        (CODE, first),
        ("othersnd", second),
    }


def server_of(running: Runner, data: Path) -> Server:
    return Server(running.url, json.loads((data / "demo.json").read_text("utf-8"))["api_key"])


def until(server: Server, path: str, *statuses: str) -> dict[str, Any]:
    """The job, once it is in one of these states. The runner ends by itself after so many seconds."""
    while (told := server.ask("GET", path))["status"] not in statuses:
        pass
    found: dict[str, Any] = told
    return found


def worker_of(running: Runner) -> int:
    while (worker := children_of(running.process.pid).get("worker")) is None:
        pass
    return worker


def test_a_restarted_runner_leaves_no_job_hanging(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "file.csv"
    write_file(file, 20_000)
    with runner(ROOT, data, seconds=2 * SECONDS) as running:
        server = server_of(running, data)
        waiting = server.ask("POST", "/v1/imports", {"file": {"default": {"reason": "opted_out"}}})
        imported = server.ask("POST", "/v1/imports", {"file": {}})
        put(imported["upload"]["url"], file.read_bytes())
        while not server.ask("GET", f"/v1/imports/{imported['id']}")["counts"]["changed"]:
            pass
        os.kill(worker_of(running), signal.SIGSTOP)
        exported = server.ask("POST", "/v1/exports", {})
        running.process.kill()
        running.process.wait()

    with runner(ROOT, data, seconds=2 * SECONDS) as running:
        server = server_of(running, data)
        told = until(server, f"/v1/imports/{imported['id']}", "failed", "done")
        assert told["status"] == "failed"
        assert "the file is gone: begin another import" in told["detail"]
        made = until(server, f"/v1/exports/{exported['id']}", "failed", "done")
        assert len(get(made["url"]).splitlines()) == made["rows"] >= told["counts"]["changed"] > 0
        again = server.ask("GET", f"/v1/imports/{waiting['id']}")
        assert again["status"] == "waiting"
        put(again["upload"]["url"], b"ada@example.com\n")
        done = until(server, f"/v1/imports/{waiting['id']}", "failed", "done")
        assert (done["status"], done["counts"]["changed"]) == ("done", 1)
