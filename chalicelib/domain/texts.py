"""Texts that a sender gives to be shown: single lines, and the same line in several languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chalicelib.domain.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LANGUAGES = 50
MAX_TAG = 35
"""Characters of a language tag (RFC 5646 §4.4.1)."""

# Neither control characters nor line ends, nor what turns the direction of the text after it or shows nothing at all.
# Joiners and marks of direction stay: Persian, the languages of India and emoji need them.
LINE = re.compile(r"[^\u0000-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]*")
LANGUAGE = re.compile(
    r"[a-z]{2,3}(?:-[a-z]{3}){0,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
)
"""Language, script, region and variants of BCP 47, lower-cased; what only tells programs something is left out."""


def is_line(text: str, most: int) -> bool:
    """Whether a text is one line of at most `most` characters."""
    return len(text) <= most and LINE.fullmatch(text) is not None


_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a pattern of Braille that show nothing: fillers of Hangul, and no dot at all."""


def shows_something(text: str) -> bool:
    """Whether there is anything to see."""
    return any(character.isprintable() and not character.isspace() and character not in _BLANK for character in text)


def check_line(text: str, most: int, pointer: str) -> None:
    """Raises `InvalidRequest` for what is not one line with something in it."""
    if not is_line(text, most) or not shows_something(text):
        raise InvalidRequest(f"one line of text of 1 to {most} characters", pointer)


def language_of(tag: str, pointer: str) -> str:
    """A language tag, lower-cased, in which form each is there once. Raises `InvalidRequest`."""
    language = tag.lower()
    if len(tag) > MAX_TAG or not tag.isascii() or not LANGUAGE.fullmatch(language):
        raise InvalidRequest("a language is told by its BCP 47 tag, such as de or pt-BR", pointer)
    return language


def check_translations(texts: Mapping[str, str], most: int, pointer: str) -> None:
    """Raises `InvalidRequest` unless these are lines by language, at most 50."""
    if len(texts) > MAX_LANGUAGES:
        raise InvalidRequest(f"at most {MAX_LANGUAGES} languages", pointer)
    for tag, text in texts.items():
        if language_of(tag, pointer) != tag:
            raise InvalidRequest("a language tag is lower-cased", pointer)
        check_line(text, most, f"{pointer}/{tag}")


def merged(before: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """`before` with `changes`: None takes a language away, and one that is not named stays (conformance H4)."""
    return {tag: text for tag, text in {**before, **changes}.items() if text is not None}
