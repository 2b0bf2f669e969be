"""From one run of a job to the next, and when a job ends without being done.

    out of time, and further than when the last message was sent → the next message
    out of time, and no further                                  → the run fails, as by any error

A message whose run failed comes again, five times in all, with pauses of 25 minutes together. What then came no further
since it was sent is given up, and the message is a dead letter, of which an alarm tells. So a job that comes further,
however slowly, never ends so, and one that does not ends after five runs. What it recorded stays.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from chalicelib.domain.errors import NoProgress, PepperUnusable, StoreUnavailable, UnknownSender
from chalicelib.domain.jobs import JobKind, JobStatus
from chalicelib.store.jobs import JobMoved
from chalicelib.use_cases.importing import counts_of

if TYPE_CHECKING:
    from chalicelib.domain.jobs import Job
    from chalicelib.service import Service

LATER = 900
"""Seconds until the next message of a job that failed, and comes further all the same: the longest that SQS has."""
GIVEN_UP = "it failed several times, and is not tried again: begin another; what was recorded stays"
STOOD_STILL = {
    JobKind.IMPORT: "it came no further in several runs, and is not tried again; what was recorded stays: import the "
    "file in smaller pieces, and where that fails too, ask those who run the service",
    JobKind.EXPORT: "it came no further in several runs, and is not tried again: begin another, and where that fails "
    "too, ask those who run the service",
}


def hand_over(service: Service, job: Job, seconds: int = 0) -> None:
    """Sends the next message of a job, to come after so many seconds, if it came further since the last was sent.

    Raises `NoProgress`, `StoreUnavailable`.
    """
    mark, before = _mark(service, job), job.done.get("mark", 0)
    if mark <= before:
        raise NoProgress(job.id)
    noted = service.jobs.change(job, job.status, {**job.done, "mark": mark})
    try:
        send(service, noted, seconds)
    except StoreUnavailable:
        with suppress(StoreUnavailable):  # nothing was sent: what was done since the last message still counts
            service.jobs.change(noted, noted.status, {**noted.done, "mark": before})
        raise


def send(service: Service, job: Job, seconds: int = 0) -> None:
    """Puts a message for the job into the queue. Raises `StoreUnavailable`."""
    service.queue.send({"job": str(job.kind), "sender": job.sender, "id": job.id}, seconds)


def goes_on(service: Service, job: Job, error: Exception) -> bool:
    """Whether a job goes on by another message, whose own failed for the last time by `error`; if not, it has failed.

    It does where another worker has it (the message came twice), and where rows were recorded since the message was
    sent. An export does not: after an error it begins anew. Raises `StoreUnavailable`.
    """
    if isinstance(error, JobMoved):
        send(service, job, LATER)
        return True
    if job.kind is JobKind.IMPORT:
        try:
            hand_over(service, job, LATER)
        except (NoProgress, PepperUnusable, UnknownSender):
            pass
        else:
            return True
    detail = STOOD_STILL[job.kind] if isinstance(error, NoProgress) else GIVEN_UP
    service.jobs.change(job, JobStatus.FAILED, {**job.done, "detail": detail})
    return False


def _mark(service: Service, job: Job) -> int:
    """How far a job is, as a number that only grows: lines done and rows recorded, or parts of the file.

    An export that begins anew begins with 0; how often it may, `export_runs.py` says.
    """
    if job.kind is JobKind.EXPORT:
        return len(job.done["etags"])
    if "line" not in job.done:
        return 0
    counts = counts_of(service, service.senders.get(job.sender), job)
    return int(job.done["line"]) + counts.changed + counts.unchanged
