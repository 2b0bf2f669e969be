"""`/p/{token}`: the preference centre, opened by a footer's link."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    from collections.abc import Sequence

    from chalice.app import Request

    from chalicelib.service import Service
    from chalicelib.use_cases.choosing import Centre, Standing

preferences = Blueprint(__name__)
FROM = "from"
"""The field of the query that names the category with which a page of the centre begins."""
NOTES_OCTETS = 1_500
"""Of what is said once a form was saved, with its undo, where names and links are long."""
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
    service: Service, opened: OpenedLink, token: str, first: str, *notes: Markup, is_elsewhere: bool = False
) -> Response:
    """What this recipient gets, from the category `first` on, after `notes` of what has just become of it.

    `is_elsewhere`: this is the answer of another route. Only there the centre's own links name its path: a long address
    makes a long token, and a page that repeats it everywhere a heavy one.
    """
    prefix, sender = service.settings.prefix, opened.sender
    chosen, said = centre(service, opened), sum(octets(note) + 1 for note in notes)
    return page(
        "Choose what you get",
        *notes,
        Markup("<p>This is for mail that {} sends to {}.</p>").format(called(sender), masked(opened)),
        _Choices(_Place(f"{prefix}/p/{token}", first, is_elsewhere), called(sender), chosen, NOTES_OCTETS - said)
        if chosen.standings
        else Markup("<p>There is nothing to choose.</p>"),
        button(f"{prefix}/u/{token}/all", STOP_ALL, is_second=True),
        still_arrives(sender),
        # What is not among it then is on the page of the history.
        Markup("") if first else Either(more(prefix, token), more(prefix, token, "history")),
        brand=brand_of(prefix, sender),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A page of the centre at this path, and whether the browser is somewhere else when it shows it."""

    path: str
    first: str
    is_elsewhere: bool

    def link(self, first: str) -> str:
        """To the page that begins with this category."""
        return f"{self.path if self.is_elsewhere else ''}{_query(first)}" or "?"


class _Choices:
    """The form with as many categories as there is room for, from `first` on, and the way to the others.

    `spare` octets of the room stay free for what is said once it was saved, so that the same ones are shown then.
    """

    def __init__(self, place: _Place, sender: str, chosen: Centre, spare: int) -> None:
        self.place, self.sender, self.chosen, self.spare = place, sender, chosen, max(0, spare)
        ids = [standing.category.id for standing in chosen.standings]
        self.at = ids.index(place.first) if place.first in ids else 0
        self.standings = chosen.standings[self.at :]

    def __call__(self, room: int) -> Markup:
        form = self._form(self.standings[: self._fitting(room - self.spare)], self.place)
        if (over := octets(form) - room) > 0:
            said = octets(shortened(self.standings[0].category.description, TEXT_OCTETS))
            form = self._form(self.standings[:1], self.place, max(0, said - over))
        return form

    def _fitting(self, room: int) -> int:
        """How many are shown: as many as if all were wanted and links were long, so that no outcome changes it."""
        wanted = [replace(standing, is_wanted=True) for standing in self.standings]
        place = replace(self.place, is_elsewhere=True)
        many = len(leading(starmap(_row, enumerate(wanted)), ROWS_OCTETS))
        while many > 1 and octets(self._form(wanted[:many], place)) > room:
            many -= 1
        return many

    def _form(self, standings: Sequence[Standing], place: _Place, most: int = TEXT_OCTETS) -> Markup:
        fields = _FIELDS.format(
            version=self.chosen.version,
            shown=" ".join(standing.category.id for standing in standings),
            before=" ".join(standing.category.id for standing in standings if standing.is_wanted),
            sender=self.sender,
            rows=Markup("\n").join(_row(number, standing, most) for number, standing in enumerate(standings)),
        )
        return button(place.link(place.first), "Save", fields) + self._others(len(standings), place)

    def _others(self, shown: int, place: _Place) -> Markup:
        total, end = len(self.chosen.standings), self.at + shown
        if shown == total:
            return Markup("")
        told = Markup("<p>You see {} to {} of {} kinds of mail. Save before you go to others.</p>")
        onward = [standing.category.id for standing in self.standings[shown : shown + 1]]
        links = [_link(place.link(category), "More kinds of mail") for category in onward]
        links += [_link(place.link(""), "The first kinds of mail")] if self.at else []
        return told.format(self.at + 1, end, total) + Markup("").join(links)


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
