"""`/u/{token}`: the page with one button, and the one-click POST (RFC 8058)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from chalice.app import Blueprint, Response

from chalicelib.boundary import answering, service_of, status_of
from chalicelib.domain.acts import Via
from chalicelib.domain.errors import CannotOptOut
from chalicelib.markup import Markup
from chalicelib.tokens import Purpose
from chalicelib.use_cases.opening import OpenedLink, open_link
from chalicelib.use_cases.stopping import Stopped, opt_out, stopped_by
from chalicelib.web import words
from chalicelib.web.alerts import still_arrives
from chalicelib.web.answers import page, trouble_of_link
from chalicelib.web.asked import asked, voice_of
from chalicelib.web.brand import brand_of

if TYPE_CHECKING:
    from chalicelib.web.fitting import Part
    from chalicelib.web.voices import Voice

unsubscribe = Blueprint(__name__)
PAGE_FIELD = "page"
"""The field by which our own button is told from a mail client. It decides what the ledger calls it, nothing else."""
_FIELD_OCTETS = 1_000


@unsubscribe.route("/u/{token}", methods=["GET", "HEAD"], content_types=["*/*"])
def show(token: str) -> Response:
    """The page with one button. Writes nothing, however often it is opened (conformance A7).

    After the act that its query names, and while that holds, it says that it is done: one read more.
    """
    return _shown(token)


@unsubscribe.route("/u/{token}", methods=["POST"], content_types=["*/*"])
def one_click(token: str) -> Response:
    """Opts out of the category of the link, whatever the body says or how (conformance A1 to A14)."""

    def answer() -> Response:
        opened = open_link(service_of(unsubscribe), token)
        voice = voice_of(unsubscribe, opened.sender)
        try:
            stopped = opt_out(service_of(unsubscribe), opened, _via())
        except CannotOptOut as error:
            response = stop_page(voice, opened, token, _cannot(voice, opened))
            response.status_code = status_of(error)
            return response
        return done_page(voice, opened, token, (stopped.act,), stopped)

    return answering(trouble_of_link(unsubscribe, token), answer)


@unsubscribe.route("/u/{token}/all", methods=["GET", "HEAD"], content_types=["*/*"])
def show_all(token: str) -> Response:
    """The same page, for who comes back to where "stop all" has led. Writes nothing."""
    return _shown(token)


@unsubscribe.route("/u/{token}/all", methods=["POST"], content_types=["*/*"])
def stop_all(token: str) -> Response:
    """Opts out of all optional mail (conformance C3)."""

    def answer() -> Response:
        opened = open_link(service_of(unsubscribe), token)
        stopped = opt_out(service_of(unsubscribe), opened, Via.UNSUBSCRIBE_PAGE, of_all=True)
        return done_page(voice_of(unsubscribe, opened.sender), opened, token, (stopped.act,), stopped)

    return answering(trouble_of_link(unsubscribe, token), answer)


def _shown(token: str) -> Response:
    def answer() -> Response:
        service = service_of(unsubscribe)
        opened = open_link(service, token)
        return shown_again(unsubscribe, opened, token) or stop_page(voice_of(unsubscribe, opened.sender), opened, token)

    return answering(trouble_of_link(unsubscribe, token), answer)


def shown_again(blueprint: Blueprint, opened: OpenedLink, token: str) -> Response | None:
    """The page of an opt-out that the query names, while that holds."""
    acts = words.done_acts(asked(blueprint, words.DONE_FIELD))
    stopped = stopped_by(service_of(blueprint), opened, acts[0]) if acts else None
    if stopped is None:
        return None
    return done_page(voice_of(blueprint, opened.sender), opened, token, acts, stopped)


def _via() -> Via:
    """Our page's button names itself; everything else is a mail client. Conformance A5: nothing else is read."""
    try:
        raw = unsubscribe.current_request.raw_body
    except ValueError:
        return Via.ONE_CLICK  # not even base64 (A9)
    octets = raw.encode() if isinstance(raw, str) else raw
    is_page = len(octets) < _FIELD_OCTETS and PAGE_FIELD in parse_qs(octets.decode("utf-8", "replace"))
    return Via.UNSUBSCRIBE_PAGE if is_page else Via.ONE_CLICK


def stop_page(voice: Voice, opened: OpenedLink, token: str, *notes: Part, way_on: Markup | None = None) -> Response:
    """What a link stops, one button, and "stop all optional mail" beneath it.

    `way_on` is where to choose among all mail, where the notes say that already.
    """
    title, said = _speaking_of(voice, opened)
    is_alert = opened.category.is_service_alert
    return page(
        voice,
        title,
        *notes,
        words.paragraph(said),
        Markup("") if is_alert else _stop_button(voice, opened, token),
        words.stop_all_button(voice, token, is_second=not is_alert),
        _choose(voice, opened, token) if way_on is None else way_on,
        still_arrives(voice, opened.sender) if is_alert else Markup(""),
        brand=brand_of(voice, opened.sender),
    )


def _speaking_of(voice: Voice, opened: OpenedLink) -> tuple[Markup, Markup]:
    """The title of the page, and its sentence."""
    category, sender, address = (
        voice.category(opened.category),
        voice.sender(opened.sender),
        words.masked(voice, opened),
    )
    values = {"sender": sender, "category": words.strong(category), "address": address}
    if opened.category.is_service_alert:
        return voice.say("Mail from {sender}", sender=sender), voice.say(
            "You cannot opt out of {category}. You can stop all optional mail that {sender} sends to {address}.",
            **values,
        )
    title = voice.say("Unsubscribe from {category}", category=category)
    if opened.category.retired:
        return title, voice.say(
            "{sender} does not send {category} at the moment. You can make sure that {address} never gets it.", **values
        )
    return title, voice.say("You can stop {category} from {sender} to {address} here.", **values)


def _stop_button(voice: Voice, opened: OpenedLink, token: str) -> Markup:
    return words.button(
        voice.to(f"/u/{token}"),
        voice.say("Stop {category}", category=voice.category(opened.category)),
        Markup('<input type="hidden" name="{}" value="1">').format(PAGE_FIELD),
    )


def stopped_page(voice: Voice, opened: OpenedLink, token: str, said: Part, acts: tuple[str, ...]) -> Response:
    """What an old link gets that has stopped what its form said, by `acts`."""
    return page(
        voice,
        voice.say("You are unsubscribed"),
        said,
        words.only_stops(voice),
        words.stop_all_button(voice, token),
        still_arrives(voice, opened.sender),
        brand=brand_of(voice, opened.sender),
        kept=words.done_query(acts),
    )


def _cannot(voice: Voice, opened: OpenedLink) -> Markup:
    category = voice.category(opened.category)
    said = voice.say("Nothing was stopped: you cannot opt out of {category}.", category=category)
    return words.outcome(said, is_done=False)


def only_stops(voice: Voice, opened: OpenedLink, token: str, status: int = HTTPStatus.OK, *notes: Part) -> Response:
    """What a footer's link gets that is old, or of a compromised key, whatever more it was opened for."""
    response = stop_page(voice, opened, token, *notes, words.only_stops(voice), way_on=Markup(""))
    response.status_code = int(status)
    return response


def done_page(voice: Voice, opened: OpenedLink, token: str, acts: tuple[str, ...], stopped: Stopped) -> Response:
    """What stopped by `acts`, and what still arrives and why. Who may choose may undo it."""
    rest = words.paragraph(
        voice.say("Other optional mail from {sender} may still come.", sender=voice.sender(opened.sender))
    )
    return page(
        voice,
        voice.say("You are unsubscribed"),
        words.outcome(_stopped(voice, opened, of_all=stopped.of_all)),
        words.undo_button(voice, token, acts) if opened.may_choose else Markup(""),
        rest if stopped.more_arrives else Markup(""),
        words.stop_all_button(voice, token) if stopped.may_stop_all else Markup(""),
        _choose(voice, opened, token),
        still_arrives(voice, opened.sender),
        brand=brand_of(voice, opened.sender),
        kept=words.done_query(acts),
    )


def _stopped(voice: Voice, opened: OpenedLink, *, of_all: bool) -> Markup:
    values = {"sender": voice.sender(opened.sender), "address": words.masked(voice, opened)}
    if of_all:
        return voice.say("{sender} will not send any optional mail to {address} any more.", **values)
    category = words.strong(voice.category(opened.category))
    return voice.say("{sender} will not send {category} to {address} any more.", category=category, **values)


def _choose(voice: Voice, opened: OpenedLink, token: str) -> Markup:
    if opened.may_choose:
        link = Markup('<p><a href="{}">{}</a></p>')
        return link.format(voice.to(f"/p/{token}"), voice.say("Choose what you get"))
    said = (
        voice.say("To choose among all mail, use the link at the foot of the mail.")
        if opened.link.purpose is Purpose.ONE_CLICK
        else voice.say("To choose among all mail, use the link at the foot of a newer mail.")
    )
    return Markup('<p class="quiet">{}</p>').format(said)
