"""How a browser comes to every page that a recipient may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count

from playwright.sync_api import Page

from chalicelib.tokens import PREFERENCES_DAYS, Purpose, mint
from tests.browser.senders import EMPTY, FULL
from tests.browser.serving import Served

FOOTER, HEADER = Purpose.PREFERENCES, Purpose.ONE_CLICK
_NUMBERS = count()


@dataclass(frozen=True)
class Visit:
    """A page of the browser, the site, and which of its senders."""

    page: Page
    served: Served
    sender: str = FULL

    def open(self, kind: str, purpose: Purpose, number: int | None = None, address: str | None = None) -> None:
        """By a link of somebody who was never here before, unless an address is told."""
        number = number or (4 if self.sender == EMPTY else 1)
        known = address or f"dana.reader{next(_NUMBERS)}@example.com"
        self.page.goto(self.served.link(kind, purpose, self.sender, number, known))

    def press(self, name: str) -> None:
        """The button with this in its name; returns when the next page is there."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name).first.click()

    def open_form(self) -> None:
        self.page.goto(f"{self.served.url}/o/{self.sender}")

    def type_in(self, text: str) -> None:
        """Into the opt-out form. The browser's own check of it is put off: what the server says is looked at."""
        self.page.get_by_role("textbox").fill(text)
        self.page.locator("form").evaluate("form => form.noValidate = true")
        self.press("Stop")


def stopped(visit: Visit, purpose: Purpose = HEADER) -> None:
    visit.open("u", purpose)
    visit.press("Stop")


def stopped_all(visit: Visit) -> None:
    visit.open("u", FOOTER)
    visit.press("Stop all optional mail")


def saved(visit: Visit) -> None:
    visit.open("p", FOOTER)
    visit.page.get_by_role("checkbox").first.uncheck()
    visit.press("Save")


def saved_unchanged(visit: Visit) -> None:
    visit.open("p", FOOTER)
    visit.press("Save")


def after_all(visit: Visit) -> None:
    address = f"gone{next(_NUMBERS)}@example.com"
    visit.open("u", FOOTER, address=address)
    visit.press("Stop all optional mail")
    visit.open("p", FOOTER, address=address)


def old_link(visit: Visit) -> None:
    keyring, day = visit.served.site.service.settings.keyring, visit.served.site.day - PREFERENCES_DAYS - 1
    visit.page.goto(f"{visit.served.url}/p/{mint(keyring, FOOTER, visit.sender, 1, day, 'old@example.com')}")


def wrong_address(visit: Visit) -> None:
    visit.open_form()
    visit.type_in("dana at example")


def form_done(visit: Visit) -> None:
    visit.served.site.clock.milliseconds += 3_600_000  # so that no page is refused for those before it
    visit.open_form()
    visit.type_in("dana.reader@example.com")


def too_many(visit: Visit) -> None:
    """Others at the same place have used up its budget."""
    while visit.served.post(f"/o/{visit.sender}", b"address=other%40example.com") != HTTPStatus.TOO_MANY_REQUESTS:
        pass
    visit.open_form()
    visit.type_in("dana.reader@example.com")


def trouble(visit: Visit) -> None:
    """The table of recipients cannot be reached when the button is pressed."""
    visit.open("u", HEADER)
    with visit.served.without_store():
        visit.press("Stop")


def bad_link(visit: Visit) -> None:
    visit.page.goto(f"{visit.served.url}/u/x")


def form_off(visit: Visit) -> None:
    visit.page.goto(f"{visit.served.url}/o/{EMPTY}")


def broken_form(visit: Visit) -> None:
    visit.open("p", FOOTER)
    visit.page.locator("[name=shown]").evaluate_all("fields => fields.forEach(field => field.remove())")
    visit.press("Save")


@dataclass(frozen=True)
class Journey:
    """What to do, and how the heading of the page begins to which it leads."""

    go: Callable[[Visit], None]
    heading: str

    def __call__(self, visit: Visit) -> None:
        self.go(visit)
        told = visit.page.get_by_role("heading", level=1).inner_text()
        assert told.replace("\n", " ").startswith(self.heading), told


STOP, DONE, CHOOSE = "Unsubscribe from ", "You are unsubscribed", "Choose what you get"
JOURNEYS: dict[str, Journey] = {
    "unsubscribe": Journey(lambda visit: visit.open("u", HEADER), STOP),
    "unsubscribe-footer": Journey(lambda visit: visit.open("u", FOOTER), STOP),
    "unsubscribe-alert": Journey(lambda visit: visit.open("u", FOOTER, 4), "Mail from "),
    "unsubscribe-retired": Journey(lambda visit: visit.open("u", HEADER, 5), STOP),
    "done": Journey(stopped, DONE),
    "done-footer": Journey(lambda visit: stopped(visit, FOOTER), DONE),
    "done-all": Journey(stopped_all, DONE),
    "preferences": Journey(lambda visit: visit.open("p", FOOTER), CHOOSE),
    "preferences-saved": Journey(saved, CHOOSE),
    "preferences-same": Journey(saved_unchanged, CHOOSE),
    "preferences-none": Journey(after_all, CHOOSE),
    "old-link": Journey(old_link, STOP),
    "form": Journey(lambda visit: visit.open_form(), STOP),
    "form-wrong": Journey(wrong_address, STOP),
    "form-done": Journey(form_done, DONE),
    "too-many": Journey(too_many, "Too many tries"),
    "bad-link": Journey(bad_link, "This link does not work"),
    "trouble": Journey(trouble, "Trouble on our side"),
    "form-off": Journey(form_off, "This form is switched off"),
    "broken-form": Journey(broken_form, "The form was not whole"),
}
