"""`/u/{token}`: the page with one button, and the one-click POST (RFC 8058)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from chalice.app import Blueprint, Response
from markupsafe import Markup

from chalicelib.boundary import answering, service_of, status_of
from chalicelib.domain.acts import Via
from chalicelib.domain.errors import CannotOptOut
from chalicelib.tokens import Purpose
from chalicelib.use_cases.opening import OpenedLink, open_link
from chalicelib.use_cases.stopping import opt_out
from chalicelib.web.answers import page, trouble_of_link
from chalicelib.web.brand import brand_of
from chalicelib.web.fitting import called, shortened
from chalicelib.web.words import ONLY_STOPS, STOP_ALL, button, masked, outcome, still_arrives, undo_button

if TYPE_CHECKING:
    from chalicelib.service import Service

unsubscribe = Blueprint(__name__)
PAGE_FIELD = "page"
"""The field by which our own button is told from a mail client. It decides what the ledger calls it, nothing else."""
_FIELD_OCTETS = 1_000


@unsubscribe.route("/u/{token}", methods=["GET", "HEAD"], content_types=["*/*"])
def show(token: str) -> Response:
    """The page with one button. Writes nothing, however often it is opened (conformance A7)."""

    def answer() -> Response:
        service = service_of(unsubscribe)
        return stop_page(service, open_link(service, token), token)

    return answering(trouble_of_link(unsubscribe, token), answer)


@unsubscribe.route("/u/{token}", methods=["POST"], content_types=["*/*"])
def one_click(token: str) -> Response:
    """Opts out of the category of the link, whatever the body says or how (conformance A1 to A14)."""

    def answer() -> Response:
        service = service_of(unsubscribe)
        opened = open_link(service, token)
        try:
            act = opt_out(service, opened, _via())
        except CannotOptOut as error:
            response = stop_page(service, opened, token)
            response.status_code = status_of(error)
            return response
        return done_page(service, opened, token, act)

    return answering(trouble_of_link(unsubscribe, token), answer)


@unsubscribe.route("/u/{token}/all", methods=["POST"], content_types=["*/*"])
def stop_all(token: str) -> Response:
    """Opts out of all optional mail (conformance C3)."""

    def answer() -> Response:
        service = service_of(unsubscribe)
        opened = open_link(service, token)
        act = opt_out(service, opened, Via.UNSUBSCRIBE_PAGE, of_all=True)
        return done_page(service, opened, token, act, of_all=True)

    return answering(trouble_of_link(unsubscribe, token), answer)


def _via() -> Via:
    """Our page's button names itself; everything else is a mail client. Conformance A5: nothing else is read."""
    try:
        raw = unsubscribe.current_request.raw_body
    except ValueError:
        return Via.ONE_CLICK  # not even base64 (A9)
    octets = raw.encode() if isinstance(raw, str) else raw
    is_page = len(octets) < _FIELD_OCTETS and PAGE_FIELD in parse_qs(octets.decode("utf-8", "replace"))
    return Via.UNSUBSCRIBE_PAGE if is_page else Via.ONE_CLICK


_SENDS = Markup("<p>{} sends <strong>{}</strong> to {}.</p>")
_RETIRED = Markup("<p>{} does not send <strong>{}</strong> at the moment. You can make sure that {} never gets it.</p>")
_ALWAYS = Markup("<p>You cannot opt out of <strong>{}</strong>. You can stop all else that {} sends to {}.</p>")


def stop_page(service: Service, opened: OpenedLink, token: str, *notes: Markup) -> Response:
    """What a link stops, one button, and "stop all optional mail" beneath it."""
    prefix, sender, category = service.settings.prefix, called(opened.sender), opened.category
    name = shortened(category.name)
    brand = brand_of(prefix, opened.sender)
    everything = button(f"{prefix}/u/{token}/all", STOP_ALL, is_second=not category.is_service_alert)
    if category.is_service_alert:
        return page(
            f"Mail from {sender}",
            *notes,
            _ALWAYS.format(name, sender, masked(opened)),
            everything,
            _choose(service, opened, token),
            still_arrives(opened.sender),
            brand=brand,
        )
    said = _RETIRED if category.retired else _SENDS
    return page(
        f"Unsubscribe from {name}",
        *notes,
        said.format(sender, name, masked(opened)),
        button(f"{prefix}/u/{token}", f"Stop {name}", Markup('<input type="hidden" name="page" value="1">')),
        everything,
        _choose(service, opened, token),
        brand=brand,
    )


def only_stops(service: Service, opened: OpenedLink, token: str, status: int = HTTPStatus.OK) -> Response:
    """What a footer's link gets that is old, or of a compromised key, whatever more it was opened for."""
    response = stop_page(service, opened, token, ONLY_STOPS)
    response.status_code = int(status)
    return response


def done_page(service: Service, opened: OpenedLink, token: str, act: str, *, of_all: bool = False) -> Response:
    """What stopped by `act`, and what still arrives and why. Who may choose may undo it."""
    what = "any optional mail" if of_all else shortened(opened.category.name)
    said = Markup("{} will not send <strong>{}</strong> to {} any more.")
    everything = button(f"{service.settings.prefix}/u/{token}/all", STOP_ALL, is_second=True)
    return page(
        "You are unsubscribed",
        outcome(said.format(called(opened.sender), what, masked(opened))),
        undo_button(service.settings.prefix, token, act) if opened.may_choose else Markup(""),
        Markup("") if of_all else everything,
        _choose(service, opened, token),
        still_arrives(opened.sender),
        brand=brand_of(service.settings.prefix, opened.sender),
    )


def _choose(service: Service, opened: OpenedLink, token: str) -> Markup:
    if opened.may_choose:
        return Markup('<p><a href="{}/p/{}">Choose what you get</a></p>').format(service.settings.prefix, token)
    which = "the mail" if opened.link.purpose is Purpose.ONE_CLICK else "a newer mail"
    return Markup('<p class="quiet">To choose among all mail, use the link at the foot of {}.</p>').format(which)
