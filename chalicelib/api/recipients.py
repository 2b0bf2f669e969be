"""`/v1/recipients`: what is known of one recipient, what happened, and forgetting it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from chalice.app import Blueprint

from chalicelib.api.serving import answer_once, route
from chalicelib.api.telling import tell_known, tell_page
from chalicelib.boundary import json_answer
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import InvalidAddress, InvalidRequest
from chalicelib.use_cases.looking import erase, history, look_at, look_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalice.app import Response

    from chalicelib.api.serving import Asked

MOST_HISTORY = 50
"""Acts in one page of a history: each takes a read."""
_MOST_SEQ = 10**12 - 1
recipients = Blueprint(__name__)


@route(recipients, "/v1/recipients/lookup", ["POST"], "read")
def lookup(asked: Asked) -> Response:
    """What is known of an address. The address is in the body, and in no URL."""
    try:
        address = parse_address(asked.body.get("address"))
    except InvalidAddress as error:
        raise InvalidRequest(error.reason, "/address") from None
    return json_answer(tell_known(look_up(asked.service, asked.sender, address)))


@route(recipients, "/v1/recipients/{recipient}", ["GET", "HEAD"], "read")
def known(asked: Asked, recipient: str) -> Response:
    """What is known of a recipient."""
    return json_answer(tell_known(look_at(asked.service, asked.sender, recipient)))


@route(recipients, "/v1/recipients/{recipient}", ["DELETE"], "write")
def erasure(asked: Asked, recipient: str) -> Response:
    """Forgets a recipient."""
    return answer_once(
        asked, lambda claim: (tell_known(erase(asked.service, asked.sender, recipient, claim)), HTTPStatus.OK)
    )


@route(recipients, "/v1/recipients/{recipient}/acts", ["GET", "HEAD"], "read")
def recipient_acts(asked: Asked, recipient: str) -> Response:
    """What happened to a recipient, newest first."""
    limit, cursor = _number(asked.query, "limit", MOST_HISTORY), _number(asked.query, "cursor", _MOST_SEQ)
    page = history(asked.service, asked.sender, recipient, cursor, limit or MOST_HISTORY)
    response = json_answer(tell_page(page))
    if page.older is not None:
        url = f"{asked.service.settings.public_url}/v1/recipients/{recipient}/acts"
        response.headers["Link"] = f'<{url}?limit={limit or MOST_HISTORY}&cursor={page.older}>; rel="next"'
    return response


def _number(asked: Mapping[str, str], name: str, most: int) -> int | None:
    if (text := asked.get(name)) is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        raise InvalidRequest(f"{name} in the query is a number from 1 to {most}")
    return int(text)
