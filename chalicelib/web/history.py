"""`/p/{token}/history`: what happened so far, newest first."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chalice.app import Blueprint, Response
from markupsafe import Markup

from chalicelib.api import times
from chalicelib.boundary import answering, service_of
from chalicelib.use_cases.opening import OpenedLink, open_preferences
from chalicelib.use_cases.recalling import recall
from chalicelib.web.answers import page, trouble_of_link
from chalicelib.web.brand import brand_of
from chalicelib.web.fitting import called, leading, octets
from chalicelib.web.forms import asked
from chalicelib.web.happenings import clauses, day_of, listed_few
from chalicelib.web.unsubscribe import only_stops
from chalicelib.web.words import back, masked, more

if TYPE_CHECKING:
    from chalicelib.domain.recipients import Entry
    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service
    from chalicelib.use_cases.recalling import History

histories = Blueprint(__name__)
OLDER = "older"
DAY = 86_400_000
"""Milliseconds."""
_MOST_DIGITS = 12
LINES_OCTETS = 4_000
"""Of the acts on one page: more than a page of them has, but for those with long names."""
LINE_OCTETS = 1_500
"""Of one act."""


@histories.route("/p/{token}/history", methods=["GET", "HEAD"], content_types=["*/*"])
def show(token: str) -> Response:
    """A page of it. Writes nothing; two reads."""

    def answer() -> Response:
        service = service_of(histories)
        opened = open_preferences(service, token)
        if not opened.may_choose:
            return only_stops(service, opened, token)
        older = _older()
        return _page(service, opened, token, recall(service, opened, older), is_older=older is not None)

    return answering(trouble_of_link(histories, token), answer)


def _older() -> int | None:
    """Where the page begins; None for the newest, and for what is no number."""
    told = asked(histories.current_request, OLDER)
    return int(told) if told.isascii() and told.isdigit() and len(told) <= _MOST_DIGITS else None


_NOTHING = Markup("<p>Nothing has happened yet: nobody has stopped or chosen any mail for this address.</p>")


def _page(service: Service, opened: OpenedLink, token: str, history: History, *, is_older: bool) -> Response:
    prefix, sender = service.settings.prefix, opened.sender
    return page(
        "What happened so far",
        Markup("<p>This is about mail that {} sends to {}. The newest comes first.</p>").format(
            called(sender), masked(opened)
        ),
        partial(_lines, sender, history) if history.entries else _NOTHING,
        _LINK.format("?", "Newest") if is_older else Markup(""),
        back(prefix, token),
        more(prefix, token, "data", "erase"),
        brand=brand_of(prefix, sender),
    )


_LINK = Markup('<p><a href="{}">{}</a></p>')


def _lines(sender: Sender, history: History, room: int) -> Markup:
    """As many acts as there is room for, and the way to the others."""
    room -= octets(_LINK.format(f"?{OLDER}={'9' * _MOST_DIGITS}", "Older"))
    lines = leading([_line(sender, entry) for entry in history.entries], min(room, LINES_OCTETS))
    left = history.entries[len(lines) :]
    older = left[0].seq if left else history.older
    link = Markup("") if older is None else _LINK.format(f"?{OLDER}={older}", "Older")
    return Markup("<ul>{}</ul>\n{}").format(Markup("\n").join(lines), link)


def _line(sender: Sender, entry: Entry) -> Markup:
    """One act; the day is that on which it was recorded."""
    on = Markup('On <time datetime="{}">{}</time>').format(
        times.tell_day(entry.recorded // DAY), day_of(entry.recorded)
    )
    said = [Markup("{} {}.").format(on, clause) for clause in clauses(sender, entry, listed_few)]
    shown = leading(said, LINE_OCTETS)
    more = [Markup("And {} more: your data, to download, has them all.").format(len(said) - len(shown))]
    return Markup("<li>{}</li>").format(Markup("<br>").join([*shown, *(more if len(said) > len(shown) else [])]))
