"""The unpacked zip and layer under AWS's own runtime client, with nothing else on the path, on the local engines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

from app import app
from chalicelib.tokens import Purpose
from tests.callers import Caller
from tests.gateway import Answer, answer_of, event_of
from tests.infra.packaging.runtime import running
from tests.jobs import put
from tests.site import ADDRESS, CODE, Site, environment_for, make_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engines import LocalFiles, LocalTables
    from tests.infra.packaging.projects import Package
    from tests.infra.packaging.runtime import Function

BOUNDARY = "b0undary"
MULTIPART = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--{BOUNDARY}--\r\n'
).encode()
MOST_MEGABYTES = 6
MOST_RESIDENT = 128
"""MB, in use after a check of 1,000."""


class Lambda:
    """The two functions of a package, each started when it is first needed."""

    def __init__(self, package: Package, client: Path, folder: Path, environment: dict[str, str]) -> None:
        self._started = package, client, folder, environment

    @contextmanager
    def started(self, handler: str) -> Iterator[Function]:
        package, client, folder, environment = self._started
        with running(
            handler, (package.task, package.layer), client, folder / f"{handler}.log", environment
        ) as function:
            yield function


class Deployment:
    """The API's function, with what requests are made of."""

    def __init__(self, function: Function, site: Site, files: LocalFiles) -> None:
        self.function, self.site, self.files = function, site, files
        self.key = Caller(site).key("read", "write", "links", "admin")

    def send(self, method: str, resource: str, values: dict[str, str] | None = None, **more: Any) -> Answer:
        return answer_of(self.function.invoke(event_of(method, resource, values, **more)))

    def ask(self, method: str, resource: str, body: Any = None, **values: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        octets = None if body is None else json.dumps(body).encode()
        answer = self.send(method, resource, values, headers=headers, body=octets)
        assert answer.status in {200, 201}, answer.body
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def reason(self, address: str = ADDRESS) -> str | None:
        told = self.ask("POST", "/v1/check", {"category": "news", "addresses": [address]})
        reason: str | None = told["results"][0]["reason"]
        return reason


@pytest.fixture
def functions(
    package: Package, client: Path, tmp_path: Path, dynoxide_tables: LocalTables, local_files: LocalFiles
) -> Lambda:
    return Lambda(package, client, tmp_path, environment_for(dynoxide_tables, local_files))


@pytest.fixture
def deployment(functions: Lambda, dynoxide_tables: LocalTables, local_files: LocalFiles) -> Iterator[Deployment]:
    with make_site(dynoxide_tables, local_files) as site, functions.started("app.app") as function:
        yield Deployment(function, site, local_files)


def test_a_multipart_one_click_opts_out_at_once(deployment: Deployment) -> None:
    assert deployment.reason() is None
    answer = deployment.send(
        "POST",
        "/u/{token}",
        {"token": deployment.site.token()},
        headers={"content-type": f"multipart/form-data; boundary={BOUNDARY}"},
        body=MULTIPART,
    )
    assert answer.status == 200
    assert deployment.reason() == "opted_out"


@pytest.mark.parametrize(("language", "direction"), [("de", "ltr"), ("ar", "rtl")])
def test_a_page_speaks_the_reader_s_language(deployment: Deployment, language: str, direction: str) -> None:
    token = {"token": deployment.site.token(purpose=Purpose.PREFERENCES)}
    page = deployment.send("GET", "/p/{token}", token, headers={"accept-language": language})
    english = deployment.send("GET", "/p/{token}", token, headers={"accept-language": "en"})
    assert (page.status, english.status) == (200, 200)
    [told] = re.findall(r"<html[^>]*>", page.body)
    assert f'lang="{language}"' in told
    assert direction == "ltr" or 'dir="rtl"' in told
    titles = [re.findall(r"<title>(.*?)</title>", each.body) for each in (page, english)]
    assert titles[0] != titles[1]


def test_every_route_finds_all_that_it_needs(deployment: Deployment) -> None:
    """What a route imports and reads is in the package: without it the answer would be 500."""
    values = {"token": deployment.site.token(purpose=Purpose.PREFERENCES), "sender": CODE, "logo": "x.png"}
    headers = {"authorization": f"Bearer {deployment.key}", "content-type": "application/json", "accept": "*/*"}
    for path, methods in app.routes.items():
        names = re.findall(r"{(\w+)}", path)
        for method in methods:
            body = None if method in {"GET", "HEAD"} else b"{}"
            filled = {name: values.get(name, "x") for name in names}
            answer = deployment.send(method, path, filled or None, headers=headers, body=body)
            assert answer.status < 500, (method, path, answer.body, deployment.function.log())
    assert "Traceback" not in deployment.function.log()
    assert ADDRESS not in deployment.function.log()


def test_an_upload_is_imported_by_a_batch_of_the_queue(deployment: Deployment, functions: Lambda) -> None:
    begun = deployment.ask("POST", "/v1/imports", {"file": {}})
    put(begun["upload"]["url"], f"email,reason\n{ADDRESS},unsubscribed\nalan@example.com,unsubscribed\n".encode())
    records = [_record(message) for message in iter(deployment.files.receive, None)]

    with functions.started("app.jobs") as jobs:
        for record in records:
            jobs.invoke({"Records": [record]})

    told = deployment.ask("GET", "/v1/imports/{import_id}", import_id=begun["id"])
    assert (told["status"], told["counts"]["accepted"]) == ("done", 2)
    assert deployment.reason("alan@example.com") == "opted_out_of_all"
    assert ADDRESS not in jobs.log()


def _record(message: dict[str, Any]) -> dict[str, Any]:
    """A message of the queue, as Lambda hands it over."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:signoff-test-jobs",
    }


def test_a_check_of_a_thousand_stays_in_its_memory(deployment: Deployment) -> None:
    addresses = [f"dana.reader{number}@example.com" for number in range(1_000)]
    told = deployment.ask("POST", "/v1/check", {"category": "news", "addresses": addresses})
    assert [result["may_send"] for result in told["results"]] == [True] * 1_000
    assert deployment.function.resident() <= MOST_RESIDENT


def test_the_zip_is_small_and_both_hold_what_they_should(package: Package) -> None:
    assert package.zip_file.stat().st_size <= MOST_MEGABYTES * 1_000_000
    with ZipFile(package.zip_file) as app_zip, ZipFile(package.layer_file) as layer:
        inside, below = set(app_zip.namelist()), set(layer.namelist())
    assert {name.split("/")[0] for name in inside} == {"app.py", "chalice", "chalicelib"}
    assert {"chalicelib/web/locale/de.po", "chalicelib/web/locale/ja.po"} <= inside
    assert {name.split("/")[0] for name in below} == {"python"}
    assert not [name for name in inside | below if "pip" in name.split("/") or name.endswith((".dist-info", ".pyi"))]


def test_nothing_is_compiled_when_it_starts(package: Package) -> None:
    """Every module but `app.py` itself, which Chalice gives no place for, is loaded as it was compiled."""
    program = f"""if True:
        import importlib._bootstrap_external as external, os, sys
        os.environ["LAMBDA_TASK_ROOT"] = {str(package.task)!r}
        sys.path[:0] = {[str(package.task), str(package.layer)]!r}
        compiled, plain = [], external.SourceLoader.source_to_code
        external.SourceLoader.source_to_code = lambda *known: (compiled.append(known[2]), plain(*known))[1]
        import app, chalicelib.worker
        list(app.app.routes)
        print("\\n".join(compiled))
    """
    done = subprocess.run(
        [sys.executable, "-S", "-B", "-c", program], cwd=package.task, capture_output=True, text=True, check=True
    )
    assert [path for path in done.stdout.split() if path.startswith(str(package.folder))] == [
        str(package.task / "app.py")
    ]
