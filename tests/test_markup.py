"""Markup says what MarkupSafe's says, and lets nothing through that is not markup."""

from __future__ import annotations

import markupsafe
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.markup import Markup, escape

OURS = Markup('<p title="{}">{name}, {} &amp; {{}} {name}</p>')
STOCK = markupsafe.Markup('<p title="{}">{name}, {} &amp; {{}} {name}</p>')
HOSTILE = ("<script>", "&", "\"'>", "{}", "{0.__class__}", "%s", "\0")
texts = st.text() | st.sampled_from(HOSTILE)
markups = texts.map(markupsafe.escape)
values = texts | markups | texts.map(escape) | st.integers() | st.floats() | st.none() | st.dates()


class Bold:
    """Says what its HTML is."""

    def __html__(self) -> str:
        return "<b>"


@given(values, values, values)
def test_a_pattern_is_filled_as_by_markupsafe(first: object, second: object, name: object) -> None:
    filled = OURS.format(first, second, name=name)
    assert filled == STOCK.format(first, second, name=name)
    assert type(filled) is Markup


@given(st.lists(texts | markups), texts | markups)
def test_parts_are_joined_as_by_markupsafe(parts: list[str], between: str) -> None:
    joined = escape(between).join(parts)
    assert joined == markupsafe.escape(between).join(parts)
    assert type(joined) is Markup


@given(values)
def test_a_value_is_escaped_as_by_markupsafe_and_once(value: object) -> None:
    escaped = escape(value)
    assert escaped == markupsafe.escape(value)
    assert type(escaped) is Markup
    assert escape(escaped) is escaped


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_put_beside_markup_is_escaped_too(text: str) -> None:
    assert Markup("<b>") + text == "<b>" + str(markupsafe.escape(text))
    assert Markup("<b>%s") % text == "<b>" + str(markupsafe.escape(text))


def test_a_value_that_says_what_its_html_is_is_believed() -> None:
    assert Markup("{}").format(Bold()) == "<b>"


def test_a_pattern_that_does_not_fit_is_an_error() -> None:
    for pattern, error in ((Markup("{}{}"), IndexError), (Markup("{other}"), KeyError), (Markup("{"), ValueError)):
        with pytest.raises(error):
            pattern.format("x", name="y")
