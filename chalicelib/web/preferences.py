"""`/p/{token}`: the preference centre, opened by a footer's link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Blueprint, Response
from markupsafe import Markup

from chalicelib.boundary import answering, service_of, status_of
from chalicelib.domain.acts import Via
from chalicelib.domain.decision import Reason
from chalicelib.domain.errors import CannotOptOut, InvalidRequest
from chalicelib.use_cases.choosing import Changes, Standing, Submission, centre, choose
from chalicelib.use_cases.opening import OpenedLink, open_preferences
from chalicelib.use_cases.stopping import opt_out
from chalicelib.web import words
from chalicelib.web.answers import page, trouble_of_link
from chalicelib.web.asked import voice_of
from chalicelib.web.brand import brand_of
from chalicelib.web.forms import fields_of
from chalicelib.web.unsubscribe import done_page, only_stops, stop_page
from chalicelib.web.voices import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.domain.categories import Category
    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service
    from chalicelib.web.voices import Voice

preferences = Blueprint(__name__)
_NOTES = {
    Reason.BLOCKED: N_("The sender is not sending you this at the moment."),
    Reason.UNDELIVERABLE: N_("Mail to you came back, so this is not being sent at the moment."),
}


@preferences.route("/p/{token}", methods=["GET", "HEAD"], content_types=["*/*"])
def show(token: str) -> Response:
    """What this recipient gets. Writes nothing (conformance A7); two reads."""
    return shown(preferences, token)


def shown(blueprint: Blueprint, token: str) -> Response:
    """The page, for a request to this blueprint."""

    def answer() -> Response:
        service = service_of(blueprint)
        opened = open_preferences(service, token)
        voice = voice_of(blueprint, opened.sender)
        return centre_page(service, voice, opened, token) if opened.may_choose else only_stops(voice, opened, token)

    return answering(trouble_of_link(blueprint, token), answer)


@preferences.route("/p/{token}", methods=["POST"], content_types=["*/*"])
def save(token: str) -> Response:
    """Records what the form changed. A link that may not choose stops mail, and starts none."""

    def answer() -> Response:
        service = service_of(preferences)
        opened = open_preferences(service, token)
        voice = voice_of(preferences, opened.sender)
        fields = fields_of(preferences.current_request)
        if "shown" not in fields:
            return _without_form(service, voice, opened, token)
        changes = choose(service, opened, _submission(fields))
        if not opened.may_choose:
            return stop_page(voice, opened, token, _said(voice, opened, changes), words.only_stops(voice))
        undo = Markup("") if changes.act is None else words.undo_button(voice, token, changes.act)
        return centre_page(service, voice, opened, token, _said(voice, opened, changes), undo)

    return answering(trouble_of_link(preferences, token), answer)


def _without_form(service: Service, voice: Voice, opened: OpenedLink, token: str) -> Response:
    """A POST that no form of ours made."""
    if opened.may_choose:
        raise InvalidRequest("the form was not whole")
    try:
        act = opt_out(service, opened, Via.ONE_CLICK)
    except CannotOptOut as error:
        return only_stops(voice, opened, token, status_of(error))
    return done_page(voice, opened, token, act)


def _submission(fields: dict[str, list[str]]) -> Submission:
    [version, *_] = fields.get("version", [""])
    known = int(version) if version.isascii() and version.isdigit() and len(version) < _MOST_DIGITS else None
    shown, before, wanted = (frozenset(fields.get(name, ())) for name in ("shown", "before", "wanted"))
    return Submission(shown, before, wanted, known)


def centre_page(service: Service, voice: Voice, opened: OpenedLink, token: str, *notes: Markup) -> Response:
    """What this recipient gets, after `notes` of what has just become of it."""
    sender = voice.sender(opened.sender)
    chosen = centre(service, opened)
    rows = Markup("\n").join(_row(voice, number, standing) for number, standing in enumerate(chosen.standings))
    legend = Markup('<input type="hidden" name="version" value="{}"><fieldset><legend>{}</legend>{}</fieldset>').format(
        chosen.version, voice.say("What you want from {sender}", sender=sender), rows
    )
    about = voice.say(
        "This is about mail that {sender} sends to {address}.", sender=sender, address=words.masked(opened)
    )
    return page(
        voice,
        voice.say("Choose what you get"),
        *notes,
        words.paragraph(about),
        words.button(voice.to(f"/p/{token}"), voice.say("Save"), legend)
        if chosen.standings
        else words.paragraph(voice.say("There is nothing to choose.")),
        words.stop_all_button(voice, token),
        words.still_arrives(voice, opened.sender),
        words.more(voice, token),
        brand=brand_of(voice, opened.sender),
    )


def _row(voice: Voice, number: int, standing: Standing) -> Markup:
    """One category. The hidden fields carry what the form showed, so that only differences become acts."""
    category, note = standing.category, _NOTES.get(standing.verdict.reason) if standing.verdict.reason else None
    about = words.sentences(voice.description(category), voice.say(note) if note else "")
    before = Markup('<input type="hidden" name="before" value="{}">').format(category.id)
    return Markup(
        '<div class="choice"><input type="checkbox" id="c{number}" name="wanted" value="{id}"{checked}{described}>'
        '<label for="c{number}">{name}</label><span id="d{number}">{about}</span>'
        '<input type="hidden" name="shown" value="{id}">{before}</div>'
    ).format(
        number=number,
        id=category.id,
        name=voice.category(category),
        about=about,
        checked=Markup(" checked") if standing.is_wanted else "",
        described=Markup(' aria-describedby="d{}"').format(number) if about else "",
        before=before if standing.is_wanted else "",
    )


def what_is_sent(voice: Voice, sender: Sender, wanted: Sequence[Category], unwanted: Sequence[Category]) -> Markup:
    """What will not be sent and what will; nothing of what is empty."""
    return words.sentences(
        *(
            voice.say(text, sender=voice.sender(sender), categories=voice.listed(map(voice.category, categories)))
            for text, categories in ((_WILL_NOT, unwanted), (_WILL, wanted))
            if categories
        )
    )


def _said(voice: Voice, opened: OpenedLink, changes: Changes) -> Markup:
    sent = what_is_sent(voice, opened.sender, changes.started, changes.stopped)
    said = words.sentences(voice.say("Saved."), sent) if sent else voice.say("Nothing was changed.")
    stale = voice.say(_STALE) if changes.is_stale and opened.may_choose else ""
    return words.outcome(words.sentences(said, stale))


_WILL = N_("{sender} will send you {categories}.")
_WILL_NOT = N_("{sender} will not send you {categories}.")
_STALE = N_("Something had changed since this page was opened: look once more, and save again what you want.")
_MOST_DIGITS = 16
