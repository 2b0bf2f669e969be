"""Jobs that were under way when their tables were lost: what a restore has them go on from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.domain.jobs import Job, JobKind, JobStatus, job_id
from infra.ops.restored.control import begin_jobs_anew
from infra.ops.restored.tables import Table
from tests.site import CODE, make_site

if TYPE_CHECKING:
    from tests.engines import LocalTables

READ = {"line": 9, "rows": 8, "rejected": 1, "read": 99}
UNREAD = dict.fromkeys(READ, 0)
IMPORTED = {**READ, "of": 100, "mark": 16}
EXPORTED = {"etags": ["a", "b"], "upload": "u", "run": "1a", "lease": 0, "begun": 9, "mark": 2}
CASES: dict[str, tuple[JobKind, JobStatus, dict[str, Any], bool, dict[str, Any]]] = {
    # How far an import was sent on is forgotten: rows that are read again would else be no progress, and end it.
    "an import": (JobKind.IMPORT, JobStatus.RUNNING, IMPORTED, True, IMPORTED),
    "an import, rows lost": (JobKind.IMPORT, JobStatus.RUNNING, IMPORTED, False, {**IMPORTED, **UNREAD, "mark": 0}),
    "without its file": (JobKind.IMPORT, JobStatus.WAITING, {}, False, {}),
    "an import that is over": (JobKind.IMPORT, JobStatus.DONE, IMPORTED, False, IMPORTED),
    "an export": (JobKind.EXPORT, JobStatus.RUNNING, EXPORTED, True, {**EXPORTED, "lease": 1, "begun": 0, "mark": 0}),
    "an export that waits": (JobKind.EXPORT, JobStatus.WAITING, {}, True, {}),
}


@pytest.mark.parametrize(("kind", "status", "before", "has_progress", "after"), CASES.values(), ids=CASES)
def test_a_job_goes_on_from_what_is_there(
    kind: JobKind,
    status: JobStatus,
    before: dict[str, Any],
    has_progress: bool,
    after: dict[str, Any],
    dynoxide_tables: LocalTables,
) -> None:
    with make_site(dynoxide_tables) as site:
        jobs, control = site.service.jobs, Table(dynoxide_tables.client, dynoxide_tables.names.control)
        job = jobs.create(Job(kind, job_id(kind, 1, "a"), CODE, 1, "k", status, {}, before))
        named = begin_jobs_anew(control, CODE, has_progress=has_progress)
        found = jobs.get(kind, CODE, job.id)
        assert named == ([] if job.is_over else [(str(kind), job.id)])
        assert found.done == after
        begin_jobs_anew(control, CODE, has_progress=has_progress)
        assert jobs.get(kind, CODE, job.id) == found
