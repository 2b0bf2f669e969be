"""Fields of JSON objects, read one by one: what is not named is left out, and what is wrong is told with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.texts import MAX_LANGUAGES, language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Take = Callable[[Any, str], Any]
    """(value, pointer) → the value inside. Raises `InvalidRequest`."""


def taken(body: Mapping[str, Any], takes: Mapping[str, Take], also: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What a body names of these fields. Raises `InvalidRequest` for a name that is neither one of them nor in `also`.

    A name that is unknown is not repeated: it may be anything.
    """
    if unknown := body.keys() - takes.keys() - also:
        known = ", ".join(sorted({*takes, *also}))
        raise InvalidRequest(f"{len(unknown)} of the names are none of: {known}")
    return {name: take(body[name], f"/{name}") for name, take in takes.items() if name in body}


def text(value: Any, pointer: str) -> str:
    """A text."""
    if not isinstance(value, str):
        raise InvalidRequest("a text", pointer)
    return value


def flag(value: Any, pointer: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise InvalidRequest("true or false", pointer)
    return value


def number(value: Any, pointer: str) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidRequest("a whole number", pointer)
    return value


def translations(value: Any, pointer: str) -> dict[str, str | None]:
    """Texts by language tag, null for one that is taken away. The tags are lower-cased, and each is there once."""
    if not isinstance(value, dict) or len(value) > MAX_LANGUAGES:
        raise InvalidRequest(f"an object of at most {MAX_LANGUAGES} texts by language tag", pointer)
    found: dict[str, str | None] = {}
    for tag, told in value.items():
        language = language_of(tag, pointer)
        if language in found:
            raise InvalidRequest("a language is there twice", f"{pointer}/{tag}")
        found[language] = None if told is None else text(told, f"{pointer}/{tag}")
    return found


def texts(value: Any, pointer: str) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list):
        raise InvalidRequest("a list of texts", pointer)
    return tuple(text(one, f"{pointer}/{place}") for place, one in enumerate(value))


def or_null(take: Take) -> Take:
    """As `take`, or null for nothing."""
    return lambda value, pointer: None if value is None else take(value, pointer)
