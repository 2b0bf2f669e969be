"""The weight of every page and outcome, for the heaviest senders that the API lets exist."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

import pytest

from chalicelib.domain.acts import Act, Blocked, Bounced, OptedIn, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.store.operations import Claim
from chalicelib.tokens import PREFERENCES_DAYS, Purpose, mint
from chalicelib.use_cases.describing import Edit, put_logo
from chalicelib.web.languages import OFFERED
from chalicelib.web.voices import Voice
from tests.heavy import HINDI, LONGEST_ADDRESS, MANY, QUOTE, WIDE, WORST, many_sender, worst_sender
from tests.images import png
from tests.site import DAY, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.test import HTTPResponse

    from chalicelib.domain.acts import Part
    from chalicelib.domain.senders import Sender

MOST_OCTETS = 14_000
LANGUAGES = ("en", "de", "hi", "ar")
"""The source, one with long words, one with three octets a letter and long words, one from right to left."""
SENDERS: dict[str, Callable[[], Sender]] = {
    MANY: many_sender,
    WORST: lambda: worst_sender(WORST, QUOTE),
    WIDE: lambda: worst_sender(WIDE, HINDI),
}


class Reader:
    """Somebody with the longest address, and a sender's links to it."""

    def __init__(self, site: Site, code: str, language: str = "en") -> None:
        self.site, self.code, self.language = site, code, language
        self.sender = SENDERS[code]()
        site.service.senders.create(self.sender)
        put_logo(Edit(site.service, code, Claim(1, is_new=True, nonce=code)), png(160, 40))
        self.kinds = [category.id for category in self.sender.catalogue.optional]

    def token(self, purpose: Purpose, number: int = 1) -> str:
        return mint(self.site.service.keyring, purpose, self.code, number, self.site.day, LONGEST_ADDRESS)

    @property
    def footer(self) -> str:
        return f"/p/{self.token(Purpose.PREFERENCES)}"

    @property
    def history(self) -> str:
        return f"{self.footer}/history?{self.site.at(self.code, LONGEST_ADDRESS)}"

    def get(self, path: str) -> HTTPResponse:
        return self.site.client.http.get(path.removeprefix("/api"), headers={"Accept-Language": self.language})

    def post(self, path: str, *fields: tuple[str, str]) -> HTTPResponse:
        return self.site.post(path.removeprefix("/api"), urlencode(fields).encode(), Accept_Language=self.language)

    def record(self, *parts: Part, via: Via = Via.PREFERENCE_PAGE) -> str:
        place = self.sender.place_of(parse_address(LONGEST_ADDRESS))
        act = Act(f"{via}-{self.site.entries()}", via, parts)
        self.site.service.ledger.record(place, act)
        return act.id

    def save(self, path: str, *wanted: str) -> HTTPResponse:
        """The form of a page of the centre with these ticked."""
        told = self.get(path).body.decode()
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', told)
        return self.post(path, *hidden, *(("wanted", kind) for kind in wanted))

    def older(self, path: str, label: str) -> str:
        said = Voice(language=OFFERED[self.language]).say(label)
        [*found] = re.findall(rf'<a href="([^"]+)">{said}</a>', self.get(path).body.decode())
        return urljoin(path, html.unescape(found[0])) if found else path


def blocked(reader: Reader) -> str:
    reader.record(Bounced(1), Blocked(ALL), via=Via.API)
    return reader.footer


def busy(reader: Reader) -> str:
    """The history of somebody who stops and chooses everything again and again."""
    for _ in range(9):
        act = reader.record(*map(OptedOut, reader.kinds[::2]), *map(OptedIn, reader.kinds[1::2]))
        reader.post(f"{reader.footer}/undo", ("act", act))
    return reader.history


def aged(reader: Reader) -> str:
    footer = reader.footer
    reader.site.clock.milliseconds += (PREFERENCES_DAYS + 1) * DAY
    return footer


GETS: dict[str, Callable[[Reader], str]] = {
    "unsubscribe": lambda reader: f"/u/{reader.token(Purpose.ONE_CLICK)}",
    "unsubscribe, from a footer": lambda reader: f"/u/{reader.token(Purpose.PREFERENCES)}",
    "of a service alert": lambda reader: f"/u/{reader.token(Purpose.PREFERENCES, len(reader.kinds) + 1)}",
    "preferences": lambda reader: reader.footer,
    "preferences, blocked and bounced": blocked,
    "preferences, further on": lambda reader: reader.older(reader.footer, "More kinds of mail"),
    "preferences, the end": lambda reader: f"{reader.footer}?from={reader.kinds[-1]}",
    "an old link": aged,
    "no history": lambda reader: reader.history,
    "history": busy,
    "history, older": lambda reader: reader.older(busy(reader), "Older"),
    "history, far older": lambda reader: reader.older(reader.older(busy(reader), "Older"), "Older"),
    "my data": lambda reader: f"{reader.footer}/data",
    "erase": lambda reader: f"{reader.footer}/erase",
    "form": lambda reader: f"/o/{reader.code}",
}


def undone(reader: Reader) -> HTTPResponse:
    act = reader.record(*(OptedOut(kind) for kind in reader.kinds))
    return reader.post(f"{reader.footer}/undo?from={reader.kinds[1]}", ("act", act))


def not_undone(reader: Reader) -> HTTPResponse:
    return reader.post(f"{reader.footer}/undo?from={reader.kinds[1]}", ("act", "x"))


def saved_stale(reader: Reader) -> HTTPResponse:
    """Some stopped, some not started any more, and it is said that something else came in between."""
    for kind in reader.kinds[::2]:
        reader.record(OptedOut(kind))
    fields = [("shown", " ".join(reader.kinds)), ("before", " ".join(reader.kinds[1::2])), ("version", "1")]
    return reader.post(f"{reader.footer}?from={reader.kinds[1]}", *fields, *(("wanted", k) for k in reader.kinds[::2]))


def saved_both(reader: Reader) -> HTTPResponse:
    """As many stopped as started, more than any page shows."""
    reader.record(*(OptedOut(kind) for kind in reader.kinds[::2]))
    fields = [("shown", " ".join(reader.kinds)), ("before", " ".join(reader.kinds[1::2])), ("version", "1")]
    return reader.post(f"{reader.footer}?from={reader.kinds[1]}", *fields, *(("wanted", k) for k in reader.kinds[::2]))


def saved_old(reader: Reader) -> HTTPResponse:
    fields = [("shown", " ".join(reader.kinds)), ("before", " ".join(reader.kinds))]
    return reader.post(aged(reader), *fields)


POSTS: dict[str, Callable[[Reader], HTTPResponse]] = {
    "done": lambda reader: reader.post(f"/u/{reader.token(Purpose.PREFERENCES)}"),
    "done, of a header": lambda reader: reader.post(f"/u/{reader.token(Purpose.ONE_CLICK)}"),
    "all stopped": lambda reader: reader.post(f"/u/{reader.token(Purpose.PREFERENCES)}/all"),
    "of a service alert": lambda reader: reader.post(f"/u/{reader.token(Purpose.PREFERENCES, len(reader.kinds) + 1)}"),
    "saved": lambda reader: reader.save(reader.footer),
    "saved, further on": lambda reader: reader.save(reader.older(reader.footer, "More kinds of mail")),
    "saved, both ways": saved_both,
    "saved, stale": saved_stale,
    "saved by an old link": saved_old,
    "undone": undone,
    "nothing to undo": not_undone,
    "my data, another address": lambda reader: reader.post(f"{reader.footer}/data", ("address", "x@example.com")),
    "erase, another address": lambda reader: reader.post(f"{reader.footer}/erase", ("address", "x@example.com")),
    "erased": lambda reader: reader.post(f"{reader.footer}/erase", ("address", LONGEST_ADDRESS)),
    "form, no address": lambda reader: reader.post(f"/o/{reader.code}", ("address", "x")),
    "form, done": lambda reader: reader.post(f"/o/{reader.code}", ("address", LONGEST_ADDRESS)),
    "form, too many": lambda reader: [reader.post(f"/o/{reader.code}", ("address", "x@y.test")) for _ in range(31)][-1],
    "a form that is not whole": lambda reader: reader.post(reader.footer),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", SENDERS)
@pytest.mark.parametrize("name", GETS)
def test_a_page_is_light(site: Site, name: str, code: str, language: str) -> None:
    reader = Reader(site, code, language)

    answer = reader.get(GETS[name](reader))

    assert answer.status_code == 200
    assert len(answer.body) <= MOST_OCTETS


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", SENDERS)
@pytest.mark.parametrize("name", POSTS)
def test_an_outcome_is_light(site: Site, name: str, code: str, language: str) -> None:
    answer = POSTS[name](Reader(site, code, language))

    assert b"</html>" in answer.body
    assert len(answer.body) <= MOST_OCTETS
