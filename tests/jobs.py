"""Imports and exports as their users see them: requests, uploads, downloads; and a worker that takes the messages."""

from __future__ import annotations

import gzip
import json
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.domain.jobs import JobKind
from chalicelib.worker import work
from tests.api.asking import Admin
from tests.api.test_openapi import answer_errors
from tests.callers import Caller
from tests.engines import LocalFiles
from tests.gateway import Answer, send
from tests.site import CODE, Site, make_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.domain.jobs import Job
    from tests.engines import LocalTables

IMPORTS, EXPORTS = "/v1/imports", "/v1/exports"


def plenty() -> float:
    """Seconds that are left to a run."""
    return 900.0


def put(url: str, octets: bytes) -> None:
    """An upload by one who knows nothing but the URL."""
    request = urllib.request.Request(url, octets, {"Content-Type": ""}, method="PUT")  # noqa: S310 - our own server
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
        assert answer.status == 200


def get(url: str) -> bytes:
    """A download by one who knows nothing but the URL."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own server
        octets: bytes = answer.read()
        return octets


@dataclass(frozen=True)
class Desk:
    """One sender's imports and exports, and what works on them."""

    site: Site
    files: LocalFiles
    admin: Admin

    def ask(self, method: str, path: str, query: dict[str, str] | None = None, **values: str) -> Answer:
        """A request with a query; its answer is held against the document."""
        headers = {"Authorization": f"Bearer {self.admin.key}"}
        answer = send(method, path, values, headers=headers, query=query)
        if method != "HEAD":
            assert answer_errors(path, method.lower(), answer) == []
        return answer

    def rows(self, *rows: dict[str, Any], **more: Any) -> dict[str, Any]:
        """An import of rows that is done at once."""
        return self.admin.told("POST", IMPORTS, {"rows": list(rows), **more})

    def begin(self, **file: Any) -> dict[str, Any]:
        """An import that waits for its file."""
        return self.admin.told("POST", IMPORTS, {"file": file}, status=201)

    def import_file(self, content: bytes | str, **file: Any) -> dict[str, Any]:
        """A file from its upload to its end."""
        begun = self.begin(**file)
        put(begun["upload"]["url"], content.encode() if isinstance(content, str) else content)
        self.work()
        return self.show(begun["id"])

    def show(self, job: str) -> dict[str, Any]:
        """`GET` of one import or export."""
        if job.startswith("imp_"):
            return self.admin.told("GET", f"{IMPORTS}/{{import_id}}", import_id=job)
        return self.admin.told("GET", f"{EXPORTS}/{{export_id}}", export_id=job)

    def export(self, **wanted: str) -> dict[str, Any]:
        """An export from its request to its end."""
        begun = self.admin.told("POST", EXPORTS, wanted, status=202)
        self.work()
        return self.show(begun["id"])

    def job(self, told: dict[str, Any]) -> Job:
        """As it is stored."""
        kind = JobKind.IMPORT if told["id"].startswith("imp_") else JobKind.EXPORT
        return self.site.service.jobs.get(kind, CODE, told["id"])

    def work(self, seconds_left: Callable[[], float] = plenty) -> int:
        """Has every message worked on until there is none; how many there were."""
        count = 0
        while messages := self.files.messages():
            for message in messages:
                work(self.site.service, message, seconds_left)
                count += 1
        return count


def rejects_of(told: dict[str, Any]) -> list[list[str]]:
    """The cells of the list of refused rows."""
    return [line.split(",", 2) for line in get(told["rejects_url"]).decode().split("\r\n")[:-1]]


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def lines_of(octets: bytes) -> list[dict[str, Any]]:
    """What JSON lines hold."""
    return [json.loads(line) for line in octets.decode().splitlines()]


@contextmanager
def make_desk(tables: LocalTables, files: LocalFiles) -> Iterator[Desk]:
    """A site with files, and a sender who asks; S3's test event is out of the queue."""
    with make_site(tables, files) as site:
        files.messages()
        yield Desk(site, files, Admin.of(Caller(site)))
