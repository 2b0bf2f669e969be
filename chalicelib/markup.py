"""HTML that nothing can be smuggled into: MarkupSafe's, with patterns filled and parts joined at a fifth of the cost.

MarkupSafe fills a pattern by a formatter written in Python, which took a third of a page's time. What that can do
besides, to look into a value and to align it, none of our patterns asks for. So each value is escaped here, unless it
is markup, and then the interpreter's own `str` fills the pattern in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import markupsafe

if TYPE_CHECKING:
    from collections.abc import Iterable


class Markup(markupsafe.Markup):
    """A text that is HTML. `Markup("<b>{}</b>").format(text)` escapes the text."""

    __slots__ = ()

    def __new__(cls, html: str = "") -> Self:
        """`html` is HTML already: a text of ours. MarkupSafe's would look first whether it is more than a text."""
        return str.__new__(cls, html)

    def format(self, *values: object, **named: object) -> Markup:
        """The pattern with these values in it, each escaped unless it is markup."""
        escaped = {name: escape(value) for name, value in named.items()}
        return Markup(str.format(self, *map(escape, values), **escaped))  # noqa: S704 - all of it is escaped

    def join(self, parts: Iterable[object], /) -> Markup:
        """The parts, each escaped unless it is markup, with this between them."""
        return Markup(str.join(self, map(escape, parts)))  # noqa: S704 - all of it is escaped


def escape(value: object) -> Markup:
    """What stands for a value in HTML: itself, if it is markup."""
    return value if isinstance(value, Markup) else Markup(markupsafe.escape(value))  # noqa: S704 - this does escape
