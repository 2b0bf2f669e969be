"""What stands in a query: numbers, and words out of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.domain.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def number(query: Mapping[str, str], name: str, among: range, default: int) -> int:
    """The number of this name, or `default`. Raises `InvalidRequest`."""
    if (text := query.get(name)) is None:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(among.stop))
    if not is_number or int(text) not in among:
        raise InvalidRequest(f"{name} in the query is a number from {among.start} to {among.stop - 1}")
    return int(text)


def word(query: Mapping[str, str], name: str, among: Iterable[str]) -> str | None:
    """The word of this name, or None. Raises `InvalidRequest`."""
    text, words = query.get(name), list(among)
    if text is None or text in words:
        return text
    raise InvalidRequest(f"{name} in the query is one of {', '.join(words)}")
