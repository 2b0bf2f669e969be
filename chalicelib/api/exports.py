"""`/v1/exports`: the whole list as a file, and the record of every such disclosure."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import times
from chalicelib.api.exported import fields_of
from chalicelib.api.paging import next_link
from chalicelib.api.serving import answer_once, route
from chalicelib.api.telling import tell_category
from chalicelib.boundary import json_answer
from chalicelib.domain.errors import UnknownJob
from chalicelib.domain.jobs import Job, JobKind, JobStatus, kind_of
from chalicelib.use_cases.exporting import (
    begin_export,
    expires,
    file_ending,
    file_key,
    is_withdrawn,
    told_hash_key,
)

if TYPE_CHECKING:
    from chalice.app import Response

    from chalicelib.api.serving import Asked
    from chalicelib.use_cases.repeating import Claim

MOST_JOBS = 100
"""Exports in one page of their list."""
DOWNLOAD_SECONDS = 900
exports = Blueprint(__name__)


@route(exports, "/v1/exports", ["POST"], "admin")
def new_export(asked: Asked) -> Response:
    """Begins an export. The list leaves the service by it, so it takes a key that may administer."""
    wanted = {"format": asked.body.get("format", "jsonl"), "addresses": asked.body.get("addresses", "plain")}
    wanted["fields"] = fields_of(wanted)

    def work(claim: Claim) -> tuple[Any, int]:
        job = begin_export(asked.service, asked.sender, asked.key, claim, wanted)
        return _tell(asked, job), HTTPStatus.ACCEPTED

    return answer_once(asked, work)


@route(exports, "/v1/exports", ["GET", "HEAD"], "admin")
def all_exports(asked: Asked) -> Response:
    """Every export that there ever was, newest first: when, to which key, which fields."""
    limit, before = asked.parameters.get("limit", MOST_JOBS), asked.parameters.get("cursor")
    jobs = asked.service.jobs.newest(JobKind.EXPORT, asked.sender.code, before, limit)
    older = jobs[-1].id if len(jobs) == limit else None
    response = json_answer({"exports": [_tell(asked, job) for job in jobs], "cursor": older})
    return next_link(response, asked, "/v1/exports", older)


@route(exports, "/v1/exports/{export_id}", ["GET", "HEAD"], "admin")
def one_export(asked: Asked, export_id: str) -> Response:
    """How far an export is, and where its file and its cursor are once it is done."""
    if kind_of(export_id) is not JobKind.EXPORT:
        raise UnknownJob
    job = asked.service.jobs.get(JobKind.EXPORT, asked.sender.code, export_id)
    told = _tell(asked, job)
    return json_answer({**told, **_to_begin_with(asked, job)} if told["url"] else told)


def _tell(asked: Asked, job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "status": str(job.status),
        "created": times.tell(job.created),
        "key": job.key,
        "format": job.wanted["format"],
        "addresses": job.wanted["addresses"],
        "fields": job.wanted["fields"],
        "rows": job.done.get("rows", 0),
        "octets": job.done.get("octets"),
        "expires": times.tell(expires(job)),
        **_where(asked, job),
    }


def _where(asked: Asked, job: Job) -> dict[str, Any]:
    """Where the file is, or why it is nowhere."""
    if job.status is not JobStatus.DONE:
        return {"url": None, "detail": job.done.get("detail")}
    if asked.service.clock() > expires(job):
        return {"url": None, "detail": "the file has expired: begin another export"}
    if is_withdrawn(asked.service, job):
        return {
            "url": None,
            "detail": "somebody was erased since, whose address the file may hold: begin another export",
        }
    url = asked.service.files.get_url(file_key(job), DOWNLOAD_SECONDS, f"{job.id}.{file_ending(job)}")
    return {"url": url, "detail": None}


def _to_begin_with(asked: Asked, job: Job) -> dict[str, Any]:
    """What a replica begins with besides the file. The categories are of now, which is after the cursor."""
    sender = asked.service.senders.get(asked.sender.code)
    told = {
        "cursor": job.done["cursor"],
        "categories": [tell_category(category) for category in sender.catalogue.categories],
        "version": sender.version,
    }
    key = told_hash_key(asked.service, job)
    return told if key is None else {**told, "hash_key": key}
