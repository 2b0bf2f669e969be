"""Going about on the pages: links, buttons, fields, and which answer a page came with."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, Response

from chalicelib.tokens import PREFERENCES_DAYS, Purpose, mint
from chalicelib.web.languages import OFFERED, SOURCE
from tests.browser.senders import EMPTY, FULL
from tests.browser.serving import PREFIX, Served
from tests.browser.words import LANGUAGE, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

FOOTER, HEADER = Purpose.PREFERENCES, Purpose.ONE_CLICK
_NUMBERS = count()


def new_address() -> str:
    """Of somebody who was never here before."""
    return f"dana.reader{next(_NUMBERS)}@example.com"


@dataclass
class Visit:
    """A page of the browser, the site, which of its senders, and what language the pages speak.

    `landed`: the answer that is shown. Buttons, links and fields are looked for by the words of words.py, in whatever
    language.
    """

    page: Page
    served: Served
    sender: str = FULL
    language: str = SOURCE
    landed: Response | None = None

    def goto(self, url: str) -> None:
        self.landed = self.page.goto(url)

    def link(self, kind: str, purpose: Purpose, number: int | None = None, address: str | None = None) -> str:
        """Of somebody who was never here before, unless an address is told. `kind` is u or p."""
        number = number or (4 if self.sender == EMPTY else 1)
        return self.served.link(kind, purpose, self.sender, number, address or new_address())

    def old_link(self) -> str:
        """A footer's, of 91 days ago, to the preference centre."""
        keyring, day = self.served.site.service.keyring, self.served.site.day - PREFERENCES_DAYS - 1
        return f"{self.served.url}/p/{mint(keyring, FOOTER, self.sender, 1, day, 'old@example.com')}"

    def open(self, kind: str, purpose: Purpose, number: int | None = None, address: str | None = None) -> None:
        self.goto(self.link(kind, purpose, number, address))

    def open_further(self, name: str, address: str | None = None) -> None:
        """`name` is history, data or erase; as the preference centre links to it."""
        address = address or new_address()
        at = f"?{self.served.site.at(self.sender, address)}" if name == "history" else ""
        self.goto(f"{self.link('p', FOOTER, address=address)}/{name}{at}")

    def open_form(self) -> None:
        self.goto(f"{self.served.url}/o/{self.sender}")

    def press(self, name: str) -> None:
        """The first button of this name; returns when the next page is there."""
        with self.arriving():
            self.button(name).click()

    def follow(self, name: str) -> None:
        """The first link of this name."""
        with self.arriving():
            self.links(name).first.click()

    def speak(self, code: str) -> None:
        """Chooses a language of ours, at the foot of the page."""
        with self.arriving():
            self.languages.get_by_role("link", name=OFFERED[code].name, exact=True).click()
        self.language = code

    @property
    def languages(self) -> Locator:
        """The list of them."""
        return self.page.get_by_role("navigation", name=spoken(LANGUAGE, self.language))

    def button(self, name: str) -> Locator:
        """The first of this name."""
        return self.page.get_by_role("button", name=spoken(name, self.language)).first

    def links(self, name: str) -> Locator:
        """All of this name."""
        return self.page.get_by_role("link", name=spoken(name, self.language))

    def type_in(self, text: str, button: str) -> None:
        """Into the one field."""
        self.page.get_by_role("textbox").fill(text)
        self.press(button)

    @contextmanager
    def in_second_tab(self) -> Iterator[Visit]:
        """Of the same window."""
        tab = self.page.context.new_page()
        try:
            yield replace(self, page=tab)
        finally:
            tab.close()

    @contextmanager
    def arriving(self) -> Iterator[None]:
        with self.page.expect_navigation() as coming:
            yield
        self.landed = coming.value

    @property
    def path(self) -> str:
        """Of the page that is shown, as the app knows it."""
        return urlsplit(self.page.url).path.removeprefix(PREFIX)
