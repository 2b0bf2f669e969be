"""What the local gateway answers: the application's responses as HTTP can carry them, and problems of its own."""

from __future__ import annotations

import base64
import http
import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response; `closing` ends the connection after it."""

    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)
    closing: bool = False


class Refused(Exception):
    """A request that the gateway answers by itself."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def problem(status: int, detail: str, *, closing: bool = False) -> Answer:
    """A problem document (RFC 9457) that repeats nothing of the request."""
    title = http.HTTPStatus(status).phrase
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return Answer(status, body, headers, closing)


def nothing_here() -> Refused:
    """The refusal of a path that the application does not have.

    API Gateway says 403 here unless its answer is customized, and repeats the credentials that it was sent.
    """
    return Refused(problem(404, "There is nothing at this address."))


def answer_of(response: dict[str, Any]) -> Answer:
    """What a Lambda function returned, as HTTP. Raises ValueError for headers that HTTP cannot carry."""
    body = response.get("body") or b""
    if response.get("isBase64Encoded"):
        body = base64.b64decode(body)
    single: dict[str, Any] = response.get("headers") or {}
    several: dict[str, list[Any]] = response.get("multiValueHeaders") or {}
    headers = [(name, str(value)) for name, value in single.items() if name.lower() != "content-length"]
    headers += [(name, str(value)) for name, values in several.items() for value in values]
    for name, value in headers:
        if not f"{name}{value}".isprintable() or not name.isascii():
            raise ValueError("a response header holds what HTTP cannot carry")
        value.encode("latin-1")
    return Answer(response["statusCode"], body.encode() if isinstance(body, str) else body, headers)
