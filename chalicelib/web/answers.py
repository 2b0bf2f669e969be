"""What every page has in common: its frame, its headers, and how errors are told to a recipient."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from chalice.app import Response
from markupsafe import Markup

from chalicelib.boundary import hints, service_of, status_of
from chalicelib.domain import errors
from chalicelib.tokens import open_token
from chalicelib.web.brand import PLAIN, Brand, brand_of
from chalicelib.web.fitting import MOST_OCTETS, filled, octets
from chalicelib.web.styles import SHEET, style_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.app import Blueprint

    from chalicelib.service import Service
    from chalicelib.web.fitting import Part

_PAGE = Markup(
    '<!doctype html>\n<html lang="en" dir="ltr"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    '<title>{title}</title><link rel="icon" href="data:,"><style>{style}</style></head>\n'
    "<body>{header}<main><h1>{title}</h1>\n{content}\n</main>\n{footer}</body></html>\n"
)
"""An icon of nothing: without it browsers ask for /favicon.ico by themselves."""


def page(
    title: str,
    *content: Part,
    status: int = HTTPStatus.OK,
    brand: Brand = PLAIN,
    sheets: tuple[str, ...] = SHEET,
) -> Response:
    """A page; whatever is not `Markup` is text and gets escaped. One that gets too heavy makes do with less."""
    style = style_of(sheets, brand.accent, has_image=brand.has_image)
    draw = partial(_PAGE.format, title=title, style=style.text, header=brand.header)
    body = _drawn(partial(draw, footer=brand.footer), content)
    if octets(body) > MOST_OCTETS:
        body = _drawn(partial(draw, footer=brand.slim_footer), content, is_slim=True)
    return Response(str(body), dict(style.headers), int(status))


def _drawn(draw: Callable[..., Markup], content: tuple[Part, ...], *, is_slim: bool = False) -> Markup:
    parts = filled(content, MOST_OCTETS - octets(draw(content="")), is_slim=is_slim)
    return draw(content=Markup("\n").join(part for part in parts if part))


_NOT_SAVED = "Your choice was not saved. Please try again in a minute."
_WORDS: tuple[tuple[type[errors.SignoffError], str, str], ...] = (
    (
        errors.InvalidToken,
        "This link does not work",
        "It is not whole. Open it again from the mail, or use the link of another mail. Nothing changed.",
    ),
    (
        errors.FormClosed,
        "This form is switched off",
        "Use the link at the foot of a mail, or the unsubscribe button of your mail program. Nothing changed.",
    ),
    (errors.TooManyRequests, "Too many tries", "Your choice was not saved. Please come back in an hour."),
    (errors.TooLarge, "That was too long", "The form sent more than it can hold. Nothing changed."),
    (errors.InvalidAddress, "That is no address", "Go back and type it once more. Nothing changed."),
    (errors.InvalidRequest, "The form was not whole", "Open the page again and save once more. Nothing changed."),
    (errors.MethodNotAllowed, "That is not possible here", "Open the link of the mail in a browser. Nothing changed."),
    (errors.StoreUnavailable, "Trouble on our side", _NOT_SAVED),
    (errors.SettingsError, "Trouble on our side", _NOT_SAVED),
    (errors.SignoffError, "There is nothing here", "Use the link at the foot of a mail. Nothing changed."),
)


def trouble(error: errors.SignoffError, brand: Brand = PLAIN) -> Response:
    """The page that tells an error: what happened, whether anything changed, what to do next."""
    title, text = next((title, text) for kind, title, text in _WORDS if isinstance(error, kind))
    response = page(title, Markup("<p>{}</p>").format(text), status=status_of(error), brand=brand)
    response.headers.update(hints(error))
    return response


def trouble_of_link(blueprint: Blueprint, token: str) -> Callable[[errors.SignoffError], Response]:
    """As `trouble`, with the brand of the link's sender where this container knows it: it costs no read."""

    def render(error: errors.SignoffError) -> Response:
        try:
            service = service_of(blueprint)
            code = open_token(service.settings.keyring, token).sender
        except errors.SignoffError:
            return trouble(error)
        return trouble(error, _remembered(service, code))

    return render


def trouble_of_sender(blueprint: Blueprint, code: str) -> Callable[[errors.SignoffError], Response]:
    """As `trouble_of_link`, of the sender of this code."""

    def render(error: errors.SignoffError) -> Response:
        try:
            return trouble(error, _remembered(service_of(blueprint), code))
        except errors.SettingsError:
            return trouble(error)

    return render


def _remembered(service: Service, code: str) -> Brand:
    sender = service.remembered_sender(code)
    return brand_of(service.settings.prefix, sender) if sender else PLAIN
