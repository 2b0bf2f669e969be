"""Which language a page speaks, that it speaks no other, and that the choice is kept and costs nothing."""

from __future__ import annotations

import html
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
from chalicelib.domain.acts import PARTS, Act, Consented, Via
from chalicelib.domain.addresses import parse_address
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

    from chalice.test import HTTPResponse

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
            ("zh-Hant-HK", "zh"),
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
    offered = len(re.findall(r'<a href="\?[^"]*lang=\w+" lang="', text))
    if name == "form, done":
        assert offered == 0, "no link leads to what came of the form"
    else:
        assert f'<span aria-current="true">{language.name}</span>' in text
        assert offered == len(OFFERED) - 1


def chosen(answer: HTTPResponse, code: str) -> str:
    """Where a page leads who chooses this language."""
    [query] = re.findall(rf'<a href="(\?[^"]*lang={code})"', answer.body.decode())
    return html.unescape(query)


class TestTheChoice:
    def test_is_kept_by_every_link_and_form(self, site: Site) -> None:
        for name, make in PAGES.items():
            method, path, body = make(site)
            asked = f"{path}{'&' if '?' in path else '?'}lang=ja"
            page = Document(site.client.http.request(method, asked, headers={}, body=body).body.decode())
            assert page.all("html") == [{"lang": "ja", "dir": "ltr"}], name
            ours = [str(form["action"]) for form in page.all("form")]
            ours += [str(link["href"]) for link in page.all("a") if str(link["href"]).startswith("/")]
            assert all(target.endswith(("?lang=ja", "&lang=ja")) for target in ours), name

    def test_is_in_no_url_until_it_is_made(self, site: Site) -> None:
        token = site.token(1, Purpose.PREFERENCES)
        page = Document(site.client.http.get(f"/p/{token}", headers={"Accept-Language": "ja"}).body.decode())
        ours = [str(form["action"]) for form in page.all("form")]
        ours += [str(link["href"]) for link in page.all("a") if not str(link["href"]).startswith("?")]
        assert ours
        assert not [target for target in ours if "lang" in target]

    @pytest.mark.parametrize("path", ["/u/{}", "/u/{}/all"])
    @pytest.mark.parametrize("purpose", list(Purpose))
    def test_on_the_page_of_an_opt_out_shows_it_again(self, site: Site, path: str, purpose: Purpose) -> None:
        where = path.format(site.token(1, purpose))
        done = site.post(where)
        entries = site.entries()

        answer = site.client.http.get(where + chosen(done, "de"))

        assert b"abgemeldet" in answer.body
        assert (b"/undo" in answer.body) is (b"/undo" in done.body) is (purpose is Purpose.PREFERENCES)
        assert site.entries() == entries
        assert chosen(answer, "fr") == chosen(done, "fr")

    def test_on_the_page_of_what_was_saved_offers_its_undo_still(self, site: Site) -> None:
        path = f"/p/{site.token(1, Purpose.PREFERENCES)}"
        saved = site.post(path, b"shown=news&before=news&version=0", Content_Type=FORM)
        [act] = re.findall('name="act" value="([^"]+)"', saved.body.decode())

        answer = site.client.http.get(path + chosen(saved, "de"))

        assert f'name="act" value="{act}"' in answer.body.decode()
        assert b'role="status"' in answer.body

    def test_after_something_newer_claims_nothing(self, site: Site) -> None:
        """H6: what a URL names is shown as done while it holds, and never because the URL says so."""
        token = site.token(1, Purpose.PREFERENCES)
        done = site.post(f"/u/{token}")
        [act] = re.findall('name="act" value="([^"]+)"', done.body.decode())
        site.post(f"/p/{token}/undo", f"act={act}".encode(), Content_Type=FORM)

        for path in (f"/u/{token}", f"/p/{token}"):
            answer = site.client.http.get(f"{path}?done={act}")
            assert b"unsubscribed" not in answer.body
            assert b'role="status"' not in answer.body

    def test_after_consent_claims_nothing(self, site: Site) -> None:
        """H6: the choice stands, and lets mail through all the same."""
        done = site.post(f"/u/{site.token(2)}")
        place = site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
        now = site.clock.milliseconds + DAY
        site.clock.milliseconds = now
        site.service.ledger.record(place, Act("a_c", Via.API, (Consented("offers", now, "a_c"),)))
        assert site.reasons()["offers"] is None

        answer = site.client.http.get(f"/u/{site.token(2)}{chosen(done, 'de')}")

        assert b'role="status"' not in answer.body

    def test_after_a_choice_beneath_all_claims_nothing(self, site: Site) -> None:
        token = site.token(1, Purpose.PREFERENCES)
        done = site.post(f"/u/{token}/all")
        site.post(f"/p/{token}", b"shown=offers&wanted=offers&version=1", Content_Type=FORM)
        assert site.reasons()["offers"] is None

        answer = site.client.http.get(f"/u/{token}/all{chosen(done, 'de')}")

        assert b'role="status"' not in answer.body

    def test_after_an_undo_and_an_erasure_says_again_what_came_of_it(self, site: Site) -> None:
        path = f"/p/{site.token(1, Purpose.PREFERENCES)}"
        stopped = site.post(path, b"shown=news&before=news&version=0", Content_Type=FORM)
        [act] = re.findall('name="act" value="([^"]+)"', stopped.body.decode())
        undone = site.post(f"{path}/undo", f"act={act}".encode(), Content_Type=FORM)
        erased = site.post(f"{path}/erase", f"address={ADDRESS}".encode(), Content_Type=FORM)

        again = site.client.http.get(f"{path}/undo{chosen(undone, 'de')}")
        assert b'role="status"' not in again.body, "an erasure came since"
        assert b'role="status"' in site.client.http.get(f"{path}/erase{chosen(erased, 'de')}").body

    @pytest.mark.parametrize("act", ["", "x", "o_nothing", "*", "<b>", "o_" + "a" * 400])
    def test_an_act_that_is_none_of_the_recipients_is_nothing(self, site: Site, act: str) -> None:
        other = site.token(1, Purpose.PREFERENCES, "ada@example.com")
        site.post(f"/u/{other}")
        token = site.token(1, Purpose.PREFERENCES)
        for path in (f"/u/{token}", f"/p/{token}"):
            plainly = site.client.http.get(path).body
            assert site.client.http.get(f"{path}?done={act}").body == plainly

    def test_somebody_elses_act_is_nothing(self, site: Site) -> None:
        other = site.post(f"/u/{site.token(1, Purpose.PREFERENCES, 'ada@example.com')}")
        [act] = re.findall('name="act" value="([^"]+)"', other.body.decode())
        for path in (f"/u/{site.token(1)}", f"/p/{site.token(1, Purpose.PREFERENCES)}"):
            assert site.client.http.get(f"{path}?done={act}").body == site.client.http.get(path).body

    def test_keeps_the_page_of_the_history(self, site: Site) -> None:
        path = f"/p/{site.token(1, Purpose.PREFERENCES)}"
        for number in range(12):
            wanted = b"&wanted=news" if number % 2 else b""
            before = b"" if number % 2 else b"&before=news"
            site.post(path, b"shown=news&version=%d" % number + before + wanted, Content_Type=FORM)
        page = site.client.http.get(f"{path}/history").body.decode()
        [older] = re.findall(r'href="(\?older=\d+)"', page)

        shown = site.client.http.get(f"{path}/history{older}")
        german = site.client.http.get(f"{path}/history{chosen(shown, 'de')}")

        assert german.body.count(b"<li>") == shown.body.count(b"<li>")
        assert chosen(german, "fr") == chosen(shown, "fr")


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
