"""The ways to pages about stopping and choosing, and to those that tell what went wrong with it."""

from __future__ import annotations

from http import HTTPStatus

from chalicelib.web.forms import MOST_OCTETS
from tests.browser import words
from tests.browser.senders import EMPTY
from tests.browser.serving import PREFIX
from tests.browser.visiting import FOOTER, HEADER, Visit, new_address


def stopped(visit: Visit) -> None:
    visit.open("u", HEADER)
    visit.press(words.STOP)


def stopped_footer(visit: Visit) -> None:
    visit.open("u", FOOTER)
    visit.press(words.STOP)


def stopped_all(visit: Visit) -> None:
    visit.open("u", FOOTER)
    visit.press(words.STOP_ALL)


def saved(visit: Visit) -> None:
    visit.open("p", FOOTER)
    visit.page.get_by_role("checkbox").first.uncheck()
    visit.press(words.SAVE)


def saved_unchanged(visit: Visit) -> None:
    visit.open("p", FOOTER)
    visit.press(words.SAVE)


def saved_stale(visit: Visit) -> None:
    """Something was stopped in another tab, and this one would start something."""
    address = new_address()
    visit.open("u", FOOTER, address=address)
    visit.press(words.STOP)
    visit.follow(words.CHOOSE)
    visit.page.get_by_role("checkbox").first.check()
    with visit.in_second_tab() as other:
        other.open("u", FOOTER, 2, address)
        other.press(words.STOP)
    visit.press(words.SAVE)


def after_all(visit: Visit) -> None:
    address = new_address()
    visit.open("u", FOOTER, address=address)
    visit.press(words.STOP_ALL)
    visit.open("p", FOOTER, address=address)


def alert_pressed(visit: Visit) -> None:
    """A mail program's one click on what nobody can opt out of."""
    visit.open("u", HEADER, 4)
    post(visit, f"/u/{visit.path.rpartition('/')[2]}")


def post(visit: Visit, path: str) -> None:
    """An empty form to this path, from the page that is shown: by its first form, which goes elsewhere."""
    form = visit.page.locator("form").first
    form.evaluate("(form, action) => { form.action = action }", PREFIX + path)
    with visit.arriving():
        form.evaluate("form => form.submit()")


def wrong_address(visit: Visit) -> None:
    visit.open_form()
    visit.type_in("dana at example", words.STOP_ALL)


def form_done(visit: Visit) -> None:
    visit.served.site.clock.milliseconds += 3_600_000  # so that no page is refused for those before it
    visit.open_form()
    visit.type_in("dana.reader@example.com", words.STOP_ALL)


def too_many(visit: Visit) -> None:
    """Others at the same place have used up its budget."""
    while visit.served.post(f"/o/{visit.sender}", b"address=other%40example.com") != HTTPStatus.TOO_MANY_REQUESTS:
        pass
    visit.open_form()
    visit.type_in("dana.reader@example.com", words.STOP_ALL)


def trouble(visit: Visit) -> None:
    """The table of recipients cannot be reached when the button is pressed."""
    visit.open("u", HEADER)
    with visit.served.without_store():
        visit.press(words.STOP)


def trouble_stopping_all(visit: Visit) -> None:
    visit.open("u", HEADER)
    with visit.served.without_store():
        visit.press(words.STOP_ALL)


def trouble_telling(visit: Visit) -> None:
    """The page was to say in another language what was done."""
    stopped_footer(visit)
    with visit.served.without_store():
        visit.speak("sv")


def trouble_telling_all(visit: Visit) -> None:
    stopped_all(visit)
    with visit.served.without_store():
        visit.speak("sv")


def trouble_typing(visit: Visit) -> None:
    visit.served.site.clock.milliseconds += 3_600_000  # so that it is not refused for those before it
    visit.open_form()
    with visit.served.without_store():
        visit.type_in("dana.reader@example.com", words.STOP_ALL)


def trouble_choosing(visit: Visit) -> None:
    with visit.served.without_store():
        visit.open("p", FOOTER)


def trouble_saving(visit: Visit) -> None:
    visit.open("p", FOOTER)
    visit.page.get_by_role("checkbox").first.uncheck()
    with visit.served.without_store():
        visit.press(words.SAVE)


def form_off(visit: Visit) -> None:
    visit.goto(f"{visit.served.url}/o/{EMPTY}")


def nobody(visit: Visit) -> None:
    """The form of a sender that there is not."""
    visit.goto(f"{visit.served.url}/o/nobodyss")


def broken_form(visit: Visit) -> None:
    visit.open("p", FOOTER)
    visit.page.locator("[name=shown]").evaluate_all("fields => fields.forEach(field => field.remove())")
    visit.press(words.SAVE)


def too_long(visit: Visit) -> None:
    visit.open("p", FOOTER)
    visit.page.locator("[name=version]").evaluate("(field, size) => field.value = '1'.repeat(size)", MOST_OCTETS)
    visit.press(words.SAVE)


def all_opened_again(visit: Visit) -> None:
    """A telephone opens its tabs again as links, and the last page was the answer to a form."""
    stopped_all(visit)
    visit.goto(visit.page.url)
