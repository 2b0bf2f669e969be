"""`/p/{token}/history`: what happened so far, newest first."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from chalice.app import Blueprint, Response

from chalicelib.boundary import SECURITY_HEADERS, answering, service_of
from chalicelib.markup import Markup
from chalicelib.use_cases.recalling import NOT_HERE, open_history, recall
from chalicelib.web import words
from chalicelib.web.answers import page, trouble_of_link
from chalicelib.web.asked import asked, voice_of
from chalicelib.web.brand import brand_of
from chalicelib.web.fitting import leading, octets
from chalicelib.web.happenings import happened
from chalicelib.web.unsubscribe import only_stops
from chalicelib.web.voices import N_

if TYPE_CHECKING:
    from chalicelib.domain.recipients import Entry
    from chalicelib.domain.senders import Sender
    from chalicelib.use_cases.opening import OpenedLink
    from chalicelib.use_cases.recalling import History
    from chalicelib.web.voices import Voice

histories = Blueprint(__name__)
OLDER = "older"
_MOST_DIGITS = 12
_OLDER = N_("Older")
_NOTHING = N_("Nothing has happened yet: nobody has stopped or chosen any mail for this address.")
_NOT_HERE = N_("There is nothing here")
LINES_OCTETS = 4_000
"""Of the acts on one page: more than a page of them has, but for those with long names."""
LINE_OCTETS = 1_500
"""Of one act."""


@histories.route("/p/{token}/history", methods=["GET", "HEAD"], content_types=["*/*"])
def show(token: str) -> Response:
    """A page of it. Writes nothing; two reads, also where this container does not know the sender yet."""

    def answer() -> Response:
        at, older = words.told_at(asked(histories, words.AT_FIELD)), _older()
        opened, reader = open_history(service_of(histories), token, at, older)
        voice = voice_of(histories, opened.sender)
        if not opened.may_choose:
            return only_stops(voice, opened, token)
        if reader is None:
            return _elsewhere(voice.here(**_query(older), **words.at_query(opened.place)))
        return _page(voice, opened, token, recall(reader, opened, older))

    return answering(trouble_of_link(histories, token), answer)


def _older() -> int | None:
    """Where the page begins; None for the newest, and for what is no number."""
    told = asked(histories, OLDER)
    return int(told) if told.isascii() and told.isdigit() and len(told) <= _MOST_DIGITS else None


def _query(older: int | None) -> dict[str, str]:
    return {} if older is None else {OLDER: str(older)}


def _elsewhere(url: str) -> Response:
    """No link of ours leads here: the same page is two reads by the URL that says where the recipient is kept."""
    return Response("", {**SECURITY_HEADERS, "Location": url}, int(HTTPStatus.TEMPORARY_REDIRECT))


def _page(voice: Voice, opened: OpenedLink, token: str, history: History) -> Response:
    nothing = _NOT_HERE if history is NOT_HERE else _NOTHING
    at = words.at_query(opened.place)
    return page(
        voice,
        voice.say("What happened so far"),
        words.paragraph(words.about(voice, opened)),
        words.paragraph(voice.say("The newest comes first.") if history.entries else voice.say(nothing)),
        partial(_lines, voice, opened, history) if history.entries else "",
        _link(voice, N_("Newest"), at) if history.start or history is NOT_HERE else "",
        words.back(voice, token),
        words.more(voice, token, opened.place, "data", "erase"),
        brand=brand_of(voice, opened.sender),
        kept={**_query(history.start or None), **at},
    )


def _lines(voice: Voice, opened: OpenedLink, history: History, room: int) -> Markup:
    """As many acts as there is room for, and the way to the others."""
    at = words.at_query(opened.place)
    room -= octets(_link(voice, _OLDER, {**_query(10**_MOST_DIGITS), **at}))
    lines = leading([_line(voice, opened.sender, entry) for entry in history.entries], min(room, LINES_OCTETS))
    left = history.entries[len(lines) :]
    older = left[0].seq if left else history.older
    link = Markup("") if older is None else _link(voice, _OLDER, {**_query(older), **at})
    return Markup('<ul role="list">{}</ul>\n{}').format(Markup("\n").join(lines), link)


def _line(voice: Voice, sender: Sender, entry: Entry) -> Markup:
    said = happened(voice, sender, entry)
    shown = leading(said, LINE_OCTETS)
    rest = len(said) - len(shown)
    more = voice.count(
        "And {number} more: download your data to see all of it.",
        "And {number} more: download your data to see all of it.",
        rest,
    )
    return Markup("<li>{}</li>").format(Markup("<br>").join([*shown, *([more] if rest else [])]))


def _link(voice: Voice, label: str, query: dict[str, str]) -> Markup:
    return Markup('<p><a href="{}">{}</a></p>').format(voice.here(**query), voice.say(label))
