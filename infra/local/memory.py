"""The engine of last resort: moto, in memory, for machines where dynoxide cannot be had."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from collections.abc import Iterable

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class MemoryEngine:
    """A running moto: where it answers, and what serves it."""

    url: str
    server: BaseWSGIServer
    thread: threading.Thread

    def stop(self) -> None:
        """Stop answering, and forget everything."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def start_moto() -> MemoryEngine:
    """Start moto on a free port, in this process."""
    application = _one_at_a_time(DomainDispatcherApplication(create_backend_app))
    server = make_server(HOST, 0, application, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, name="moto", daemon=True)
    thread.start()
    return MemoryEngine(f"http://{HOST}:{server.server_port}", server, thread)


class _Silent(WSGIRequestHandler):
    """Prints no line for each request: the runner's own words would drown in them."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Print nothing."""


def _one_at_a_time(application: Any) -> Any:
    """The same WSGI application, one request at a time: moto loses acknowledged writes with several threads."""
    lock = threading.Lock()

    def locked(environ: Any, start_response: Any) -> Iterable[bytes]:
        with lock:
            answer: Iterable[bytes] = application(environ, start_response)
            return answer

    return locked
