"""The document that describes the API, held against what the API answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from app import app
from chalicelib.api.openapi import document
from tests.gateway import Answer, send
from tests.site import ADDRESS, Site

if TYPE_CHECKING:
    from tests.callers import Caller

DOCUMENT = document("https://choices.example.com")
EVIDENCE = {"how": "a box", "wording": "Yes", "source": "order 4711"}
CONSENT = {"act": "consent", "address": ADDRESS, "category": "news", "at": "2026-03-01T09:30:00Z", "evidence": EVIDENCE}
BODIES: dict[str, list[dict[str, Any]]] = {
    "/v1/check": [{"category": "news", "addresses": [ADDRESS, "nobody", "other@example.com"]}],
    "/v1/links": [
        {"category": "news", "recipients": [{"address": ADDRESS}, {"address": "nobody"}]},
        {"category": "alerts", "recipients": [{"address": ADDRESS}]},
    ],
    "/v1/acts": [
        {
            "acts": [
                {"act": "opt_out", "address": ADDRESS, "category": "*", "at": "2026-03-01T09:30:00.5+02:00"},
                {"act": "block", "recipient": "rcp_" + "a" * 26, "category": "news"},
                {"act": "lift", "address": ADDRESS, "reason": "undeliverable"},
                {"act": "lift", "address": ADDRESS, "reason": "blocked", "category": "news"},
                CONSENT,
            ]
        },
    ],
}
REFUSED_BODIES = [
    b"{",
    b"{}",
    b"[]",
    b'{"category":"nope","addresses":["x"],"recipients":[{}],"acts":[{}]}',
    b" " * 1_000_001,
]


def schema_errors(schema: dict[str, Any], value: Any) -> list[str]:
    whole = {**schema, "components": DOCUMENT["components"]}
    checker = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [error.message for error in checker.iter_errors(value)]


def answer_errors(path: str, method: str, answer: Answer) -> list[str]:
    """How an answer differs from what the document says of it."""
    told = DOCUMENT["paths"][path][method]["responses"].get(str(answer.status))
    if told is None:
        return [f"{answer.status} is not in the document"]
    if "$ref" in told:
        told = DOCUMENT["components"]["responses"][told["$ref"].rpartition("/")[2]]
    content = told["content"].get(kind := answer.headers["content-type"])
    if content is None:
        return [f"{kind} is not in the document"]
    return schema_errors(content["schema"], json.loads(answer.body) if kind.endswith("json") else answer.body)


def post(caller: Caller, path: str, body: bytes, **headers: str) -> Answer:
    bearer = {"Authorization": f"Bearer {caller.key('read', 'links', 'write')}"}
    return send("POST", path, headers=bearer | headers, body=body)


def test_it_names_every_route_and_no_other() -> None:
    ours = {
        (path, method.lower())
        for path, methods in app.routes.items()
        for method in methods
        if method != "HEAD" and path.startswith(("/v1/", "/healthz"))
    }
    assert {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods} == ours


@pytest.mark.parametrize("path", BODIES)
def test_what_it_calls_a_good_request_gets_the_answer_it_tells(site: Site, caller: Caller, path: str) -> None:
    schema = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    for body in BODIES[path]:
        assert schema_errors(schema, body) == []
        answer = post(caller, path, json.dumps(body).encode())
        assert answer.status == 200
        assert answer_errors(path, "post", answer) == []
        assert "error" not in answer.body or path != "/v1/acts"


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("number", range(len(REFUSED_BODIES)))
def test_a_refusal_is_one_that_it_tells(site: Site, caller: Caller, path: str, number: int) -> None:
    answer = post(caller, path, REFUSED_BODIES[number])

    assert answer_errors(path, "post", answer) == []


@pytest.mark.parametrize("path", BODIES)
def test_other_refusals_are_told_too(site: Site, caller: Caller, path: str) -> None:
    assert answer_errors(path, "post", send("POST", path, body=b"{}")) == []
    assert answer_errors(path, "post", post(caller, path, b"{}", **{"Content-Type": "text/plain"})) == []
    key = caller.key("admin")
    assert answer_errors(path, "post", send("POST", path, headers={"Authorization": f"Bearer {key}"}, body=b"{}")) == []


@pytest.mark.parametrize("path", BODIES)
def test_the_scope_that_it_names_is_the_one_that_is_needed(site: Site, caller: Caller, path: str) -> None:
    [[scope]] = [security["apiKey"] for security in DOCUMENT["paths"][path]["post"]["security"]]
    for name in ("read", "links", "write", "admin"):
        answer = send("POST", path, headers={"Authorization": f"Bearer {caller.key(name)}"}, body=b"{}")
        assert answer.status == (400 if name == scope else 403)


def test_a_mismatch_of_an_idempotency_key_is_told(site: Site, caller: Caller) -> None:
    first, second = ({"acts": [{"act": "block", "address": ADDRESS, "category": scope}]} for scope in ("news", "*"))
    post(caller, "/v1/acts", json.dumps(first).encode(), **{"Idempotency-Key": "k"})

    answer = post(caller, "/v1/acts", json.dumps(second).encode(), **{"Idempotency-Key": "k"})

    assert answer.status == 422
    assert answer_errors("/v1/acts", "post", answer) == []


@pytest.mark.parametrize("path", ["/v1/openapi.json", "/healthz"])
def test_open_routes(site: Site, path: str) -> None:
    answer = send("GET", path)

    assert answer_errors(path, "get", answer) == []
    if path == "/v1/openapi.json":
        assert json.loads(answer.body)["servers"] == [{"url": "https://choices.example.com/api"}]
