"""`/docs`: the API to read, made from its own description. No script, nothing from elsewhere."""

from __future__ import annotations

import json
import shlex
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint, Response

from chalicelib.api.expectations import expected
from chalicelib.api.openapi import JSON, document, resolved
from chalicelib.boundary import answering, problem, service_of
from chalicelib.markup import Markup
from chalicelib.web.answers import framed
from chalicelib.web.brand import PLAIN
from chalicelib.web.styles import SHEET
from chalicelib.web.voices import Voice

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

reference = Blueprint(__name__)
_SHEETS = (*SHEET, "reference.css")
_ORDER = ("check", "links", "acts", "recipients", "suppressions", "changes", "imports", "exports")
"""What senders ask most comes first, then the rest by name."""
_SAMPLES = {"integer": 1, "number": 1, "boolean": True, "null": None}
_TIME = "2026-03-01T09:30:00Z"


@reference.route("/docs", methods=["GET", "HEAD"], content_types=["*/*"])
def show() -> Response:
    """The page."""
    return answering(problem, lambda: _page(service_of(reference).settings.public_url))


@cache
def _content(public_url: str) -> tuple[Markup, ...]:
    told = document(public_url)
    groups = [(name, list(of)) for name, of in groupby(sorted(_operations(told), key=_place), key=_group)]
    parts = [_introduction(told, public_url), _contents(groups)]
    parts += [_section(name, operations, public_url) for name, operations in groups]
    return (*parts, _problems(told["x-problems"]))


def _page(public_url: str) -> Response:
    return framed(Voice(), "Signoff API", _content(public_url), PLAIN, _SHEETS)


Operation = tuple[str, str, Json]
"""Path, method, and what is told of it."""


def _operations(told: Json) -> list[Operation]:
    return [(path, method, one) for path, methods in told["paths"].items() for method, one in methods.items()]


def _group(operation: Operation) -> str:
    parts = operation[0].split("/")
    return parts[2] if parts[1] == "v1" and "." not in parts[2] else "service"


def _place(operation: Operation) -> tuple[int, str, str, int]:
    group = _group(operation)
    rank = _ORDER.index(group) if group in _ORDER else len(_ORDER) + (group == "service")
    return rank, group, operation[0], ("get", "post", "put", "patch", "delete").index(operation[1])


def _introduction(told: Json, public_url: str) -> Markup:
    return Markup(
        '<p class="lead">{}</p><p>Send <code>Authorization: Bearer</code> and an API key that has the scope of the '
        'operation. All of this as <a href="{}/v1/openapi.json">OpenAPI {}</a>.</p>'
    ).format(_words(told["info"]["description"]), public_url, told["openapi"])


def _contents(groups: list[tuple[str, list[Operation]]]) -> Markup:
    rows = Markup("").join(
        Markup('<li><a href="#{}">{} <span class="path">{}</span></a> <span class="quiet">{}</span></li>').format(
            told["operationId"], _method(method), _path(path), _words(told["summary"])
        )
        for _, operations in groups
        for path, method, told in operations
    )
    return Markup(
        '<nav aria-label="Operations"><ul class="contents">{}<li><a href="#problems">Problems</a></li></ul></nav>'
    ).format(rows)


def _section(name: str, operations: list[Operation], public_url: str) -> Markup:
    inner = Markup("").join(_article(*operation, public_url) for operation in operations)
    return Markup("<section><h2>{}</h2>{}</section>").format(name.replace("_", " ").capitalize(), inner)


def _article(path: str, method: str, told: Json, public_url: str) -> Markup:
    parameters, request = resolved(told.get("parameters", [])), resolved(told.get("requestBody", {}))
    parts = [
        Markup('<h3>{} <span class="path">{}</span></h3><p>{}</p>').format(
            _method(method), _path(path), _words(told["summary"])
        ),
        _scopes(told),
        _listed("Parameters", Markup("").join(_parameter(one) for one in parameters)),
    ]
    for kind, content in request.get("content", {}).items():
        rows = Markup("").join(_fields(content["schema"])) if kind == JSON else Markup("")
        parts.append(_listed("Body" if kind == JSON else f"Body: {kind}", rows or _row(kind, "octets", "", "")))
    parts += [_answers(told), _example(path, method, parameters, request, public_url, "security" in told)]
    return Markup('<article id="{}">{}</article>').format(told["operationId"], Markup("").join(parts))


def _method(method: str) -> Markup:
    return Markup('<span class="method {}">{}</span>').format(method, method.upper())


def _path(path: str) -> Markup:
    """A long path may break after its slashes."""
    return Markup("/<wbr>").join(path.split("/"))


def _words(text: str) -> Markup:
    """A sentence, with code where its author put it between backticks."""
    parts = [Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(text.split("`"))]
    return Markup("").join(parts)


def _scopes(told: Json) -> Markup:
    scopes = [scope for security in told.get("security", ()) for scope in security["apiKey"]]
    if not scopes:
        return Markup('<p class="quiet">Needs no key.</p>')
    named = Markup(" or ").join(Markup("<code>{}</code>").format(scope) for scope in scopes)
    return Markup('<p class="quiet">Scope: {}</p>').format(named)


def _listed(title: str, rows: Markup) -> Markup:
    return Markup("<h4>{}</h4><dl>{}</dl>").format(title, rows) if rows else Markup("")


def _parameter(told: Json) -> Markup:
    where = {"query": "in the query", "header": "header", "path": "in the path"}[told["in"]]
    need = where + (", required" if told.get("required") else "")
    description = told.get("description") or told["schema"].get("description", "")
    return _row(told["name"], expected(told["schema"]), need, description)


def _row(name: str, kind: str, need: str, meaning: str) -> Markup:
    return Markup("<dt><code>{}</code>{}</dt><dd>{}</dd>").format(
        name,
        Markup(' <span class="need">{}</span>').format(need) if need else "",
        Markup("<br>").join(part for part in (Markup("<span>{}</span>").format(kind), _words(meaning)) if part),
    )


def _fields(schema: Json, prefix: str = "") -> Iterator[Markup]:
    """A row for every field inside a schema, those of alternatives under a heading each."""
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        need = "required" if name in required else ""
        yield _row(f"{prefix}{name}", _kind(inner), need, inner.get("description", ""))
        yield from _fields(inner, f"{prefix}{name}.")
    if "items" in schema:
        yield from _fields(schema["items"], f"{prefix.removesuffix('.')}[].")
    branches = [branch for kind in ("oneOf", "anyOf") for branch in schema.get(kind, ()) if "properties" in branch]
    for number, branch in enumerate(branches):
        yield _note(f"{'Or' if number else 'Either'} {_which(branch)}")
        yield from _fields(branch, prefix)
    if "properties" in schema and "oneOf" in schema and not branches:
        yield _note(f"Of these, {expected({'oneOf': schema['oneOf']})}")


def _note(text: str) -> Markup:
    return Markup('<dt class="note">{}</dt><dd></dd>').format(text)


def _which(branch: Json) -> str:
    """What tells one alternative from the others."""
    named = [f"{name} {inner['const']}" for name, inner in branch["properties"].items() if "const" in inner]
    return named[0] if named else f"an object of {', '.join(branch['properties'])}"


def _kind(schema: Json) -> str:
    """What fits; of a list of plain values, each of these too."""
    items = schema.get("items", {})
    is_plain = items and next(_fields(items), None) is None
    return f"{expected(schema)}, each {expected(items)}" if is_plain else expected(schema)


def _answers(told: Json) -> Markup:
    rows = Markup("").join(_answer(status, one) for status, one in told["responses"].items())
    return Markup('<h4>Answers</h4><dl class="answers">{}</dl>').format(rows)


def _answer(status: str, told: Json) -> Markup:
    answer = resolved(told)
    schema = answer.get("content", {}).get(JSON, {}).get("schema")
    rows = Markup("").join(_fields(schema)) if schema else Markup("")
    inner = Markup("<details><summary>Fields</summary><dl>{}</dl></details>").format(rows) if rows else Markup("")
    return Markup("<dt><code>{}</code></dt><dd>{}{}</dd>").format(status, _words(answer["description"]), inner)


def _example(  # noqa: PLR0913, PLR0917 - the parts of a request
    path: str,
    method: str,
    parameters: list[Json],
    request: Json,
    public_url: str,
    has_key: bool,  # noqa: FBT001
) -> Markup:
    for one in parameters:
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", str(_sample(one["schema"])))
    query = "&".join(
        f"{one['name']}={_sample(one['schema'])}" for one in parameters if one["in"] == "query" and one.get("required")
    )
    parts = ['-H "Authorization: Bearer $KEY"'] if has_key else []
    for kind, content in request.get("content", {}).items():
        sample = content.get("example", _sample(content["schema"])) if kind == JSON else None
        sent = f"-d {shlex.quote(json.dumps(sample, ensure_ascii=False))}" if kind == JSON else "--data-binary @file"
        parts += [f"-H {shlex.quote(f'Content-Type: {kind}')}", sent]
        break
    parts.append(shlex.quote(public_url + path + (f"?{query}" if query else "")))
    return Markup("<h4>Example</h4><pre><code>{}</code></pre>").format(
        f"curl{'' if method == 'get' else f' -X {method.upper()}'} " + " \\\n  ".join(parts)
    )


def _sample(schema: Json) -> Any:
    """A value as the schema has it: what must be there, and no more."""
    if "example" in schema:
        return schema["example"]
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if "properties" in schema:
        return _sampled_object(schema)
    for kind in ("oneOf", "anyOf"):
        if kind in schema:
            return _sample(schema[kind][0])
    if "items" in schema:
        return [_sample(schema["items"])]
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    return _SAMPLES.get(kind, _TIME if schema.get("format") == "date-time" else {} if kind == "object" else "text")


def _sampled_object(schema: Json) -> Json:
    """With `oneOf` beside its fields, the first alternative counts."""
    required = [*schema.get("required", ()), *(schema.get("oneOf") or [{}])[0].get("required", ())]
    names = required or list(schema["properties"])[:1]
    return {name: _sample(inner) for name, inner in schema["properties"].items() if name in names}


def _problems(told: Json) -> Markup:
    rows = Markup("").join(
        Markup('<dt id="{}"><code>{}</code> <span class="need">{}</span></dt><dd>{}<br>{}</dd>').format(
            name.rpartition(":")[2], name, one["status"], _words(one["meaning"]), _words(one["remedy"])
        )
        for name, one in sorted(told.items())
    )
    return Markup(
        '<section id="problems"><h2>Problems</h2><p>Every error is a problem document (RFC 9457). Its '
        "<code>type</code> is one of these and never changes.</p><dl>{}</dl></section>"
    ).format(rows)
