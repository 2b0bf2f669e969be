"""What a sender tells of its mail and itself: texts in languages, profiles, images, changes of a catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.categories import MAX_OCTETS, Catalogue, Category, Ground, Kind
from chalicelib.domain.errors import CategoryRefused, InvalidRequest, SignoffError
from chalicelib.domain.images import MAX_OCTETS as MAX_IMAGE
from chalicelib.domain.images import logo_of
from chalicelib.domain.profiles import Profile
from chalicelib.domain.senders import Sender
from chalicelib.domain.texts import language_of, merged
from chalicelib.store.senders import dump_catalogue
from tests.images import IMAGES, NO_IMAGES, png

NEWS = Category("news", 1, Kind.OPTIONAL, "News", names={"de": "Neues", "fr": "Nouvelles"})
ALERTS = Category("alerts", 2, Kind.SERVICE_ALERT, "Alerts", ground=Ground.SAFETY)
BOTH = Catalogue((NEWS, ALERTS))
SENDER = Sender("testsend", "Test", BOTH, bytes(32))

LINES = ["News", "Neues für dich", "خبرهای ما\u200c", "Offres\u00a0!", "👩\u200d💻", "\u200f\u05d0"]
NO_LINES = [
    "",
    " ",
    "\u00a0",
    "\u200d",
    "a\nb",
    "a\r",
    "a\u2028b",
    "\u202eabc",
    "\u2066x",
    "\u200b",
    "\u3164",
    "\u2800\u115f\uffa0",
    "\ufeffx",
    "a\u0085",
]


@pytest.mark.parametrize("text", LINES)
def test_a_line_of_any_language(text: str) -> None:
    assert replace(NEWS, name=text, names={"de": text}).name == text
    assert replace(SENDER, name=text).name == text


@pytest.mark.parametrize("text", NO_LINES)
def test_a_text_that_is_no_line_is_told_by_its_place(text: str) -> None:
    for change, pointer in (({"name": text}, "/name"), ({"names": {"de": text}}, "/names/de")):
        for value in (NEWS, SENDER if "name" in change else SENDER.profile):
            with pytest.raises(InvalidRequest) as caught:
                replace(value, **change)
            assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"description": "a\nb"}, "/description"),
        ({"description": "x" * 501}, "/description"),
        ({"names": {"DE": "x"}}, "/names"),
        ({"names": {f"a{chr(97 + n // 26)}{chr(97 + n % 26)}": "x" for n in range(51)}}, "/names"),
        ({"descriptions": {"pt-br": "x" * 501}}, "/descriptions/pt-br"),
    ],
)
def test_a_field_that_cannot_be_is_told_by_its_place(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        replace(NEWS, **change)
    assert caught.value.pointer == pointer


TAGS = {"de": "de", "pt-BR": "pt-br", "zh-Hant-TW": "zh-hant-tw", "es-419": "es-419", "sl-rozaj-1994": "sl-rozaj-1994"}
NO_TAGS = ["", "d", "de_AT", "de-", "-de", "x-own", "deutsch", "de at", "d€", "de\n", "a" * 36, "dana@example.com"]


@pytest.mark.parametrize("tag", TAGS)
def test_a_language_tag_is_lower_cased(tag: str) -> None:
    assert language_of(tag, "") == TAGS[tag]


@pytest.mark.parametrize("tag", [*NO_TAGS, "de-" * 12 + "de"])
def test_no_language_tag(tag: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        language_of(tag, "/names")
    assert "example.com" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"languages": ()}, "/languages"),
        ({"languages": ("en", "en")}, "/languages"),
        ({"languages": ("en", "DE")}, "/languages/1"),
        ({"languages": ("en", "nope!")}, "/languages/1"),
        ({"default_language": "de"}, "/default_language"),
        ({"accent": "red"}, "/accent"),
        ({"accent": "#12345G"}, "/accent"),
        ({"accent": "#123456\n"}, "/accent"),
        ({"postal_address": ""}, "/postal_address"),
        ({"postal_address": "a\n\nb"}, "/postal_address"),
        ({"postal_address": "\n".join("a" * 11)}, "/postal_address"),
        ({"postal_address": "x" * 501}, "/postal_address"),
        ({"postal_address": "a\tb"}, "/postal_address"),
        *(
            ({"privacy_link": link}, "/privacy_link")
            for link in (
                "",
                "http://example.com",
                "https://",
                "https://user@example.com/",
                "https://user:pw@example.com/",
                "https://example.com/ x",
                'https://example.com/"',
                "https://example.com/<b>",
                "https://example.com\\@evil.example",
                "https://exämple.com",
                "https://-example.com",
                "https://example..com",
                "HTTPS://example.com",
                "javascript:alert(1)",
                "https://example.com/\n",
                "https://example.com/" + "a" * 1_000,
            )
        ),
    ],
)
def test_a_profile_that_cannot_be(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        replace(Profile(), **change)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    "link", ["https://example.com", "https://shop.example.com:8443/a/b?c=d#e", "https://example.com?x", "https://x"]
)
def test_a_privacy_link(link: str) -> None:
    assert Profile(privacy_link=link).privacy_link == link


def test_a_change_of_a_sender_drops_nothing_that_it_does_not_name() -> None:
    """H4."""
    full = SENDER.changing(
        {
            "names": {"de": "Prüfung", "fr": "Essai"},
            "languages": ("en", "de", "fr"),
            "accent": "#123456",
            "postal_address": "1 Road\nTown",
            "privacy_link": "https://example.com/privacy",
            "form_open": False,
        }
    )
    changed = full.changing({"name": "Other", "names": {"fr": None, "it": "Prova"}})
    assert changed.profile.names == {"de": "Prüfung", "it": "Prova"}
    assert changed == replace(full, name="Other", profile=replace(full.profile, names={"de": "Prüfung", "it": "Prova"}))
    assert full.changing({}) == full


def test_the_languages_keep_the_default_one() -> None:
    with pytest.raises(InvalidRequest) as caught:
        SENDER.changing({"languages": ("de",)})
    assert caught.value.pointer == "/languages"
    with pytest.raises(InvalidRequest) as caught:
        SENDER.changing({"default_language": "de"})
    assert caught.value.pointer == "/default_language"
    assert SENDER.changing({"languages": ("de",), "default_language": "de"}).profile.default_language == "de"


def test_a_new_category_has_the_next_number_and_says_what_it_is() -> None:
    made = BOTH.putting("offers", {"name": "Offers", "kind": Kind.OPTIONAL})
    assert made.get("offers") == Category("offers", 3, Kind.OPTIONAL, "Offers")
    assert [category.id for category in made.categories] == ["news", "alerts", "offers"]
    for name, fields in (("name", {"kind": Kind.OPTIONAL}), ("kind", {"name": "Offers"})):
        with pytest.raises(InvalidRequest) as caught:
            BOTH.putting("offers", fields)
        assert caught.value.pointer == f"/{name}"
    with pytest.raises(CategoryRefused):
        BOTH.putting("offers", {"name": "Offers", "kind": Kind.OPTIONAL, "number": 1})


def test_a_retired_number_is_never_given_again() -> None:
    """H3."""
    made = BOTH.putting("offers", {"name": "Offers", "kind": Kind.OPTIONAL}).retiring("offers")
    assert made.putting("more", {"name": "More", "kind": Kind.OPTIONAL}).get("more").number == 4
    revived = made.putting("offers", {"retired": False}).get("offers")
    assert (revived.number, revived.retired) == (3, False)


def test_a_partial_change_of_a_category_drops_nothing() -> None:
    """H4."""
    changed = BOTH.putting("news", {"names": {"de": None, "it": "Notizie"}, "description": "Weekly"}).get("news")
    assert changed == replace(NEWS, names={"fr": "Nouvelles", "it": "Notizie"}, description="Weekly")
    assert BOTH.putting("news", {}) == BOTH


def test_a_service_alert_that_becomes_optional_leaves_its_ground() -> None:
    """H10, C7: only a service alert has one."""
    more = BOTH.putting("more", {"name": "More", "kind": Kind.SERVICE_ALERT, "ground": Ground.DELIVERY})
    assert more.putting("alerts", {"kind": Kind.OPTIONAL}).get("alerts").ground is None
    with pytest.raises(CategoryRefused):
        more.putting("alerts", {"kind": Kind.OPTIONAL, "ground": Ground.SAFETY})
    with pytest.raises(CategoryRefused):
        BOTH.putting("alerts", {"kind": Kind.OPTIONAL})
    with pytest.raises(CategoryRefused):
        BOTH.putting("alerts", {"retired": True})
    for catalogue in (BOTH, BOTH.retiring("news")):
        with pytest.raises(CategoryRefused):
            catalogue.putting("news", {"kind": Kind.SERVICE_ALERT, "ground": Ground.SAFETY, "retired": False})


def test_an_order_names_every_category_once() -> None:
    assert BOTH.ordering(["alerts", "news"]).categories == (ALERTS, NEWS)
    for order in ([], ["news"], ["news", "news"], ["news", "alerts", "alerts"], ["news", "other"]):
        with pytest.raises(InvalidRequest) as caught:
            BOTH.ordering(order)
        assert caught.value.pointer == "/order"


@pytest.mark.parametrize("letter", ["x", "ü", '"'])
def test_all_texts_together_fit_the_row(letter: str) -> None:
    """DynamoDB holds 400 kB in an item; a quotation mark takes two octets in JSON."""
    catalogue = BOTH
    texts = {f"a{chr(97 + n // 26)}{chr(97 + n % 26)}": letter * 500 for n in range(50)}
    told = {"name": "x", "kind": Kind.OPTIONAL, "names": texts, "descriptions": texts}

    def fill() -> None:
        nonlocal catalogue
        for number in range(200):
            catalogue = catalogue.putting(f"c{number}", told)

    with pytest.raises(CategoryRefused):
        fill()
    assert len(catalogue.categories) == 2 + (4 if letter == "x" else 2)
    assert len(dump_catalogue(catalogue).encode()) < MAX_OCTETS + 10_000
    with pytest.raises(CategoryRefused):
        catalogue.putting("alerts", {"names": texts, "descriptions": texts})


TEXTS = st.dictionaries(st.sampled_from("abc"), st.text())
CHANGES = st.dictionaries(st.sampled_from("bcd"), st.none() | st.text())


@given(TEXTS, CHANGES)
def test_what_is_merged_is_what_is_named(before: dict[str, str], changes: dict[str, str | None]) -> None:
    after = merged(before, changes)
    assert all(after.get(tag) == text for tag, text in changes.items())
    assert all(after[tag] == text for tag, text in before.items() if tag not in changes)


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_known_by_its_octets(name: str) -> None:
    octets, media_type = IMAGES[name]
    logo = logo_of(octets)
    assert (logo.type, logo.width, logo.height, logo.octets) == (media_type, 3, 2, len(octets))


@pytest.mark.parametrize("name", NO_IMAGES)
def test_what_is_no_image_is_refused(name: str) -> None:
    with pytest.raises(SignoffError):
        logo_of(NO_IMAGES[name][0])


def test_the_largest_image() -> None:
    rest = MAX_IMAGE - len(png(2_000, 2_000))
    assert logo_of(png(2_000, 2_000, extra=bytes(rest))).octets == MAX_IMAGE


@given(st.sampled_from([octets for octets, _ in IMAGES.values()]), st.data())
def test_no_octets_bring_it_down(octets: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(octets)))
    changed = octets[:place] + data.draw(st.binary(max_size=40)) + octets[data.draw(st.integers(0, len(octets))) :]
    try:
        logo = logo_of(changed)
    except SignoffError:
        return
    assert 1 <= logo.width <= 2_000
    assert 1 <= logo.height <= 2_000
