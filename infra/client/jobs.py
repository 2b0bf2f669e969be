"""Jobs of the service, imports and exports: asked about until they are done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.client.api import wanted
from infra.client.refusals import clean
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra.client.api import Api

_FIRST, _LONGEST, _GROWTH = 0.3, 3.0, 1.3
ENDED = ("done", "failed")
STATUSES = ("waiting", "running", *ENDED)


@dataclass(frozen=True, slots=True)
class Job:
    """One look at a job."""

    id: str
    status: str
    body: dict[str, Any]

    @property
    def detail(self) -> str:
        """What the service says of a failure, as a clause."""
        return clean(self.body.get("detail") or "the service does not say why")


def job_of(body: dict[str, Any]) -> Job:
    """The job in an answer. Raises CannotRun."""
    status = wanted(body, "status", str)
    if status not in STATUSES:
        raise CannotRun(f"The service tells of a job that is {clean(status)!r}, which this command does not know.")
    return Job(wanted(body, "id", str), status, body)


def look(api: Api, path: str) -> Job:
    """The job as it is now. Raises CannotRun; `Refused` with status 404 where the service has no such job."""
    return job_of(api.get(path).body)


def followed(api: Api, path: str, pause: Callable[[float], None] = time.sleep) -> Iterator[Job]:
    """The job again and again, with pauses between, until it has ended: that comes last."""
    seconds = _FIRST
    while True:
        answer = api.get(path)
        job = job_of(answer.body)
        yield job
        if job.status in ENDED:
            return
        pause(seconds if answer.retry_after is None else answer.retry_after)
        seconds = min(_LONGEST, seconds * _GROWTH)
