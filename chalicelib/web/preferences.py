"""`/p/{token}`: the preference centre, opened by a footer's link."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING

from chalice.app import Blueprint, Response
from markupsafe import Markup

from chalicelib.boundary import answering, service_of, status_of
from chalicelib.domain.acts import Via
from chalicelib.domain.decision import Reason
from chalicelib.domain.errors import CannotOptOut, InvalidRequest
from chalicelib.use_cases.choosing import Changes, Submission, centre, choose
from chalicelib.use_cases.opening import OpenedLink, open_preferences
from chalicelib.use_cases.stopping import opt_out
from chalicelib.web.answers import page, trouble_of_link
from chalicelib.web.brand import brand_of
from chalicelib.web.fitting import TEXT_OCTETS, Either, called, leading, octets, shortened
from chalicelib.web.forms import asked, fields_of, words_of
from chalicelib.web.happenings import listed_few
from chalicelib.web.unsubscribe import done_page, only_stops, stop_page
from chalicelib.web.words import ONLY_STOPS, STOP_ALL, button, masked, more, outcome, still_arrives, undo_button

if TYPE_CHECKING:
    from chalice.app import Request

    from chalicelib.service import Service
    from chalicelib.use_cases.choosing import Centre, Standing

preferences = Blueprint(__name__)
FROM = "from"
"""The field of the query that names the category with which a page of the centre begins."""
ROWS_OCTETS = 3_600
"""Of the categories on one page of the centre: twenty with a sentence each, two of the longest."""
_NOTES = {
    Reason.BLOCKED: "The sender is not sending you this at the moment.",
    Reason.UNDELIVERABLE: "Mail to you came back, so this is not being sent at the moment.",
}


@preferences.route("/p/{token}", methods=["GET", "HEAD"], content_types=["*/*"])
def show(token: str) -> Response:
    """What this recipient gets. Writes nothing (conformance A7); two reads."""

    def answer() -> Response:
        service = service_of(preferences)
        opened = open_preferences(service, token)
        if not opened.may_choose:
            return only_stops(service, opened, token)
        return centre_page(service, opened, token, beginning(preferences.current_request, opened))

    return answering(trouble_of_link(preferences, token), answer)


@preferences.route("/p/{token}", methods=["POST"], content_types=["*/*"])
def save(token: str) -> Response:
    """Records what the form changed. A link that may not choose stops mail, and starts none."""

    def answer() -> Response:
        service = service_of(preferences)
        opened = open_preferences(service, token)
        fields = fields_of(preferences.current_request)
        if "shown" not in fields:
            return _without_form(service, opened, token)
        changes = choose(service, opened, _submission(fields))
        if not opened.may_choose:
            return stop_page(service, opened, token, _said(opened, changes), ONLY_STOPS)
        first = beginning(preferences.current_request, opened)
        undo = undo_button(service.settings.prefix, token, changes.act, _query(first)) if changes.act else Markup("")
        return centre_page(service, opened, token, first, _said(opened, changes), undo)

    return answering(trouble_of_link(preferences, token), answer)


def _without_form(service: Service, opened: OpenedLink, token: str) -> Response:
    """A POST that no form of ours made."""
    if opened.may_choose:
        raise InvalidRequest("the form was not whole")
    try:
        act = opt_out(service, opened, Via.ONE_CLICK)
    except CannotOptOut as error:
        return only_stops(service, opened, token, status_of(error))
    return done_page(service, opened, token, act)


def _submission(fields: dict[str, list[str]]) -> Submission:
    [version, *_] = fields.get("version", [""])
    known = int(version) if version.isascii() and version.isdigit() and len(version) < _MOST_DIGITS else None
    shown, before = words_of(fields, "shown"), words_of(fields, "before")
    return Submission(shown, before, frozenset(fields.get("wanted", ())), known)


def beginning(request: Request, opened: OpenedLink) -> str:
    """The category with which the page of the centre begins that was asked for; nothing for the first page.

    What is none of the sender's, or none any more, gets the first page.
    """
    told = asked(request, FROM)
    return told if told in [category.id for category in opened.sender.catalogue.optional[1:]] else ""


def _query(first: str) -> str:
    return f"?{FROM}={first}" if first else ""


def centre_page(
    service: Service, opened: OpenedLink, token: str, first: str, *notes: Markup, path: str = ""
) -> Response:
    """What this recipient gets, from the category `first` on, after `notes` of what has just become of it.

    `path` is that of the centre where this is the answer of another route: a long address makes a long token, and a
    page that repeats it everywhere a heavy one.
    """
    prefix, sender = service.settings.prefix, opened.sender
    chosen = centre(service, opened)
    return page(
        "Choose what you get",
        *notes,
        Markup("<p>This is for mail that {} sends to {}.</p>").format(called(sender), masked(opened)),
        _Choices(path, called(sender), chosen, first)
        if chosen.standings
        else Markup("<p>There is nothing to choose.</p>"),
        button(f"{prefix}/u/{token}/all", STOP_ALL, is_second=True),
        still_arrives(sender),
        # What is not among it then is on the page of the history.
        Markup("") if first else Either(more(prefix, token), more(prefix, token, "history")),
        brand=brand_of(prefix, sender),
    )


class _Choices:
    """The form with as many categories as there is room for, from `first` on, and the way to the others."""

    def __init__(self, path: str, sender: str, chosen: Centre, first: str) -> None:
        self.path, self.sender, self.chosen, self.first = path, sender, chosen, first
        ids = [standing.category.id for standing in chosen.standings]
        self.at = ids.index(first) if first in ids else 0
        self.standings = chosen.standings[self.at :]

    def __call__(self, room: int) -> Markup:
        rows = leading(starmap(_row, enumerate(self.standings)), ROWS_OCTETS)
        while octets(form := self._form(rows)) > room and len(rows) > 1:
            rows.pop()
        if (over := octets(form) - room) > 0:
            said = octets(shortened(self.standings[0].category.description, TEXT_OCTETS))
            form = self._form([_row(0, self.standings[0], max(0, said - over))])
        return form

    def _form(self, rows: list[Markup]) -> Markup:
        standings = self.standings[: len(rows)]
        shown = " ".join(standing.category.id for standing in standings)
        before = " ".join(standing.category.id for standing in standings if standing.is_wanted)
        fields = _FIELDS.format(
            version=self.chosen.version, shown=shown, before=before, sender=self.sender, rows=Markup("\n").join(rows)
        )
        return button(self._to(self.first), "Save", fields) + self._others(len(rows))

    def _to(self, first: str) -> str:
        return f"{self.path}{_query(first)}" or "?"

    def _others(self, shown: int) -> Markup:
        total, end = len(self.chosen.standings), self.at + shown
        if shown == total:
            return Markup("")
        told = Markup("<p>This is {} to {} of {} kinds of mail. Save before you go to others.</p>")
        return Markup("").join(
            [
                told.format(self.at + 1, end, total),
                _link(self._to(self.standings[shown].category.id), "More kinds of mail") if end < total else Markup(""),
                _link(self._to(""), "The first kinds of mail") if self.at else Markup(""),
            ]
        )


def _link(target: str, label: str) -> Markup:
    return Markup('<p><a href="{}">{}</a></p>').format(target, label)


_FIELDS = Markup(
    '<input type="hidden" name="version" value="{version}"><input type="hidden" name="shown" value="{shown}">'
    '<input type="hidden" name="before" value="{before}">'
    "<fieldset><legend>What you want from {sender}</legend>{rows}</fieldset>"
)
"""The form carries what it showed, so that only differences become acts."""


def _row(number: int, standing: Standing, most: int = TEXT_OCTETS) -> Markup:
    """One category, with at most `most` octets of its description."""
    category, note = standing.category, _NOTES.get(standing.verdict.reason) if standing.verdict.reason else None
    about = " ".join(text for text in (shortened(category.description, most), note) if text)
    return Markup(
        '<div class="choice"><input type="checkbox" id="c{number}" name="wanted" value="{id}"{checked}{described}>'
        '<label for="c{number}">{name}</label><span id="d{number}">{about}</span></div>'
    ).format(
        number=number,
        id=category.id,
        name=shortened(category.name),
        about=about,
        checked=Markup(" checked") if standing.is_wanted else "",
        described=Markup(' aria-describedby="d{}"').format(number) if about else "",
    )


def _said(opened: OpenedLink, changes: Changes) -> Markup:
    sentences = [
        f"{called(opened.sender)} {verb} {listed_few(category.name for category in categories)}."
        for verb, categories in (("will not send you", changes.stopped), ("will send you", changes.started))
        if categories
    ]
    text = " ".join(["Saved.", *sentences]) if sentences else _SAME
    if changes.is_stale and opened.may_choose:
        text += " Something had changed since this page was opened: look once more, and save again what you want."
    return outcome(text)


_SAME = "Nothing was changed."
_MOST_DIGITS = 16
