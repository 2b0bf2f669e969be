"""The words by which the tests of the browser look for things are those of the pages."""

from __future__ import annotations

import pytest

from tests.browser import words
from tests.web.catalogues import extracted

SAID = {
    name: value
    for name, value in vars(words).items()
    if name.isupper() and name not in {"OFFERED", "SOURCE", "_LANGUAGES"}
}


@pytest.mark.parametrize("name", SAID)
def test_a_word_is_a_message_and_so_it_is_known_in_every_language(name: str) -> None:
    assert extracted().get(SAID[name])


def test_a_message_is_found_with_whatever_fills_it() -> None:
    assert words.spoken(words.STOP).match("Stop The Harbour Letter (again)")
    assert words.spoken(words.STOP, "de").match("Der Hafenbrief abbestellen")
    assert not words.spoken(words.SAVE).match("Saved.")
    assert not words.spoken(words.UNDO, "de").match("Undo")
