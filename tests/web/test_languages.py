"""Which language a page speaks, and that it speaks no other."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import product
from typing import TYPE_CHECKING, ClassVar

import polib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import app
from chalicelib.domain.acts import PARTS, Via
from chalicelib.domain.categories import Category, Kind
from chalicelib.domain.senders import Sender
from chalicelib.tokens import PREFERENCES_DAYS, Purpose
from chalicelib.web.answers import trouble
from chalicelib.web.happenings import happened, registers_in_words
from chalicelib.web.languages import OFFERED, SOURCE, Languages, accepted, negotiated
from chalicelib.web.voices import Voice, plain, voice_for
from tests.api.test_problems import KINDS, made
from tests.site import ADDRESS, CATALOGUE, CODE, DAY, Site
from tests.web.catalogues import extracted
from tests.web.test_history import every_kind_by, folded
from tests.web.test_pages import HOSTILE, PAGES, Document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chalicelib.domain import errors

FORM = "application/x-www-form-urlencoded"


class TestNegotiation:
    @pytest.mark.parametrize(
        ("header", "code"),
        [
            ("de", "de"),
            ("de-AT", "de"),
            ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
            ("en;q=0.5, fr;q=0.9", "fr"),
            ("da, sv;q=0.8, en;q=0.7", "sv"),
            ("zh-TW,zh;q=0.9,en-US;q=0.8", "zh"),
            ("zh-TW", "zh"),
            ("zh-Hant-HK", "zh"),
            ("zh-TW,zh-Hant;q=0.9", "zh"),
            ("zh-TW,zh-Hant;q=0.9,en-TW;q=0.8,ja;q=0.7", "en"),
            ("zh-HK, fr;q=0.1", "fr"),
            ("zh-MO, da;q=0.5", "zh"),
            ("zh-Hant, zh-Hant-MO;q=0.8, ja;q=0.1", "ja"),
            ("fr, zh-Hant;q=0.9", "fr"),
            ("zh-Hans-TW, en;q=0.5", "zh"),
            ("zh-Hant-CN, en;q=0.5", "en"),
            ("zh-CN, en;q=0.5", "zh"),
            ("zh-SG, en;q=0.5", "zh"),
            ("zh, en;q=0.5", "zh"),
            ("zh-TW;q=0, zh;q=0.5", "zh"),
            ("de-TW, en;q=0.5", "de"),
            ("iw-IL", "he"),
            ("FR-ca", "fr"),
            ("de;q=0, fr;q=0.1", "fr"),
            ("de;q=0", "en"),
            ("*", "en"),
            ("da, *;q=0.5", "en"),
            ("", "en"),
            ("xx", "en"),
            ("dexx", "en"),
            ("de;q=2, it", "it"),
            ("de;q=x, it;q=0.1", "it"),
            ("de ; q=0.3 ,\tit;q=0.2", "de"),
            (",,;q=1,de", "de"),
            ("fr;q=0.8, de;q=0.8", "fr"),
            ("'\"<script>, ja", "ja"),
            ("a" * 5_000 + ",de", "en"),
        ],
    )
    def test_of_what_a_browser_asks(self, header: str, code: str) -> None:
        assert negotiated(accepted(header)).code == code

    @pytest.mark.parametrize(("default", "code"), [("ja", "ja"), ("pt-br", "pt"), ("da", "en")])
    def test_where_nothing_fits_the_sender_decides(self, default: str, code: str) -> None:
        assert negotiated(accepted("da"), default).code == code
        assert negotiated(accepted("da, fr;q=0.1"), default).code == "fr"
        assert negotiated(accepted("da, zh-TW;q=0.1"), default).code == "zh"

    @given(st.text(max_size=60) | st.from_regex(r"([a-z]{2}(-[a-z]{2})?(;q=[01](\.[0-9]{1,4})?)?,? ?){0,9}"))
    def test_whatever_is_sent_there_is_a_language(self, header: str) -> None:
        assert negotiated(accepted(header)).code in OFFERED
        assert all(tag == tag.lower() and "*" not in tag for tag in accepted(header))

    def test_what_was_chosen_comes_first(self) -> None:
        assert voice_for(Languages(), "de", "ja").language.code == "ja"
        for unknown in ("", "xx", "DE", "de-AT", "../de", "<b>"):
            assert voice_for(Languages(), "fr", unknown).language.code == "fr"


class TestNames:
    NAMES: ClassVar = {"de": "Angebote", "pt-br": "Ofertas BR", "zh-hant": "優惠", "fr-ca": "Offres CA"}

    def said(self, header: str, default: str = "en", chosen: str = "") -> str:
        voice = voice_for(Languages(), header, chosen)
        return str(replace(voice, default=default).named(self.NAMES, "Offers"))

    @pytest.mark.parametrize(
        ("header", "said"),
        [
            ("de", "Angebote"),
            ("de-AT", "Angebote"),
            ("pt-BR", "Ofertas BR"),
            ("pt-PT", "Ofertas BR"),
            ("fr", "Offres CA"),
            ("zh-CN", "<bdi>優惠</bdi>"),
            ("en", "Offers"),
            ("it", '<bdi lang="en">Offers</bdi>'),
            ("ar", '<bdi lang="en">Offers</bdi>'),
        ],
    )
    def test_the_best_of_what_the_sender_has(self, header: str, said: str) -> None:
        assert self.said(header) == said

    def test_a_fallback_says_which_language_it_is(self) -> None:
        """WCAG 3.1.2."""
        assert self.said("it", "nl-be") == '<bdi lang="nl-be">Offers</bdi>'
        assert self.said("nl", "nl-be") == "Offers"
        assert self.said("en", "nl-be") == '<bdi lang="nl-be">Offers</bdi>'

    def test_names_are_set_apart_on_a_page_from_right_to_left(self) -> None:
        assert str(Voice(language=OFFERED["he"], default="he").named({}, "Offers")) == "<bdi>Offers</bdi>"


def masqueraded(text: str) -> str:
    """A message in a language of letters that no other text has."""
    return "".join(
        part if part.startswith("{") else re.sub("[A-Za-z]", lambda letter: chr(ord(letter[0]) + 0xFEE0), part)
        for part in re.split(r"(\{\w+\})", text)
    )


@pytest.fixture
def masked_ball(tmp_path: Path) -> Iterator[Languages]:
    """Every message in other letters, and no other text."""
    catalogue = polib.POFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=utf-8", "Plural-Forms": "nplurals=2; plural=(n != 1);"}
    for message in extracted():
        if isinstance(message.id, tuple | list):
            forms = dict(enumerate(map(masqueraded, message.id)))
            catalogue.append(polib.POEntry(msgid=message.id[0], msgid_plural=message.id[1], msgstr_plural=forms))
        elif message.id:
            catalogue.append(polib.POEntry(msgid=message.id, msgstr=masqueraded(message.id)))
    catalogue.save(str(tmp_path / "de.po"))
    former, app.languages = app.languages, Languages(tmp_path)
    yield app.languages
    app.languages = former


class Words(HTMLParser):
    """All that a reader reads or hears of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self._where: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self._where += [] if tag in {"meta", "input", "br", "link", "img"} else [tag]
        self.said += [str(told[name]) for name in ("aria-label", "alt", "title", "placeholder") if name in told]

    def handle_endtag(self, tag: str) -> None:
        self._where.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self._where and "nav" not in self._where:
            self.said.append(data)


OF_THE_SENDER = (HOSTILE, "</style><style>*{}", "d**r@e*****.com", "Test & Sons", "News <b>", "Offers", "Alerts")


def foreign_letters(said: list[str]) -> list[str]:
    """What is neither from a catalogue nor the sender's own."""
    for own in OF_THE_SENDER:
        said = [text.replace(own, "") for text in said]
    return [text for text in said if re.search(r"[^\W\d_]", re.sub("[\uff21-\uff3a\uff41-\uff5a]", "", text))]


class TestNoTextOutsideTheCatalogues:
    @pytest.mark.parametrize("name", PAGES)
    def test_of_a_page(self, site: Site, masked_ball: Languages, name: str) -> None:
        method, path, body = PAGES[name](site)

        answer = site.client.http.request(method, path, headers={"Accept-Language": "de"}, body=body)

        assert foreign_letters(Words(answer.body.decode()).said) == []
        assert any("\uff41" <= letter <= "\uff5a" for letter in answer.body.decode())

    def test_the_test_sees_what_is_outside(self) -> None:
        assert foreign_letters([masqueraded("All is well, {x}.").format(x="Offers")]) == []
        assert foreign_letters(["\uff41 well"]) == ["\uff41 well"]
        assert foreign_letters(["ééé"]) == ["ééé"]
        assert Words('<main><p title="a">b<br>c</p></main>').said == ["a", "b", "c"]

    @pytest.mark.parametrize("kind", KINDS)
    def test_of_an_error(self, masked_ball: Languages, kind: type[errors.SignoffError]) -> None:
        error = made(kind)
        error.__dict__.update(retry_after=2, allowed=("GET",))
        said = Words(trouble(voice_for(masked_ball, "de", ""), error).body).said
        assert foreign_letters(said) == []
        assert len("".join(said)) > 40

    @pytest.mark.parametrize(("via", "kind"), list(product(Via, PARTS)))
    def test_of_what_happened(self, masked_ball: Languages, via: Via, kind: type) -> None:
        voice, sender = voice_for(masked_ball, "de", ""), Sender(CODE, "Test & Sons", CATALOGUE, bytes(32))
        told = every_kind_by(via, kind)
        said = [*happened(voice, sender, told), *registers_in_words(voice, sender, folded(told))]
        assert foreign_letters([plain(text) for text in said]) == []

    def test_of_the_data_to_download(self, site: Site, masked_ball: Languages) -> None:
        site.post(f"/u/{site.token(2)}")
        path = f"/p/{site.token(1, Purpose.PREFERENCES)}/data"
        answer = site.post(path, f"address={ADDRESS}".encode(), Content_Type=FORM, Accept_Language="de")
        told = answer.json_body
        said = [*told["kept"]["in_words"], *(text for entry in told["history"] for text in entry["in_words"])]
        assert len(said) == 2
        assert foreign_letters(said) == []


@pytest.mark.parametrize(("name", "code"), list(product(PAGES, OFFERED)))
def test_a_page_says_which_language_it_is_and_is_light_in_each(site: Site, name: str, code: str) -> None:
    """F2: `lang` and `dir`; the catalogue itself is another test's."""
    method, path, body = PAGES[name](site)

    answer = site.client.http.request(method, path, headers={"Accept-Language": f"{code}-XX,en;q=0.5"}, body=body)

    language, text = OFFERED[code], answer.body.decode()
    assert Document(text).all("html") == [{"lang": language.html_tag, "dir": language.direction}]
    assert len(answer.body) <= 14_000
    assert f'<span aria-current="true">{language.name}</span>' in text
    assert len(re.findall(r'<a href="\?[^"]*lang=\w+" lang="', text)) == len(OFFERED) - 1


def test_the_sender_decides_for_who_asks_for_none_of_ours(site: Site) -> None:
    sender = site.service.senders.get(CODE)
    profile = replace(sender.profile, default_language="nl", languages=("nl", "fr"))
    dutch = replace(
        sender,
        code="dutchsen",
        profile=profile,
        catalogue=replace(
            sender.catalogue,
            categories=(Category("news", 1, Kind.OPTIONAL, "Nieuws"), *sender.catalogue.categories[1:]),
        ),
    )
    site.service.senders.create(dutch)

    page = site.client.http.get("/o/dutchsen", headers={"Accept-Language": "da"}).body.decode()

    assert '<html lang="nl" dir="ltr">' in page
    order = re.findall(r'(?:lang="|current=")([\w-]+)">', page.partition("<nav")[2])
    assert order[:2] == ["fr", "true"], "the sender's own languages come first"


def test_an_old_link_speaks_the_language_too(site: Site) -> None:
    token = site.token(1, Purpose.PREFERENCES)
    site.clock.milliseconds += (PREFERENCES_DAYS + 1) * DAY
    answer = site.client.http.get(f"/p/{token}?lang=ko")
    assert '<html lang="ko"' in answer.body.decode()


def test_english_reads_no_file(tmp_path: Path) -> None:
    assert Voice(languages=Languages(tmp_path)).say("Undo") == "Undo"
    assert SOURCE == "en"
