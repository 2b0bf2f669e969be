"""The catalogues: whole, in their canonical form, and right where a rule or CLDR says what is right."""

from __future__ import annotations

import re
import string
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from babel import Locale
from babel.dates import format_date
from babel.lists import format_list

from chalicelib.web.languages import LOCALE, OFFERED, SOURCE
from chalicelib.web.voices import Voice
from tests.web.catalogues import NOT_REVIEWED, codes, extracted, read, reviewed_by, updated

if TYPE_CHECKING:
    from babel.messages.catalog import Message

TEMPLATE = extracted()
CLDR = {**{code: code for code in OFFERED}, SOURCE: "en_GB"}
"""Our languages as CLDR calls them. English is written as it is everywhere but in North America."""


UNENDED = {"ja", "ko", "zh"}
"""Where the lines of a list end without a stop."""
SHARED = {("es", "Error: {title}")}
SERIAL = {"hi": (", और", " और")}
"""Where CLDR has a comma before the last of three, and people mostly have none, nor have we."""


def texts(message: Message) -> list[str]:
    found = message.string
    return [*found] if isinstance(found, tuple | list) else [found or ""]


def placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def sources(message: Message) -> list[str]:
    return [*message.id] if isinstance(message.id, tuple | list) else [message.id]


def every(code: str) -> list[Message]:
    return [message for message in read(code) if message.id]


def test_every_language_has_a_catalogue_and_no_other_has() -> None:
    assert sorted(file.name for file in LOCALE.iterdir()) == [f"{code}.po" for code in sorted(codes())]
    assert len(OFFERED) == 16


@pytest.mark.parametrize("code", codes())
def test_a_catalogue_is_what_the_pages_say_and_in_its_canonical_form(code: str) -> None:
    """After a message has changed: `make catalogues`, and translate what is empty then."""
    assert (LOCALE / f"{code}.po").read_bytes().decode() == updated(code, TEMPLATE).decode()


@pytest.mark.parametrize("code", codes())
def test_a_catalogue_has_no_gap(code: str) -> None:
    assert [message.id for message in every(code) if not all(text.strip() for text in texts(message))] == []
    assert [message.id for message in every(code) if message.fuzzy] == []
    assert {str(message.id) for message in every(code)} == {str(message.id) for message in TEMPLATE if message.id}


@pytest.mark.parametrize("code", codes())
def test_a_translation_has_the_placeholders_of_its_message(code: str) -> None:
    """Otherwise its page would be a page of trouble. A form for one or two may say the number in a word."""
    for message in every(code):
        wanted = placeholders(sources(message)[0])
        for text in texts(message):
            found = placeholders(text)
            assert set(found) <= set(wanted), (message.id, text)
            assert set(wanted) - set(found) <= ({"number"} if message.pluralizable else set()), (message.id, text)


@pytest.mark.parametrize("code", codes())
def test_a_translation_is_text_and_ends_as_its_message_does(code: str) -> None:
    for message in every(code):
        for text in texts(message):
            assert not re.search(r"[<>&\n]|  |^ | $", text), text
            ends = bool(re.search(r"[.。।]$", text))
            is_sentence = sources(message)[0].endswith(".")
            assert ends is is_sentence or (is_sentence and code in UNENDED), (message.id, text)


@pytest.mark.parametrize("code", codes())
def test_a_mail_is_not_torn_apart_at_its_hyphen(code: str) -> None:
    """A line may end behind a hyphen, and not behind U+2011, which looks the same."""
    assert [
        text for message in every(code) for text in texts(message) if re.search(r"(?i)\be-(?:mail|post)", text)
    ] == []


@pytest.mark.parametrize("code", codes())
def test_a_translation_is_not_the_message_itself(code: str) -> None:
    """But for what languages share."""
    same = [message.id for message in every(code) if texts(message)[0] == message.id and " " in str(message.id)]
    assert [
        text
        for text in same
        if (code, text) not in SHARED and re.search(r"[a-z]{2}", re.sub(r"\{\w+\}", "", str(text)))
    ] == []


@pytest.mark.parametrize("code", codes())
def test_the_head_says_who_reviewed_it(code: str) -> None:
    reviewed = reviewed_by(code)
    assert reviewed == NOT_REVIEWED or re.fullmatch(r"[^,]+, \d{4}-\d\d-\d\d", reviewed)


@pytest.mark.parametrize("code", codes())
def test_plural_forms_are_those_of_the_language(code: str) -> None:
    """Two numbers have one form where CLDR gives them one, and only there."""
    rule = Locale.parse(code).plural_form
    form = Voice(language=OFFERED[code])
    catalogue = form.languages.catalogue(form.language)
    pairs = {(rule(number), catalogue.plural(number)) for number in range(1, 201)}  # type: ignore[attr-defined]
    assert len(pairs) == len({name for name, _ in pairs}) == len({place for _, place in pairs})
    assert {len(texts(message)) for message in every(code) if message.pluralizable} == {read(code).num_plurals}


@pytest.mark.parametrize("code", OFFERED)
def test_dates_are_written_as_cldr_has_them(code: str) -> None:
    voice = Voice(language=OFFERED[code])
    for month in range(1, 13):
        for day in (1, 3, 28):
            at = int(datetime(2026, month, day, 23, 59, tzinfo=UTC).timestamp() * 1000)
            expected = format_date(date(2026, month, day), "long", locale=CLDR[code])
            assert str(voice.date(at)) == expected


@pytest.mark.parametrize("tag", ["en-us", "en-ca", "en-ph", "en-gb", "en-au", "en", "de", "de-us"])
def test_a_region_may_write_dates_in_its_own_way(tag: str) -> None:
    voice = Voice(language=OFFERED[SOURCE], ranges=(tag,))
    known = {"en": "en_GB", "de": "en_GB", "de-us": "en_GB"}.get(tag) or Locale.parse(tag, sep="-")
    assert str(voice.date(1_772_539_200_000)) == format_date(date(2026, 3, 3), "long", locale=known)


@pytest.mark.parametrize("code", OFFERED)
def test_lists_are_written_as_cldr_has_them(code: str) -> None:
    voice = Voice(language=OFFERED[code])
    for names in (["A"], ["A", "B"], ["A", "B", "C"], ["A", "B", "C", "D"]):
        expected = format_list(names, locale=CLDR[code])
        if code in SERIAL:
            expected = expected.replace(*SERIAL[code])
        assert str(voice.listed(names)) == expected
    assert voice.listed([]) == ""
