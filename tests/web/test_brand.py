"""What a sender puts around its pages: shown as it is, never markup, never style, and at no cost."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import app
from chalicelib.domain.images import Logo, logo_of
from chalicelib.domain.profiles import Profile
from chalicelib.domain.senders import Sender
from chalicelib.store.operations import Claim
from chalicelib.tokens import Purpose
from chalicelib.use_cases.describing import Edit, change_profile, put_logo
from chalicelib.web.answers import page
from chalicelib.web.brand import brand_of
from chalicelib.web.styles import DARK, LIGHT, OWN_ACCENT, SHEET, squeezed, style_of
from chalicelib.web.voices import Voice
from tests.images import IMAGES, png
from tests.site import CATALOGUE, CODE, Site
from tests.store.faults import FaultyPool
from tests.web.test_pages import Document

if TYPE_CHECKING:
    from chalice.app import Response
    from chalice.test import HTTPResponse

VOICE = Voice("/api")
FULL = {
    "accent": "#e4572e",
    "postal_address": "Test & Sons Ltd\n12 <Quay> Street",
    "privacy_link": "https://example.com/privacy?a=1&b=2",
}


def branded(profile: Profile, name: str = "Test & Sons") -> Response:
    sender = Sender(CODE, name, CATALOGUE, bytes(32), profile=profile)
    return page(VOICE, "Title", brand=brand_of(VOICE, sender))


def fill(site: Site) -> Logo:
    change_profile(Edit(site.service, CODE, Claim(1, is_new=True, nonce="profile")), FULL)
    return put_logo(Edit(site.service, CODE, Claim(1, is_new=True, nonce="logo")), png(60, 20))[0]


def pages(site: Site) -> dict[str, HTTPResponse]:
    one_click, footer = site.token(), site.token(purpose=Purpose.PREFERENCES)
    return {
        "unsubscribe": site.client.http.get(f"/u/{one_click}"),
        "done": site.post(f"/u/{footer}"),
        "all": site.post(f"/u/{footer}/all"),
        "preferences": site.client.http.get(f"/p/{footer}"),
        "saved": site.post(f"/p/{footer}", b"shown=news"),
        "a broken form": site.post(f"/p/{footer}", b""),
        "a header's link": site.client.http.get(f"/p/{one_click}"),
        "form": site.client.http.get(f"/o/{CODE}"),
        "form, wrong": site.post(f"/o/{CODE}", b"address=x"),
        "form, done": site.post(f"/o/{CODE}", b"address=a%40example.com"),
        "form, too long": site.post(f"/o/{CODE}", b"x" * 60_000),
    }


def test_every_page_that_knows_its_sender_shows_it(site: Site) -> None:
    logo = fill(site)
    for name, answer in pages(site).items():
        body = answer.body.decode()
        header = re.search("<header>(.*?)</header>", body)
        footer = re.search("<footer>(.*?)(?:<nav |</footer>)", body)
        assert header, name
        assert footer, name
        path = f"/api/l/{CODE}/{logo.sha256[:32]}"
        image = f'<img src="{path}" width="120" height="40" alt="" referrerpolicy="no-referrer">'
        assert header[1] == f"{image}<span>Test &amp; Sons</span>"
        assert footer[1] == (
            "<address>Test &amp; Sons Ltd<br>12 &lt;Quay&gt; Street</address>"
            '<p><a href="https://example.com/privacy?a=1&amp;b=2" rel="noreferrer">Privacy notice</a></p>'
        )
        assert "--act:#e4572e;--on-act:#000000" in body
        assert "img-src 'self' data:;" in answer.headers["Content-Security-Policy"]


def test_a_page_of_a_sender_without_a_logo_may_load_no_image(site: Site) -> None:
    answer = site.client.http.get(f"/o/{CODE}")

    assert b"<header><span>Test &amp; Sons</span></header>" in answer.body
    assert b"<footer><address>Test &amp; Sons</address><nav " in answer.body
    assert "img-src data:;" in answer.headers["Content-Security-Policy"]


def test_trouble_shows_the_sender_without_a_read(site: Site) -> None:
    """While the store is away a page names the sender where it is remembered, and does without it where not."""
    fill(site)
    token = site.token()
    assert site.client.http.get(f"/u/{token}").status_code == 200
    for table in (site.tables.names.recipients, site.tables.names.control):
        site.tables.client.update_table(TableName=table, DeletionProtectionEnabled=False)
        site.tables.client.delete_table(TableName=table)

    known = site.post(f"/u/{token}")
    app._service = replace(site.service)
    unknown = site.post(f"/u/{token}")

    assert known.status_code == unknown.status_code == 503
    assert b"<header>" in known.body
    assert b"<header>" not in unknown.body


@pytest.mark.parametrize(
    ("path", "most"),
    [("/u/{one_click}", 1), ("/u/{footer}", 1), ("/p/{footer}", 2), (f"/o/{CODE}", 1), (f"/l/{CODE}/{{logo}}", 1)],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_branding_costs_no_read(site: Site, method: str, path: str, most: int) -> None:
    """A7: a container that has just begun reads the sender, the centre the recipient too, and nothing is written."""
    logo = fill(site).sha256[:32]
    path = path.format(one_click=site.token(), footer=site.token(purpose=Purpose.PREFERENCES), logo=logo)
    app._service = service = replace(site.service)
    service._wire.pool = pool = FaultyPool(service._wire.pool)

    assert site.client.http.request(method, path).status_code == 200

    assert [operation for operation, _ in pool.calls] == ["BatchGetItem"] * most


@pytest.mark.parametrize("accent", [None, "#000000", "#ffffff", "#ffff00"])
def test_the_hash_in_the_policy_is_that_of_the_style_on_the_page(accent: str | None) -> None:
    """F4."""
    answer = branded(Profile(accent=accent))

    [style] = re.findall("<style>(.*?)</style>", answer.body)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in answer.headers["Content-Security-Policy"]


CHARACTERS = st.one_of(st.sampled_from(list("<>\"'&{};:/\\#=()`!- styleimgonrcxd*")), st.characters(codec="utf-8"))
LINES = st.text(CHARACTERS, min_size=1, max_size=80)


@given(name=LINES, lines=st.lists(LINES, min_size=1, max_size=3), colour=st.integers(0, 0xFFFFFF), link=LINES)
def test_no_branding_injects_markup_or_style(name: str, lines: list[str], colour: int, link: str) -> None:
    """Whatever the rules for profiles let through: the elements of the page, its attributes and its style are ours."""
    profile = Profile(accent=f"#{colour:06x}", logo=logo_of(png(3, 2)))
    object.__setattr__(profile, "postal_address", "\n".join(lines))  # what the rules refuse, too
    object.__setattr__(profile, "privacy_link", link)
    sender = Sender(CODE, "x", CATALOGUE, bytes(32), profile=profile)
    object.__setattr__(sender, "name", name)

    answer = page(VOICE, "Title", brand=brand_of(VOICE, sender))

    found = [(tag, sorted(told)) for tag, told in Document(answer.body).found if tag not in MANY]
    assert found == SHAPE
    assert re.findall("<style>(.*?)</style>", answer.body) == [style_of(SHEET, profile.accent, has_image=True).text]
    assert all(str(value).isascii() and str(value).isprintable() for value in answer.headers.values())


MANY = {"br", "bdi"}  # as many as there are lines
SHAPE = [
    (tag, sorted(told))
    for tag, told in Document(
        str(branded(Profile(privacy_link="https://example.com", logo=logo_of(png(3, 2)))).body)
    ).found
    if tag not in MANY
]


@given(st.integers(0, 0xFFFFFF))
def test_a_style_has_no_more_than_two_colours_of_a_sender(colour: int) -> None:
    """What changes from sender to sender is four times six digits."""
    mine, own = (style_of(SHEET, accent, has_image=False).text for accent in (f"#{colour:06x}", OWN_ACCENT))

    assert re.sub(r"act:#[0-9a-f]{6}", "act:", mine) == re.sub(r"act:#[0-9a-f]{6}", "act:", own)


@pytest.mark.parametrize(("sides", "shown"), [((40, 40), "40 40"), ((96, 96), "40 40"), ((2_000, 10), "160 1")])
def test_a_logo_has_its_place_before_it_comes(sides: tuple[int, int], shown: str) -> None:
    body = branded(Profile(logo=logo_of(png(*sides)))).body

    assert " ".join(re.findall(r'(?:width|height)="(\d+)"', body)) == shown


def test_an_address_that_begins_with_the_name_does_not_say_it_twice() -> None:
    assert "<address>Test &amp; Sons Inc<br>Town" in branded(Profile(postal_address="Test & Sons Inc\nTown")).body
    assert "<address>Test &amp; Sons<br>1 Road" in branded(Profile(postal_address="1 Road")).body


def test_the_sheets_are_small_and_have_the_colours_that_accents_are_fitted_to() -> None:
    """10 kB in all, that of the API's page included."""
    sheet = style_of(SHEET, None, has_image=False).text
    assert len(style_of((*SHEET, "reference.css"), None, has_image=False).text) < 10_000
    assert "--paper:#fff;" in sheet
    assert f"--wash:{LIGHT.wash};" in sheet
    assert f"--paper:{DARK.paper};--wash:{DARK.wash};" in sheet
    assert not re.search(r"(?:margin|padding|border|inset)-(?:left|right)|\b(?:left|right):|url\(|@import", sheet)


def test_squeezing_leaves_what_says_something() -> None:
    assert squeezed("/* a */ a:hover { b: c  d; }\n@media (x: 1) {\n  .e .f, g { h: calc(1 + 2); }\n}\n") == (
        "a:hover{b:c d}@media (x:1){.e .f,g{h:calc(1 + 2)}}"
    )


class TestLogos:
    @pytest.mark.parametrize("name", IMAGES)
    @pytest.mark.parametrize("accept", ["image/avif,image/webp,*/*;q=0.8", "*/*", "text/html", None])
    def test_each_kind_is_given_back_as_what_it_is(self, site: Site, name: str, accept: str | None) -> None:
        octets, kind = IMAGES[name]
        logo, _ = put_logo(Edit(site.service, CODE, Claim(1, is_new=True, nonce="logo")), octets)

        answer = site.client.http.get(
            f"/l/{CODE}/{logo.sha256[:32]}", headers={} if accept is None else {"Accept": accept}
        )

        assert (answer.status_code, answer.body) == (200, octets)
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"

    @pytest.mark.parametrize("code", [CODE, "nobodyxx", "x", "TESTSEND", "%2e%2e"])
    @pytest.mark.parametrize("name", ["0" * 32, "x", "0" * 64, "A" * 32, "%00", "*"])
    def test_what_no_page_links_to_is_not_there_and_not_kept(self, site: Site, code: str, name: str) -> None:
        fill(site)

        answer = site.client.http.get(f"/l/{code}/{name}")

        assert answer.status_code == 404
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"].startswith("text/html")

    def test_another_logo_has_another_path_and_none_of_them_is_of_another_sender(self, site: Site) -> None:
        first = fill(site).sha256[:32]
        second = put_logo(Edit(site.service, CODE, Claim(1, is_new=True, nonce="other")), png(9, 9))[0].sha256[:32]
        site.service.senders.create(Sender("another2", "Another", CATALOGUE, bytes(32)))

        statuses = [
            site.client.http.get(f"/l/{code}/{name}").status_code
            for code, name in ((CODE, first), (CODE, second), ("another2", second))
        ]

        assert statuses == [404, 200, 404]
