"""What every page has in common: its frame, its headers, and how errors are told to a recipient."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.boundary import hints, service_of, status_of
from chalicelib.domain import errors
from chalicelib.markup import Markup, escape
from chalicelib.tokens import open_token
from chalicelib.web.asked import voice_of
from chalicelib.web.brand import PLAIN, Brand, brand_of
from chalicelib.web.choice_of_language import choice_of_language
from chalicelib.web.fitting import MOST_OCTETS, filled, octets
from chalicelib.web.styles import SHEET, style_of
from chalicelib.web.voices import N_, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from chalice.app import Blueprint

    from chalicelib.domain.senders import Sender
    from chalicelib.web.fitting import Part
    from chalicelib.web.voices import Voice

_PAGE = Markup(
    '<!doctype html>\n<html lang="{lang}" dir="{direction}"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    '<title>{name}</title><link rel="icon" href="data:,"><style>{style}</style></head>\n'
    "<body>{header}<main><h1>{title}</h1>\n{content}\n</main>\n{footer}</body></html>\n"
)
"""An icon of nothing: without it browsers ask for /favicon.ico by themselves."""
NOTHING_KEPT: Mapping[str, str] = MappingProxyType({})


def page(
    voice: Voice,
    title: Markup | str,
    *content: Part,
    status: int = HTTPStatus.OK,
    brand: Brand = PLAIN,
    kept: Mapping[str, str] = NOTHING_KEPT,
) -> Response:
    """A page; whatever is not `Markup` is text and gets escaped. One that gets too heavy makes do with less.

    `kept` is what the same page needs in its query, so that it can be had in another language.
    """
    footer = _footer(brand.footer, choice_of_language(voice, kept))

    def slim() -> Markup:
        return _footer(brand.slim_footer(), choice_of_language(voice, {}))

    is_wrong = status == HTTPStatus.BAD_REQUEST
    whole = Brand(brand.header, footer, slim, brand.accent, has_image=brand.has_image)
    response = framed(voice, title, content, whole, is_wrong=is_wrong)
    response.status_code = int(status)
    return response


def framed(  # noqa: PLR0913 - a page has as many parts
    voice: Voice,
    title: Markup | str,
    content: Iterable[Part],
    brand: Brand,
    sheets: tuple[str, ...] = SHEET,
    *,
    is_wrong: bool = False,
) -> Response:
    """As `page`, without the choice of language. `is_wrong`: its name in a tab says that something was."""
    style = style_of(sheets, brand.accent, has_image=brand.has_image)
    draw = partial(
        _PAGE.format,
        lang=voice.language.html_tag,
        direction=voice.language.direction,
        name=plain(voice.say("Error: {title}", title=title) if is_wrong else escape(title)),
        title=title,
        style=style.text,
        header=brand.header,
    )
    parts = tuple(content)
    body = _drawn(partial(draw, footer=brand.footer), parts)
    if octets(body) > MOST_OCTETS:
        body = _drawn(partial(draw, footer=brand.slim_footer()), parts, is_slim=True)
    return Response(str(body), dict(style.headers), int(HTTPStatus.OK))


def _footer(told: Markup, languages: Markup) -> Markup:
    return Markup("<footer>{}{}</footer>\n").format(told, languages)


def _drawn(draw: Callable[..., Markup], content: tuple[Part, ...], *, is_slim: bool = False) -> Markup:
    has_filling = any(callable(part) for part in content)  # what the frame weighs is asked for by these alone
    room = MOST_OCTETS - octets(draw(content="")) if has_filling else 0
    parts = filled(content, room, is_slim=is_slim)
    return draw(content=Markup("\n").join(part for part in parts if part))


_OURS = N_("Trouble on our side")
_UNSURE = N_("Something went wrong here, so we cannot say that this was done. Please try it again in a minute.")
_WORDS: tuple[tuple[type[errors.SignoffError], str, str], ...] = (
    (
        errors.InvalidToken,
        N_("This link does not work"),
        N_(
            "Part of it is missing or was changed. Open it again from the mail, or use the link of another mail. "
            "Nothing changed."
        ),
    ),
    (
        errors.FormClosed,
        N_("This form is switched off"),
        N_("Use the link at the foot of a mail, or the unsubscribe button of your mail program. Nothing changed."),
    ),
    (errors.TooLarge, N_("That was too long"), N_("The form sent more than it can hold. Nothing changed.")),
    (
        errors.InvalidAddress,
        N_("That is not an address"),
        N_("Go back and type it once more. Nothing changed."),
    ),
    (
        errors.InvalidRequest,
        N_("Part of the form was missing"),
        N_("Open the page again and save once more. Nothing changed."),
    ),
    (
        errors.MethodNotAllowed,
        N_("That is not possible here"),
        N_("Open the link of the mail in a browser. Nothing changed."),
    ),
    (errors.StoreUnavailable, _OURS, _UNSURE),
    (errors.SettingsError, _OURS, _UNSURE),
    (errors.SignoffError, N_("There is nothing here"), N_("Use the link at the foot of a mail. Nothing changed.")),
)
_MINUTE, _HOUR = 60, 3_600


def trouble(voice: Voice, error: errors.SignoffError, brand: Brand = PLAIN) -> Response:
    """The page that tells an error: what happened, whether anything changed, what to do next."""
    title, text = _told(voice, error)
    response = page(voice, title, Markup("<p>{}</p>").format(text), status=status_of(error), brand=brand)
    response.headers.update(hints(error))
    return response


def _told(voice: Voice, error: errors.SignoffError) -> tuple[Markup, Markup]:
    if isinstance(error, errors.TooManyRequests):
        return voice.say("Too many tries"), _later(voice, error.retry_after)
    title, text = next((title, text) for kind, title, text in _WORDS if isinstance(error, kind))
    return voice.say(title), voice.say(text)


def _later(voice: Voice, seconds: int) -> Markup:
    """When to come back: in whole minutes up to an hour, then in whole hours, and never too early."""
    if seconds <= _HOUR:
        return voice.count(
            "This did not go through, and nothing changed. Please come back in {number} minute.",
            "This did not go through, and nothing changed. Please come back in {number} minutes.",
            max(1, -(-seconds // _MINUTE)),
        )
    return voice.count(
        "This did not go through, and nothing changed. Please come back in {number} hour.",
        "This did not go through, and nothing changed. Please come back in {number} hours.",
        -(-seconds // _HOUR),
    )


def trouble_of_link(blueprint: Blueprint, token: str) -> Callable[[errors.SignoffError], Response]:
    """As `trouble`, with the brand of the link's sender where this container knows it: it costs no read."""

    def code() -> str:
        return open_token(service_of(blueprint).keyring, token).sender

    return _trouble_of(blueprint, code)


def trouble_of_sender(blueprint: Blueprint, code: str) -> Callable[[errors.SignoffError], Response]:
    """As `trouble_of_link`, of the sender of this code."""
    return _trouble_of(blueprint, lambda: code)


def _trouble_of(blueprint: Blueprint, code: Callable[[], str]) -> Callable[[errors.SignoffError], Response]:
    def render(error: errors.SignoffError) -> Response:
        sender = _remembered(blueprint, code)
        voice = voice_of(blueprint, sender)
        return trouble(voice, error, brand_of(voice, sender) if sender else PLAIN)

    return render


def _remembered(blueprint: Blueprint, code: Callable[[], str]) -> Sender | None:
    try:
        return service_of(blueprint).remembered_sender(code())
    except errors.SignoffError:
        return None
