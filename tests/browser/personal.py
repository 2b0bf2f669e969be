"""The ways to what a footer's link alone opens: undo, history, data, erasure."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from chalicelib.tokens import PREFERENCES_DAYS
from tests.browser import words
from tests.browser.going import saved, stopped_footer
from tests.browser.lived import Life
from tests.browser.visiting import FOOTER, Visit, new_address

if TYPE_CHECKING:
    from playwright.sync_api import Download

OTHER = "somebody.else@example.com"


def undone(visit: Visit) -> None:
    stopped_footer(visit)
    visit.press(words.UNDO)


def undone_after_saving(visit: Visit) -> None:
    saved(visit)
    visit.press(words.UNDO)


def undone_too_late(visit: Visit) -> None:
    """Something newer was chosen in another tab since."""
    stopped_footer(visit)
    with visit.in_second_tab() as other:
        other.goto(visit.page.url.replace("/u/", "/p/"))
        other.page.get_by_role("checkbox").first.check()
        other.press(words.SAVE)
    visit.press(words.UNDO)


def undone_twice(visit: Visit) -> None:
    """The same undo, in another tab before."""
    stopped_footer(visit)
    act = visit.page.locator("[name=act]").get_attribute("value")
    with visit.in_second_tab() as other:
        other.goto(visit.page.url)
        other.press(words.STOP)
        assert other.page.locator("[name=act]").get_attribute("value") == act
        other.press(words.UNDO)
    visit.press(words.UNDO)


def undone_opened_again(visit: Visit) -> None:
    """A telephone opens its tabs again as links, and the last page was the answer to a form."""
    undone(visit)
    visit.goto(visit.page.url)


def trouble_undone(visit: Visit) -> None:
    undone(visit)
    with visit.served.without_store():
        visit.goto(visit.page.url)


def trouble_undoing(visit: Visit) -> None:
    stopped_footer(visit)
    with visit.served.without_store():
        visit.press(words.UNDO)


def lived(visit: Visit, address: str) -> Life:
    """To whom everything happened that can happen."""
    life = Life.of(visit.served.site, visit.sender, address)
    life.live()
    return life


def history(visit: Visit) -> None:
    address = new_address()
    lived(visit, address)
    visit.open_further("history", address)


def history_older(visit: Visit) -> None:
    history(visit)
    visit.follow(words.OLDER)


def history_oldest(visit: Visit) -> None:
    history(visit)
    while visit.links(words.OLDER).count():
        visit.follow(words.OLDER)


def trouble_remembering(visit: Visit) -> None:
    with visit.served.without_store():
        visit.open_further("history")


def typed(visit: Visit, what: str, text: str | None = None, address: str | None = None) -> None:
    """`text`, or else the right address, into the form of `what`: data or erase."""
    address = address or new_address()
    visit.open_further(what, address)
    visit.type_in(text or address, BUTTONS[what])


BUTTONS = {"data": words.DOWNLOAD, "erase": words.ERASE_NOW}


def downloaded(visit: Visit, address: str) -> Download:
    """The file; the page stays."""
    visit.open_further("data", address)
    visit.page.get_by_role("textbox").fill(address)
    with visit.page.expect_download() as arriving:
        visit.button(words.DOWNLOAD).click()
    return arriving.value


def tried_too_often(visit: Visit, what: str) -> None:
    """Somebody has guessed at the address of this link."""
    address = new_address()
    visit.open_further(what, address)
    path = visit.path
    while visit.served.post(path, b"address=other%40example.com") != HTTPStatus.TOO_MANY_REQUESTS:
        pass
    visit.type_in(address, BUTTONS[what])


def trouble_with(visit: Visit, what: str) -> None:
    address = new_address()
    visit.open_further(what, address)
    with visit.served.without_store():
        visit.type_in(address, BUTTONS[what])


def without_field(visit: Visit, what: str) -> None:
    """A form that lost its field on the way."""
    visit.open_further(what)
    visit.page.get_by_role("textbox").evaluate("field => field.remove()")
    visit.press(BUTTONS[what])


def erased(visit: Visit) -> None:
    """By somebody to whom everything happened."""
    address = new_address()
    lived(visit, address)
    typed(visit, "erase", address=address)


def chosen_again(visit: Visit) -> None:
    erased(visit)
    visit.follow(words.CHOOSE_AGAIN)
    visit.page.get_by_role("checkbox").first.check()
    visit.press(words.SAVE)


def opened_old(visit: Visit, what: str = "") -> None:
    visit.goto(visit.old_link() + what)


def all_opened_old(visit: Visit) -> None:
    visit.goto(visit.old_link().replace("/p/", "/u/") + "/all")


def sent_when_old(visit: Visit, what: str) -> None:
    """The form lay open until the link was too old for it."""
    address = new_address()
    visit.open_further(what, address)
    with visit.served.later(PREFERENCES_DAYS + 1):
        visit.type_in(address, BUTTONS[what])


def saved_when_old(visit: Visit) -> None:
    visit.open("p", FOOTER)
    visit.page.get_by_role("checkbox").first.uncheck()
    with visit.served.later(PREFERENCES_DAYS + 1):
        visit.press(words.SAVE)


def undone_when_old(visit: Visit) -> None:
    stopped_footer(visit)
    with visit.served.later(PREFERENCES_DAYS + 1):
        visit.press(words.UNDO)
