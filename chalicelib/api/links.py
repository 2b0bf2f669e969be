"""`POST /v1/links`: links, headers and footers for 1 to 1,000 messages. Stores nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api.serving import route
from chalicelib.boundary import json_answer
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import InvalidAddress, InvalidRequest
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
    category = asked.sender.catalogue.get(asked.body["category"])
    wanted = range(len(asked.body["recipients"]))
    return json_answer({"results": [_link(asked, category, index) for index in wanted]})


def _link(asked: Asked, category: Category, index: int) -> dict[str, Any]:
    try:
        address = parse_address(asked.item("recipients", index)["address"])
    except (InvalidAddress, InvalidRequest) as error:
        wanted = asked.body["recipients"][index]
        return {"address": wanted.get("address") if isinstance(wanted, dict) else None, "error": error.reason}
    minted = mint_links(asked.service, asked.sender, category, address)
    return {
        "address": minted.spelled,
        "recipient": minted.recipient,
        "url": minted.one_click,
        "preferences_url": minted.preferences,
        "headers": headers_of(minted, asked.service.settings.public_url),
        "footer": footer_of(minted),
    }
