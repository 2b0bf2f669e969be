"""Chalice's own local gateway, over HTTP as clients, browsers and hostile senders speak it.

What is different from `chalice local`: it answers without a delay of 44 ms, HEAD has no body, a broken request gets a
problem document instead of a traceback, nothing of a request is printed (a path may hold a token), and the service can
be mounted under a path prefix as API Gateway does with its stage name.
"""

from __future__ import annotations

import errno
import functools
import http
import socket
import sys
import traceback
from typing import TYPE_CHECKING, Any

from chalice.local import ChaliceRequestHandler, LocalChalice, LocalGatewayException, RouteMatcher, ThreadedHTTPServer

from infra.local.answers import Answer, Refused, answer_of, nothing_here, problem
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from chalice.app import Chalice
    from chalice.config import Config

HOST = "127.0.0.1"
LARGEST_BODY = 11_000_000
"""In octets: a little over what API Gateway takes, so that the application's own limits are what a test meets."""

SECONDS_IDLE = 60
_QUEUE = 128
_DRAINED_OCTETS = 64_000_000
_SECONDS_DRAINING = 2


def listen(port: int) -> socket.socket:
    """A socket that listens on this machine alone; port 0 takes a free one. Raises CannotRun."""
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(_QUEUE)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotRun(
                f"Port {port} is in use: stop what uses it, or choose another as in `make run PORT=8001`."
            ) from error
        raise CannotRun(f"Port {port} cannot be used: {error.strerror}.") from error
    return listening


def make_server(app: Chalice, config: Config, listening: socket.socket, prefix: str = "") -> GatewayServer:
    """A server of `app` on a socket that listens already; `prefix` is "" or like "/api"."""
    _separate_requests_by_thread(app)
    return GatewayServer(listening, functools.partial(GatewayHandler, app_object=app, config=config, prefix=prefix))


def _separate_requests_by_thread(app: Chalice) -> None:
    """Give every thread its own `app.current_request`, as `chalice.local.create_local_server` does.

    It does so by changing the bases of a class that all applications of a process share; here each gets its own.
    """
    if not isinstance(app, LocalChalice):
        app.__class__ = type("LocalApp", (LocalChalice, type(app)), {})


class GatewayServer(ThreadedHTTPServer):
    """One thread per connection; those that still run when the program ends, end with it."""

    def __init__(self, listening: socket.socket, handler: Any) -> None:
        super().__init__(listening.getsockname(), handler, bind_and_activate=False)
        # The base made a socket of its own, which was never bound.
        self.server_close()
        self.socket = listening

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base's signature
        """Say where an error arose; a client that hung up is none."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            report(error)


def report(error: BaseException) -> None:
    """Say on standard error which kind of error arose where, and not its text: that may hold an address or a token."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
    print(f"{type(error).__name__} at {place}", file=sys.stderr, flush=True)


class GatewayHandler(ChaliceRequestHandler):
    """One connection: reads requests, has Chalice's gateway answer them, writes answers."""

    # A buffered answer leaves in one segment, and no segment waits for the acknowledgement of the one before:
    # Nagle's algorithm with delayed acknowledgements would cost 44 ms per request.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = SECONDS_IDLE

    def __init__(  # noqa: PLR0913 - the base's signature and the prefix
        self, request: Any, client_address: Any, server: Any, *, app_object: Chalice, config: Config, prefix: str
    ) -> None:
        self.prefix = prefix
        self.routes = RouteMatcher(list(app_object.routes))
        super().__init__(request, client_address, server, app_object, config)

    def _generic_handle(self) -> None:
        try:
            body = self._read_body()
            path = self._route()
        except Refused as refused:
            self._send(refused.answer)
            return
        self._send(self._ask_gateway(path, body))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _generic_handle  # noqa: N815 - http.server's
    do_OPTIONS = do_TRACE = do_QUERY = _generic_handle  # noqa: N815 - the application says 405 by itself

    def version_string(self) -> str:
        """What the `Server` header says: no versions."""
        return "Signoff"

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 - the base's signature
        """Answer what `http.server` itself refuses; its own page would repeat the request."""
        self._send(problem(code, "The request could not be read.", closing=True))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Print nothing: request lines hold tokens."""

    def _read_body(self) -> bytes:
        if "transfer-encoding" in self.headers:
            raise Refused(problem(411, "Send a Content-Length.", closing=True))
        lengths = set(self.headers.get_all("content-length", ["0"]))
        text = lengths.pop().strip()
        if lengths or not (text.isascii() and text.isdigit()):
            raise Refused(problem(400, "The Content-Length is not a number.", closing=True))
        # Counted before it is converted: Python refuses to convert thousands of digits.
        if len(text) > len(str(LARGEST_BODY)) or int(text) > LARGEST_BODY:
            raise Refused(problem(413, f"A body has at most {LARGEST_BODY} octets.", closing=True))
        body: bytes = self.rfile.read(int(text))
        if len(body) < int(text):
            raise Refused(problem(400, "The body is shorter than its Content-Length.", closing=True))
        return body

    def _route(self) -> str:
        """The path as the application knows it."""
        path: str = self.path
        if self.prefix:
            inner = path.removeprefix(self.prefix)
            if inner == path or not (inner == "" or inner.startswith(("/", "?"))):
                raise nothing_here()
            path = inner if inner.startswith("/") else f"/{inner}"
        try:
            self.routes.match_route(path)
        except ValueError:
            raise nothing_here() from None
        return path

    def _ask_gateway(self, path: str, body: bytes) -> Answer:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            answer = self.local_gateway.handle_request(self.command, path, headers, body or None)
            return answer_of(answer)
        except LocalGatewayException as error:
            return problem(error.CODE, "The gateway refused the request.")
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer and the server goes on
            report(error)
            return problem(500, "Something went wrong here.")

    def _send(self, answer: Answer) -> None:
        bodiless = answer.status < http.HTTPStatus.OK or answer.status in (204, 304)
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if not bodiless:
            self.send_header("Content-Length", str(len(answer.body)))
        if answer.closing:
            self.send_header("Connection", "close")
        self.end_headers()
        if not bodiless and self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()
        if answer.closing:
            self._drain()

    def _drain(self) -> None:
        """Read on for a moment what a client is still sending: closing at once would reset the answer away."""
        try:
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_SECONDS_DRAINING)
            left = _DRAINED_OCTETS
            while left > 0 and (octets := self.rfile.read1(65_536)):
                left -= len(octets)
        except OSError:
            return
