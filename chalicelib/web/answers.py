"""What every page has in common: its frame, its headers, and how errors are told to a recipient."""

from __future__ import annotations

import base64
import hashlib
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from chalice.app import Response
from markupsafe import Markup

from chalicelib.boundary import SECURITY_HEADERS, hints, status_of
from chalicelib.domain import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

_STYLE = Markup((Path(__file__).parent / "style.css").read_text("utf-8"))  # noqa: S704 - our own file
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
PAGE_HEADERS: Mapping[str, str] = {
    **SECURITY_HEADERS,
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Content-Type": "text/html; charset=utf-8",
    "Referrer-Policy": "same-origin",
}
"""Conformance F4. With `no-referrer` a browser would send `Origin: null` with the forms."""

_PAGE = Markup(
    '<!doctype html>\n<html lang="en" dir="ltr"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    "<title>{title}</title><style>{style}</style></head>"
    "<body><main><h1>{title}</h1>\n{content}\n</main></body></html>\n"
)


def page(title: str, *content: Markup | str, status: int = HTTPStatus.OK) -> Response:
    """A page; whatever is not `Markup` is text and gets escaped."""
    body = _PAGE.format(title=title, style=_STYLE, content=Markup("\n").join(content))
    return Response(str(body), dict(PAGE_HEADERS), int(status))


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


def trouble(error: errors.SignoffError) -> Response:
    """The page that tells an error: what happened, whether anything changed, what to do next."""
    title, text = next((title, text) for kind, title, text in _WORDS if isinstance(error, kind))
    response = page(title, Markup("<p>{}</p>").format(text), status=status_of(error))
    response.headers.update(hints(error))
    return response
