"""`/v1/recipients`: what is known of one recipient, what happened, and forgetting it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Blueprint

from chalicelib.api.serving import route
from chalicelib.api.telling import tell_known, tell_page
from chalicelib.boundary import json_answer
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import InvalidAddress, InvalidRequest
from chalicelib.use_cases.looking import erase, history, look_at, look_up

if TYPE_CHECKING:
    from chalice.app import Response

    from chalicelib.api.serving import Asked

MOST_HISTORY = 50
"""Acts in one page of a history: each takes a read."""
recipients = Blueprint(__name__)


@route(recipients, "/v1/recipients/lookup", ["POST"], "read")
def lookup(asked: Asked) -> Response:
    """What is known of an address. The address is in the body, and in no URL."""
    try:
        address = parse_address(asked.body["address"])
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
    return json_answer(tell_known(erase(asked.service, asked.sender, recipient)))


@route(recipients, "/v1/recipients/{recipient}/acts", ["GET", "HEAD"], "read")
def recipient_acts(asked: Asked, recipient: str) -> Response:
    """What happened to a recipient, newest first."""
    limit, cursor = asked.parameters.get("limit", MOST_HISTORY), asked.parameters.get("cursor")
    page = history(asked.service, asked.sender, recipient, cursor, limit)
    response = json_answer(tell_page(page))
    if page.older is not None:
        url = f"{asked.service.settings.public_url}/v1/recipients/{recipient}/acts"
        response.headers["Link"] = f'<{url}?limit={limit}&cursor={page.older}>; rel="next"'
    return response
