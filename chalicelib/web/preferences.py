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
from chalicelib.web.answers import page, trouble_of_link
from chalicelib.web.brand import brand_of
from chalicelib.web.forms import fields_of
from chalicelib.web.happenings import listed
from chalicelib.web.unsubscribe import done_page, only_stops, stop_page
from chalicelib.web.words import ONLY_STOPS, STOP_ALL, button, masked, more, outcome, still_arrives, undo_button

if TYPE_CHECKING:
    from chalicelib.service import Service

preferences = Blueprint(__name__)
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
        return centre_page(service, opened, token)

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
        undo = Markup("") if changes.act is None else undo_button(service.settings.prefix, token, changes.act)
        return centre_page(service, opened, token, _said(opened, changes), undo)

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
    shown, before, wanted = (frozenset(fields.get(name, ())) for name in ("shown", "before", "wanted"))
    return Submission(shown, before, wanted, known)


def centre_page(service: Service, opened: OpenedLink, token: str, *notes: Markup) -> Response:
    """What this recipient gets, after `notes` of what has just become of it."""
    prefix, sender = service.settings.prefix, opened.sender
    chosen = centre(service, opened)
    rows = Markup("\n").join(_row(number, standing) for number, standing in enumerate(chosen.standings))
    legend = Markup(
        '<input type="hidden" name="version" value="{}"><fieldset><legend>What you want from {}</legend>{}</fieldset>'
    ).format(chosen.version, sender.name, rows)
    return page(
        "Choose what you get",
        *notes,
        Markup("<p>This is for mail that {} sends to {}.</p>").format(sender.name, masked(opened)),
        button(f"{prefix}/p/{token}", "Save", legend)
        if chosen.standings
        else Markup("<p>There is nothing to choose.</p>"),
        button(f"{prefix}/u/{token}/all", STOP_ALL, is_second=True),
        still_arrives(sender),
        more(prefix, token),
        brand=brand_of(prefix, sender),
    )


def _row(number: int, standing: Standing) -> Markup:
    """One category. The hidden fields carry what the form showed, so that only differences become acts."""
    category, note = standing.category, _NOTES.get(standing.verdict.reason) if standing.verdict.reason else None
    before = Markup('<input type="hidden" name="before" value="{}">').format(category.id)
    return Markup(
        '<div class="choice"><input type="checkbox" id="c{number}" name="wanted" value="{id}"{checked}{described}>'
        '<label for="c{number}">{name}</label><span id="d{number}">{about}</span>'
        '<input type="hidden" name="shown" value="{id}">{before}</div>'
    ).format(
        number=number,
        id=category.id,
        name=category.name,
        about=" ".join(text for text in (category.description, note) if text),
        checked=Markup(" checked") if standing.is_wanted else "",
        described=Markup(' aria-describedby="d{}"').format(number) if category.description or note else "",
        before=before if standing.is_wanted else "",
    )


def _said(opened: OpenedLink, changes: Changes) -> Markup:
    sentences = [
        f"{opened.sender.name} {verb} {listed(category.name for category in categories)}."
        for verb, categories in (("will not send you", changes.stopped), ("will send you", changes.started))
        if categories
    ]
    text = " ".join(["Saved.", *sentences]) if sentences else _SAME
    if changes.is_stale and opened.may_choose:
        text += " Something had changed since this page was opened: look once more, and save again what you want."
    return outcome(text)


_SAME = "Nothing was changed."
_MOST_DIGITS = 16
