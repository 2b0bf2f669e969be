"""Requests of an admin, each answer held against the document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.api.test_openapi import DOCUMENT, answer_errors, schema_errors
from tests.gateway import Answer, send

if TYPE_CHECKING:
    from tests.callers import Caller

CATEGORY = "/v1/categories/{category}"


def body_errors(method: str, path: str, body: Any) -> list[str]:
    """How a body differs from what the document says of a request."""
    content = DOCUMENT["paths"][path][method.lower()]["requestBody"]["content"]
    return schema_errors(content["application/json"]["schema"], body)


@dataclass(frozen=True)
class Admin:
    """One who may read and administer."""

    key: str

    @staticmethod
    def of(caller: Caller, *scopes: str) -> Admin:
        return Admin(caller.key(*(scopes or ("admin", "read", "write"))))

    def ask(self, method: str, path: str, body: Any = None, once: str | None = None, **values: str) -> Answer:
        """JSON, or these very octets; `once` is the idempotency key, `type` among the values the content type."""
        headers = {"Authorization": f"Bearer {self.key}"}
        if once is not None:
            headers["Idempotency-Key"] = once
        if (kind := values.pop("type", None)) is not None:
            headers["Content-Type"] = kind
        octets = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        answer = send(method, path, values, headers=headers, body=octets)
        if method != "HEAD":
            assert answer_errors(path, method.lower(), answer) == []
        return answer

    def told(self, method: str, path: str, body: Any = None, status: int = 200, **values: str) -> dict[str, Any]:
        """The JSON of an answer of this status."""
        answer = self.ask(method, path, body, **values)
        assert answer.status == status, answer.body
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def put(self, category: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
        return self.told("PUT", CATEGORY, body, status, category=category)

    def get(self, category: str) -> dict[str, Any]:
        return self.told("GET", CATEGORY, category=category)

    def retire(self, category: str, status: int = 200) -> dict[str, Any]:
        return self.told("DELETE", CATEGORY, status=status, category=category)

    def ids(self) -> list[str]:
        return [category["id"] for category in self.told("GET", "/v1/categories")["categories"]]
