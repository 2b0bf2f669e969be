"""The sender API: JSON questions and answers, tried again where that helps."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from infra.client.connecting import Connection
from infra.client.refusals import refusal
from infra.client.retrying import PASSING, Patience, Trouble, repeated, seconds_asked_for
from infra.client.wire import SECONDS_TO_ANSWER, Wire, host_of
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Mapping


_JSON = "application/json"


def new_idempotency_key() -> str:
    """A key for one write and its repetitions."""
    return f"cli-{secrets.token_urlsafe(18)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object, and how long the service wants to be left alone before the next question (seconds)."""

    body: dict[str, Any]
    retry_after: float | None = None


@dataclass(slots=True)
class Api:
    """One service, asked with one key. Every method raises CannotRun where there is no answer to be had."""

    connection: Connection
    patience: Callable[[], Patience]
    """Makes the patience for one thing that is tried."""
    wire: Wire = field(default_factory=Wire)

    def get(
        self,
        path: str,
        query: Mapping[str, str | int] | None = None,
        *,
        seconds: float = SECONDS_TO_ANSWER,
        endless: bool = False,
    ) -> Answer:
        """Ask; `seconds` is how long an answer may take, `endless` never gives up on what may pass."""
        url = f"{self.connection.url}{path}" + (f"?{urlencode(query)}" if query else "")
        patience = self.patience()
        patience.endless = endless
        return repeated(partial(self._once, "GET", url, {}, None, seconds), patience)

    def post(self, path: str, body: dict[str, Any], *, idempotency_key: str | None = None) -> Answer:
        """Tell; every repetition has the same idempotency key. A question needs none."""
        headers = {"Content-Type": _JSON}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        octets = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        url = f"{self.connection.url}{path}"
        return repeated(partial(self._once, "POST", url, headers, octets, SECONDS_TO_ANSWER), self.patience())

    def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, seconds: float) -> Answer:
        known = {"Authorization": f"Bearer {self.connection.key}", "Accept": f"{_JSON}, application/problem+json"}
        answer = self.wire.send(method, url, {**known, **headers}, body, seconds=seconds)
        retry_after = seconds_asked_for(answer.headers.get("Retry-After"))
        if answer.status in PASSING:
            raise Trouble(_passing(answer.status), retry_after=retry_after)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise refusal(answer)
        return Answer(_object_in(answer.data, url), retry_after)


def _passing(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "the key's budget of requests is used up for now (HTTP 429)"
    return f"the service is not available just now (HTTP {status})"


def _object_in(octets: bytes, url: str) -> dict[str, Any]:
    try:
        body = json.loads(octets)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise CannotRun(f"{host_of(url)} answers, but not as Signoff does: check the URL.")
    return body


def objects(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A member that is a list of objects. Raises CannotRun where it is not."""
    found: list[dict[str, Any]] = wanted(body, name, list)
    if not all(isinstance(value, dict) for value in found):
        raise CannotRun(f"The service's answer has {name} of another form: it and this command differ in version.")
    return found


def wanted(body: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
    """A member that an answer must have. Raises CannotRun where it has none of this type."""
    value = body.get(name)
    if not isinstance(value, kind):
        raise CannotRun(f"The service's answer has no {name}: it and this command are of different versions.")
    return value
