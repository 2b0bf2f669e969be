"""Jobs, in the control table. They never expire: an export's row is the record of what was disclosed, and to whom."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pynamodb.exceptions import QueryError

from chalicelib.domain.errors import StoreUnavailable, TooManyRequests, UnknownJob
from chalicelib.domain.jobs import Job, JobKind, JobStatus
from chalicelib.store import codec
from chalicelib.store.calls import put_if, unavailable
from chalicelib.store.ledger import CONTROL_DEADLINE, Timing
from chalicelib.store.models import JobItem
from chalicelib.store.port import Busy, OutcomeUnknown
from chalicelib.store.reading import read_items
from chalicelib.store.senders import partition_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.store.calls import Raw
    from chalicelib.store.wire import Wire


RECENT = 50
"""Jobs that are looked at to count those that are not over."""
RETRY_SECONDS = 60


class JobMoved(StoreUnavailable):
    """The job was changed by somebody else since it was read: another worker has it."""

    def __init__(self) -> None:
        super().__init__("another worker has this job")


class Jobs:
    """Reads and writes of jobs. Every read is strongly consistent."""

    def __init__(self, connection: Wire, table: str, timing: Timing | None = None) -> None:
        self._connection = connection
        self._table = table
        self._timing = timing or Timing(deadline=CONTROL_DEADLINE)

    def find(self, kind: JobKind, sender: str, job: str) -> Job | None:
        """The job of this id. Raises `StoreUnavailable`."""
        key = partition_of(sender), f"{kind}#{job}"
        raw = read_items(self._connection, self._table, [key], self._timing).get(key)
        return None if raw is None else _load(raw)

    def get(self, kind: JobKind, sender: str, job: str) -> Job:
        """The job of this id. Raises `UnknownJob`, `StoreUnavailable`."""
        found = self.find(kind, sender, job)
        if found is None:
            raise UnknownJob
        return found

    def newest(self, kind: JobKind, sender: str, before: str | None, limit: int) -> list[Job]:
        """Jobs of a kind, newest first, from before the job `before` on. Raises `StoreUnavailable`."""
        until = f"{kind}#{before}" if before else f"{kind}$"  # "$" is what follows "#"
        found: list[Job] = []
        start: Any = None
        while len(found) < limit:
            page = self._page(sender, (f"{kind}#", until), limit - len(found), start)
            found += [job for job in map(_load, page["Items"]) if job.id != before]
            start = page.get("LastEvaluatedKey")
            if start is None:  # an empty page does not end a list
                break
        return found[:limit]

    def refuse_flood(self, kind: JobKind, sender: str, most: int, since: int) -> None:
        """Raises `TooManyRequests` where so many jobs of a kind, begun after `since`, are not over yet."""
        unfinished = [job for job in self.newest(kind, sender, None, RECENT) if not job.is_over and job.created > since]
        if len(unfinished) >= most:
            raise TooManyRequests(RETRY_SECONDS)

    def _page(self, sender: str, between: tuple[str, str], limit: int, start: Any) -> dict[str, Any]:
        try:
            return self._connection.query(
                self._table,
                partition_of(sender),
                range_key_condition=JobItem.sk.between(*between),
                consistent_read=True,
                scan_index_forward=False,
                limit=limit + 1,
                exclusive_start_key=start,
            )
        except QueryError as error:
            raise unavailable(error) from None

    def create(self, job: Job) -> Job:
        """Stores a new job; the one that is there, where it is there already. Raises `StoreUnavailable`."""
        if self._put(job, JobItem.sk.does_not_exist()):
            return job
        return self.get(job.kind, job.sender, job.id)

    def change(self, job: Job, status: JobStatus, done: Mapping[str, Any]) -> Job:
        """The job with another status and another `done`. Raises `JobMoved`, `StoreUnavailable`."""
        changed = replace(job, status=status, done=done, version=job.version + 1)
        if self._put(changed, JobItem.version == job.version):
            return changed
        found = self.find(job.kind, job.sender, job.id)
        if found == changed:
            return changed  # the answer of an earlier try was lost
        raise JobMoved

    def _put(self, job: Job, condition: Any) -> bool:
        item = JobItem(
            partition_of(job.sender),
            f"{job.kind}#{job.id}",
            version=job.version,
            status=str(job.status),
            created=job.created,
            key=job.key,
            wanted=codec.dump(job.wanted),
            done=codec.dump(job.done),
        )
        try:
            return put_if(self._connection, item, condition)
        except (Busy, OutcomeUnknown):
            raise StoreUnavailable("the store did not answer") from None


def _load(raw: Raw) -> Job:
    item = JobItem.from_raw_data(raw)
    kind, _, job = raw["sk"]["S"].partition("#")
    return Job(
        kind=JobKind(kind),
        id=job,
        sender=raw["pk"]["S"].partition("#")[2],
        created=int(item.created),
        key=item.key,
        status=JobStatus(item.status),
        wanted=json.loads(item.wanted),
        done=json.loads(item.done),
        version=int(item.version),
    )
