"""`/docs`: the page that tells the API."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from app import app
from chalicelib.api.openapi import described, document
from chalicelib.api.schemas import Schema, operation
from chalicelib.web.reference import _sample
from tests.gateway import send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.site import Site

DOCUMENT = document("https://choices.example.com/api")
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
VOID = {"meta", "br", "wbr", "link"}


class Page(HTMLParser):
    """What is on a page: its text, its links, what they can point at, and whether every element is closed."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.text, self.links, self.ids, self.tags = "", set[str](), list[str](), set[str]()
        self.words = set[str]()
        self._open: list[str] = []
        self.feed(body)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        told = dict(attrs)
        self.links |= {href} if (href := told.get("href")) else set()
        self.ids += [name] if (name := told.get("id")) else []
        assert not {"style", "src", "onclick"} & set(told)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        self.words |= set(re.findall(r"\w+", data))  # of each element: the words of two are not one


@pytest.fixture
def page(site: Site) -> Page:
    answer = send("GET", "/docs")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "style-src 'sha256-" in answer.headers["content-security-policy"]
    return Page(answer.body)


def names(schema: Any) -> Iterator[str]:
    """Every field that a schema tells of, however deep."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for inner in schema.values():
            yield from names(inner)
    if isinstance(schema, list):
        for inner in schema:
            yield from names(inner)


def test_every_operation_is_there_with_its_fields_answers_and_problems(page: Page) -> None:
    for path, method in OPERATIONS:
        told = DOCUMENT["paths"][path][method]
        assert f"{method.upper()} {path}" in page.text
        assert told["operationId"] in page.ids
        assert told["summary"].replace("`", "") in page.text
        assert set(names(described(path, method))) <= page.words
        assert all(one["name"] in page.text for one in described(path, method).get("parameters", ()))
    assert all(name in page.text for name in DOCUMENT["x-problems"])


def test_it_stands_alone(page: Page) -> None:
    """F1: no script, nothing from elsewhere, and every link leads somewhere."""
    assert not {"script", "img", "iframe", "form"} & page.tags
    assert page.links - {"https://choices.example.com/api/v1/openapi.json", "data:,"} == {
        f"#{name}" for name in page.ids if f"#{name}" in page.links
    }
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_its_examples_are_requests_that_are_understood(path: str, method: str) -> None:
    told, found = described(path, method), operation(path, method.upper())
    content = told.get("requestBody", {}).get("content", {}).get("application/json")
    if content:
        Schema(content["schema"]).check(content.get("example", _sample(content["schema"])))
    values = {name: str(_sample(schema)) for name, schema in found.query.schemas.items()}
    found.query.read({name: text for name, text in values.items() if name in found.query.required})


def test_an_example_is_a_line_for_a_shell(page: Page) -> None:
    assert """-d '{"category": "newsletter", "addresses": ["dana.reader@example.com"]}'""" in page.text
    assert "'https://choices.example.com/api/v1/check?category=newsletter&recipient=rcp_" in page.text


def test_what_the_document_says_is_text(site: Site) -> None:
    """No word of it becomes an element."""
    assert app.routes["/docs"].keys() == {"GET", "HEAD"}
    body = send("GET", "/docs").body
    assert "<b>" not in body
    assert "&#34;*&#34;" in body
