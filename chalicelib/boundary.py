"""Domain error → response, and the headers that every response carries. HTTP ends here."""

from __future__ import annotations

import json
import logging
import os
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalice.app import Chalice, Response

from chalicelib.domain import errors
from chalicelib.settings import settings_from
from chalicelib.use_cases import Service

if TYPE_CHECKING:
    from collections.abc import Callable

LOG = logging.getLogger("signoff")
MAX_JSON_OCTETS = 1_000_000
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}

_STATUS: tuple[tuple[type[errors.SignoffError], HTTPStatus], ...] = (
    (errors.Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (errors.Forbidden, HTTPStatus.FORBIDDEN),
    (errors.UnknownCategory, HTTPStatus.NOT_FOUND),
    (errors.UnknownSender, HTTPStatus.NOT_FOUND),
    (errors.InvalidToken, HTTPStatus.NOT_FOUND),
    (errors.CategoryRefused, HTTPStatus.CONFLICT),
    (errors.IdempotencyMismatch, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (errors.UnsupportedMediaType, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (errors.TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS),
    (errors.StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.SettingsError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.SignoffError, HTTPStatus.BAD_REQUEST),
)


class SignoffApp(Chalice):
    """The Chalice app with the service it speaks for: made from the environment when the first request needs it."""

    _service: Service | None = None

    @property
    def service(self) -> Service:
        """What requests use. Raises `SettingsError`."""
        if self._service is None:
            self._service = Service(settings_from(os.environ))
        return self._service


def status_of(error: errors.SignoffError) -> HTTPStatus:
    """The status that says what this error is. The first line of the table that fits decides."""
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def problem(error: errors.SignoffError) -> Response:
    """RFC 9457: `type` is one stable name per cause, `detail` says what was wrong (conformance G1)."""
    status = status_of(error)
    name = "".join(f"-{c.lower()}" if c.isupper() else c for c in type(error).__name__).lstrip("-")
    body: dict[str, Any] = {"type": f"urn:signoff:{name}", "title": status.phrase, "status": status.value}
    body["detail"] = str(error)
    headers: dict[str, str | list[str]] = {
        **SECURITY_HEADERS,
        "Content-Type": "application/problem+json",
        **_hints(error),
    }
    return Response(json.dumps(body), headers, status.value)


def _hints(error: errors.SignoffError) -> dict[str, str]:
    if isinstance(error, errors.StoreUnavailable | errors.TooManyRequests):
        return {"Retry-After": str(error.retry_after)}
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


def json_answer(body: Any) -> Response:
    """200 with a JSON body."""
    return Response(json.dumps(body), {**SECURITY_HEADERS, "Content-Type": "application/json"}, 200)


def json_body(raw: bytes | str) -> dict[str, Any]:
    """The JSON object in a body, read strictly. Raises `TooLarge`, `NotJson`."""
    octets = raw.encode() if isinstance(raw, str) else raw
    if len(octets) > MAX_JSON_OCTETS:
        raise errors.TooLarge(MAX_JSON_OCTETS)
    try:
        body = json.loads(octets.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_refused)
        json.dumps(body, ensure_ascii=False).encode("utf-8")  # a lone surrogate ends here
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
