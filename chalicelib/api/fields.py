"""What the fields of a body become, once its description allows them: languages in one form, words what they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.texts import language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Take = Callable[[Any, str], Any]
    """(value, pointer) → what it becomes. Raises `InvalidRequest`."""


def taken(body: Mapping[str, Any], takes: Mapping[str, Take]) -> dict[str, Any]:
    """What a body names of these fields. Raises `InvalidRequest`."""
    return {name: take(body[name], f"/{name}") for name, take in takes.items() if name in body}


def as_it_is(value: Any, _: str) -> Any:
    """The value itself."""
    return value


def translations(value: dict[str, str | None], pointer: str) -> dict[str, str | None]:
    """Texts by language tag, null for one that is taken away. The tags are lower-cased, and each is there once."""
    found = {language_of(tag, pointer): told for tag, told in value.items()}
    if len(found) < len(value):
        raise InvalidRequest("a language is there twice", pointer)
    return found


def or_null(take: Take) -> Take:
    """As `take`, or null for nothing."""
    return lambda value, pointer: None if value is None else take(value, pointer)
