"""Requests are held to the schemas that are published: by the same words, in every route."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from chalice.app import Request as HttpRequest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from chalicelib.api.finding import FORMATS, KEYWORDS, wrong
from chalicelib.api.openapi import described, document
from chalicelib.api.schemas import EACH, Operation, Schema, operation
from chalicelib.api.serving import Asked
from chalicelib.domain.errors import InvalidRequest, NotJson
from chalicelib.use_cases.asking import authenticate
from chalicelib.use_cases.keys import SCOPES
from tests.api.test_openapi import answer_errors
from tests.gateway import Answer, send
from tests.site import ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.callers import Caller
    from tests.site import Site

DOCUMENT = document("https://choices.example.com")
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
WRITES = {"post", "put", "patch"}
EVENT = {
    "headers": {},
    "multiValueQueryStringParameters": None,
    "pathParameters": None,
    "requestContext": {"httpMethod": "POST", "resourcePath": "/v1/keys"},
    "isBase64Encoded": False,
    "stageVariables": None,
}


def request_schemas(path: str, method: str) -> list[Any]:
    """What is published of a request, without `$ref`: the body's schema, then one for each parameter."""
    told = described(path, method)
    content = told.get("requestBody", {}).get("content", {}).get("application/json")
    return ([content["schema"]] if content else []) + [one["schema"] for one in told.get("parameters", ())]


SCHEMAS = [schema for path, method in OPERATIONS for schema in request_schemas(path, method)]


def parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and every one inside it."""
    yield schema
    inner = [schema[name] for name in ("items", "if", "then", "additionalProperties") if name in schema]
    inner += [*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("properties", {}).values()]
    for part in inner:
        if isinstance(part, dict):
            yield from parts(part)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_schema_of_a_request_is_one_that_is_understood(path: str, method: str) -> None:
    for schema in request_schemas(path, method):
        for part in parts(schema):
            assert set(part) <= KEYWORDS
            assert part.get("format", "date-time") in FORMATS
            if part.get("type") == "object":
                assert "additionalProperties" in part, "unknown names are refused"
            if "pattern" in part:
                assert "x-expected" in part, "a pattern is told in words"


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_schema_of_a_request_compiles(path: str, method: str) -> None:
    found = operation(path, method.upper())
    for schema in [found.body, *found.items.values(), found.query._schema, found.headers._schema]:
        assert schema is None or callable(schema._fits)


def values_near(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema nearly or wholly allows, and some that it does not."""
    branches = [values_near(branch) for name in ("oneOf", "anyOf") for branch in schema.get(name, ())]
    inner = {name: values_near(part) for name, part in schema.get("properties", {}).items()}
    likely = list(branches)
    if "const" in schema or "enum" in schema:
        likely.append(st.sampled_from(schema.get("enum", [schema.get("const")])))
    if inner:
        needed = schema.get("required", [])
        likely.append(st.fixed_dictionaries(inner))
        likely.append(
            st.fixed_dictionaries(
                {name: part for name, part in inner.items() if name in needed},
                optional={name: part for name, part in inner.items() if name not in needed},
            )
        )
    if "items" in schema:
        likely.append(st.lists(values_near(schema["items"]), max_size=3))
    if "example" in schema:
        likely.append(st.just(schema["example"]))
    if schema.get("type") == "string":
        likely += [st.text(max_size=5), st.sampled_from(["2026-03-01T09:30:00Z", "2026-02-30T00:00:00Z", "news", " "])]
    if schema.get("type") == "integer":
        likely += [st.integers(-1, 60), st.floats(0, 3)]
    odd = st.one_of(st.none(), st.booleans(), st.text(max_size=3), st.just([]), st.just({}), st.just({"x": 1}))
    return st.one_of(*likely, odd)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: str(schema.get("type")))
@given(data=st.data())
def test_what_is_compiled_what_is_found_and_the_standard_agree(schema: dict[str, Any], data: st.DataObject) -> None:
    value = data.draw(values_near(schema))
    checker = Draft202012Validator.FORMAT_CHECKER.__class__(formats=())
    checker.checks("date-time", raises=InvalidRequest)(lambda text: not isinstance(text, str) or _read(text))
    standard = Draft202012Validator(_as_ecma_has_it(schema), format_checker=checker).is_valid(value)

    assert Schema(schema)._narrowed(value)._fits(value) is standard
    assert (wrong(schema, value) is None) is standard


def _as_ecma_has_it(schema: Any) -> Any:
    """In ECMA-262 `$` is the end alone; Python's also stands before a line break at the end."""
    if isinstance(schema, list):
        return [_as_ecma_has_it(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: _as_ecma_has_it(inner) for name, inner in schema.items()}
    return told | {"pattern": schema["pattern"].replace("$", r"\Z")} if isinstance(told.get("pattern"), str) else told


def _read(text: str) -> bool:
    FORMATS["date-time"](text)
    return True


TITLE = {"type": "string", "maxLength": 3, "x-expected": "a title"}
MADE: dict[str, tuple[dict[str, Any], Any, tuple[str, str] | None]] = {
    "a map whose value is bad": (
        {"type": "object", "additionalProperties": TITLE},
        {ADDRESS: 7},
        ("", "each value is a title"),
    ),
    "a map": ({"type": "object", "additionalProperties": TITLE}, {ADDRESS: "x"}, None),
    "null or a text": ({"type": ["string", "null"]}, 7, ("", "a text or null")),
    "a number": ({"type": "number", "minimum": 1}, 0.5, ("", "a number at least 1")),
    "a whole number": ({"type": "integer", "maximum": 5}, True, ("", "a whole number at most 5")),
    "true or false": ({"type": "boolean"}, "true", ("", "true or false")),
    "a list that is too long": ({"type": "array", "maxItems": 1}, [1, 2], ("", "a list of at most 1")),
    "a list that repeats": (
        {"type": "array", "uniqueItems": True},
        [1, 1],
        ("", "a list in which nothing comes twice"),
    ),
    "deep inside": (
        {"type": "object", "properties": {"a": {"type": "array", "items": TITLE}}},
        {"a": ["x", "long"]},
        ("/a/1", "a title"),
    ),
    "missing": (
        {"type": "object", "properties": {"a": {"enum": ["x", None]}}, "required": ["a"]},
        {},
        ("/a", "one of x, null: it is missing"),
    ),
    "one of two kinds": (
        {"anyOf": [{"type": "string", "maxLength": 1}, {"type": "null"}]},
        "xy",
        ("", "a text of at most 1 characters"),
    ),
    "a length without words": (
        {"type": "string", "minLength": 2, "maxLength": 3},
        "x",
        ("", "a text of 2 to 3 characters"),
    ),
    "no alternative at all": ({"anyOf": [{"const": "*"}, {"type": "null"}]}, 7, ("", '"*", or null')),
    "a pattern without words": ({"type": "string", "pattern": "^a$"}, "a\n", ("", "a text that matches ^a$")),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_wrong_is_told_where_it_is_and_in_words(name: str) -> None:
    schema, value, expected = MADE[name]
    assert wrong(schema, value) == expected
    assert Schema(schema)._fits(value) is (expected is None)


def ask(caller: Caller, method: str, path: str, **asked: Any) -> tuple[Answer, dict[str, Any]]:
    bearer = {"Authorization": f"Bearer {caller.key(*SCOPES)}", **asked.pop("headers", {})}
    answer = send(method, path, headers=bearer, **asked)
    assert answer_errors(path, method.lower(), answer) == []
    told: dict[str, Any] = json.loads(answer.body)
    return answer, told


BODIES: dict[str, tuple[str, Any, str, str]] = {
    "a name too many": ("/v1/check", {"category": "news", "addresses": ["x"], ADDRESS: 1}, "", "category, addresses"),
    "two alternatives": ("/v1/check", {"category": "news", "addresses": ["x"], "recipients": ["x"]}, "", "one of them"),
    "no alternative": ("/v1/check", {"category": "news"}, "", "addresses or recipients, one of them"),
    "a missing name": ("/v1/links", {"category": "news"}, "/recipients", "a list of 1 to 1,000: it is missing"),
    "no category": ("/v1/check", {"category": ADDRESS, "addresses": ["x"]}, "/category", "the id of a category"),
    "an empty batch": ("/v1/acts", {"acts": []}, "/acts", "a list of 1 to 1,000"),
    "a scope": ("/v1/keys", {"scopes": ["read", ADDRESS]}, "/scopes/1", "one of links, read, write, admin"),
    "a scope twice": ("/v1/keys", {"scopes": ["read", "read"]}, "/scopes", "nothing comes twice"),
    "neither kind": ("/v1/keys", {}, "", "an object of scopes, or an object of replaces"),
    "a key's id": ("/v1/keys", {"replaces": ADDRESS}, "/replaces", "the id of an API key"),
    "no address": ("/v1/recipients/lookup", {"address": [ADDRESS]}, "/address", "a mail address"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_refused_where_it_is_wrong_and_nothing_of_it_is_repeated(
    site: Site, caller: Caller, name: str
) -> None:
    """G1, G6."""
    path, body, pointer, said = BODIES[name]

    answer, told = ask(caller, "POST", path, body=json.dumps(body).encode())

    assert (answer.status, told["pointer"]) == (400, pointer)
    assert said in told["detail"]
    assert "dana" not in answer.body


QUERIES: dict[str, tuple[dict[str, str], str]] = {
    "no number": ({"limit": ADDRESS}, "limit in the query: a whole number from 1 to 50"),
    "a number too great": ({"limit": "51"}, "limit in the query: a whole number from 1 to 50"),
    "a number as people do not write it": ({"limit": "+5"}, "limit in the query: a whole number"),
    "digits of elsewhere": ({"limit": "٣"}, "limit in the query: a whole number"),
    "thousands of digits": ({"cursor": "9" * 5_000}, "cursor in the query: a whole number"),
    "empty": ({"limit": ""}, "limit in the query: a whole number"),
    "a name that there is not": ({ADDRESS: "1"}, "limit, cursor in the query, and no other name"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_is_refused_and_its_parameter_named(site: Site, caller: Caller, name: str) -> None:
    query, said = QUERIES[name]
    path = "/v1/recipients/{recipient}/acts"

    answer, told = ask(caller, "GET", path, values={"recipient": "rcp_" + "a" * 26}, query=query)

    assert (answer.status, told["pointer"]) == (400, "")
    assert told["detail"].startswith(said)
    assert "dana" not in answer.body


def test_a_missing_parameter_and_one_that_comes_twice_are_named(site: Site, caller: Caller) -> None:
    _, told = ask(caller, "GET", "/v1/check", query={"category": "news"})
    assert told["detail"] == "recipient in the query: a recipient id, rcp_ and 26 characters: it is missing"

    _, told = ask(caller, "GET", "/v1/check", many={"category": ["news", "news"], "recipient": ["rcp_" + "a" * 26]})
    assert told["detail"] == "category comes twice in the query"


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_route_takes_a_name_that_its_description_lacks(site: Site, caller: Caller, path: str, method: str) -> None:
    if "security" not in DOCUMENT["paths"][path][method]:
        return
    values = {
        "recipient": "rcp_" + "a" * 26,
        "key_id": "a" * 16,
        "category": "news",
        "import_id": "imp_" + "0" * 26,
        "export_id": "exp_" + "0" * 26,
    }
    bearer = {"Authorization": f"Bearer {caller.key(*SCOPES)}"}

    answer = send(method.upper(), path, values, headers=bearer, query={"surprise": "1"}, body=b"{}")

    assert answer.status == 400
    assert "in the query, and no other name" in answer.body


def test_an_idempotency_key_is_told_in_words(site: Site, caller: Caller) -> None:
    _, told = ask(caller, "POST", "/v1/acts", headers={"Idempotency-Key": "a b"}, body=b'{"acts":[{}]}')

    assert told["detail"] == "Idempotency-Key in the headers: 1 to 255 visible ASCII characters"


def test_every_write_takes_an_idempotency_key() -> None:
    """G3: those that change something, by the scope that they need."""
    for path, method in OPERATIONS:
        [security, *_] = DOCUMENT["paths"][path][method].get("security", [{"apiKey": ["none"]}])
        if method in WRITES and {"write", "admin"} & set(security["apiKey"]):
            assert operation(path, method.upper()).headers.schemas.keys() >= {"Idempotency-Key"}, path


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_items_of_a_batch_are_left_to_their_places(path: str, method: str) -> None:
    """Wherever a list of up to 1,000 is taken."""
    found: Operation = operation(path, method.upper())
    published = {
        name
        for schema in request_schemas(path, method)
        for part in parts(schema)
        for name, inner in part.get("properties", {}).items()
        if inner.get("maxItems", 0) >= 1_000 or EACH in inner
    }
    assert set(found.items) == published


def test_the_scopes_are_those_of_the_rules() -> None:
    assert DOCUMENT["components"]["schemas"]["KeyScope"]["enum"] == list(SCOPES)


def test_a_schema_is_compiled_once_and_by_its_first_request_alone() -> None:
    program = "import sys, app; print('fastjsonschema' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    for path, method in product(["/v1/check"], ["GET", "HEAD"]):
        assert operation(path, method).query._schema._fits is operation(path, method).query._schema._fits


def test_a_whole_number_may_be_written_as_json_allows() -> None:
    assert Schema({"type": "integer"})._fits(5.0)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_tells_what_any_may_answer(path: str, method: str) -> None:
    """G2, G5: those with a key, those with a body."""
    told = DOCUMENT["paths"][path][method]
    needed = {"400", "401", "403", "429", "503"} if "security" in told else set()
    needed |= {"413", "415"} if "requestBody" in told else set()
    assert needed <= set(told["responses"])


def test_a_body_that_need_not_be_may_be_absent(site: Site, caller: Caller) -> None:
    http = HttpRequest({**EVENT, "body": ""})
    service = site.service
    optional = replace(operation("/v1/keys", "POST"), body=Schema({"type": "object"}), must_have_body=False)
    sender, key = authenticate(service, f"Bearer {caller.key('admin')}", "admin")
    assert Asked(service, sender, key, http, optional).body == {}
    with pytest.raises(NotJson):
        _ = Asked(service, sender, key, http, replace(optional, must_have_body=True)).body
