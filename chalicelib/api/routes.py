"""`/v1`: what senders ask, with `Authorization: Bearer` and problem documents for every error."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint, Response

from chalicelib.api import times
from chalicelib.api.acts import read_act
from chalicelib.api.openapi import document
from chalicelib.api.recipients import tell_known, tell_page
from chalicelib.boundary import answering, body_of, json_answer, json_body, problem, service_of, told
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import InvalidAddress, InvalidRequest, SignoffError
from chalicelib.message import footer_of, headers_of
from chalicelib.use_cases.acting import Told, record_told
from chalicelib.use_cases.asking import Answer, authenticate, check_recipients
from chalicelib.use_cases.asking import check as check_addresses
from chalicelib.use_cases.keys import create_key, follow_key, revoke_key
from chalicelib.use_cases.looking import erase, history, look_at, look_up
from chalicelib.use_cases.minting import mint_links
from chalicelib.use_cases.repeating import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.api_keys import ApiKey
    from chalicelib.domain.categories import Category
    from chalicelib.domain.senders import Sender

MOST = 1_000
"""Addresses or acts in one request."""
MOST_HISTORY = 50
"""Acts in one page of a history: each takes a read."""
_MOST_SEQ = 10**12 - 1
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
api = Blueprint(__name__)


@api.route("/healthz", methods=["GET", "HEAD"], content_types=["*/*"])
def healthz() -> Response:
    """Whether the service is configured. Makes no store call."""

    def answer() -> Response:
        service_of(api)
        return json_answer({"status": "ok"})

    return answering(problem, answer)


@api.route("/v1/openapi.json", methods=["GET", "HEAD"], content_types=["*/*"])
def openapi() -> Response:
    """What this API is, as OpenAPI 3.1."""
    return answering(problem, lambda: json_answer(document(service_of(api).settings.public_url)))


@api.route("/v1/check", methods=["POST"], content_types=["*/*"])
def check() -> Response:
    """May this be sent to these 1 to 1,000 addresses, or recipients by their ids?"""
    return _asked("read", _check)


@api.route("/v1/check", methods=["GET", "HEAD"], content_types=["*/*"])
def check_one() -> Response:
    """The same for one recipient, in the query: an id, since no address is ever in a URL."""
    return _for("read", lambda sender: json_answer(_check(sender, _asked_in_query())))


@api.route("/v1/links", methods=["POST"], content_types=["*/*"])
def links() -> Response:
    """The links, headers and footers for 1 to 1,000 recipients. Stores nothing."""
    return _asked("links", _links)


@api.route("/v1/acts", methods=["POST"], content_types=["*/*"])
def acts() -> Response:
    """Records 1 to 1,000 acts: opt-outs told of, blocks, what is lifted, consent."""
    return _asked("write", _acts)


@api.route("/v1/keys", methods=["GET", "HEAD"], content_types=["*/*"])
def keys() -> Response:
    """Every API key of the sender, revoked ones too; never the text of one."""
    return _for("admin", lambda sender: json_answer({"keys": list(map(_key, service_of(api).keys.list(sender.code)))}))


@api.route("/v1/keys", methods=["POST"], content_types=["*/*"])
def new_key() -> Response:
    """A new API key, or one that follows another. Its text is in this answer and nowhere else."""
    return _for("admin", lambda sender: json_answer(_new_key(sender, json_body(api.current_request)), 201))


@api.route("/v1/keys/{key_id}", methods=["DELETE"], content_types=["*/*"])
def revoked_key(key_id: str) -> Response:
    """Revokes an API key. It stops everywhere within a minute."""
    return _for("admin", lambda sender: json_answer(_key(revoke_key(service_of(api), sender, key_id))))


@api.route("/v1/recipients/lookup", methods=["POST"], content_types=["*/*"])
def lookup() -> Response:
    """What is known of an address. The address is in the body, and in no URL."""
    return _asked("read", _lookup)


@api.route("/v1/recipients/{recipient}", methods=["GET", "HEAD"], content_types=["*/*"])
def recipient(recipient: str) -> Response:
    """What is known of a recipient."""
    return _for("read", lambda sender: json_answer(tell_known(look_at(service_of(api), sender, recipient))))


@api.route("/v1/recipients/{recipient}", methods=["DELETE"], content_types=["*/*"])
def erasure(recipient: str) -> Response:
    """Forgets a recipient."""
    return _for("write", lambda sender: json_answer(tell_known(erase(service_of(api), sender, recipient))))


@api.route("/v1/recipients/{recipient}/acts", methods=["GET", "HEAD"], content_types=["*/*"])
def recipient_acts(recipient: str) -> Response:
    """What happened to a recipient, newest first."""
    return _for("read", lambda sender: _history(sender, recipient))


def _asked(scope: str, work: Callable[[Sender, dict[str, Any]], Any]) -> Response:
    return _for(scope, lambda sender: json_answer(work(sender, json_body(api.current_request))))


def _for(scope: str, work: Callable[[Sender], Response]) -> Response:
    def answer() -> Response:
        return work(authenticate(service_of(api), api.current_request.headers.get("authorization"), scope))

    return answering(problem, answer)


def _check(sender: Sender, body: dict[str, Any]) -> dict[str, Any]:
    category = _category(body)
    as_of = times.tell(service_of(api).clock())  # before the read: what is answered is at least as new
    if "recipients" in body and "addresses" not in body:
        name, answers = "recipient", check_recipients(service_of(api), sender, category, _listed(body, "recipients"))
    else:
        name, answers = "address", check_addresses(service_of(api), sender, category, _listed(body, "addresses"))
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


def _asked_in_query() -> dict[str, Any]:
    asked: Mapping[str, str] = api.current_request.query_params or {}
    if set(asked) != {"category", "recipient"}:
        raise InvalidRequest("category and recipient in the query, and nothing else")
    return {"category": asked["category"], "recipients": [asked["recipient"]]}


def _links(sender: Sender, body: dict[str, Any]) -> dict[str, Any]:
    category = sender.catalogue.get(_category(body))
    return {"results": [_link(sender, category, wanted) for wanted in _listed(body, "recipients")]}


def _link(sender: Sender, category: Category, wanted: object) -> dict[str, Any]:
    spelled = wanted.get("address") if isinstance(wanted, dict) else None
    try:
        minted = mint_links(service_of(api), sender, category, parse_address(spelled))
    except InvalidAddress as error:
        return {"address": spelled, "error": error.reason}
    return {
        "address": minted.spelled,
        "recipient": minted.recipient,
        "url": minted.one_click,
        "preferences_url": minted.preferences,
        "headers": headers_of(minted, service_of(api).settings.public_url),
        "footer": footer_of(minted),
    }


def _acts(sender: Sender, body: dict[str, Any]) -> dict[str, Any]:
    read = [_read(sender, item, f"/acts/{index}") for index, item in enumerate(_listed(body, "acts"))]
    accepted = [item if isinstance(item, Told) else None for item in read]
    ids = record_told(service_of(api), sender, _request(), accepted)
    return {"results": [_recorded(item, act) for item, act in zip(read, ids, strict=True)]}


def _lookup(sender: Sender, body: dict[str, Any]) -> dict[str, Any]:
    try:
        address = parse_address(body.get("address"))
    except InvalidAddress as error:
        raise InvalidRequest(error.reason, "/address") from None
    return tell_known(look_up(service_of(api), sender, address))


def _history(sender: Sender, recipient: str) -> Response:
    asked: Mapping[str, str] = api.current_request.query_params or {}
    limit, cursor = _number(asked, "limit", MOST_HISTORY), _number(asked, "cursor", _MOST_SEQ)
    page = history(service_of(api), sender, recipient, cursor, limit or MOST_HISTORY)
    response = json_answer(tell_page(page))
    if page.older is not None:
        url = f"{service_of(api).settings.public_url}/v1/recipients/{recipient}/acts"
        response.headers["Link"] = f'<{url}?limit={limit or MOST_HISTORY}&cursor={page.older}>; rel="next"'
    return response


def _number(asked: Mapping[str, str], name: str, most: int) -> int | None:
    if (text := asked.get(name)) is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        raise InvalidRequest(f"{name} in the query is a number from 1 to {most}")
    return int(text)


def _new_key(sender: Sender, body: dict[str, Any]) -> dict[str, Any]:
    if ("scopes" in body) is ("replaces" in body):
        raise InvalidRequest("scopes for a new key, or replaces for one that follows another")
    if "replaces" in body:
        key, text = follow_key(service_of(api), sender, str(body["replaces"]), _request())
    else:
        key, text = create_key(service_of(api), sender, _scopes(body["scopes"]), _request())
    return {**_key(key), "key": text}


def _scopes(told: object) -> frozenset[str]:
    if not isinstance(told, list) or not all(isinstance(scope, str) for scope in told):
        raise InvalidRequest("a list of scopes", "/scopes")
    return frozenset(told)


def _key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "scopes": sorted(key.scopes),
        "created": times.tell(key.created),
        "last_used": times.tell_day(key.last_used),
        "revoked": times.tell(key.revoked),
        "replaces": key.replaces,
    }


def _read(sender: Sender, item: object, pointer: str) -> Told | SignoffError:
    try:
        return read_act(sender, item, pointer)
    except SignoffError as error:
        return error


def _recorded(item: Told | SignoffError, act: str) -> dict[str, Any]:
    if isinstance(item, Told):
        return {"recipient": item.place.recipient, "act": act}
    return {"error": told(item)}


def _request() -> Request:
    """The idempotency key, where there is one, and a hash of what it was sent with."""
    request = api.current_request
    key = request.headers.get("idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidRequest("an Idempotency-Key has 1 to 255 visible ASCII characters")
    return Request(key, hashlib.sha256(body_of(request)).hexdigest())


def _category(body: dict[str, Any]) -> str:
    if not isinstance(category := body.get("category"), str):
        raise InvalidRequest("the id of a category, as a text", "/category")
    return category


def _listed(body: dict[str, Any], name: str) -> list[object]:
    values = body.get(name)
    if not isinstance(values, list) or not 1 <= len(values) <= MOST:
        raise InvalidRequest(f"a list of 1 to {MOST}", f"/{name}")
    return values
