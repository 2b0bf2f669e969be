"""An S3 of one file whose connections break and whose uploads in parts are gone: what networks and lost answers do."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = None


@dataclass
class CuttingStore:
    """Serves `octets` to whoever asks. `cuts`: after how many octets each answer breaks off, `WHOLE` for none."""

    octets: bytes
    cuts: deque[int | None]
    version: str = '"v1"'
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)
    """Range and If-Match of every request."""
    replaced_after_first: bool = False
    url: str = ""

    def answer(self, wanted: str | None, version: str | None) -> tuple[int, bytes]:
        self.asked.append((wanted, version))
        if self.replaced_after_first and len(self.asked) > 1:
            self.version = '"v2"'
        if version not in (None, self.version):
            return 412, b"<Error><Code>PreconditionFailed</Code></Error>"
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        return (206 if wanted else 200), self.octets[start:]


@contextmanager
def cutting_store(octets: bytes, *cuts: int | None) -> Iterator[CuttingStore]:
    """Such a store on a free port; after these cuts every answer is whole."""
    store = CuttingStore(octets, deque(cuts))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = store.answer(self.headers["Range"], self.headers["If-Match"])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", store.version)
            self.end_headers()
            cut = store.cuts.popleft() if store.cuts and status < 300 else WHOLE
            self.wfile.write(body[:cut])
            self.close_connection = True

        def do_HEAD(self) -> None:
            self.send_response(200 if store.octets else 404)
            self.send_header("Content-Length", str(len(store.octets)))
            self.send_header("ETag", store.version)
            self.send_header("Last-Modified", "Sun, 01 Mar 2026 09:30:00 GMT")
            self.end_headers()

        def do_POST(self) -> None:
            body = b"<Error><Code>NoSuchUpload</Code></Error>"
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        store.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield store
        server.shutdown()
        thread.join()
