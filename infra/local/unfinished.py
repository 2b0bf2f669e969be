"""Jobs of an earlier run: the tables are on the disk, and what was in memory is gone, the queue and the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.domain.jobs import Job, JobKind
    from chalicelib.service import Service

PAGE = 100
"""Jobs in one read."""


def take_up(service: Service, page: int = PAGE) -> int:
    """Puts a message into the queue for each job that nobody would finish, whose ever; how many.

    Raises `StoreUnavailable`.

    An import finds its file gone and says so; an export is made. An import that waits for its file goes on waiting, and
    one of rows is carried on by the request that comes again. Called while no worker runs.
    """
    return sum(_take_up(service, sender, page) for sender in service.senders.codes())


def _take_up(service: Service, sender: str, page: int) -> int:
    from chalicelib.domain.jobs import JobKind, JobStatus  # noqa: PLC0415 - the runner sets the environment first
    from chalicelib.use_cases.export_runs import forsake  # noqa: PLC0415 - as above
    from chalicelib.use_cases.importing import has_file  # noqa: PLC0415 - as above

    imports = [job for job in _unfinished(service, sender, JobKind.IMPORT, page) if job.status is JobStatus.RUNNING]
    exports = [forsake(service, job) for job in _unfinished(service, sender, JobKind.EXPORT, page)]
    jobs = [*filter(has_file, imports), *exports]
    for job in jobs:
        service.queue.send({"job": str(job.kind), "sender": sender, "id": job.id})
    return len(jobs)


def _unfinished(service: Service, sender: str, kind: JobKind, page: int) -> Iterator[Job]:
    before = None
    while jobs := service.jobs.newest(kind, sender, before, page):
        yield from (job for job in jobs if not job.is_over)
        before = jobs[-1].id
