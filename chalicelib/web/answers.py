"""What every page has in common: its frame, its headers, and how errors are told to a recipient."""

from __future__ import annotations

import base64
import hashlib
from http import HTTPStatus
from pathlib import Path

from chalice.app import Response
from markupsafe import Markup

from chalicelib.boundary import SECURITY_HEADERS, hints, status_of
from chalicelib.domain import errors

_FOLDER = Path(__file__).parent


class Style:
    """The style sheets of a page, which stand in the page itself, and the headers that let this style in and no other.

    The headers: conformance F4. With `no-referrer` a browser would send `Origin: null` with the forms.
    """

    def __init__(self, *files: str) -> None:
        self.text = Markup("".join((_FOLDER / file).read_text("utf-8") for file in files))  # noqa: S704 - our own files
        digest = base64.b64encode(hashlib.sha256(self.text.encode()).digest()).decode()
        self.headers = {
            **SECURITY_HEADERS,
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{digest}'; "
                "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            ),
            "Content-Type": "text/html; charset=utf-8",
            "Referrer-Policy": "same-origin",
        }


_STYLE = Style("style.css")
_PAGE = Markup(
    '<!doctype html>\n<html lang="en" dir="ltr"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    "<title>{title}</title><style>{style}</style></head>"
    "<body><main><h1>{title}</h1>\n{content}\n</main></body></html>\n"
)


def page(title: str, *content: Markup | str, status: int = HTTPStatus.OK, style: Style = _STYLE) -> Response:
    """A page; whatever is not `Markup` is text and gets escaped."""
    body = _PAGE.format(title=title, style=style.text, content=Markup("\n").join(content))
    return Response(str(body), dict(style.headers), int(status))


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
