"""Texts that are shortened and lists that end where the room does: no letter is cut, and nothing is hidden."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.categories import Catalogue, Category, Ground, Kind
from chalicelib.domain.senders import Sender
from chalicelib.markup import Markup
from chalicelib.web.alerts import ALERTS_OCTETS, still_arrives
from chalicelib.web.fitting import Either, Part, filled, leading, octets, shortened
from chalicelib.web.voices import Voice
from tests.heavy import HINDI, QUOTE, worst_sender

ELLIPSIS = "\u2026"


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("Offers", 6, "Offers"),
        ("Offers!", 6, f"Off{ELLIPSIS}"),
        ("One two", 7, "One two"),
        ("One twos", 7, f"One{ELLIPSIS}"),
        ("'''", 15, "'''"),
        ("'''", 14, f"''{ELLIPSIS}"),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", 12, f"\u0939\u093f{ELLIPSIS}"),  # Hindi: no letter without its vowel
        ("ae\u0301e\u0301", 6, f"a{ELLIPSIS}"),
        ("\U0001f44d\U0001f3fd\U0001f44d\U0001f3fd", 11, f"\U0001f44d\U0001f3fd{ELLIPSIS}"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 17, ELLIPSIS),  # one family
        ("abc", 0, ELLIPSIS),
    ],
)
def test_a_text_is_shortened_between_its_letters(text: str, most: int, shown: str) -> None:
    assert shortened(text, most) == shown


@given(st.text(), st.integers(3, 60))
def test_what_is_shortened_fits_and_is_how_the_text_begins(text: str, most: int) -> None:
    shown = shortened(text, most)
    assert octets(shown) <= most
    assert shown == text or (octets(text) > most and text.startswith(shown[:-1]))


def test_markup_counts_as_it_is_and_text_as_it_is_escaped() -> None:
    assert [octets("<b>"), octets(Markup("<b>")), octets("\u00e9")] == [9, 3, 2]


@pytest.mark.parametrize(
    ("room", "taken"), [(0, "a"), (2, "a"), (3, "a bb"), (5, "a bb"), (6, "a bb ccc"), (99, "a bb ccc")]
)
def test_the_first_comes_whatever_the_room_is(room: int, taken: str) -> None:
    assert leading(["a", "bb", "ccc"], room) == taken.split()


@pytest.mark.parametrize(
    ("room", "said"),
    [
        (99, "News, Offers and Tips"),
        (10, "News, Offers and 1 more"),
        (9, "News and 2 more"),
        (3, "News and 2 more"),
    ],
)
def test_names_that_have_no_room_are_counted(room: int, said: str) -> None:
    assert Voice().listed(["News", "Offers", "Tips"], room) == said


@pytest.mark.parametrize("is_slim", [True, False])
def test_what_fills_a_page_gets_what_the_others_leave(*, is_slim: bool) -> None:
    rooms = []

    def fill(room: int) -> Markup:
        rooms.append(room)
        return Markup("<i>")

    parts: list[Part] = [fill, "&", Either(Markup("<whole>"), Markup("<s>")), fill]
    assert [*filled(parts, 100, is_slim=is_slim)] == ["<i>", "&", "<s>" if is_slim else "<whole>", "<i>"]
    first = 100 - len("&amp;") - len("<s>" if is_slim else "<whole>") - 2
    assert rooms == [first, first - len("<i>") - 1]


def alerts(*names: str, description: str = "", grounds: tuple[Ground, ...] = (Ground.SAFETY,)) -> Sender:
    made = (
        Category(f"a{at}", at + 1, Kind.SERVICE_ALERT, name, description, ground=grounds[at % len(grounds)])
        for at, name in enumerate(names)
    )
    return Sender("testsend", "Test", Catalogue(tuple(made)), bytes(32))


def told(sender: Sender) -> list[str]:
    return [html.unescape(line) for line in re.findall("<li>(.*?)</li>", still_arrives(Voice(), sender))]


def test_what_still_arrives_is_told_one_by_one_with_a_description() -> None:
    assert [line.count("<br>") for line in told(alerts("A", "B", description="About it."))] == [2, 2]


def test_then_without_descriptions() -> None:
    assert [line.count("<br>") for line in told(alerts("A", "B", "C", description="x" * 500))] == [1, 1, 1]


def test_then_by_reason_with_every_name_or_its_number() -> None:
    """F3: no reason is left out, and none is left out of the count."""
    lines = told(alerts(*(f"Kind {at}" for at in range(150)), grounds=tuple(Ground)))

    assert len(lines) == len(Ground)
    assert all("You cannot stop these, because" in line for line in lines)
    assert len({line.rpartition("because")[2] for line in lines}) == len(Ground)
    assert sum(line.count("Kind") + int(re.findall(r"and (\d+) more", line)[0]) for line in lines) == 150


@pytest.mark.parametrize("letter", [QUOTE, HINDI])
def test_what_still_arrives_has_its_own_bound(letter: str) -> None:
    assert octets(still_arrives(Voice(), worst_sender("testsend", letter))) <= ALERTS_OCTETS * 4 / 3
