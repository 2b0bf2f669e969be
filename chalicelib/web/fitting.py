"""Pages stay small, whoever sends and whatever it is called: long texts are shortened, lists end where the room does.

All octets here are those of the HTML: in UTF-8, and escaped.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from chalicelib.markup import Markup, escape

MOST_OCTETS = 13_900
"""Of a page that is filled up. A page may have 14,000."""
NAME_OCTETS = 180
"""Of the name of a category: 60 letters of Hindi or Japanese."""
SENDER_OCTETS = 120
"""Of the name of a sender, which has 100 letters at most: 40 of Hindi or Japanese."""
TEXT_OCTETS = 900
"""Of a description."""
LISTED_OCTETS = 300
"""Of the names in one sentence."""
Text = TypeVar("Text", bound=str)
Filling = Callable[[int], Markup]
"""Part of a page that takes what is left: octets → markup."""
_CUT = "…"
_JOINER = "\u200d"
_SKINS = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"


def octets(text: str) -> int:
    """Of a text or of markup, as it stands in a page."""
    return len(escape(text).encode())


def shortened(text: str, most: int = NAME_OCTETS) -> str:
    """The text, or what fits of its beginning into `most` octets with an ellipsis. No letter loses its marks."""
    if octets(text) <= most:
        return text
    end, room = 0, most - octets(_CUT)
    while (room := room - octets(text[end])) >= 0:
        end += 1
    while end and _belong_together(text[end - 1], text[end]):
        end -= 1
    return text[:end].rstrip() + _CUT


def _belong_together(before: str, after: str) -> bool:
    return _JOINER in {before, after} or after in _SKINS or unicodedata.category(after).startswith("M")


def leading(parts: Iterable[Text], room: int) -> list[Text]:
    """The first, and as many after it as fit into `room` octets with it."""
    taken: list[Text] = []
    for part in parts:
        room -= octets(part)
        if room < 0 and taken:
            break
        taken.append(part)
    return taken


@dataclass(frozen=True, slots=True)
class Either:
    """Part of a page, and what stands there instead where the page would get too heavy."""

    whole: Markup
    slim: Markup


def weight(parts: Iterable[Part]) -> int:
    """Octets of the parts of a page, but for those that fill it."""
    return sum(octets(part.whole if isinstance(part, Either) else part) + 1 for part in parts if not callable(part))


def filled(content: Iterable[Part], room: int, *, is_slim: bool) -> Iterator[Markup | str]:
    """The parts of a page, each `Filling` made from what the others leave of `room` octets, the first one first."""
    chosen = [(part.slim if is_slim else part.whole) if isinstance(part, Either) else part for part in content]
    room -= sum(octets(part) + 1 for part in chosen if isinstance(part, str))
    for part in chosen:
        made = part if isinstance(part, str) else part(room)
        room -= 0 if isinstance(part, str) else octets(made) + 1
        yield made


Part = Markup | str | Filling | Either
