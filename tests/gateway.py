"""Requests as API Gateway hands them to the Lambda function, with nothing of Chalice's own client in between."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

from app import app


@dataclass(frozen=True)
class Answer:
    """What the function returned."""

    status: int
    headers: dict[str, str]
    body: str


def send(
    method: str,
    resource: str,
    values: dict[str, str] | None = None,
    *,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    query: dict[str, str] | None = None,
    many: dict[str, list[str]] | None = None,
    source: str = "192.0.2.7",
) -> Answer:
    """Calls the app. `resource` is a route as it was declared, `values` fill its braces, `source` is who asks.

    `many` is a query whose names may come more than once.
    """
    event = event_of(method, resource, values, headers=headers, body=body, query=query, many=many, source=source)
    return answer_of(app(event, None))


def event_of(
    method: str,
    resource: str,
    values: dict[str, str] | None = None,
    *,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    query: dict[str, str] | None = None,
    many: dict[str, list[str]] | None = None,
    source: str = "192.0.2.7",
) -> dict[str, Any]:
    """The event of a request, as in `send`."""
    path = re.sub(r"\{(\w+)\}", lambda match: (values or {}).get(match[1], match[0]), resource)
    listed = {name: [value] for name, value in (query or {}).items()}
    return {
        "requestContext": {
            "httpMethod": method,
            "resourcePath": resource,
            "path": path,
            "identity": {"sourceIp": source},
        },
        "httpMethod": method,
        "path": path,
        "pathParameters": values,
        "headers": headers or {},
        "multiValueHeaders": {name: [value] for name, value in (headers or {}).items()},
        "multiValueQueryStringParameters": many or listed or None,
        "stageVariables": None,
        "body": None if body is None else base64.b64encode(body).decode(),
        "isBase64Encoded": body is not None,
    }


def answer_of(answer: dict[str, Any]) -> Answer:
    """What a client gets of what the function returned."""
    several = {name: ", ".join(values) for name, values in (answer.get("multiValueHeaders") or {}).items()}
    told = {name.lower(): str(value) for name, value in {**(answer.get("headers") or {}), **several}.items()}
    text = answer.get("body") or ""
    return Answer(
        answer["statusCode"],
        told,
        base64.b64decode(text).decode("utf-8", "surrogateescape") if answer.get("isBase64Encoded") else text,
    )
