"""`POST /v1/links`: links, headers and footers for 1 to 1,000 messages. Stores nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api.serving import category_of, listed, route
from chalicelib.boundary import json_answer
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import InvalidAddress
from chalicelib.message import footer_of, headers_of
from chalicelib.use_cases.minting import mint_links

if TYPE_CHECKING:
    from chalice.app import Response

    from chalicelib.api.serving import Asked
    from chalicelib.domain.categories import Category

links = Blueprint(__name__)


@route(links, "/v1/links", ["POST"], "links")
def minted_links(asked: Asked) -> Response:
    """One result for each recipient, in the order asked."""
    category = asked.sender.catalogue.get(category_of(asked.body))
    return json_answer({"results": [_link(asked, category, wanted) for wanted in listed(asked.body, "recipients")]})


def _link(asked: Asked, category: Category, wanted: object) -> dict[str, Any]:
    spelled = wanted.get("address") if isinstance(wanted, dict) else None
    try:
        minted = mint_links(asked.service, asked.sender, category, parse_address(spelled))
    except InvalidAddress as error:
        return {"address": spelled, "error": error.reason}
    return {
        "address": minted.spelled,
        "recipient": minted.recipient,
        "url": minted.one_click,
        "preferences_url": minted.preferences,
        "headers": headers_of(minted, asked.service.settings.public_url),
        "footer": footer_of(minted),
    }
