"""`/p/{token}/erase`: be forgotten (GDPR 17), but for what keeps mail from ever coming again."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from chalice.app import Blueprint, Response
from markupsafe import Markup

from chalicelib.boundary import answering, service_of, status_of
from chalicelib.domain.errors import Forbidden
from chalicelib.use_cases.erasing import erase_own
from chalicelib.use_cases.opening import OpenedLink, open_preferences
from chalicelib.use_cases.proving import is_own_address
from chalicelib.web.answers import page, trouble_of_link
from chalicelib.web.brand import brand_of
from chalicelib.web.fitting import called
from chalicelib.web.forms import fields_of
from chalicelib.web.happenings import listed_few
from chalicelib.web.typed import FIELD, typed_form, wrong
from chalicelib.web.unsubscribe import only_stops
from chalicelib.web.words import back, masked, outcome, still_arrives

if TYPE_CHECKING:
    from chalicelib.domain.categories import Category
    from chalicelib.service import Service

erasure = Blueprint(__name__)


@erasure.route("/p/{token}/erase", methods=["GET", "HEAD"], content_types=["*/*"])
def show(token: str) -> Response:
    """What goes, what stays and why. Writes nothing."""

    def answer() -> Response:
        service = service_of(erasure)
        opened = open_preferences(service, token)
        return _form(service, opened, token) if opened.may_choose else only_stops(service, opened, token)

    return answering(trouble_of_link(erasure, token), answer)


@erasure.route("/p/{token}/erase", methods=["POST"], content_types=["*/*"])
def erase(token: str) -> Response:
    """Erases, for whoever types the address that the link was sent to; asks once."""

    def answer() -> Response:
        service = service_of(erasure)
        opened = open_preferences(service, token)
        if not opened.may_choose:
            return only_stops(service, opened, token, status_of(Forbidden("erase")))
        [typed, *_] = fields_of(erasure.current_request).get(FIELD, [None])
        if typed is None:
            return _form(service, opened, token)
        if not is_own_address(service, opened, typed):
            return _form(service, opened, token, is_wrong=True)
        return _done(service, opened, token, erase_own(service, opened))

    return answering(trouble_of_link(erasure, token), answer)


_GOES = Markup(
    "<p>This is about mail that {} sends to {}.</p><h2>What is erased</h2><ul>"
    "<li>Your address.</li><li>What you chose, and what was told of your choices.</li>"
    "<li>What shows that you agreed to mail.</li></ul>"
)
_STAYS = Markup(
    "<h2>What stays, and why</h2><ul>"
    "<li>A code made from your address, with the note that no optional mail may be sent to it. Without it, the next "
    "list with your address on it would bring the mail back. Nobody can read the address from the code.</li>"
    "<li>What happened so far, with dates, under that code alone: the law asks that it can be shown.</li>"
    "<li>Files with your address that {} brought here or took from here, for at most 30 days.</li></ul>"
)
_ELSEWHERE = Markup("<p>What {} keeps of you elsewhere, such as orders, is not touched: ask {} about it.</p>")
_ASKS = Markup(
    "<p>All optional mail stops. You can choose mail again later, which stores your address again. Because mails get "
    "forwarded, type the address that the mail with this link came to.</p>"
)


def _form(service: Service, opened: OpenedLink, token: str, *, is_wrong: bool = False) -> Response:
    prefix, name = service.settings.prefix, called(opened.sender)
    return page(
        "Erase my data",
        wrong() if is_wrong else Markup(""),
        _GOES.format(name, masked(opened)),
        _STAYS.format(name),
        _ELSEWHERE.format(name, name),
        _ASKS,
        typed_form(f"{prefix}/p/{token}/erase", "Erase and stop all optional mail", is_wrong=is_wrong),
        back(prefix, token),
        brand=brand_of(prefix, opened.sender),
        status=HTTPStatus.BAD_REQUEST if is_wrong else HTTPStatus.OK,
    )


def _done(service: Service, opened: OpenedLink, token: str, wanted: tuple[Category, ...]) -> Response:
    """What is true now; `wanted` is what was chosen again while this went on."""
    name = called(opened.sender)
    never = f"{name} will not send any optional mail to {masked(opened)} any more."
    text = f"Your address and your choices are erased. {never}"
    if wanted:
        text = (
            "Your address and your choices were erased, and something was chosen again since: "
            f"{name} will send you {listed_few(category.name for category in wanted)}."
        )
    return page(
        "Your data is erased",
        outcome(text),
        _STAYS.format(name),
        back(service.settings.prefix, token, "Choose mail again"),
        still_arrives(opened.sender),
        brand=brand_of(service.settings.prefix, opened.sender),
    )
