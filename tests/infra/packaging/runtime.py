"""A Lambda function as Lambda runs it: under AWS's own runtime client, which asks a Runtime API of our own for work.

The process sees the unpacked zip, the unpacked layer, the runtime client and Python's own library, and nothing else.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.environment import LOCAL_AWS
from tests.infra.packaging.emulators import site_packages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SECONDS = 300
"""When a test gives up; a cold start takes a fraction of one, and on a crowded machine many."""
LONGEST_RUN = 900
"""Seconds that a function is told it has."""
MEMORY = 1024
ARN = "arn:aws:lambda:us-east-1:123456789012:function:signoff-test"
CLIENT_PACKAGES = ("awslambdaric", "simplejson", "snapshot-restore-py")
_SCHEDULED = 2
"""The kind of clock that counts what the scheduler gave to a process: CPUCLOCK_SCHED of Linux."""
_NEXT = "/2018-06-01/runtime/invocation/next"


class InvocationFailed(Exception):
    """What the function told Lambda in place of an answer."""


@dataclass(slots=True)
class _Calls:
    """What goes between the function and who invokes it."""

    events: queue.Queue[Any] = field(default_factory=queue.Queue)
    answers: queue.Queue[tuple[str, bytes, float]] = field(default_factory=queue.Queue)
    number: int = 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    calls: _Calls

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The function is ended while it waits for its next event: that is no trouble."""


class _RuntimeApi(BaseHTTPRequestHandler):
    """https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, as far as a function needs it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        assert self.path == _NEXT
        calls = self.server.calls
        event = calls.events.get()
        calls.number += 1
        headers = {
            "Lambda-Runtime-Aws-Request-Id": f"00000000-0000-0000-0000-{calls.number:012}",
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + LONGEST_RUN) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
        }
        self._answer(200, json.dumps(event).encode(), headers)

    def do_POST(self) -> None:
        octets = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.answers.put((self.path, octets, time.perf_counter()))
        self._answer(202, b"", {})

    def _answer(self, status: int, octets: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(octets))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        pass


@dataclass(frozen=True, slots=True)
class Function:
    """A function that runs: its process, when it was started, and where its log goes."""

    process: subprocess.Popen[bytes]
    started: float
    log_file: Path
    _calls: _Calls

    def invoke(self, event: Any) -> Any:
        """What the function answers. Raises InvocationFailed."""
        return self.timed(event)[0]

    def timed(self, event: Any) -> tuple[Any, float]:
        """The same, and how many ms after the process was started the answer came."""
        self._calls.events.put(event)
        path, octets, at = self._calls.answers.get(timeout=SECONDS)
        told = json.loads(octets)
        if path.endswith("/error"):
            raise InvocationFailed(f"{told['errorType']}: {told['errorMessage']}\n{self.log()}")
        return told, (at - self.started) * 1000

    def log(self) -> str:
        return self.log_file.read_text("utf-8")

    def cpu(self) -> float:
        """The CPU that it has used since it was started, all its threads together, also those that ended, in ms."""
        # As clock_getcpuclockid(3) makes it, which Python does not have for another process.
        return time.clock_gettime_ns(~self.process.pid << 3 | _SCHEDULED) / 1_000_000

    def resident(self) -> float:
        """The most memory that it had at any time, in MB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text("ascii").splitlines()
        [peak] = [line for line in lines if line.startswith("VmHWM:")]
        return int(peak.split()[1]) / 1024


def runtime_client(folder: Path) -> Path:
    """A folder with AWS's runtime client, and nothing else of the environment it is installed in."""
    site = site_packages()
    found = {each.name.lower().replace("_", "-"): each for each in distributions(path=[str(site)])}
    for name in CLIENT_PACKAGES:
        for top in {file.parts[0] for file in found[name].files or ()} - {"..", "__pycache__"}:
            (folder / top).symlink_to(site / top)
    return folder


@contextmanager
def running(
    handler: str, places: Sequence[Path], client: Path, log_file: Path, environment: Mapping[str, str]
) -> Iterator[Function]:
    """A function for as long as the block lasts. `places` are the unpacked zip and layers, in Lambda's order."""
    server = _Server(("127.0.0.1", 0), _RuntimeApi)
    server.calls = _Calls()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        with log_file.open("wb") as log:
            started = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-S", "-m", "awslambdaric", handler],
                cwd=places[0],
                env={**_environment(places, client, server.server_port), **environment},
                stdout=log,
                stderr=log,
            )
        try:
            yield Function(process, started, log_file, server.calls)
        finally:
            process.kill()
            process.wait()
    finally:
        server.shutdown()
        server.server_close()


def _environment(places: Sequence[Path], client: Path, port: int) -> dict[str, str]:
    """What Lambda sets. `-S` leaves Python's own library on the path, and this adds the rest."""
    return {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_LAMBDA_FUNCTION_NAME": "signoff-test",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY),
        "LAMBDA_TASK_ROOT": str(places[0]),
        "LANG": "en_US.UTF-8",
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(map(str, (*places, client))),
        "PYTHONDONTWRITEBYTECODE": "1",  # as if nothing could be written there
        **LOCAL_AWS.values,
    }
