"""`/v1`: what senders ask, with `Authorization: Bearer` and problem documents for every error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from chalice.app import Blueprint

from chalicelib import use_cases
from chalicelib.boundary import SignoffApp, answering, json_answer, json_body, problem
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import InvalidAddress, InvalidRequest
from chalicelib.message import headers_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.app import Response

    from chalicelib.domain.senders import Sender
    from chalicelib.use_cases import Answer, Service

MOST = 1_000
api = Blueprint(__name__)


@api.route("/healthz", methods=["GET", "HEAD"])
def healthz() -> Response:
    """Whether the service is configured. Makes no store call."""

    def answer() -> Response:
        _service()
        return json_answer({"status": "ok"})

    return answering(problem, answer)


@api.route("/v1/check", methods=["POST"], content_types=["*/*"])
def check() -> Response:
    """May this be sent to these 1 to 1,000 addresses?"""
    return _asked("read", _check)


@api.route("/v1/links", methods=["POST"], content_types=["*/*"])
def links() -> Response:
    """The links, headers and footers for 1 to 1,000 recipients. Stores nothing."""
    return _asked("links", _links)


def _service() -> Service:
    return cast("SignoffApp", api.current_app).service


def _asked(scope: str, work: Callable[[Sender, dict[str, Any]], Any]) -> Response:
    def answer() -> Response:
        request = api.current_request
        sender = use_cases.authenticate(_service(), request.headers.get("authorization"), scope)
        return json_answer(work(sender, json_body(request.raw_body)))

    return answering(problem, answer)


def _check(sender: Sender, body: dict[str, Any]) -> dict[str, Any]:
    category, addresses = _category(body), _listed(body, "addresses")
    as_of = time.time_ns() // 1_000_000
    answers = use_cases.check(_service(), sender, category, addresses)
    return {"as_of": as_of, "category": category, "results": [_told(answer) for answer in answers]}


def _told(answer: Answer) -> dict[str, Any]:
    if answer.verdict is None:
        return {"address": answer.spelled, "error": answer.error}
    return {
        "address": answer.spelled,
        "may_send": answer.verdict.may_send,
        "reason": answer.verdict.reason,
        "since": answer.verdict.since,
        "recipient": answer.recipient,
    }


def _links(sender: Sender, body: dict[str, Any]) -> dict[str, Any]:
    category = _category(body)
    sender.catalogue.get(category)
    return {"results": [_link(sender, category, wanted) for wanted in _listed(body, "recipients")]}


def _link(sender: Sender, category: str, wanted: object) -> dict[str, Any]:
    spelled = wanted.get("address") if isinstance(wanted, dict) else None
    try:
        minted = use_cases.mint_links(_service(), sender, category, parse_address(spelled))
    except InvalidAddress as error:
        return {"address": spelled, "error": error.reason}
    return {
        "address": minted.spelled,
        "recipient": minted.recipient,
        "url": minted.one_click,
        "preferences_url": minted.preferences,
        "headers": headers_of(minted, sender.code, category, _service().settings.public_url),
    }


def _category(body: dict[str, Any]) -> str:
    if not isinstance(category := body.get("category"), str):
        raise InvalidRequest("the id of a category, as a text", "/category")
    return category


def _listed(body: dict[str, Any], name: str) -> list[object]:
    values = body.get(name)
    if not isinstance(values, list) or not 1 <= len(values) <= MOST:
        raise InvalidRequest(f"a list of 1 to {MOST}", f"/{name}")
    return values
