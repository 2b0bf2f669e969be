"""May this be sent? `POST /v1/check` for 1 to 1,000, `GET /v1/check` for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import times
from chalicelib.api.serving import route
from chalicelib.boundary import json_answer
from chalicelib.use_cases.asking import Answer, check_recipients
from chalicelib.use_cases.asking import check as check_addresses

if TYPE_CHECKING:
    from chalice.app import Response

    from chalicelib.api.serving import Asked

checks = Blueprint(__name__)


@route(checks, "/v1/check", ["POST"], "read")
def check(asked: Asked) -> Response:
    """May this be sent to these 1 to 1,000 addresses, or recipients by their ids?"""
    return json_answer(_check(asked, asked.body))


@route(checks, "/v1/check", ["GET", "HEAD"], "read")
def check_one(asked: Asked) -> Response:
    """The same for one recipient, in the query: an id, since no address is ever in a URL."""
    body = {"category": asked.query["category"], "recipients": [asked.query["recipient"]]}
    return json_answer(_check(asked, body))


def _check(asked: Asked, body: dict[str, Any]) -> dict[str, Any]:
    category = body["category"]
    as_of = times.tell(asked.service.clock())  # before the read: what is answered is at least as new
    if "recipients" in body:
        name, answers = "recipient", check_recipients(asked.service, asked.sender, category, body["recipients"])
    else:
        name, answers = "address", check_addresses(asked.service, asked.sender, category, body["addresses"])
    return {"as_of": as_of, "category": category, "results": [_answered(answer, name) for answer in answers]}


def _answered(answer: Answer, name: str) -> dict[str, Any]:
    if answer.verdict is None:
        return {name: answer.asked, "error": answer.error}
    return {
        name: answer.asked,
        "may_send": answer.verdict.may_send,
        "reason": answer.verdict.reason,
        "since": times.tell(answer.verdict.since),
        "recipient": answer.recipient,
    }
