"""What the two functions use while they work: CPU and memory of their containers, under AWS's own runtime client.

Lambda bills the time on the wall and gives CPU by memory. So what is measured here is the CPU that a request takes of a
warm container, all its threads together, and the most memory that a container held: the engines have processes of
their own. No share of a CPU is simulated: what Lambda gives, an account of AWS shows.
"""

from __future__ import annotations

import json
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bench.measure import Row, Target, absolute
from bench.requests import BODY
from bench.site import CATEGORY, Event, Site, environment_of, event
from chalicelib.tokens import Purpose
from infra.local.memory import start_moto
from tests.engines import LocalFiles, make_files
from tests.infra.packaging.projects import Package, make_package
from tests.infra.packaging.runtime import running, runtime_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.infra.packaging.runtime import Function

MANY = 1_000
TIMES, QUICK_TIMES = 50, 5
"""How many clicks and pages a figure is the mean of; of requests that hold 1,000, a tenth."""
ROWS, QUICK_ROWS = 50_000, 1_000
"""Of the file that is imported, and is exported again with all else."""
MOST = Target(128, " MB")


def rows(site: Site, rounds: int, *, is_quick: bool) -> list[Row]:
    with TemporaryDirectory(prefix="signoff-bench-containers-") as name, _files() as files:
        folder = Path(name)
        (folder / "client").mkdir()
        work = _Work(site, files, make_package(folder), runtime_client(folder / "client"), folder)
        return [*work.requests(rounds, QUICK_TIMES if is_quick else TIMES), *work.jobs(_rows_of(is_quick=is_quick))]


def _rows_of(*, is_quick: bool) -> int:
    return QUICK_ROWS if is_quick else ROWS


@contextmanager
def _files() -> Iterator[LocalFiles]:
    engine = start_moto("bench")
    try:
        yield make_files("containers", engine.url)
    finally:
        engine.stop()


@dataclass
class _Work:
    site: Site
    files: LocalFiles
    package: Package
    client: Path
    folder: Path

    def __post_init__(self) -> None:
        self._numbers = count(1_000_000)

    @contextmanager
    def _started(self, handler: str) -> Iterator[Function]:
        settings = environment_of(self.site.client.meta.endpoint_url, self.site.names) | {
            "SIGNOFF_FILES_BUCKET": self.files.names.bucket,
            "SIGNOFF_JOBS_QUEUE_URL": self.files.queue_url,
            "SIGNOFF_S3_URL": str(self.files.url),
            "SIGNOFF_SQS_URL": str(self.files.url),
        }
        places = (self.package.task, self.package.layer)
        with running(handler, places, self.client, self.folder / "log", settings) as function:
            yield function

    def requests(self, rounds: int, times: int) -> Iterator[Row]:
        """Each kind in turn, in one warm container; what it held at the end."""
        kinds: dict[str, tuple[Callable[[], Event], int]] = {
            "one-click POST": (self._click, times),
            "GET /u/{token}": (lambda: self._page("/u/{token}", Purpose.ONE_CLICK), times),
            "GET /p/{token}": (lambda: self._page("/p/{token}", Purpose.PREFERENCES), times),
            "check of 1,000, none on record": (self._check, max(1, times // 10)),
            "links for 1,000": (self._links, max(1, times // 10)),
            "import of 1,000 rows in a request": (self._import, max(1, times // 10)),
        }
        taken: dict[str, list[float]] = {name: [] for name in kinds}
        with self._started("app.app") as function:
            for number in range(-1, rounds):
                for name, (made, most) in kinds.items():
                    cost = _mean(function, [made() for _ in range(most)])
                    taken[name] += [cost] if number >= 0 else []
            resident = function.resident()
        for name, milliseconds in taken.items():
            yield absolute(f"warm container, {name}, CPU", milliseconds, "ms", None)
        yield absolute("resident memory of the API after all of these, at most", [resident], "MB", MOST)

    def jobs(self, most: int) -> Iterator[Row]:
        """A file imported and everything exported by one container of the worker."""
        with self._started("app.app") as api, self._started("app.jobs") as jobs:
            begun = self._told(api, "/v1/imports", {"file": {}})
            _put(begun["upload"]["url"], _file(most))
            imported = self._worked(jobs)
            resident = jobs.resident()
            self._told(api, "/v1/exports", {})
            self._worked(jobs)
            yield absolute(f"worker, CPU for each of {most:,} rows of a file", [imported / most], "µs", None)
            yield absolute(f"resident memory of the worker after {most:,} rows, at most", [resident], "MB", MOST)
            yield absolute("resident memory of the worker after an export, at most", [jobs.resident()], "MB", MOST)

    def _worked(self, jobs: Function) -> float:
        """Microseconds of CPU for all messages that wait."""
        before = jobs.cpu()
        for message in iter(self.files.receive, None):
            record = {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:signoff-containers-jobs",
            }
            jobs.invoke({"Records": [record]})
        return (jobs.cpu() - before) * 1000

    def _click(self) -> Event:
        return event("POST", "/u/{token}", "token", self.site.token(self._address()), BODY)

    def _page(self, path: str, purpose: Purpose) -> Event:
        return event("GET", path, "token", self.site.token(self._address(), purpose))

    def _check(self) -> Event:
        return self._api("/v1/check", {"category": CATEGORY, "addresses": [self._address() for _ in range(MANY)]})

    def _links(self) -> Event:
        recipients = [{"address": self._address()} for _ in range(MANY)]
        return self._api("/v1/links", {"category": CATEGORY, "recipients": recipients})

    def _import(self) -> Event:
        listed = [{"address": self._address(), "reason": "opted_out"} for _ in range(MANY)]
        return self._api("/v1/imports", {"rows": listed})

    def _address(self) -> str:
        return f"dana.reader{next(self._numbers)}@example.com"

    def _api(self, path: str, body: Any) -> Event:
        bearer = f"Bearer {self.site.api_key}"
        return event("POST", path, "x", "", json.dumps(body), authorization=bearer, content_type="application/json")

    def _told(self, api: Function, path: str, body: Any) -> Any:
        return json.loads(api.invoke(self._api(path, body))["body"])


def _mean(function: Function, events: list[Event]) -> float:
    """Milliseconds of CPU for one of these."""
    before = function.cpu()
    for asked in events:
        answer = function.invoke(asked)
        assert answer["statusCode"] < 300, answer
    return (function.cpu() - before) / len(events)


def _file(most: int) -> bytes:
    lines = (f"file{number:07}@mail.example.com,unsubscribed\n" for number in range(most))
    return ("email,reason\n" + "".join(lines)).encode()


def _put(url: str, octets: bytes) -> None:
    request = urllib.request.Request(url, octets, {"Content-Type": ""}, method="PUT")  # noqa: S310 - our own server
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
        assert answer.status == 200
