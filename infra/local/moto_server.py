"""The program that serves moto in memory: `python -m infra.local.moto_server <listening descriptor> <stage>`.

Started by `memory.py`. It has the bucket and the queues of the stage before it answers the first request.
"""

from __future__ import annotations

import io
import sys
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import botocore.session
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from infra.files import create_files
from infra.local.environment import LOCAL_AWS

if TYPE_CHECKING:
    from collections.abc import Iterable

HOST = "127.0.0.1"
_FORM = "application/x-www-form-urlencoded"


def main(arguments: list[str]) -> None:
    """Serve until killed."""
    descriptor, stage = int(arguments[0]), arguments[1]
    LOCAL_AWS.apply()
    application = _whole_uploads(one_at_a_time(DomainDispatcherApplication(create_backend_app)))
    _prepare(application, stage)
    server_of(application, fd=descriptor).serve_forever()


def _prepare(application: Any, stage: str) -> None:
    """Make the bucket and the queues through a port that nobody else knows."""
    server = server_of(application)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url, session = f"http://{HOST}:{server.server_port}", botocore.session.get_session()
    create_files(session.create_client("s3", endpoint_url=url), session.create_client("sqs", endpoint_url=url), stage)
    server.shutdown()
    server.server_close()
    thread.join()


def server_of(application: Any, fd: int | None = None) -> BaseWSGIServer:
    """A server of it, on a free port of this machine or on a descriptor that listens."""
    return make_server(HOST, 0, application, threaded=True, request_handler=_Handler, fd=fd)


class _Handler(WSGIRequestHandler):
    """Prints no line for each request, and lets no segment wait for the acknowledgement of the one before (44 ms)."""

    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Print nothing."""


def one_at_a_time(application: Any) -> Any:
    """The same WSGI application, one request at a time: moto loses acknowledged writes with several threads."""
    lock = threading.Lock()

    def locked(environ: Any, start_response: Any) -> Iterable[bytes]:
        with lock:
            answer: Iterable[bytes] = application(environ, start_response)
            return answer

    return locked


def _whole_uploads(application: Any) -> Any:
    """The same WSGI application, handed whole bodies: nobody waits for one who is slow to send.

    A presigned upload is taken for what it is, as S3 does: moto would read it as a form where a client calls it one.
    """

    def whole(environ: Any, start_response: Any) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
        is_signed = "X-Amz-Signature" in parse_qs(environ.get("QUERY_STRING", ""))
        if is_signed and environ.get("CONTENT_TYPE", "").startswith(_FORM):
            environ["CONTENT_TYPE"] = "binary/octet-stream"
        answer: Iterable[bytes] = application(environ, start_response)
        return answer

    return whole


if __name__ == "__main__":
    main(sys.argv[1:])
