"""`/v1/imports`: moving a suppression list in, by rows or by a file."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import times
from chalicelib.api.paging import next_link
from chalicelib.api.serving import answer_once, route
from chalicelib.api.told import refuse_category
from chalicelib.boundary import json_answer
from chalicelib.domain.categories import ALL
from chalicelib.domain.errors import InvalidRequest, UnknownJob
from chalicelib.domain.jobs import Job, JobKind, JobStatus, kind_of
from chalicelib.ingest.rows import Defaults
from chalicelib.use_cases.importing import (
    UPLOAD_SECONDS,
    RefusedRow,
    begin_import,
    counts_of,
    import_rows,
    rejects_key,
    upload_of,
)

if TYPE_CHECKING:
    from chalice.app import Response

    from chalicelib.api.serving import Asked
    from chalicelib.use_cases.repeating import Claim

MOST_JOBS = 100
"""Imports in one page of their list."""
DOWNLOAD_SECONDS = 900
ROWS_A_REQUEST = 10
"""Rows that cost as much of the key's budget as one request: clicks want the same shards."""
imports = Blueprint(__name__)


@route(imports, "/v1/imports", ["POST"], "write")
def new_import(asked: Asked) -> Response:
    """1 to 1,000 rows at once, or the URL to which a file is put."""
    if ("rows" in asked.body) is ("file" in asked.body):
        raise InvalidRequest("rows to import at once, or file for an upload")
    if "rows" in asked.body:
        return _imported(asked)
    wanted = _wanted(asked)

    def work(claim: Claim) -> tuple[Any, int]:
        job = begin_import(asked.service, asked.sender, asked.key, claim, wanted)
        return _tell(asked, job), HTTPStatus.CREATED

    return answer_once(asked, work)


@route(imports, "/v1/imports", ["GET", "HEAD"], "read")
def all_imports(asked: Asked) -> Response:
    """The imports of the sender, newest first."""
    limit, before = asked.parameters.get("limit", MOST_JOBS), asked.parameters.get("cursor")
    jobs = asked.service.jobs.newest(JobKind.IMPORT, asked.sender.code, before, limit)
    older = jobs[-1].id if len(jobs) == limit else None
    response = json_answer({"imports": [_tell(asked, job) for job in jobs], "cursor": older})
    return next_link(response, asked, "/v1/imports", older)


@route(imports, "/v1/imports/{import_id}", ["GET", "HEAD"], "read")
def one_import(asked: Asked, import_id: str) -> Response:
    """How far an import is."""
    if kind_of(import_id) is not JobKind.IMPORT:
        raise UnknownJob
    return json_answer(_tell(asked, asked.service.jobs.get(JobKind.IMPORT, asked.sender.code, import_id)))


def _imported(asked: Asked) -> Response:
    rows = [_row(asked, index) for index in range(len(asked.body["rows"]))]
    defaults = _defaults(asked, asked.body.get("default", {}), "/default")
    asked.charge(len(rows) // ROWS_A_REQUEST)
    job, refused = import_rows(asked.service, asked.sender, asked.key, asked.request, rows, defaults)
    return json_answer({**_tell(asked, job), "rejected": [_refused(row) for row in refused]})


def _row(asked: Asked, index: int) -> Any:
    """One row as it was sent, or why it does not fit its description."""
    try:
        return asked.item("rows", index)
    except InvalidRequest as error:
        return RefusedRow(index + 1, error.pointer.partition(f"/rows/{index}")[2][1:], error.reason)


def _wanted(asked: Asked) -> dict[str, Any]:
    file = asked.body["file"]
    defaults = _defaults(asked, file.get("default", {}), "/file/default")
    return {
        "layout": file.get("layout", "auto"),
        "columns": file.get("columns"),
        "reason": defaults.reason,
        "category": defaults.category,
    }


def _defaults(asked: Asked, told: dict[str, Any], pointer: str) -> Defaults:
    category = told.get("category", ALL)
    if category != ALL:
        refuse_category(asked.sender.catalogue, category, f"{pointer}/category")
    return Defaults(told.get("reason"), category)


def _refused(row: RefusedRow) -> dict[str, Any]:
    pointer = f"/rows/{row.line - 1}"
    return {"row": row.line - 1, "pointer": f"{pointer}/{row.column}" if row.column else pointer, "detail": row.reason}


def _tell(asked: Asked, job: Job) -> dict[str, Any]:
    counts = counts_of(asked.service, asked.sender, job)
    told = {
        "id": job.id,
        "status": str(job.status),
        "created": times.tell(job.created),
        "key": job.key,
        "layout": job.done.get("layout"),
        "counts": {
            "rows": counts.rows,
            "accepted": counts.rows - counts.rejected,
            "changed": counts.changed,
            "unchanged": counts.unchanged,
            "rejected": counts.rejected,
        },
        "octets": {"read": job.done["read"], "of": job.done["of"]} if "of" in job.done else None,
        "rejects_url": _rejects_url(asked, job),
        "detail": job.done.get("detail"),
    }
    # Whoever has the URL can import, so it is shown to keys that may.
    is_shown = job.status is JobStatus.WAITING and "write" in asked.key.scopes
    return {**told, "upload": _upload(asked, job)} if is_shown else told


def _rejects_url(asked: Asked, job: Job) -> str | None:
    if not (job.status is JobStatus.DONE and "of" in job.done and job.done["rejected"]):
        return None
    return asked.service.files.get_url(rejects_key(job), DOWNLOAD_SECONDS, f"{job.id}-rejected.csv")


def _upload(asked: Asked, job: Job) -> dict[str, Any]:
    """Made anew each time it is asked for, so that a URL that is too old is no dead end."""
    url, headers = upload_of(asked.service, job)
    expires = times.tell(asked.service.clock() + UPLOAD_SECONDS * 1000)
    return {"method": "PUT", "url": url, "headers": dict(headers), "expires": expires}
