"""Every page as a document: whole, labelled, its own, and escaped. A real browser looks at them by other means."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest

from app import app
from chalicelib.domain.acts import Via
from chalicelib.domain.categories import Catalogue, Category, Ground, Kind
from chalicelib.domain.profiles import Profile
from chalicelib.domain.senders import Sender
from chalicelib.store.operations import Claim
from chalicelib.tokens import PREFERENCES_DAYS, Purpose, mint
from chalicelib.use_cases.describing import Edit, put_logo
from chalicelib.use_cases.opening import open_link
from chalicelib.use_cases.stopping import opt_out
from tests.images import png
from tests.site import ADDRESS, DAY, Site

if TYPE_CHECKING:
    from collections.abc import Callable

PRIVACY = "https://example.com/?a=<'&b".replace("<", "%3C")
HOSTILE = "<b onload=x>\"'&{0}</b>"
VOID = {"meta", "input", "br", "link", "img"}


class Document(HTMLParser):
    """Checks that tags close in order, and collects what there is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def hostile_token(site: Site, number: int, purpose: Purpose) -> str:
    """A link of a sender whose every word is hostile."""
    categories = (
        Category("a", 1, Kind.OPTIONAL, HOSTILE, HOSTILE),
        Category("b", 2, Kind.SERVICE_ALERT, HOSTILE, HOSTILE, ground=Ground.DELIVERY),
    )
    profile = Profile(postal_address=f"{HOSTILE}\n</style><style>*{{}}", privacy_link=PRIVACY, accent="#ffffff")
    sender = Sender("hostiles", HOSTILE, Catalogue(categories), bytes(32), profile=profile)
    if not [item for item in site.tables.items(site.tables.names.control) if item["pk"]["S"] == "sender#hostiles"]:
        site.service.senders.create(sender)
        put_logo(Edit(site.service, "hostiles", Claim(1, is_new=True, nonce="logo")), png(3, 2))
    return mint(site.service.keyring, purpose, "hostiles", number, site.day, ADDRESS)


PAGES: dict[str, Callable[[Site], tuple[str, str, bytes]]] = {
    "unsubscribe": lambda site: ("GET", f"/u/{hostile_token(site, 1, Purpose.ONE_CLICK)}", b""),
    "unsubscribe, from a footer": lambda site: ("GET", f"/u/{hostile_token(site, 1, Purpose.PREFERENCES)}", b""),
    "of a service alert": lambda site: ("GET", f"/u/{hostile_token(site, 2, Purpose.PREFERENCES)}", b""),
    "done": lambda site: ("POST", f"/u/{hostile_token(site, 1, Purpose.PREFERENCES)}", b""),
    "all stopped": lambda site: ("POST", f"/u/{hostile_token(site, 1, Purpose.ONE_CLICK)}/all", b""),
    "preferences": lambda site: ("GET", f"/p/{hostile_token(site, 1, Purpose.PREFERENCES)}", b""),
    "saved": lambda site: ("POST", f"/p/{hostile_token(site, 1, Purpose.PREFERENCES)}", b"shown=a&before=a"),
    "undone": lambda site: ("POST", f"{footer(site)}/undo", f"act={stop(site)}".encode()),
    "nothing to undo": lambda site: ("POST", f"{footer(site)}/undo", b"act=%3Cscript%3E"),
    "history": lambda site: ("GET", f"{history(site)}&of={stop(site)}", b""),
    "no history": lambda site: ("GET", history(site), b""),
    "my data": lambda site: ("GET", f"{footer(site)}/data", b""),
    "my data, another address": lambda site: ("POST", f"{footer(site)}/data", b"address=%3Cscript%3E"),
    "erase": lambda site: ("GET", f"{footer(site)}/erase", b""),
    "erase, another address": lambda site: ("POST", f"{footer(site)}/erase", b"address=%3Cscript%3E"),
    "erased": lambda site: ("POST", f"{footer(site)}/erase", f"address={ADDRESS}".encode()),
    "form": lambda site: ("GET", f"/o/{sender_of(site)}", b""),
    "form, no address": lambda site: ("POST", f"/o/{sender_of(site)}", b"address=%3Cscript%3E"),
    "form, done": lambda site: ("POST", f"/o/{sender_of(site)}", b"address=dana%40example.com"),
    "a bad link": lambda _: ("GET", "/u/%3Cscript%3E", b""),
    "a form that is not whole": lambda site: ("POST", f"/p/{hostile_token(site, 1, Purpose.PREFERENCES)}", b""),
}


def footer(site: Site) -> str:
    return f"/p/{hostile_token(site, 1, Purpose.PREFERENCES)}"


def history(site: Site) -> str:
    return f"{footer(site)}/history?{site.at('hostiles')}"


def stop(site: Site) -> str:
    """Stops mail, and says by which act."""
    link = open_link(site.service, hostile_token(site, 1, Purpose.PREFERENCES))
    return opt_out(site.service, link, Via.ONE_CLICK).act


def sender_of(site: Site) -> str:
    hostile_token(site, 1, Purpose.ONE_CLICK)
    return "hostiles"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_labelled_escaped_and_loads_nothing(site: Site, name: str) -> None:
    """F1, F2, A8."""
    method, path, body = PAGES[name](site)

    answer = site.client.http.request(method, path, headers={}, body=body)
    text = answer.body.decode()
    page = Document(text)

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.all("html") == [{"lang": "en", "dir": "ltr"}]
    assert len(page.all("title")) == len(page.all("h1")) == len(page.all("main")) == 1
    assert not {tag for tag, _ in page.found} & {"script", "b", "iframe", "object", "base"}
    assert not [at for _, attributes in page.found for at in attributes if at.startswith("on") or at == "style"]
    assert page.all("link") == [{"rel": "icon", "href": "data:,"}]
    assert [str(image["src"])[:16] for image in page.all("img")] == (
        [] if name == "a bad link" else ["/api/l/hostiles/"]
    )
    assert [link["href"] for link in page.all("a") if link.get("rel")] == ([] if name == "a bad link" else [PRIVACY])
    for form in page.all("form"):
        assert (form["method"], urljoin("/api/p/", form["action"])[:5]) == ("post", "/api/")
    labels = {label["for"] for label in page.all("label")}
    for field in page.all("input"):
        assert field["type"] == "hidden" or field["id"] in labels
    assert len(text.encode()) < 14_000
    assert ADDRESS not in text


def test_an_old_link_is_a_page_like_any_other(site: Site) -> None:
    token = hostile_token(site, 1, Purpose.PREFERENCES)
    site.clock.milliseconds += (PREFERENCES_DAYS + 1) * DAY

    Document(site.client.http.get(f"/p/{token}").body.decode())


@pytest.mark.parametrize("prefix", ["", "/api", "/a/b_c-d"])
def test_forms_and_links_work_under_any_path_prefix(site: Site, prefix: str) -> None:
    settings = replace(site.service.settings, public_url=f"https://choices.example.com{prefix}")
    app._service = replace(site.service, settings=settings)

    token = site.token(purpose=Purpose.PREFERENCES)
    pages = [site.client.http.get(f"/{kind}/{token}") for kind in "up"]
    pages += [site.client.http.get(f"/p/{token}/{page}") for page in ("history", "data", "erase")]
    pages += [site.post(path) for path in (f"/u/{token}", f"/p/{token}/undo")]
    pages.append(site.client.http.get("/o/testsend"))

    for answer in pages:
        page = Document(answer.body.decode())
        told = [form["action"] for form in page.all("form")] + [link["href"] for link in page.all("a")]
        targets = [urljoin(f"{prefix}/p/x", target) for target in told]
        assert targets
        assert all(target.startswith((f"{prefix}/u/", f"{prefix}/p/", f"{prefix}/o/", "?")) for target in targets)
