"""`/o/{sender}`: opt out by typing an address. It acts at once, and answers the same for every address."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from chalice.app import Blueprint, Response

from chalicelib.boundary import answering, service_of
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import InvalidAddress
from chalicelib.markup import Markup
from chalicelib.use_cases.receipts import day_of_receipt, make_receipt
from chalicelib.use_cases.stopping import open_form, opt_out_by_form
from chalicelib.web import words
from chalicelib.web.alerts import still_arrives
from chalicelib.web.answers import page, trouble_of_sender
from chalicelib.web.asked import asked, voice_of
from chalicelib.web.brand import brand_of
from chalicelib.web.forms import fields_of
from chalicelib.web.typed import FIELD, typed_form, wrong
from chalicelib.web.voices import N_

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.domain.senders import Sender
    from chalicelib.web.voices import Voice

opt_out_form = Blueprint(__name__)
_DAY = 86_400_000
"""Milliseconds."""


@opt_out_form.route("/o/{sender}", methods=["GET", "HEAD"], content_types=["*/*"])
def show(sender: str) -> Response:
    """The form; or, in another language, what came of it. Writes nothing."""

    def answer() -> Response:
        service = service_of(opt_out_form)
        found = open_form(service, sender)
        voice = voice_of(opt_out_form, found)
        receipt = asked(opt_out_form, words.DONE_FIELD)
        day = day_of_receipt(service, found, receipt) if receipt else None
        return _form(voice, found) if day is None else _done_on(voice, found, day, receipt)

    return answering(trouble_of_sender(opt_out_form, sender), answer)


@opt_out_form.route("/o/{sender}", methods=["POST"], content_types=["*/*"])
def send(sender: str) -> Response:
    """Opts the typed address out of all optional mail. Whether it was known, no answer tells (conformance F5)."""

    def answer() -> Response:
        service = service_of(opt_out_form)
        found = open_form(service, sender)
        voice = voice_of(opt_out_form, found)
        [typed, *_] = fields_of(opt_out_form.current_request).get(FIELD, [""])
        try:
            address = parse_address(typed)
        except InvalidAddress as error:
            return _form(voice, found, error)
        opt_out_by_form(service, found, address, _source())
        return _done(voice, found, make_receipt(service, found))

    return answering(trouble_of_sender(opt_out_form, sender), answer)


def _source() -> str:
    identity = opt_out_form.current_request.context.get("identity", {})
    return str(identity.get("sourceIp", ""))


def _done(voice: Voice, sender: Sender, receipt: str) -> Response:
    said = voice.say(
        "{sender} will not send any optional mail to the address you typed any more.", sender=voice.sender(sender)
    )
    return _told(voice, sender, voice.say("You are unsubscribed"), said, receipt)


def _done_on(voice: Voice, sender: Sender, day: int, receipt: str) -> Response:
    """What a receipt shows, and no more: it says nothing of who reads it, nor of what came since."""
    name = voice.sender(sender)
    said = voice.say(
        "On {date} an address was typed here, and all optional mail from {sender} to it was stopped.",
        date=voice.date(day * _DAY),
        sender=name,
    )
    return _told(voice, sender, voice.say("Unsubscribe from {sender}", sender=name), said, receipt)


def _told(voice: Voice, sender: Sender, title: Markup, said: Markup, receipt: str) -> Response:
    return page(
        voice,
        title,
        words.outcome(said),
        still_arrives(voice, sender),
        brand=brand_of(voice, sender),
        kept={words.DONE_FIELD: receipt},
    )


def _form(voice: Voice, sender: Sender, error: InvalidAddress | None = None) -> Response:
    name = voice.sender(sender)
    about = voice.say(
        "Type your address. All optional mail from {sender} stops at once; no mail is sent to confirm it.", sender=name
    )
    return page(
        voice,
        voice.say("Unsubscribe from {sender}", sender=name),
        _why(voice, error) if error else Markup(""),
        words.paragraph(about),
        typed_form(voice, voice.to(f"/o/{sender.code}"), voice.say(words.STOP_ALL), is_wrong=error is not None),
        status=HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK,
        brand=brand_of(voice, sender),
    )


_NO_DOMAIN = N_("The part after the @ is not the full name of a domain, as example.com is.")
_TOO_LONG = N_("It is too long.")
REASONS: Mapping[str, str] = {
    "the address is empty": N_("Nothing was typed."),
    "an address has an @": N_("It has no @."),
    "there is nothing before the @": N_("There is nothing before the @."),
    "an address has at most 254 octets": _TOO_LONG,
    "the part before the @ has at most 64 octets": N_("The part before the @ is too long."),
    "the part before the @ has a character or a dot where none may be": N_(
        "The part before the @ has a character or a dot where none may be."
    ),
    "the part before the @ has a space or an invisible character": N_(
        "The part before the @ has a space or an invisible character."
    ),
    "the part after the @ has a space or an invisible character": N_(
        "The part after the @ has a space or an invisible character."
    ),
    "the part after the @ is not a domain name": _NO_DOMAIN,
    "the part after the @ is not a full domain name": _NO_DOMAIN,
}
"""What `parse_address` says to programs → what is said to people."""


def _why(voice: Voice, error: InvalidAddress) -> Markup:
    why = voice.say(REASONS[error.reason]) if error.reason in REASONS else Markup("")
    return wrong(voice.sentences(voice.say("That is not an address that mail can reach."), why))
