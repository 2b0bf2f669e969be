"""How every route of the sender API is served: a key of the right scope first, a problem document for every error."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalice.app import Request as HttpRequest
from chalice.app import Response

from chalicelib.api_keys import ApiKey
from chalicelib.boundary import answering, body_of, json_body, problem, service_of
from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.senders import Sender
from chalicelib.service import Service
from chalicelib.use_cases.asking import authenticate
from chalicelib.use_cases.repeating import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chalice.app import Blueprint

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
        said = f"{self.http.method} {self.http.path}\n".encode() + body_of(self.http)
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
