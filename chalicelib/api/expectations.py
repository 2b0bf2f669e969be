"""What a schema expects, as a phrase that a caller can use: "a whole number from 1 to 50"."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.api import times

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Json = dict[str, Any]

_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "object": ("an object", lambda value: isinstance(value, dict)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "string": ("a text", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "null": ("null", lambda value: value is None),
    "number": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "integer": (
        "a whole number",
        lambda value: (
            (isinstance(value, int) and not isinstance(value, bool))
            or (isinstance(value, float) and value.is_integer())
        ),
    ),
}
_RANGES: Mapping[str, tuple[str, str, str, str]] = {
    "string": ("minLength", "maxLength", " of", " characters"),
    "array": ("minItems", "maxItems", " of", ""),
    "integer": ("minimum", "maximum", "", ""),
    "number": ("minimum", "maximum", "", ""),
}


def is_of_kind(schema: Json, value: Any) -> bool:
    """Whether the value is of a type that the schema names, or the schema names none."""
    return "type" not in schema or any(_KINDS[kind][1](value) for kind in _kinds(schema))


def expected(schema: Json) -> str:
    """What fits, as a phrase."""
    if "x-expected" in schema:
        return str(schema["x-expected"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join("null" if value is None else str(value) for value in schema["enum"])
    if branches := schema.get("oneOf") or schema.get("anyOf"):
        if all(set(branch) == {"required"} for branch in branches):
            return _one_of_names(branches)
        return ", or ".join(dict.fromkeys(map(expected, branches)))
    return " or ".join(_phrase(kind, schema) for kind in _kinds(schema)) or "another value"


def _kinds(schema: Json) -> list[str]:
    kinds = schema.get("type", [])
    return kinds if isinstance(kinds, list) else [kinds]


def _phrase(kind: str, schema: Json) -> str:
    told = _KINDS[kind][0]
    if kind == "object" and "properties" in schema:
        return f"{told} of {', '.join(schema['properties'])}"
    if kind == "string" and "pattern" in schema:
        return f"{told} that matches {schema['pattern']}"
    if kind == "string" and schema.get("format") == "date-time":
        return times.EXPECTED
    if kind in _RANGES:
        least, most, before, after = _RANGES[kind]
        return told + _range(schema.get(least), schema.get(most), before, after)
    return told


def _range(least: int | None, most: int | None, before: str, after: str) -> str:
    if least is not None and most is not None:
        return f"{before}{'' if before else ' from'} {least:,} to {most:,}{after}"
    if least is None and most is None:
        return ""
    return f"{before} at least {least:,}{after}" if most is None else f"{before} at most {most:,}{after}"


def _one_of_names(branches: list[Json]) -> str:
    return f"{' or '.join(name for branch in branches for name in branch['required'])}, one of them"
