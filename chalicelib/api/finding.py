"""What is wrong with a value by a schema: where, and what is expected there, never the value itself.

Asked only where `schemas.py` has found that a value does not fit. It knows the keywords in `KEYWORDS`, and a test holds
every request's schema to them. Schemas come without `$ref`, as `openapi.resolved` gives them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from chalicelib.api import times
from chalicelib.api.expectations import expected, is_of_kind
from chalicelib.domain.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Json = dict[str, Any]
Wrong = tuple[str, str]
"""Where, as RFC 6901 has it, and what is expected there."""

FORMATS: Mapping[str, Callable[[str], object]] = {"date-time": lambda text: times.take(text, "")}
"""What reads a text of this format. Raises `InvalidRequest`."""
ANNOTATIONS = {"description", "example", "examples", "title", "default", "deprecated", "x-each", "x-expected"}
KEYWORDS = ANNOTATIONS | {
    *("type", "enum", "const", "oneOf", "anyOf", "if", "then", "discriminator"),
    *("properties", "required", "additionalProperties"),
    *("items", "minItems", "maxItems", "uniqueItems"),
    *("minLength", "maxLength", "pattern", "format", "minimum", "maximum"),
}


def wrong(schema: Json, value: Any, at: str = "") -> Wrong | None:
    """The first thing that is wrong with `value`, which stands at `at`; None where it fits."""
    if not is_of_kind(schema, value):
        return at, expected(schema)
    if "discriminator" in schema:
        return _by_name(schema["discriminator"], value, at)
    return next((found for look in _LOOKS for found in look(schema, value, at)), None)


def _by_name(discriminator: Json, value: Any, at: str) -> Wrong | None:
    """An object whose kind one of its own fields names."""
    name, branches = discriminator["propertyName"], discriminator["mapping"]
    if not isinstance(value, dict):
        return at, "an object"
    kind = value.get(name)
    if not isinstance(kind, str) or kind not in branches:
        return f"{at}/{name}", f"one of {', '.join(branches)}"
    return wrong(branches[kind], value, at)


def _value(schema: Json, value: Any, at: str) -> Iterator[Wrong]:
    if ("const" in schema and value != schema["const"]) or ("enum" in schema and value not in schema["enum"]):
        yield at, expected(schema)


def _object(schema: Json, value: Any, at: str) -> Iterator[Wrong]:
    if not isinstance(value, dict):
        return
    inner, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    unknown = [name for name in value if name not in inner]
    if unknown and others is False:
        yield at, f"{_names(inner)}, and nothing else; there {_count(len(unknown))}"
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}/{name}", f"{expected(inner.get(name, {}))}: it is missing"
    for name in inner:
        if name in value and (found := wrong(inner[name], value[name], f"{at}/{name}")):
            yield found
    # Their names are the sender's own words, which no error repeats.
    if isinstance(others, dict) and any(wrong(others, value[name]) for name in unknown):
        yield at, f"each value is {expected(others)}"


def _names(names: Json) -> str:
    return ", ".join(names) or "nothing"


def _count(unknown: int) -> str:
    return "is one other name" if unknown == 1 else f"are {unknown} other names"


def _list(schema: Json, value: Any, at: str) -> Iterator[Wrong]:
    if not isinstance(value, list):
        return
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield at, expected(schema)
    for index, item in enumerate(value):
        if found := wrong(schema.get("items", {}), item, f"{at}/{index}"):
            yield found
    if schema.get("uniqueItems") and len({json.dumps(item, sort_keys=True) for item in value}) < len(value):
        yield at, "a list in which nothing comes twice"


def _text(schema: Json, value: Any, at: str) -> Iterator[Wrong]:
    if not isinstance(value, str):
        return
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield at, expected(schema)
    if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), value):
        yield at, expected(schema)
    if read := FORMATS.get(schema.get("format", "")):
        try:
            read(value)
        except InvalidRequest as error:
            yield at, error.reason


def _number(schema: Json, value: Any, at: str) -> Iterator[Wrong]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield at, expected(schema)


def _alternatives(schema: Json, value: Any, at: str) -> Iterator[Wrong]:
    for keyword in ("oneOf", "anyOf"):
        branches = schema.get(keyword)
        found = [wrong(branch, value, at) for branch in branches or ()]
        fits = found.count(None)
        if branches and not (fits == 1 or (fits and keyword == "anyOf")):
            is_told = fits or "x-expected" in schema
            meant = None if is_told else _meant(branches, value)
            yield (None if meant is None else found[meant]) or (at, expected(schema))


def _meant(branches: list[Json], value: Any) -> int | None:
    """Which of the alternatives a value is, most likely: the one of its kind that knows most of its names."""
    known = [
        (len(set(branch.get("properties", {})) & set(value)) if isinstance(value, dict) else 0)
        if "type" in branch and is_of_kind(branch, value)
        else -1
        for branch in branches
    ]
    best = max(known)
    return known.index(best) if best >= 0 and known.count(best) == 1 else None


def _condition(schema: Json, value: Any, at: str) -> Iterator[Wrong]:
    if "if" in schema and wrong(schema["if"], value) is None:
        then = {"properties": schema.get("properties", {}), **schema.get("then", {})}
        if found := wrong(then, value, at):
            yield found


_LOOKS = (_value, _object, _list, _text, _number, _alternatives, _condition)
