"""What the messages of the jobs queue ask for: S3's word of an upload, or a job that we sent ourselves."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from chalicelib.api.exported import ExportFile
from chalicelib.domain.jobs import JobKind
from chalicelib.domain.senders import SENDER_CODE
from chalicelib.use_cases.export_runs import run_export
from chalicelib.use_cases.handing_over import goes_on
from chalicelib.use_cases.import_runs import run_import

if TYPE_CHECKING:
    from chalicelib.service import Service

LOG = logging.getLogger("signoff")
UPLOAD = "import"
"""The kind of job that an upload starts."""
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KIND = re.compile(r"[a-z_]{1,32}")

Run = Callable[["Service", str, str, Callable[[], float]], None]
"""One run of a job: the service, the sender's code, the job's id, and how many seconds are left."""
JOBS: dict[str, Run] = {UPLOAD: run_import, "export": partial(run_export, written=ExportFile())}
"""Kind → what runs it. It may be run twice, or again after it was cut off, and raises to be run again."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a message asks for."""

    kind: str
    sender: str
    id: str


def work(service: Service, message: dict[str, Any], seconds_left: Callable[[], float]) -> None:
    """Runs the jobs of one message. Raises what they raise: then the message comes again."""
    for job in jobs_of(message):
        run = JOBS.get(job.kind)
        if run is None:
            LOG.error("a job of a kind that nobody runs was dropped: %s", job.kind)
        else:
            run(service, job.sender, job.id, seconds_left)


def give_up(service: Service, message: dict[str, Any], error: Exception) -> bool:
    """Ends the jobs of a message that failed for the last time by `error`; False where another message carries one on.

    Raises `StoreUnavailable`.
    """
    is_over = True
    for job in jobs_of(message):
        kind = next((kind for kind in JobKind if kind == job.kind), None)
        found = kind and service.jobs.find(kind, job.sender, job.id)
        if found and not found.is_over and goes_on(service, found, error):
            is_over = False
    return is_over


def jobs_of(message: dict[str, Any]) -> list[Job]:
    """The jobs of a message; of what is none, a line in the log that repeats nothing of it."""
    if message.get("Event") == "s3:TestEvent":  # sent once, when the bucket learns of the queue
        return []
    records = message.get("Records")
    found = [_ours(message)] if records is None else [_upload(record) for record in records]
    jobs = [job for job in found if job is not None]
    if len(jobs) < len(found):
        LOG.error("a message that is no job was dropped")
    return jobs


def _ours(message: dict[str, Any]) -> Job | None:
    return _job(message.get("job"), message.get("sender"), message.get("id"))


def _upload(record: Any) -> Job | None:
    """The import of an uploaded file. S3 encodes keys as forms do."""
    try:
        folder, sender, job = unquote_plus(record["s3"]["object"]["key"]).split("/")
    except (KeyError, TypeError, ValueError):
        return None
    return _job(UPLOAD, sender, job) if folder == "imports" else None


def _job(*words: Any) -> Job | None:
    patterns = (_KIND, SENDER_CODE, _JOB_ID)
    fits = all(isinstance(word, str) and pattern.fullmatch(word) for word, pattern in zip(words, patterns, strict=True))
    return Job(*words) if fits else None
