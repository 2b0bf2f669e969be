"""Requests, held to the schemas that the API publishes: `openapi.py` has them, `finding.py` says what is wrong.

`fastjsonschema` makes a function of each schema, when the first request needs it: a valid batch of 1,000 costs well
under a millisecond, and a start costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.api.finding import ANNOTATIONS, FORMATS, wrong
from chalicelib.api.openapi import JSON, described
from chalicelib.domain.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
EACH = "x-each"
"""Marks a list in a published schema whose items are answered one by one: a bad one is refused in its place."""
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True)
class Schema:
    """One schema without `$ref`."""

    schema: Json

    @cached_property
    def _fits(self) -> Callable[[Any], bool]:
        from fastjsonschema import JsonSchemaException, compile  # noqa: A004, PLC0415 - not at a start: it takes 9 ms

        formats = {name: _accepts(read) for name, read in FORMATS.items()}
        validate = compile(_plain(self.schema), formats=formats, use_default=False, detailed_exceptions=False)

        def fits(value: Any) -> bool:
            try:
                validate(value)
            except JsonSchemaException:
                return False
            return True

        return fits

    @cached_property
    def _kinds(self) -> Mapping[str, Schema]:
        return {name: Schema(branch) for name, branch in self.schema["discriminator"]["mapping"].items()}

    def check(self, value: Any, at: str = "") -> None:
        """Raises `InvalidRequest`, whose pointer goes on from `at`, where the value does not fit."""
        if not self._narrowed(value)._fits(value):  # noqa: SLF001 - one of its own kind
            where, what = wrong(self.schema, value) or ("", "what the description of the API says")
            raise InvalidRequest(what, at + where)

    def _narrowed(self, value: Any) -> Schema:
        """The one alternative that an object says it is: trying each would take four times as long."""
        if "discriminator" not in self.schema or not isinstance(value, dict):
            return self
        kind = value.get(self.schema["discriminator"]["propertyName"])
        return self._kinds.get(kind, self) if isinstance(kind, str) else self


def _plain(schema: Json) -> Json:
    """The same without words, and in those keywords that the compiler knows without its own long messages."""
    plain = {name: value for name, value in schema.items() if name not in ANNOTATIONS | {"const", "discriminator"}}
    if "const" in schema:
        plain["enum"] = [schema["const"]]
    for name in {"items", "if", "then", "additionalProperties"} & set(plain):
        plain[name] = _plain(plain[name]) if isinstance(plain[name], dict) else plain[name]
    for name in {"oneOf", "anyOf"} & set(plain):
        plain[name] = [_plain(branch) for branch in plain[name]]
    if "properties" in plain:
        plain["properties"] = {name: _plain(inner) for name, inner in plain["properties"].items()}
    return plain


def _accepts(read: Callable[[str], object]) -> Callable[[str], bool]:
    def accepts(text: str) -> bool:
        try:
            read(text)
        except InvalidRequest:
            return False
        return True

    return accepts


@dataclass(frozen=True)
class Parameters:
    """What may stand in the query, or in the headers, by name."""

    schemas: Mapping[str, Json]
    required: Sequence[str]
    place: str

    @cached_property
    def _schema(self) -> Schema:
        return Schema({"type": "object", "properties": self.schemas, "required": self.required})

    def read(self, told: Mapping[str, str]) -> Json:
        """The values of those that are there, as their schemas type them. Raises `InvalidRequest`, which names one."""
        values = {name: _typed(schema, told[name]) for name, schema in self.schemas.items() if name in told}
        try:
            self._schema.check(values)
        except InvalidRequest as error:
            raise InvalidRequest(f"{error.pointer[1:]} in the {self.place}: {error.reason}") from None
        return values

    def refuse_others(self, told: Any) -> None:
        """Raises `InvalidRequest` for names that there are not and for those that come twice; `told` is a MultiDict."""
        if set(told) - set(self.schemas):
            raise InvalidRequest(f"{', '.join(self.schemas) or 'nothing'} in the {self.place}, and no other name")
        for name in told:
            if len(told.getlist(name)) != 1:
                raise InvalidRequest(f"{name} comes twice in the {self.place}")


def _typed(schema: Json, text: str) -> Any:
    kinds = schema.get("type", ())
    if "integer" in kinds and _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    return _TRUTHS.get(text, text) if "boolean" in kinds else text


@dataclass(frozen=True)
class Operation:
    """What one operation takes: JSON in its body, or None where it takes none; `items` of batches by their names."""

    body: Schema | None
    must_have_body: bool
    items: Mapping[str, Schema]
    query: Parameters
    headers: Parameters


@cache
def operation(path: str, method: str) -> Operation:
    """The operation at a path as it is declared; HEAD is GET. Raises `KeyError` where the description has none."""
    told = described(path, "get" if method == "HEAD" else method.lower())
    request = told.get("requestBody", {})
    schema = request.get("content", {}).get(JSON, {}).get("schema")
    return Operation(
        body=None if schema is None else Schema(_container(schema)),
        must_have_body=request.get("required", False),
        items={} if schema is None else dict(_items(schema)),
        query=_parameters(told, "query"),
        headers=_parameters(told, "header"),
    )


def _parameters(told: Json, place: str) -> Parameters:
    found = [parameter for parameter in told.get("parameters", ()) if parameter["in"] == place]
    required = [parameter["name"] for parameter in found if parameter.get("required")]
    said = "headers" if place == "header" else place
    return Parameters({parameter["name"]: parameter["schema"] for parameter in found}, required, said)


def _container(schema: Any) -> Any:
    """The schema without what its batches say of single items."""
    if isinstance(schema, list):
        return [_container(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    each = schema.get(EACH) is True
    return {name: _container(inner) for name, inner in schema.items() if not (each and name == "items")}


def _items(schema: Json) -> list[tuple[str, Schema]]:
    own = [
        (name, Schema(inner["items"]))
        for name, inner in schema.get("properties", {}).items()
        if inner.get(EACH) is True
    ]
    return own + [found for branch in (*schema.get("oneOf", ()), *schema.get("anyOf", ())) for found in _items(branch)]
