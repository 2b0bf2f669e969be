"""What `chalice deploy` deploys: how long a container of it takes to start, how much memory it holds, and its size.

A container is a process under AWS's own runtime client. The time is that from its start to its first answer: for ours
an answer to a real request, with its reads and writes; for the anchor a function that has made one client of DynamoDB
by botocore, and answers without using it. What both load is compiled.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from sysconfig import get_paths
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bench.measure import TIMES, Row, Target, absolute, against
from bench.requests import BODY, address_of
from bench.site import CATEGORY, Event, Site, environment_of, event
from infra.packaging.compiling import UNCHECKED, compile_folder
from tests.infra.packaging.projects import make_package
from tests.infra.packaging.runtime import running, runtime_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.infra.packaging.projects import Package

MEGABYTE = 1_000_000
CHECKED = 1_000
_ANCHOR = "anchor: bare function, one client"
_FOR_A_CLIENT = ("botocore", "dateutil", "jmespath", "six.py", "urllib3")
_BARE = """
import botocore.session

client = botocore.session.get_session().create_client("dynamodb")


def app(event, context):
    return {"statusCode": 200, "body": client.meta.region_name}
"""


def rows(site: Site, rounds: int) -> list[Row]:
    with TemporaryDirectory(prefix="signoff-bench-package-") as name:
        folder = Path(name)
        (folder / "client").mkdir()
        client, package = runtime_client(folder / "client"), make_package(folder)
        containers = _Containers(site, package, _bare(folder / "bare"), client, folder)
        return [*containers.cold_starts(rounds), containers.memory(), *_sizes(package)]


def _bare(folder: Path) -> Path:
    """A function that makes a client, beside what it needs for that, as the runtime of Lambda has it."""
    folder.mkdir()
    for name in _FOR_A_CLIENT:
        installed = Path(get_paths()["purelib"]) / name
        if installed.is_dir():
            shutil.copytree(installed, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(installed, folder)
    (folder / "app.py").write_text(_BARE, "utf-8")
    compile_folder(folder, "/var/task", UNCHECKED)
    return folder


@dataclass(frozen=True, slots=True)
class _Start:
    """Milliseconds from the start of a container to its first answer, and those of CPU that it took."""

    wall: float
    cpu: float


class _Containers:
    def __init__(self, site: Site, package: Package, bare: Path, client: Path, folder: Path) -> None:
        self._site, self._client, self._log = site, client, folder / "log"
        self._bare, self._ours = (bare,), (package.task, package.layer)
        self._number = 0
        self._environment = environment_of(site.client.meta.endpoint_url, site.names)

    def cold_starts(self, rounds: int) -> Iterator[Row]:
        """After one of each that is not counted; every second round goes the other way."""
        starts: dict[str, Callable[[], _Start]] = {
            "bare": lambda: self._start(self._bare, event("GET", "/", "x", "")),
            "GET /u/{token}": lambda: self._start(self._ours, event("GET", "/u/{token}", "token", self._token())),
            "one-click POST": lambda: self._start(
                self._ours, event("POST", "/u/{token}", "token", self._token(), BODY)
            ),
            "check of one address": lambda: self._start(self._ours, self._check(1)),
        }
        taken: dict[str, list[_Start]] = {name: [] for name in starts}
        for number in range(-1, rounds):
            for name in list(starts)[:: -1 if number % 2 else 1]:
                start = starts[name]()
                taken[name] += [start] if number >= 0 else []
        for name in list(starts)[1:]:
            ours, bare = taken[name], taken["bare"]
            wall = [each.wall for each in ours], [each.wall for each in bare]
            yield against(f"cold start, {name}; {_ANCHOR}", *wall, "ms", Target(1.4, TIMES))
            cpu = [each.cpu for each in ours], [each.cpu for each in bare]
            yield against(f"cold start, {name}, CPU; {_ANCHOR}", *cpu, "ms")

    def memory(self) -> Row:
        with running("app.app", self._ours, self._client, self._log, self._environment) as function:
            answer = function.invoke(self._check(CHECKED))
            assert len(json.loads(answer["body"])["results"]) == CHECKED
            resident = function.resident()
        return absolute("resident memory after a check of 1,000, at most", [resident], "MB", Target(128, " MB"))

    def _start(self, places: Sequence[Path], asked: Event) -> _Start:
        with running("app.app", places, self._client, self._log, self._environment) as function:
            answer, wall = function.timed(asked)
            start = _Start(wall, function.cpu())
        assert answer["statusCode"] == 200, answer
        return start

    def _token(self) -> str:
        self._number += 1
        return self._site.token(address_of(self._number))

    def _check(self, most: int) -> Any:
        addresses = [address_of(number) for number in range(most)]
        body = json.dumps({"category": CATEGORY, "addresses": addresses})
        bearer = f"Bearer {self._site.api_key}"
        return event("POST", "/v1/check", "x", "", body, authorization=bearer, content_type="application/json")


def _sizes(package: Package) -> list[Row]:
    return [
        absolute("size of the zip", [package.zip_file.stat().st_size / MEGABYTE], "MB", Target(6, " MB")),
        absolute("size of the layer beside it", [package.layer_file.stat().st_size / MEGABYTE], "MB", None),
    ]
