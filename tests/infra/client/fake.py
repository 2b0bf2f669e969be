"""A fake of Signoff's sender API and of its file store, for the command line's tests alone.

It keeps no promise of the real one but the shape of its answers, and it can fail on purpose: drop a connection halfway,
answer 429 and 503, let a URL expire, hold an answer back. That the real one answers the same,
`test_against_runner.py` sees to.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sgn_fake_canary-key_tag"
SECONDS = 30


@dataclass(frozen=True, slots=True)
class Status:
    """An answer of this status instead of the right one."""

    status: int
    retry_after: str | None = "0"
    body: bytes = b""
    content_type: str = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is reset after so many octets of the request's body, or of the answer's."""

    after: int = 0
    is_done: bool = False
    """Whether the request takes effect all the same: only its answer is lost."""


@dataclass(slots=True)
class Hold:
    """The answer is held back until the test lets it go."""

    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


Fault = Status | Drop | Hold


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came; `body` is None where it did not come whole."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes | None


@dataclass
class FakeSignoff:
    """What the fake knows, and what it is told to do wrong."""

    url: str = ""
    faults: dict[tuple[str, str], list[Fault]] = field(default_factory=dict)
    """By method and the beginning of a path; each fault happens once, in order."""
    seen: list[Seen] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    """What a job becomes, one step each time it is asked for."""
    by_idempotency_key: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    pages: list[dict[str, Any]] = field(default_factory=list)
    store: str | None = None
    """Another place for presigned URLs."""
    on_upload: Callable[[FakeSignoff], None] = lambda _: None
    looks: int = 0
    """How often a URL was signed: each is another."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fails(self, method: str, path: str, *faults: Fault) -> None:
        self.faults.setdefault((method, path), []).extend(faults)

    def fault_of(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for (wanted, beginning), faults in self.faults.items():
                if method == wanted and path.startswith(beginning) and faults:
                    return faults.pop(0)
        return None

    def requests(self, method: str, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.method == method and seen.path.startswith(path)]

    def job(self, kind: str, idempotency_key: str, **more: Any) -> dict[str, Any]:
        """The job of this key, made where there is none."""
        known = self.by_idempotency_key.get(idempotency_key)
        if known is not None:
            return self.jobs[known]
        job_id = f"{kind}_{len(self.jobs) + 1}"
        self.by_idempotency_key[idempotency_key] = job_id
        self.jobs[job_id] = {"id": job_id, "status": "waiting", "created": "2026-01-02T03:04:05.000Z", **more}
        return self.jobs[job_id]

    def told(self, job_id: str) -> dict[str, Any]:
        """One look at a job: it makes a step, unless it waits for its upload."""
        job = self.jobs[job_id]
        if "upload" not in job and self.steps:
            job.update(self.steps.pop(0))
        for name in ("rejects_url", "url"):
            if job.get(name):
                # Signed anew on each look.
                job[name] = self.signed(f"/store/{name}")
        if "upload" in job:
            job["upload"]["url"] = self.signed(f"/store/{job_id}")
        return job

    def signed(self, path: str) -> str:
        self.looks += 1
        return f"{self.store or self.url}{path}?signature=canary-signature&look={self.looks}"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "FakeSignoff"
    fake: FakeSignoff

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        fault = self.fake.fault_of(self.command, parts.path)
        length = int(self.headers.get("Content-Length") or 0)
        cut = isinstance(fault, Drop) and fault.after < length
        body = self.rfile.read(min(length, fault.after) if isinstance(fault, Drop) and cut else length)
        is_done = not isinstance(fault, Drop | Status) or (isinstance(fault, Drop) and fault.is_done)
        told = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, parts.path, query, told, None if cut else body)
        self.fake.seen.append(seen)
        if isinstance(fault, Hold):
            fault.reached.set()
            fault.released.wait(SECONDS)
        if cut:
            self._reset()
        elif isinstance(fault, Status):
            headers = {"Retry-After": fault.retry_after or "", "Content-Type": fault.content_type}
            self._send(fault.status, fault.body, headers)
        else:
            self._answer(seen, is_done, fault if isinstance(fault, Drop) else None)

    do_GET = do_POST = do_PUT = _handle  # noqa: N815 - http.server's

    def _answer(self, seen: Seen, is_done: bool, drop: Drop | None) -> None:
        with self.fake.lock:
            status, body, headers = answer_of(self.fake, seen) if is_done or seen.method == "GET" else (200, b"", {})
        if drop is None:
            self._send(status, body, headers)
        elif seen.method == "GET" and drop.after:
            self._send(status, body, headers, drop.after)
        else:
            self._reset()

    def _send(self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        # Now, and not after a lingering read of what else comes.
        self.connection.close()

    def finish(self) -> None:
        """Also of a connection that was reset."""
        try:
            super().finish()
        except (OSError, ValueError):
            return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Print nothing."""


Answered = tuple[int, bytes, dict[str, str]]


def answer_of(fake: FakeSignoff, seen: Seen) -> Answered:
    if seen.path.startswith("/store/"):
        return stored(fake, seen)
    if seen.headers.get("authorization") != f"Bearer {KEY}":
        return problem(401, "unauthenticated", "the API key is missing or not valid")
    for pattern, answer in ROUTES:
        if found := re.fullmatch(pattern, f"{seen.method} {seen.path}"):
            return answer(fake, seen, *found.groups())
    return problem(404, "nothing-here", "there is nothing at this address")


def problem(status: int, name: str, detail: str, **more: str) -> Answered:
    body = {"type": f"urn:signoff:{name}", "title": "No", "status": status, "detail": detail, **more}
    return status, json.dumps(body).encode(), {"Content-Type": "application/problem+json"}


def answered(body: dict[str, Any], status: int = 200) -> Answered:
    return status, json.dumps(body).encode(), {"Content-Type": "application/json", "Retry-After": "0"}


def new_import(fake: FakeSignoff, seen: Seen) -> Answered:
    upload = {"method": "PUT", "url": "", "headers": {"Content-Type": "text/csv"}, "expires": "2026-01-02T04:04:05Z"}
    job = fake.job("imp", seen.headers["idempotency-key"], upload=upload, asked=json.loads(seen.body or b""))
    return answered(fake.told(job["id"]), 201)


def new_export(fake: FakeSignoff, seen: Seen) -> Answered:
    return answered(fake.job("exp", seen.headers["idempotency-key"], rows=0), 202)


def a_job(fake: FakeSignoff, seen: Seen, job_id: str) -> Answered:
    if job_id not in fake.jobs:
        return problem(404, "unknown-job", "the sender has no such job")
    return answered(fake.told(job_id))


def check(fake: FakeSignoff, seen: Seen) -> Answered:
    body = json.loads(seen.body or b"")
    if body["category"] == "unknown":
        return problem(404, "unknown-category", "the sender has no such category")
    results = [
        {"address": address, **fake.verdicts.get(address, {"may_send": True, "reason": None, "since": None})}
        for address in body["addresses"]
    ]
    return answered({"as_of": "2026-01-02T03:04:05.000Z", "category": body["category"], "results": results})


def changes(fake: FakeSignoff, seen: Seen) -> Answered:
    place = int(seen.query.get("cursor", "cursor-0").removeprefix("cursor-"))
    page = fake.pages[place : place + 1]
    after = place + len(page)
    return answered(
        {
            "changes": [change for content in page for change in content["changes"]],
            "cursor": f"cursor-{after}",
            "as_of": "2026-01-02T03:04:05.000Z",
            "more": after < len(fake.pages),
        }
    )


ROUTES: tuple[tuple[str, Callable[..., Answered]], ...] = (
    ("POST /v1/imports", new_import),
    ("POST /v1/exports", new_export),
    ("GET /v1/(?:imports|exports)/([a-z]+_[0-9]+)", a_job),
    ("POST /v1/check", check),
    ("GET /v1/changes", changes),
)


def stored(fake: FakeSignoff, seen: Seen) -> Answered:
    """S3's part: no key of ours ever comes here, and it says no in XML."""
    name = seen.path.removeprefix("/store/")
    if "authorization" in seen.headers or seen.query.get("signature") != "canary-signature":
        return 403, b"<Error><Code>AccessDenied</Code></Error>", {"Content-Type": "application/xml"}
    if seen.method == "PUT":
        fake.files[name] = seen.body or b""
        fake.jobs[name].pop("upload", None)
        fake.on_upload(fake)
        return 200, b"", {}
    return ranged(fake.files[name], seen)


def ranged(octets: bytes, seen: Seen) -> Answered:
    etag = f'"{hashlib.md5(octets).hexdigest()}"'  # noqa: S324 - as S3 makes them
    asked = re.fullmatch(r"bytes=(\d+)-", seen.headers.get("range", ""))
    if asked is None or seen.headers.get("if-range", etag) != etag:
        return 200, octets, {"ETag": etag}
    start = int(asked[1])
    if start >= len(octets):
        return 416, b"", {"Content-Range": f"bytes */{len(octets)}"}
    return 206, octets[start:], {"ETag": etag, "Content-Range": f"bytes {start}-{len(octets) - 1}/{len(octets)}"}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was stopped hangs up: that is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def serving() -> Iterator[FakeSignoff]:
    fake = FakeSignoff()
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"fake": fake}))
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()
