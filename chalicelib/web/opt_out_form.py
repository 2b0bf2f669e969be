"""`/o/{sender}`: opt out by typing an address. It acts at once, and answers the same for every address."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from chalice.app import Blueprint, Response
from markupsafe import Markup

from chalicelib.boundary import answering, service_of
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import InvalidAddress
from chalicelib.use_cases.stopping import open_form, opt_out_by_form
from chalicelib.web.answers import page, trouble_of_sender
from chalicelib.web.brand import brand_of
from chalicelib.web.fitting import called
from chalicelib.web.forms import fields_of
from chalicelib.web.words import outcome, still_arrives

if TYPE_CHECKING:
    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service

opt_out_form = Blueprint(__name__)


@opt_out_form.route("/o/{sender}", methods=["GET", "HEAD"], content_types=["*/*"])
def show(sender: str) -> Response:
    """The form. Writes nothing."""

    def answer() -> Response:
        service = service_of(opt_out_form)
        return _form(service, open_form(service, sender))

    return answering(trouble_of_sender(opt_out_form, sender), answer)


@opt_out_form.route("/o/{sender}", methods=["POST"], content_types=["*/*"])
def send(sender: str) -> Response:
    """Opts the typed address out of all optional mail. Whether it was known, no answer tells (conformance F5)."""

    def answer() -> Response:
        service = service_of(opt_out_form)
        found = open_form(service, sender)
        [typed, *_] = fields_of(opt_out_form.current_request).get("address", [""])
        try:
            address = parse_address(typed)
        except InvalidAddress as error:
            return _form(service, found, error)
        opt_out_by_form(service, found, address, _source())
        brand, done = brand_of(service.settings.prefix, found), _DONE.format(called(found))
        return page("You are unsubscribed", outcome(done), still_arrives(found), brand=brand)

    return answering(trouble_of_sender(opt_out_form, sender), answer)


def _source() -> str:
    identity = opt_out_form.current_request.context.get("identity", {})
    return str(identity.get("sourceIp", ""))


_INTRODUCTION = Markup(
    "<p>Type your address. All optional mail from {} stops at once; no mail is sent to confirm it.</p>"
)
_DONE = Markup("{} will not send any optional mail to the address you typed any more.")


def _form(service: Service, sender: Sender, error: InvalidAddress | None = None) -> Response:
    told = Markup('<p class="said" role="alert" id="error">That is not an address that mail can reach: {}.</p>')
    return page(
        f"Unsubscribe from {called(sender)}",
        told.format(error.reason) if error else Markup(""),
        _INTRODUCTION.format(called(sender)),
        Markup(
            '<form method="post" action="{}/o/{}"><p><label for="address">Your address</label>'
            '<input type="email" id="address" name="address" required maxlength="254" autocomplete="email"{}></p>'
            "<button>Stop all optional mail</button></form>"
        ).format(
            service.settings.prefix,
            sender.code,
            Markup(' aria-invalid="true" aria-describedby="error" autofocus') if error else "",
        ),
        status=HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK,
        brand=brand_of(service.settings.prefix, sender),
    )
