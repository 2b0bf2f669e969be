"""How a browser comes to every page that a recipient may see."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from app import app
from tests.browser import going, personal, words
from tests.browser.serving import PREFIX
from tests.browser.visiting import FOOTER, HEADER, Visit

__all__ = ["FOOTER", "HEADER", "JOURNEYS", "Journey", "Visit", "route_of"]


@dataclass(frozen=True)
class Journey:
    """What to do, the heading of the page to which it leads, and by which request: `GET /u/{token} 200`."""

    go: Callable[[Visit], None]
    heading: str
    lands: str

    def __call__(self, visit: Visit) -> None:
        self.go(visit)
        told = visit.page.get_by_role("heading", level=1).inner_text()
        assert words.spoken(self.heading, visit.language).match(" ".join(told.split())), told
        landed = visit.landed
        assert landed is not None
        route = route_of(urlsplit(landed.url).path.removeprefix(PREFIX))
        assert f"{landed.request.method} {route} {landed.status}" == self.lands


def route_of(path: str) -> str | None:
    """The route of the app that a path is of."""
    for route in app.routes:
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), path):
            return str(route)
    return None


U, ALL, P, O = "/u/{token}", "/u/{token}/all", "/p/{token}", "/o/{sender}"  # noqa: E741 - as in the path
UNDO, HISTORY, DATA, ERASE = (f"{P}/{further}" for further in ("undo", "history", "data", "erase"))
_STOPPING = {
    "unsubscribe": Journey(lambda visit: visit.open("u", HEADER), words.UNSUBSCRIBE, f"GET {U} 200"),
    "unsubscribe-footer": Journey(lambda visit: visit.open("u", FOOTER), words.UNSUBSCRIBE, f"GET {U} 200"),
    "unsubscribe-alert": Journey(lambda visit: visit.open("u", FOOTER, 4), words.MAIL_FROM, f"GET {U} 200"),
    "unsubscribe-retired": Journey(lambda visit: visit.open("u", HEADER, 5), words.UNSUBSCRIBE, f"GET {U} 200"),
    "alert-pressed": Journey(going.alert_pressed, words.MAIL_FROM, f"POST {U} 409"),
    "done": Journey(going.stopped, words.UNSUBSCRIBED, f"POST {U} 200"),
    "done-footer": Journey(going.stopped_footer, words.UNSUBSCRIBED, f"POST {U} 200"),
    "done-all": Journey(going.stopped_all, words.UNSUBSCRIBED, f"POST {ALL} 200"),
    "all-opened-again": Journey(going.all_opened_again, words.UNSUBSCRIBE, f"GET {ALL} 200"),
    "form": Journey(lambda visit: visit.open_form(), words.FORM, f"GET {O} 200"),
    "form-wrong": Journey(going.wrong_address, words.FORM, f"POST {O} 400"),
    "form-done": Journey(going.form_done, words.UNSUBSCRIBED, f"POST {O} 200"),
    "form-off": Journey(going.form_off, words.FORM_OFF, f"GET {O} 404"),
}
_CHOOSING = {
    "preferences": Journey(lambda visit: visit.open("p", FOOTER), words.CENTRE, f"GET {P} 200"),
    "preferences-saved": Journey(going.saved, words.CENTRE, f"POST {P} 200"),
    "preferences-same": Journey(going.saved_unchanged, words.CENTRE, f"POST {P} 200"),
    "preferences-stale": Journey(going.saved_stale, words.CENTRE, f"POST {P} 200"),
    "preferences-none": Journey(going.after_all, words.CENTRE, f"GET {P} 200"),
    "undone": Journey(personal.undone, words.CENTRE, f"POST {UNDO} 200"),
    "undone-saved": Journey(personal.undone_after_saving, words.CENTRE, f"POST {UNDO} 200"),
    "undone-too-late": Journey(personal.undone_too_late, words.CENTRE, f"POST {UNDO} 200"),
    "undone-twice": Journey(personal.undone_twice, words.CENTRE, f"POST {UNDO} 200"),
    "undone-opened-again": Journey(personal.undone_opened_again, words.CENTRE, f"GET {UNDO} 200"),
}
_OWN = {
    "history-empty": Journey(lambda visit: visit.open_further("history"), words.HISTORY, f"GET {HISTORY} 200"),
    "history": Journey(personal.history, words.HISTORY, f"GET {HISTORY} 200"),
    "history-older": Journey(personal.history_older, words.HISTORY, f"GET {HISTORY} 200"),
    "history-oldest": Journey(personal.history_oldest, words.HISTORY, f"GET {HISTORY} 200"),
    "data": Journey(lambda visit: visit.open_further("data"), words.DATA, f"GET {DATA} 200"),
    "data-wrong": Journey(partial(personal.typed, what="data", text=personal.OTHER), words.DATA, f"POST {DATA} 400"),
    "data-no-field": Journey(partial(personal.without_field, what="data"), words.DATA, f"POST {DATA} 400"),
    "erase": Journey(lambda visit: visit.open_further("erase"), words.ERASE, f"GET {ERASE} 200"),
    "erase-wrong": Journey(
        partial(personal.typed, what="erase", text=personal.OTHER), words.ERASE, f"POST {ERASE} 400"
    ),
    "erase-no-field": Journey(partial(personal.without_field, what="erase"), words.ERASE, f"POST {ERASE} 400"),
    "erased": Journey(personal.erased, words.ERASED, f"POST {ERASE} 200"),
    "chosen-again": Journey(personal.chosen_again, words.CENTRE, f"POST {P} 200"),
}
_OLD = {
    "old-link": Journey(personal.opened_old, words.UNSUBSCRIBE, f"GET {P} 200"),
    "old-link-all": Journey(personal.all_opened_old, words.UNSUBSCRIBE, f"GET {ALL} 200"),
    "old-link-saved": Journey(personal.saved_when_old, words.UNSUBSCRIBED, f"POST {P} 200"),
    "old-link-undo": Journey(personal.undone_when_old, words.UNSUBSCRIBE, f"POST {UNDO} 403"),
    "old-link-undone": Journey(partial(personal.opened_old, what="/undo"), words.UNSUBSCRIBE, f"GET {UNDO} 200"),
    "old-link-history": Journey(partial(personal.opened_old, what="/history"), words.UNSUBSCRIBE, f"GET {HISTORY} 200"),
    "old-link-data": Journey(partial(personal.opened_old, what="/data"), words.UNSUBSCRIBE, f"GET {DATA} 200"),
    "old-link-download": Journey(partial(personal.sent_when_old, what="data"), words.UNSUBSCRIBE, f"POST {DATA} 403"),
    "old-link-erase": Journey(partial(personal.opened_old, what="/erase"), words.UNSUBSCRIBE, f"GET {ERASE} 200"),
    "old-link-erasing": Journey(partial(personal.sent_when_old, what="erase"), words.UNSUBSCRIBE, f"POST {ERASE} 403"),
}
_WRONG = {
    "too-many": Journey(going.too_many, words.TOO_MANY, f"POST {O} 429"),
    "too-many-data": Journey(partial(personal.tried_too_often, what="data"), words.TOO_MANY, f"POST {DATA} 429"),
    "too-many-erase": Journey(partial(personal.tried_too_often, what="erase"), words.TOO_MANY, f"POST {ERASE} 429"),
    "bad-link": Journey(lambda visit: visit.goto(f"{visit.served.url}/u/x"), words.BAD_LINK, f"GET {U} 404"),
    "trouble": Journey(going.trouble, words.TROUBLE, f"POST {U} 503"),
    "trouble-all": Journey(going.trouble_stopping_all, words.TROUBLE, f"POST {ALL} 503"),
    "trouble-done": Journey(going.trouble_telling, words.TROUBLE, f"GET {U} 503"),
    "trouble-done-all": Journey(going.trouble_telling_all, words.TROUBLE, f"GET {ALL} 503"),
    "trouble-form": Journey(going.trouble_typing, words.TROUBLE, f"POST {O} 503"),
    "trouble-choosing": Journey(going.trouble_choosing, words.TROUBLE, f"GET {P} 503"),
    "trouble-saving": Journey(going.trouble_saving, words.TROUBLE, f"POST {P} 503"),
    "trouble-undoing": Journey(personal.trouble_undoing, words.TROUBLE, f"POST {UNDO} 503"),
    "trouble-undone": Journey(personal.trouble_undone, words.TROUBLE, f"GET {UNDO} 503"),
    "trouble-history": Journey(personal.trouble_remembering, words.TROUBLE, f"GET {HISTORY} 503"),
    "trouble-data": Journey(partial(personal.trouble_with, what="data"), words.TROUBLE, f"POST {DATA} 503"),
    "trouble-erasing": Journey(partial(personal.trouble_with, what="erase"), words.TROUBLE, f"POST {ERASE} 503"),
    "broken-form": Journey(going.broken_form, words.NOT_WHOLE, f"POST {P} 400"),
    "too-long": Journey(going.too_long, words.TOO_LONG, f"POST {P} 413"),
    "nothing-here": Journey(going.nobody, words.NOTHING_HERE, f"GET {O} 404"),
}
JOURNEYS: dict[str, Journey] = {**_STOPPING, **_CHOOSING, **_OWN, **_OLD, **_WRONG}
