"""`/p/{token}/history`: what happened so far, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Blueprint, MultiDict, Response
from markupsafe import Markup

from chalicelib.api import times
from chalicelib.boundary import answering, service_of
from chalicelib.use_cases.opening import OpenedLink, open_preferences
from chalicelib.use_cases.recalling import recall
from chalicelib.web.answers import page, trouble_of_link
from chalicelib.web.brand import brand_of
from chalicelib.web.happenings import clauses, day_of
from chalicelib.web.unsubscribe import only_stops
from chalicelib.web.words import back, masked

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


@histories.route("/p/{token}/history", methods=["GET", "HEAD"], content_types=["*/*"])
def show(token: str) -> Response:
    """A page of it. Writes nothing; the newest page is two reads, an older one has a read for each of its acts."""

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
    told = (histories.current_request.query_params or MultiDict(None)).get(OLDER, "")
    return int(told) if told.isascii() and told.isdigit() and len(told) <= _MOST_DIGITS else None


_NOTHING = Markup("<p>Nothing has happened yet: nobody has stopped or chosen any mail for this address.</p>")


def _page(service: Service, opened: OpenedLink, token: str, history: History, *, is_older: bool) -> Response:
    prefix, sender = service.settings.prefix, opened.sender
    link = Markup('<p><a href="{}/p/{}/history{}">{}</a></p>')
    lines = Markup("\n").join(_line(sender, entry) for entry in history.entries)
    return page(
        "What happened so far",
        Markup("<p>This is about mail that {} sends to {}. The newest comes first.</p>").format(
            sender.name, masked(opened)
        ),
        Markup("<ul>{}</ul>").format(lines) if history.entries else _NOTHING,
        Markup("") if history.older is None else link.format(prefix, token, f"?{OLDER}={history.older}", "Older"),
        link.format(prefix, token, "", "Newest") if is_older else Markup(""),
        back(prefix, token),
        brand=brand_of(prefix, sender),
    )


def _line(sender: Sender, entry: Entry) -> Markup:
    """One act; the day is that on which it was recorded."""
    on = Markup('On <time datetime="{}">{}</time>').format(
        times.tell_day(entry.recorded // DAY), day_of(entry.recorded)
    )
    said = Markup("<br>").join(Markup("{} {}.").format(on, clause) for clause in clauses(sender, entry))
    return Markup("<li>{}</li>").format(said)
