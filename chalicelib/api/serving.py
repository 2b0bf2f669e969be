"""How every route of the sender API is served: a key of the right scope first, a problem document for every error."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalice.app import Request as HttpRequest
from chalice.app import Response

from chalicelib.api_keys import ApiKey
from chalicelib.boundary import (
    answering,
    body_of,
    json_answer,
    json_body,
    problem,
    problem_answer,
    service_of,
    status_of,
    told,
)
from chalicelib.domain.errors import InvalidRequest, SignoffError, StoreUnavailable, TooManyRequests
from chalicelib.domain.senders import Sender
from chalicelib.service import Service
from chalicelib.use_cases.asking import authenticate
from chalicelib.use_cases.describing import Edit
from chalicelib.use_cases.repeating import Answer, Request, once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chalice.app import Blueprint

    from chalicelib.use_cases.repeating import Claim

    Work = Callable[..., Response]

MOST = 1_000
"""Addresses, acts or rows in one request."""
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True)
class Asked:
    """One request of a sender that has shown a key of the right scope."""

    service: Service
    sender: Sender
    key: ApiKey
    http: HttpRequest

    @cached_property
    def body(self) -> dict[str, Any]:
        """The JSON object in the body. Raises `UnsupportedMediaType`, `TooLarge`, `NotJson`, `InvalidRequest`."""
        return json_body(self.http)

    def edit(self, claim: Claim, version: int | None = None) -> Edit:
        """The change of the sender that this request makes."""
        return Edit(self.service, self.sender.code, claim, version)

    @property
    def query(self) -> Mapping[str, str]:
        """The names and values in the query."""
        return self.http.query_params or {}

    @property
    def request(self) -> Request:
        """The idempotency key, where there is one, and a hash of what it was sent with. Raises `InvalidRequest`."""
        key = self.http.headers.get("idempotency-key")
        if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
            raise InvalidRequest("an Idempotency-Key has 1 to 255 visible ASCII characters")
        # Chalice's path has the names of the values in it, and not the values
        values = json.dumps(self.http.uri_params, sort_keys=True) if self.http.uri_params else ""
        said = f"{self.http.method} {self.http.path}{values}\n".encode() + body_of(self.http)
        return Request(key, hashlib.sha256(said).hexdigest())


def route(blueprint: Blueprint, path: str, methods: Sequence[str], scope: str) -> Callable[[Work], Work]:
    """Registers a view of a path for keys of this scope; it is given an `Asked`, and the values in the path by name."""

    def register(work: Work) -> Work:
        @functools.wraps(work)
        def serve(**values: str) -> Response:
            return answering(problem, lambda: work(_asked(blueprint, scope), **values))

        blueprint.route(path, methods=list(methods), content_types=["*/*"], name=work.__name__)(serve)
        return work

    return register


def answer_once(asked: Asked, work: Callable[[Claim], tuple[Any, int]]) -> Response:
    """Answers with the JSON and the status of `work`, a refusal too; the same request again, with the same answer.

    What the store could not do is no answer: the same request again does it.
    """

    def answered(claim: Claim) -> Answer:
        try:
            body, status = work(claim)
        except (StoreUnavailable, TooManyRequests):
            raise
        except SignoffError as error:
            return Answer(int(status_of(error)), told(error))
        return Answer(status, body)

    answer = once(asked.service, asked.sender, asked.request, answered)
    is_problem = answer.status >= HTTPStatus.BAD_REQUEST
    return problem_answer(answer.body) if is_problem else json_answer(answer.body, answer.status)


def version_of(body: dict[str, Any]) -> int | None:
    """The version of the sender that a change is of, where it says so. Raises `InvalidRequest`."""
    version = body.get("version")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
        raise InvalidRequest("the version that the sender had when it was read, a whole number", "/version")
    return version


def _asked(blueprint: Blueprint, scope: str) -> Asked:
    service, http = service_of(blueprint), blueprint.current_request
    sender, key = authenticate(service, http.headers.get("authorization"), scope)
    return Asked(service, sender, key, http)


def listed(body: dict[str, Any], name: str) -> list[object]:
    """The 1 to 1,000 values under a name. Raises `InvalidRequest`."""
    values = body.get(name)
    if not isinstance(values, list) or not 1 <= len(values) <= MOST:
        raise InvalidRequest(f"a list of 1 to {MOST}", f"/{name}")
    return values


def category_of(body: dict[str, Any]) -> str:
    """The id of a category under `category`. Raises `InvalidRequest`."""
    if not isinstance(category := body.get("category"), str):
        raise InvalidRequest("the id of a category, as a text", "/category")
    return category
