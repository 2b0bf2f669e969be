"""How every route of the sender API is served: a key of the right scope first, a problem document for every error."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalice.app import MultiDict, Response
from chalice.app import Request as HttpRequest

from chalicelib.api.schemas import Operation, operation
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
from chalicelib.domain.errors import SignoffError, StoreUnavailable, TooManyRequests
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


@dataclass(frozen=True)
class Asked:
    """One request of a sender that has shown a key of the right scope; all of it is as its description says."""

    service: Service
    sender: Sender
    key: ApiKey
    http: HttpRequest
    operation: Operation

    @cached_property
    def body(self) -> dict[str, Any]:
        """The JSON object in the body. Raises `UnsupportedMediaType`, `TooLarge`, `NotJson`, `InvalidRequest`.

        Items of its batches (`x-each`) may still be anything: `item` has them checked.
        """
        if self.operation.body is None:
            return json_body(self.http)
        is_empty = not self.operation.must_have_body and not body_of(self.http)
        body = {} if is_empty else json_body(self.http)
        self.operation.body.check(body)
        return body

    def item(self, name: str, index: int) -> Any:
        """One item of the batch `name` in the body. Raises `InvalidRequest`, which points at what is wrong in it."""
        item = self.body[name][index]
        self.operation.items[name].check(item, f"/{name}/{index}")
        return item

    def edit(self, claim: Claim, version: int | None = None) -> Edit:
        """The change of the sender that this request makes."""
        return Edit(self.service, self.sender.code, claim, version)

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The names and values in the query, each as it was sent. Raises `InvalidRequest`."""
        told = self.http.query_params or MultiDict(None)
        self.operation.query.refuse_others(told)
        return dict(told)

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """What is in the query, numbers as numbers and truths as truths. Raises `InvalidRequest`."""
        return self.operation.query.read(self.query)

    @property
    def request(self) -> Request:
        """The idempotency key, where there is one, and a hash of what it was sent with."""
        # Chalice's path has the names of the values in it, and not the values
        values = json.dumps(self.http.uri_params, sort_keys=True) if self.http.uri_params else ""
        said = f"{self.http.method} {self.http.path}{values}\n".encode() + body_of(self.http)
        return Request(self.http.headers.get("idempotency-key"), hashlib.sha256(said).hexdigest())

    def charge(self, uses: int) -> None:
        """Takes more from the key's budget than the one request. Raises `TooManyRequests`."""
        if uses:
            self.service.budgets.take(self.key, uses)

    def check(self) -> Asked:
        """This request, all of which its description allows. Raises `InvalidRequest` and what `body` raises."""
        self.operation.headers.read(self.http.headers)
        _ = self.parameters
        if self.operation.body is not None:
            _ = self.body
        return self


def route(blueprint: Blueprint, path: str, methods: Sequence[str], scope: str) -> Callable[[Work], Work]:
    """Registers a view of a path for keys of this scope; it is given an `Asked`, and the values in the path by name.

    The path is described in `openapi/`, and only what fits that description reaches the view.
    """

    def register(work: Work) -> Work:
        @functools.wraps(work)
        def serve(**values: str) -> Response:
            return answering(problem, lambda: work(_asked(blueprint, path, scope), **values))

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


def _asked(blueprint: Blueprint, path: str, scope: str) -> Asked:
    service, http = service_of(blueprint), blueprint.current_request
    sender, key = authenticate(service, http.headers.get("authorization"), scope)
    service.budgets.take(key)
    return Asked(service, sender, key, http, operation(path, http.method)).check()
