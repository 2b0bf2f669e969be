from __future__ import annotations

import http.client
import json
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from chalice.app import Chalice, Request, Response
from chalice.config import Config

from infra.local.problems import CannotRun
from infra.local.server import GatewayHandler, listen, make_server
from tests.infra.processes import SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "canary-token"


class UnlikeAnyOther(Exception):
    """What an application raises that does not catch everything."""


class TinyChalice(Chalice):
    """An application of a class of its own, as Signoff's is."""

    def __call__(self, event: dict[str, object], context: object) -> dict[str, object]:
        path = event["requestContext"]["resourcePath"]  # type: ignore[index] # a mapping, says API Gateway
        if path == "/broken":
            raise UnlikeAnyOther(SECRET)
        if path == "/split":
            headers: dict[str, object] = {"X-Split": "a\r\nX-Injected: b"}
            return {"statusCode": 200, "headers": headers, "multiValueHeaders": {}, "body": ""}
        answer: dict[str, object] = super().__call__(event, context)
        return answer


def current(app: Chalice) -> Request:
    assert app.current_request is not None
    return app.current_request


def tiny_app() -> Chalice:
    app = TinyChalice("tiny", configure_logs=False)

    @app.route("/text/{token}", methods=["GET", "HEAD", "POST"], content_types=["*/*"])
    def text(token: str) -> Response:
        request = current(app)
        body = f"{request.method} {token} {len(request.raw_body)}"
        return Response(body, headers={"Content-Type": "text/plain"})

    @app.route("/empty", methods=["POST"], content_types=["*/*"])
    def empty() -> Response:
        return Response("", status_code=204, headers={"Content-Type": "text/plain"})

    @app.route("/context")
    def context() -> dict[str, str]:
        request = current(app)
        return {"path": request.context["path"], "header": request.headers["x-who"]}

    @app.route("/binary")
    def binary() -> Response:
        return Response(b"\x00\xff", headers={"Content-Type": "application/octet-stream"})

    @app.route("/two", content_types=["*/*"])
    def two() -> Response:
        return Response("", headers={"Content-Type": "text/plain", "Link": ["<a>", "<b>"]})

    @app.route("/broken")
    def broken() -> None: ...

    @app.route("/split")
    def split() -> None: ...

    return app


@contextmanager
def serving(prefix: str = "") -> Iterator[int]:
    with listen(0) as listening:
        server = make_server(tiny_app(), Config(), listening, prefix)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield listening.getsockname()[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def port() -> Iterator[int]:
    with serving() as number:
        yield number


@pytest.fixture
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    yield client
    client.close()


def ask(connection: http.client.HTTPConnection, method: str, path: str, **more: object) -> tuple[int, bytes]:
    connection.request(method, path, **more)  # type: ignore[arg-type] # body and headers, as its callers name them
    answer = connection.getresponse()
    return answer.status, answer.read()


def say(port: int, octets: bytes) -> bytes:
    """Everything that the server answers to these octets until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as client:
        client.sendall(octets)
        answer = b""
        while received := client.recv(65_536):
            answer += received
        return answer


def status_and_problem(answer: bytes) -> tuple[int, dict[str, object]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert b"\r\nConnection: close" in head
    return int(head.split()[1]), json.loads(body)


def test_requests_share_a_connection_after_head_and_204_and_404(connection: http.client.HTTPConnection) -> None:
    connection.connect()
    first = connection.sock
    assert ask(connection, "GET", "/text/t") == (200, b"GET t 0")
    assert ask(connection, "HEAD", "/text/t") == (200, b"")
    assert ask(connection, "POST", "/empty", body=b"x") == (204, b"")
    assert ask(connection, "GET", "/nowhere")[0] == 404
    assert ask(connection, "POST", "/text/t", body=b"abc") == (200, b"POST t 3")
    assert connection.sock is first


def test_head_says_the_length_of_what_get_would_send_and_sends_nothing(port: int) -> None:
    answer = say(port, b"HEAD /text/t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nContent-Length: 8\r\n" in head + b"\r\n"
    assert body == b""


def test_no_segment_waits_for_another() -> None:
    assert GatewayHandler.disable_nagle_algorithm is True
    assert GatewayHandler.wbufsize != 0


def test_bodies_need_not_be_text(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "POST", "/text/t", body=b"\xff\xfe", headers={"Content-Type": "odd"}) == (200, b"POST t 2")
    assert ask(connection, "GET", "/binary", headers={"Accept": "application/octet-stream"}) == (200, b"\x00\xff")


def test_a_header_with_two_values_is_sent_twice(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/two")
    answer = connection.getresponse()
    answer.read()
    assert answer.headers.get_all("Link") == ["<a>", "<b>"]


@pytest.mark.parametrize("length", ["x", "-1", "+5", "5, 5", "", "1_0", "\u00b2"])
def test_a_length_that_is_no_number_is_400(port: int, length: str) -> None:
    head = f"POST /text/{SECRET} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode("latin-1")
    answer = say(port, head)
    assert status_and_problem(answer)[0] == 400
    assert SECRET.encode() not in answer


def test_two_lengths_that_differ_are_400(port: int) -> None:
    answer = say(port, b"POST /text/t HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
    assert status_and_problem(answer)[0] == 400


def test_a_body_cut_short_is_400(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), SECONDS) as client:
        client.sendall(b"POST /text/t HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc")
        client.shutdown(socket.SHUT_WR)
        assert status_and_problem(client.makefile("rb").read())[0] == 400


def test_chunks_are_411(port: int) -> None:
    answer = say(port, b"POST /text/t HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")
    assert status_and_problem(answer)[0] == 411


@pytest.mark.parametrize("length", ["11000001", "9" * 9000])
def test_a_body_too_long_is_413_before_it_is_read(port: int, length: str) -> None:
    with socket.create_connection(("127.0.0.1", port), SECONDS) as client:
        client.sendall(f"POST /text/t HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode() + b"a" * 100_000)
        client.shutdown(socket.SHUT_WR)
        assert status_and_problem(client.makefile("rb").read())[0] == 413


def test_a_body_of_ten_million_octets_reaches_the_application(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "POST", "/text/t", body=b"a" * 10_000_000) == (200, b"POST t 10000000")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /canary-token", 404),
        (b"GET /canary-token HTTP/9.9 x", 400),
        (b"BREW /text/canary-token HTTP/1.1", 501),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1", 414),
    ],
    ids=["HTTP 0.9", "four words", "unknown method", "long"],
)
def test_what_is_no_request_gets_a_problem_that_repeats_nothing(port: int, request_line: bytes, status: int) -> None:
    answer = say(port, request_line + b"\r\n\r\n")
    assert json.loads(answer.rpartition(b"\r\n")[2])["status"] == status
    assert SECRET.encode() not in answer


def test_an_unknown_path_repeats_no_credentials(connection: http.client.HTTPConnection) -> None:
    status, body = ask(connection, "GET", f"/{SECRET}", headers={"Authorization": f"Bearer {SECRET}\u00e9"})
    assert status == 404
    assert SECRET.encode() not in body


@pytest.mark.parametrize("path", ["/broken", "/split"])
def test_what_the_application_does_wrong_is_a_problem_and_not_a_traceback(
    connection: http.client.HTTPConnection, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status, body = ask(connection, "GET", path)
    assert (status, json.loads(body)["status"]) == (500, 500)
    assert SECRET.encode() not in body
    assert ask(connection, "GET", "/text/t") == (200, b"GET t 0")
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) == 1


def test_nothing_of_a_request_is_printed(
    connection: http.client.HTTPConnection, port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    ask(connection, "GET", f"/text/{SECRET}")
    ask(connection, "GET", f"/nowhere/{SECRET}?{SECRET}")
    say(port, f"BREW /{SECRET} HTTP/1.1\r\n\r\n".encode())
    assert capfd.readouterr() == ("", "")


def test_threads_have_requests_of_their_own(port: int) -> None:
    def post(size: int, answers: dict[int, bytes]) -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        for _ in range(20):
            answers[size] = ask(client, "POST", f"/text/{size}", body=b"a" * size)[1]
            assert answers[size] == f"POST {size} {size}".encode()
        client.close()

    answers: dict[int, bytes] = {}
    threads = [threading.Thread(target=post, args=(size, answers)) for size in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {size: f"POST {size} {size}".encode() for size in range(1, 9)}


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/text/t", 200), ("/text/t", 404), ("/apitext/t", 404), ("/api", 404), ("/api?x=1", 404), ("/", 404)],
)
def test_the_service_can_live_under_a_prefix(path: str, status: int) -> None:
    with serving("/api") as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        assert ask(client, "GET", path)[0] == status
        client.close()


def test_the_application_sees_its_own_path_and_header_names_in_lower_case() -> None:
    with serving("/api") as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        status, body = ask(client, "GET", "/api/context?a=b", headers={"X-Who": "me"})
        client.close()
    assert (status, json.loads(body)) == (200, {"path": "/context", "header": "me"})


def test_a_busy_port_is_told_in_one_sentence() -> None:
    with (
        listen(0) as taken,
        pytest.raises(CannotRun, match=r"^Port \d+ is in use: stop what uses it, or choose another"),
    ):
        listen(taken.getsockname()[1])
