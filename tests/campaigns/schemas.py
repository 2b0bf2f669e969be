"""Schemathesis over all of the API's description, against the local server: good, bad and nearly good requests.

`python -m tests.campaigns.schemas` sends some ten thousand; a test fewer. No answer may be a 5xx, and none may be other
than the description says: status, type, headers, fields, and 405 for methods that there are not.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from tests.campaigns.worlds import Report
from tests.infra.processes import ROOT, runner

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
CONFIG = """
# It learns ids from answers. With those of keys it would revoke the key that it asks with, and see 401 from then on.
[[operations]]
include-operation-id = "revokeKey"
phases.examples.extra-data-sources.responses = false
phases.coverage.extra-data-sources.responses = false
phases.fuzzing.extra-data-sources.responses = false
"""
MOST_SECONDS = 3_600.0
BUDGET = "100000000"


def run(examples: int, seed: int) -> Report:
    """So many random requests for each operation, after those for every edge of its schemas, which come in any case."""
    report = Report("schemas")
    with tempfile.TemporaryDirectory() as name, _served(Path(name)) as demo:
        folder = Path(name)
        (folder / "config.toml").write_text(CONFIG, "utf-8")
        (folder / "openapi.json").write_text(json.dumps(_document(demo)), "utf-8")
        done = subprocess.run(
            _command(folder, demo, examples, seed), cwd=folder, capture_output=True, text=True, check=False
        )
        _read(report, folder, done)
        if _ask(demo, "GET", "/v1/keys")[0] != http.HTTPStatus.OK:
            report.fail("the key that was asked with no longer works: what came after that showed nothing")
    return report


@contextmanager
def _served(folder: Path) -> Iterator[dict[str, Any]]:
    """The local server, whose demo key may ask as much as it likes."""
    before = os.environ.get("SIGNOFF_KEY_BUDGET")
    os.environ["SIGNOFF_KEY_BUDGET"] = BUDGET
    try:
        with runner(ROOT, folder / "data", seconds=MOST_SECONDS):
            yield json.loads((folder / "data" / "demo.json").read_text("utf-8"))
    finally:
        os.environ.pop("SIGNOFF_KEY_BUDGET")
        os.environ |= {} if before is None else {"SIGNOFF_KEY_BUDGET": before}


def _document(demo: dict[str, Any]) -> dict[str, Any]:
    """The description as it is served, whose example of a recipient and of a key are there."""
    _, told = _ask(demo, "GET", "/v1/openapi.json")
    schemas = told["components"]["schemas"]
    act = {"act": "block", "address": demo["recipient"], "category": "*"}
    schemas["RecipientId"]["example"] = _ask(demo, "POST", "/v1/acts", {"acts": [act]})[1]["results"][0]["recipient"]
    schemas["KeyId"]["example"] = _ask(demo, "POST", "/v1/keys", {"scopes": ["read"]})[1]["id"]
    return cast("dict[str, Any]", told)


def _command(folder: Path, demo: dict[str, Any], examples: int, seed: int) -> list[str]:
    return [
        *(str(Path(sys.executable).with_name("st")), "--no-color", "--config-file", str(folder / "config.toml")),
        *("run", str(folder / "openapi.json"), "--url", demo["url"], "-H", f"Authorization: Bearer {demo['api_key']}"),
        # One worker: on Python 3.11 the generator of data now and then fails in threads.
        *("--seed", str(seed), "--max-examples", str(examples), "--workers", "1", "--generation-database", "none"),
        *("--phases", "examples,coverage,fuzzing", "--mode", "all", "--checks", ",".join(CHECKS)),
        *("--suppress-health-check", "all", "--continue-on-failure"),
        *("--report", "json,har", "--report-json-path", str(folder / "report.json")),
        *("--report-har-path", str(folder / "requests.har")),
    ]


def _read(report: Report, folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    """What it found, in its own words where something is wrong."""
    file = folder / "report.json"
    found = json.loads(file.read_text("utf-8")) if file.exists() else None
    if found is None or not found["complete"]:
        report.fail(f"it did not end: {done.stdout[-2_000:]}{done.stderr[-2_000:]}")
        return
    report.cases = found["test_cases"]["generated"]
    report.notes = {"operations": found["operations"]["tested"]}
    for entry in json.loads((folder / "requests.har").read_text("utf-8"))["log"]["entries"]:
        report.note(f"answered {entry['response']['status']}")
    for failure in found["failures"]:
        report.fail(f"{failure['title']}: {', '.join(failure['operations'])}")
    if found["exit_code"] != 0:
        report.fail(done.stdout[-4_000:])


def _ask(demo: dict[str, Any], method: str, path: str, body: Any = None) -> tuple[int, Any]:
    url = urlsplit(demo["url"])
    client = http.client.HTTPConnection(url.netloc, timeout=30)
    client.request(method, url.path + path, body and json.dumps(body), {"Authorization": f"Bearer {demo['api_key']}"})
    answer = client.getresponse()
    told = json.loads(answer.read())
    client.close()
    return answer.status, told


def main() -> int:
    """The command line; 0 if nothing went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.schemas", description=__doc__)
    parser.add_argument("--examples", type=int, default=500, help="random requests an operation (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which (default: %(default)s)")
    options = parser.parse_args()
    began = time.monotonic()
    report = run(options.examples, options.seed)
    print(f"{report}; {time.monotonic() - began:.0f} s")
    for line in report.wrong:
        print(f"  {line}")
    return int(report.failures > 0)


if __name__ == "__main__":
    sys.exit(main())
