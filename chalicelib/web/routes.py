"""`/u/{token}`: the page with one button, and the one-click POST (RFC 8058)."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs

from chalice.app import Blueprint, Response

from chalicelib import use_cases
from chalicelib.boundary import SECURITY_HEADERS, SignoffApp, answering, status_of
from chalicelib.domain.acts import Via
from chalicelib.domain.addresses import mask
from chalicelib.domain.errors import InvalidToken, SignoffError, StoreUnavailable

if TYPE_CHECKING:
    from chalicelib.use_cases import OpenedLink, Service

pages = Blueprint(__name__)
PAGE_FIELD = "page"
"""The field by which our own button is told from a mail client. It decides what the ledger calls it, nothing else."""
_FIELD_OCTETS = 1_000

_PAGE = """<!doctype html>
<html lang="en" dir="ltr"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title><style>
:root{{color-scheme:light dark}}body{{font:1.125rem/1.5 system-ui,sans-serif;max-width:38rem;margin:0 auto;
padding:2rem 1rem}}
button{{font:inherit;min-height:3rem;padding:.5rem 1.25rem;border:2px solid;border-radius:.4rem;cursor:pointer}}
button:focus-visible{{outline:3px solid Highlight;outline-offset:3px}}form{{margin:1.5rem 0}}
</style></head><body><main><h1>{title}</h1>{content}</main></body></html>"""


@pages.route("/u/{token}", methods=["GET", "HEAD"])
def show(token: str) -> Response:
    """The page with one button. Writes nothing, however often it is opened (conformance A7)."""
    return answering(_trouble, lambda: _form(use_cases.open_link(_service(), token), token))


@pages.route("/u/{token}", methods=["POST"], content_types=["*/*"])
def one_click(token: str) -> Response:
    """Opts out of the category of the link, whatever the body says or how (conformance A1 to A14)."""
    return answering(_trouble, lambda: _stop(token, of_all=False))


@pages.route("/u/{token}/all", methods=["POST"], content_types=["*/*"])
def stop_all(token: str) -> Response:
    """Opts out of all optional mail (conformance C3)."""
    return answering(_trouble, lambda: _stop(token, of_all=True))


def _service() -> Service:
    return cast("SignoffApp", pages.current_app).service


def _stop(token: str, *, of_all: bool) -> Response:
    opened = use_cases.open_link(_service(), token)
    use_cases.opt_out(_service(), opened, Via.UNSUBSCRIBE_PAGE if of_all else _via(), of_all=of_all)
    what = "any optional mail" if of_all else escape(opened.category.name)
    alerts = ", ".join(escape(category.name) for category in opened.sender.catalogue.service_alerts)
    content = f'<p role="status">{escape(opened.sender.name)} will not send {what} to {_masked(opened)} any more.</p>'
    return _page(200, "Done", f"{content}<p>What still arrives: {alerts}. You cannot opt out of these.</p>")


def _via() -> Via:
    """Our page's button names itself; everything else is a mail client. Conformance A5: nothing else is read."""
    raw = pages.current_request.raw_body
    octets = raw.encode() if isinstance(raw, str) else raw
    is_page = len(octets) < _FIELD_OCTETS and PAGE_FIELD in parse_qs(octets.decode("utf-8", "replace"))
    return Via.UNSUBSCRIBE_PAGE if is_page else Via.ONE_CLICK


def _form(opened: OpenedLink, token: str) -> Response:
    prefix, sender, masked = _service().settings.prefix, escape(opened.sender.name), _masked(opened)
    every = f'<form method="post" action="{prefix}/u/{token}/all"><button>Stop everything optional</button></form>'
    name = escape(opened.category.name)
    if opened.category.is_service_alert:
        text = f"<p>{name} from {sender} always reaches {masked}: you cannot opt out of it.</p>"
        return _page(200, f"Mail from {sender}", text + every)
    button = f'<input type="hidden" name="{PAGE_FIELD}" value="1"><button>Stop {name}</button>'
    text = f"<p>{sender} sends {name} to {masked}.</p>"
    form = f'<form method="post" action="{prefix}/u/{token}">{button}</form>'
    return _page(200, f"Unsubscribe from {name}", text + form + every)


def _masked(opened: OpenedLink) -> str:
    return escape(mask(opened.address.spelled))


def _trouble(error: SignoffError) -> Response:
    if isinstance(error, InvalidToken):
        text = "This link is not whole. Open it again from the mail, or use the link of another mail. Nothing changed."
        return _page(status_of(error), "This link does not work", f"<p>{text}</p>")
    text = "Your choice was not saved. Please try again in a minute."
    retry = str(error.retry_after) if isinstance(error, StoreUnavailable) else "60"
    response = _page(503, "Trouble on our side", f"<p>{text}</p>")
    response.headers["Retry-After"] = retry
    return response


def _page(status: int, title: str, content: str) -> Response:
    headers: dict[str, str | list[str]] = {**SECURITY_HEADERS, "Content-Type": "text/html; charset=utf-8"}
    return Response(_PAGE.format(title=title, content=content), headers, int(status))
