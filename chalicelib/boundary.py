"""Domain error → response, and the headers that every response carries. HTTP ends here."""

from __future__ import annotations

import json
import logging
import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, cast

from chalice.app import Response

from chalicelib.domain import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalice.app import Blueprint, Request

    from chalicelib.service import Service

LOG = logging.getLogger("signoff")
MAX_JSON_OCTETS = 1_000_000
MOST_DEPTH = 32
MOST_EXACT = 2**53
"""Up to here every whole number has a float of its own."""
JSON = "application/json"
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Conformance F4. Pages have a policy and a referrer of their own."""

_STATUS: tuple[tuple[type[errors.SignoffError], HTTPStatus], ...] = (
    (errors.Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (errors.Forbidden, HTTPStatus.FORBIDDEN),
    (errors.SenderClosed, HTTPStatus.FORBIDDEN),
    (errors.UnknownCategory, HTTPStatus.NOT_FOUND),
    (errors.UnknownSender, HTTPStatus.NOT_FOUND),
    (errors.InvalidToken, HTTPStatus.NOT_FOUND),
    (errors.NothingHere, HTTPStatus.NOT_FOUND),
    (errors.FormClosed, HTTPStatus.NOT_FOUND),
    (errors.MethodNotAllowed, HTTPStatus.METHOD_NOT_ALLOWED),
    (errors.CannotOptOut, HTTPStatus.CONFLICT),
    (errors.UnknownKey, HTTPStatus.NOT_FOUND),
    (errors.UnknownRecipient, HTTPStatus.NOT_FOUND),
    (errors.UnknownJob, HTTPStatus.NOT_FOUND),
    (errors.NoLogo, HTTPStatus.NOT_FOUND),
    (errors.CategoryRefused, HTTPStatus.CONFLICT),
    (errors.VersionMoved, HTTPStatus.CONFLICT),
    (errors.ActRefused, HTTPStatus.CONFLICT),
    (errors.CursorExpired, HTTPStatus.GONE),
    (errors.IdempotencyMismatch, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (errors.UnsupportedMediaType, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (errors.TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS),
    (errors.StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.SettingsError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.SignoffError, HTTPStatus.BAD_REQUEST),
)


class Serving(Protocol):
    """An app that has a service."""

    @property
    def service(self) -> Service:
        """What requests use. Raises `SettingsError`."""
        ...


def service_of(blueprint: Blueprint) -> Service:
    """The service of the app that a blueprint is registered on. Raises `SettingsError`."""
    return cast("Serving", blueprint.current_app).service


def status_of(error: errors.SignoffError) -> HTTPStatus:
    """The status that says what this error is. The first line of the table that fits decides."""
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def name_of(error: errors.SignoffError) -> str:
    """The stable name of a cause: `UnknownCategory` → `unknown-category`."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in type(error).__name__).lstrip("-")


def told(error: errors.SignoffError) -> dict[str, Any]:
    """RFC 9457: `type` is one stable name per cause, `detail` says what was wrong (conformance G1).

    `pointer` is where in the body, as RFC 6901 has it.
    """
    status = status_of(error)
    body: dict[str, Any] = {"type": f"urn:signoff:{name_of(error)}", "title": status.phrase, "status": status.value}
    if isinstance(error, errors.InvalidRequest):
        return {**body, "detail": error.reason, "pointer": error.pointer}
    if isinstance(error, errors.UnknownCategory | errors.CannotOptOut) and error.pointer is not None:
        return {**body, "detail": str(error), "pointer": error.pointer}
    return {**body, "detail": str(error)}


def problem(error: errors.SignoffError) -> Response:
    """The problem document of an error."""
    return problem_answer(told(error), hints(error))


def problem_answer(document: dict[str, Any], more: Mapping[str, str] | None = None) -> Response:
    """A problem document, with more headers."""
    headers: dict[str, str | list[str]] = {
        **SECURITY_HEADERS,
        "Content-Type": "application/problem+json",
        **(more or {}),
    }
    return Response(json.dumps(document), headers, int(document["status"]))


def hints(error: errors.SignoffError) -> dict[str, str]:
    """The headers that say what to do next."""
    if isinstance(error, errors.StoreUnavailable | errors.TooManyRequests):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, errors.SettingsError):
        return {"Retry-After": "60"}
    if isinstance(error, errors.MethodNotAllowed):
        return {"Allow": ", ".join(error.allowed)}
    return {"WWW-Authenticate": "Bearer"} if isinstance(error, errors.Unauthenticated) else {}


def answering(render: Callable[[errors.SignoffError], Response], work: Callable[[], Response]) -> Response:
    """What `work` answers, or how `render` tells the error. Unknown ones are told as trouble on our side."""
    try:
        return work()
    except errors.SignoffError as error:
        if status_of(error) is HTTPStatus.SERVICE_UNAVAILABLE:
            LOG.critical("%s: %s", type(error).__name__, error)
        return render(error)
    except Exception as error:  # noqa: BLE001 - the last line: no traceback, and no text that could hold an address
        LOG.critical("unexpected %s", type(error).__name__)
        return render(errors.StoreUnavailable("something went wrong on our side"))


def json_answer(body: Any, status: int = HTTPStatus.OK) -> Response:
    """A JSON body, with 200 unless it is told otherwise."""
    return text_answer(json.dumps(body, allow_nan=False), JSON, status)


def text_answer(text: str, kind: str, status: int = HTTPStatus.OK) -> Response:
    """A body that is written already, of this content type."""
    return Response(text, {**SECURITY_HEADERS, "Content-Type": kind}, int(status))


def body_of(request: Request) -> bytes:
    """The octets of the body, whatever the gateway made of them. Raises `NotJson` for broken base64."""
    try:
        raw = request.raw_body
    except ValueError:
        raise errors.NotJson("the body did not arrive whole") from None
    return raw.encode() if isinstance(raw, str) else raw


def json_body(request: Request) -> dict[str, Any]:
    """The JSON object in a body, read strictly. Raises `UnsupportedMediaType`, `TooLarge`, `NotJson`.

    A body without a type is taken for JSON: there is nothing else to take it for.
    """
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind not in {JSON, ""}:
        raise errors.UnsupportedMediaType(JSON)
    octets = body_of(request)
    if len(octets) > MAX_JSON_OCTETS:
        raise errors.TooLarge(MAX_JSON_OCTETS)
    try:
        body = json.loads(
            octets.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_refused, parse_float=_finite
        )
        json.dumps(body, ensure_ascii=False).encode("utf-8")  # a lone surrogate ends here
        _refuse_depth(body)
    except (ValueError, RecursionError):
        raise errors.NotJson("the body is not JSON as RFC 8259 has it") from None
    if not isinstance(body, dict):
        raise errors.InvalidRequest("the body is a JSON object")
    return body


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _refused(name: str) -> None:
    raise ValueError(name)


def _finite(text: str) -> float:
    """In JSON 8.0 is the same number as 8, so it is read as a whole one."""
    if math.isinf(number := float(text)):
        raise ValueError(text)
    return int(number) if number.is_integer() and abs(number) < MOST_EXACT else number


def _refuse_depth(body: Any) -> None:
    """What is echoed stands deeper in the answer than it stood in the request, and must still be written."""
    level = [body]
    for _ in range(MOST_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise ValueError("too deep")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
