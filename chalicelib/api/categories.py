"""`/v1/categories`: the kinds of mail of a sender, made, changed, ordered, retired and revived."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import fields
from chalicelib.api.serving import answer_once, route
from chalicelib.api.telling import tell_category
from chalicelib.boundary import json_answer
from chalicelib.domain.categories import CATEGORY_ID, Ground, Kind
from chalicelib.domain.errors import InvalidRequest
from chalicelib.use_cases.describing import (
    Described,
    get_category,
    get_sender,
    order_categories,
    put_category,
    retire_category,
)

if TYPE_CHECKING:
    from chalice.app import Response

    from chalicelib.api.fields import Take
    from chalicelib.api.serving import Asked
    from chalicelib.domain.senders import Sender
    from chalicelib.use_cases.repeating import Claim

categories = Blueprint(__name__)


@route(categories, "/v1/categories", ["GET", "HEAD"], "read")
def all_categories(asked: Asked) -> Response:
    """Every category of the sender, retired ones too, in their order."""
    return json_answer(_tell_all(get_sender(asked.service, asked.sender.code)))


@route(categories, "/v1/categories", ["PUT"], "admin")
def ordered_categories(asked: Asked) -> Response:
    """Orders the categories."""
    order, version = tuple(asked.body["order"]), asked.body.get("version")
    return answer_once(
        asked, lambda claim: (_tell_all(order_categories(asked.edit(claim, version), order)), HTTPStatus.OK)
    )


@route(categories, "/v1/categories/{category}", ["GET", "HEAD"], "read")
def one_category(asked: Asked, category: str) -> Response:
    """A category, a retired one too."""
    return json_answer(_tell(get_category(asked.service, asked.sender.code, category)))


@route(categories, "/v1/categories/{category}", ["PUT"], "admin")
def changed_category(asked: Asked, category: str) -> Response:
    """Makes, changes or revives a category. What the body does not name stays."""
    version, told = asked.body.get("version"), _fields(asked.body, category)

    def work(claim: Claim) -> tuple[Any, int]:
        put = put_category(asked.edit(claim, version), category, told)
        return _tell(put), HTTPStatus.CREATED if put.is_new else HTTPStatus.OK

    return answer_once(asked, work)


@route(categories, "/v1/categories/{category}", ["DELETE"], "admin")
def retired_category(asked: Asked, category: str) -> Response:
    """Retires a category."""
    return answer_once(asked, lambda claim: (_tell(retire_category(asked.edit(claim), category)), HTTPStatus.OK))


def _tell(described: Described) -> dict[str, Any]:
    return {**tell_category(described.category), "version": described.version}


def _tell_all(sender: Sender) -> dict[str, Any]:
    return {"categories": [tell_category(c) for c in sender.catalogue.categories], "version": sender.version}


def _fields(body: dict[str, Any], category: str) -> dict[str, Any]:
    if not CATEGORY_ID.fullmatch(category):
        raise InvalidRequest("a category id has 1 to 32 characters out of a-z, 0-9 and -")
    if body.get("id", category) != category:
        raise InvalidRequest("the id in the path, or none", "/id")
    return fields.taken(body, _FIELDS)


_FIELDS: dict[str, Take] = {
    "number": fields.as_it_is,
    "kind": lambda value, _: Kind(value),
    "ground": fields.or_null(lambda value, _: Ground(value)),
    "name": fields.as_it_is,
    "names": fields.translations,
    "description": fields.as_it_is,
    "descriptions": fields.translations,
    "needs_consent": fields.as_it_is,
    "retired": fields.as_it_is,
}
