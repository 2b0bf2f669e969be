"""What holds for every route at once: a new route fails here until it is covered."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import pytest

from app import app
from chalicelib.api_keys import ApiKey, mint_api_key
from chalicelib.domain.acts import Act, Bounced, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.jobs import Job, JobKind, JobStatus, job_id
from chalicelib.service import SENDER_SECONDS, Service
from chalicelib.store.changing import Change
from chalicelib.store.ledger import Beside
from chalicelib.store.operations import Claim
from chalicelib.tokens import Purpose
from chalicelib.use_cases.describing import Edit, put_logo
from chalicelib.use_cases.keys import SCOPES
from chalicelib.web.words import at_query
from tests.api.conftest import caller
from tests.gateway import Answer, send
from tests.images import png
from tests.site import CODE, SENDER, Site, make_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.callers import Caller
    from tests.engines import LocalFiles, LocalTables

__all__ = ["caller"]


@pytest.fixture
def site(dynoxide_tables: LocalTables, shared_files: LocalFiles) -> Iterator[Site]:
    """An empty site of this test's own, which can take files."""
    with make_site(dynoxide_tables, shared_files) as made:
        yield made


CANARY = "canary.bird@cage.example.com"
PLACE = SENDER.place_of(parse_address(CANARY))
TYPED = b"address=canary.bird%40cage.example.com"
CANARY_PARTS = ("canary", "cage.example", "Y2FuYXJ5")  # the last one is how base64 starts it
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@dataclass(frozen=True)
class Route:
    """One route: its methods, whose it is, and a request that it carries out."""

    methods: set[str]
    kind: str
    purpose: Purpose | None = None
    body: Any = None
    """Of its POST, PUT or PATCH: octets, or what JSON has."""
    scope: str = "read"
    query: dict[str, str] | None = None
    echoes: bool = False
    """Whether it answers a sender with the addresses that this sender sent, or a recipient with the one it typed."""


CHECK = {"category": "news", "addresses": [CANARY]}
ONE = {"category": "news", "recipient": "rcp_" + "a" * 26}
SENDING = {"POST", "PUT", "PATCH"}
"""Methods that send a body; a DELETE says all in its path."""
LOGO = png(3, 2)
ACTS = {"acts": [{"act": "opt_out", "address": CANARY, "category": "news"}]}
ROWS = {"rows": [{"address": CANARY, "reason": "opted_out"}]}
ROUTES = {
    "/u/{token}": Route({"GET", "HEAD", "POST"}, "page", Purpose.ONE_CLICK, b"List-Unsubscribe=One-Click"),
    "/u/{token}/all": Route({"GET", "HEAD", "POST"}, "page", Purpose.ONE_CLICK, b""),
    "/p/{token}": Route(
        {"GET", "HEAD", "POST"}, "page", Purpose.PREFERENCES, b"shown=news&before=news", query={"from": "offers"}
    ),
    "/p/{token}/undo": Route({"GET", "HEAD", "POST"}, "page", Purpose.PREFERENCES, b"act=p_nothing"),
    "/p/{token}/history": Route({"GET", "HEAD"}, "page", Purpose.PREFERENCES, query={"older": "1", **at_query(PLACE)}),
    "/p/{token}/data": Route({"GET", "HEAD", "POST"}, "page", Purpose.PREFERENCES, TYPED, echoes=True),
    "/p/{token}/erase": Route({"GET", "HEAD", "POST"}, "page", Purpose.PREFERENCES, TYPED),
    "/o/{sender}": Route({"GET", "HEAD", "POST"}, "page", None, TYPED),
    "/l/{sender}/{logo}": Route({"GET", "HEAD"}, "image"),
    "/v1/check": Route({"GET", "HEAD", "POST"}, "api", None, CHECK, echoes=True, query=ONE),
    "/v1/links": Route(
        {"POST"}, "api", None, {"category": "news", "recipients": [{"address": CANARY}]}, scope="links", echoes=True
    ),
    "/v1/acts": Route({"POST"}, "api", None, ACTS, scope="write"),
    "/v1/keys": Route({"GET", "HEAD", "POST"}, "api", None, {"scopes": ["read"]}, scope="admin"),
    "/v1/keys/{key_id}": Route({"DELETE"}, "api", scope="admin"),
    "/v1/categories": Route(
        {"GET", "HEAD", "PUT"}, "api", None, {"order": ["alerts", "news", "offers"]}, scope="read or admin"
    ),
    "/v1/categories/{category}": Route(
        {"GET", "HEAD", "PUT", "DELETE"}, "api", None, {"name": "Other offers"}, scope="read or admin"
    ),
    "/v1/sender": Route({"GET", "HEAD", "PATCH"}, "api", None, {"name": "Test"}, scope="read or admin"),
    "/v1/sender/logo": Route({"GET", "HEAD", "PUT", "DELETE"}, "api", None, LOGO, scope="read or admin"),
    "/v1/recipients/lookup": Route({"POST"}, "api", None, {"address": CANARY}, echoes=True),
    "/v1/recipients/{recipient}": Route({"GET", "HEAD", "DELETE"}, "api", scope="read or write", echoes=True),
    "/v1/recipients/{recipient}/acts": Route({"GET", "HEAD"}, "api", echoes=True),
    "/v1/suppressions": Route({"GET", "HEAD"}, "api", query={"reason": "opted_out"}, echoes=True),
    "/v1/changes": Route({"GET", "HEAD"}, "api", query={"limit": "10"}, echoes=True),
    "/v1/imports": Route({"GET", "HEAD", "POST"}, "api", None, ROWS, scope="read or write"),
    "/v1/imports/{import_id}": Route({"GET", "HEAD"}, "api"),
    "/v1/exports": Route({"GET", "HEAD", "POST"}, "api", None, {}, scope="admin"),
    "/v1/exports/{export_id}": Route({"GET", "HEAD"}, "api", scope="admin"),
    "/v1/openapi.json": Route({"GET", "HEAD"}, "open"),
    "/healthz": Route({"GET", "HEAD"}, "open"),
    "/docs": Route({"GET", "HEAD"}, "open"),
}
STATUS = {("/v1/keys", "POST"): 201, ("/v1/exports", "POST"): 202}
"""Where it is not 200."""
EXPORTED = {"format": "csv", "addresses": "none", "fields": ["recipient"], "key_version": 1}
DONE = {"rows": 1, "rejected": 0, "changed": 1, "unchanged": 0, "run": "1a", "cursor": "c", "octets": 9}
EVERY = [(path, method) for path, route in ROUTES.items() for method in sorted(route.methods)]


def test_every_route_is_covered_here() -> None:
    assert {path: set(methods) for path, methods in app.routes.items()} == {
        path: route.methods for path, route in ROUTES.items()
    }


def values_of(site: Site, path: str) -> dict[str, str]:
    purpose = ROUTES[path].purpose
    token = "" if purpose is None else site.token(purpose=purpose, address=CANARY)
    values = {"token": token, "sender": CODE, "category": "offers"}
    if "logo" in path:
        claim = Claim(1, is_new=True, nonce=token_hex(8))
        values["logo"] = put_logo(Edit(site.service, CODE, claim), LOGO)[0].sha256[:32]
    if "{key_id}" in path:
        key = mint_api_key(site.service.keyring, CODE)
        site.service.keys.create(ApiKey(key.id, CODE, key.digest, frozenset({"read"}), 1))
        values["key_id"] = key.id
    if "{recipient}" in path:
        place = site.service.senders.get(CODE).place_of(parse_address(CANARY))
        site.service.ledger.record(place, Act("known", Via.OPS, (Bounced(1),)), Beside(CANARY))
        values["recipient"] = place.recipient
    for kind in JobKind:
        if f"{{{kind}_id}}" in path:
            new = Job(kind, job_id(kind, 1, "known"), CODE, 1, "k" * 16, JobStatus.DONE, EXPORTED, DONE)
            values[f"{kind}_id"] = site.service.jobs.create(new).id
    return {name: value for name, value in values.items() if f"{{{name}}}" in path}


def query_of(route: Route, method: str) -> dict[str, str] | None:
    return route.query if method in {"GET", "HEAD"} else None


def body_for(path: str, method: str) -> bytes | None:
    body = ROUTES[path].body
    if method not in SENDING:
        return None
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def type_of(path: str) -> dict[str, str]:
    return {"Content-Type": "image/png"} if ROUTES[path].body is LOGO else {}


def good(site: Site, caller: Caller, path: str, method: str, **changes: Any) -> Answer:
    """The request that the route carries out, with parts of it changed."""
    route = ROUTES[path]
    headers = {"Authorization": f"Bearer {caller.key(*SCOPES)}", **type_of(path)} if route.kind == "api" else {}
    asked = {"headers": headers, "body": body_for(path, method), "query": query_of(route, method)}
    if "values" not in changes:
        asked["values"] = values_of(site, path)
    return send(method, path, **(asked | changes))


@pytest.mark.parametrize(("path", "method"), EVERY)
def test_every_answer_has_the_security_headers_and_no_cookie(
    site: Site, caller: Caller, path: str, method: str
) -> None:
    """F4, A3, A4: of an answer that carries out, and of one that refuses."""
    refused = good(site, caller, path, method, values=dict.fromkeys(values_of(site, path), "x"), body=b"{", headers={})
    for answer in (good(site, caller, path, method), refused):
        told = answer.headers
        is_image = told["content-type"] == "image/png"
        assert told["cache-control"] == ("public, max-age=31536000, immutable" if is_image else "no-store")
        assert told["x-robots-tag"] == "noindex, nofollow"
        assert told["x-content-type-options"] == "nosniff"
        assert "max-age=" in told["strict-transport-security"]
        assert "default-src 'none'" in told["content-security-policy"]
        assert "frame-ancestors 'none'" in told["content-security-policy"]
        assert "unsafe" not in told["content-security-policy"]
        assert told["referrer-policy"] == (
            "same-origin" if told["content-type"].startswith("text/html") else "no-referrer"
        )
        assert not {"set-cookie", "location"} & set(told)
        assert 200 <= answer.status < 300 or 400 <= answer.status < 500
    assert good(site, caller, path, method).status == STATUS.get((path, method), 200)


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_a_route_lacks_gets_405_and_writes_nothing(
    site: Site, caller: Caller, path: str, method: str
) -> None:
    """G2, A7: OPTIONS, too."""
    if method in ROUTES[path].methods:
        return
    values = values_of(site, path)
    before = site.stored()

    answer = good(site, caller, path, method, values=values)

    assert answer.status == 405
    assert set(answer.headers["allow"].split(", ")) == ROUTES[path].methods
    assert answer.headers["content-type"].startswith(
        "text/html" if ROUTES[path].kind in {"page", "image"} else "application/problem"
    )
    assert site.stored() == before


@pytest.mark.parametrize("path", [path for path, route in ROUTES.items() if "GET" in route.methods])
def test_head_is_where_get_is(site: Site, caller: Caller, path: str) -> None:
    """G2."""
    values = values_of(site, path)
    before = site.stored()

    get, head = (good(site, caller, path, method, values=values) for method in ("GET", "HEAD"))

    assert (get.status, get.headers) == (head.status, head.headers)
    assert site.stored() == before


def test_a_path_that_there_is_not_gets_404(site: Site) -> None:
    assert send("GET", "/nope").status == 404
    assert app({}, None)["statusCode"] == 404


@pytest.mark.parametrize(("path", "method"), [(path, method) for path, method in EVERY if ROUTES[path].kind == "api"])
@pytest.mark.parametrize("kind", ["none", "invented", "revoked", "without the scope"])
def test_no_api_route_answers_a_bad_key(site: Site, caller: Caller, path: str, method: str, kind: str) -> None:
    text = {
        "none": "",
        "invented": f"sgn_{'a' * 16}_{'a' * 52}_A{'a' * 8}",
        "revoked": caller.key(*SCOPES, revoked=True),
        "without the scope": caller.key(*(set(SCOPES) - set(ROUTES[path].scope.split()))),
    }[kind]
    values = values_of(site, path)
    before = site.stored()

    answer = good(site, caller, path, method, headers={"Authorization": f"Bearer {text}"}, values=values)

    assert answer.status == (403 if kind == "without the scope" else 401)
    assert answer.headers["content-type"] == "application/problem+json"
    assert site.stored() == before


def close(site: Site, *, closed: bool = True) -> None:
    """As `python -m infra sender close` does it, in another process: nothing of it is told to this one."""
    claim = Claim(1, is_new=True, nonce=token_hex(8))
    elsewhere = Service(site.service.settings, clock=site.service.clock)
    Edit(elsewhere, CODE, claim).make(lambda now: Change(replace(now, closed=closed)))


@pytest.mark.parametrize(("path", "method"), EVERY)
def test_a_closed_sender_s_api_answers_403_and_everything_else_goes_on(
    site: Site, caller: Caller, path: str, method: str
) -> None:
    """At the latest 30 s after it was closed; and until it is opened again."""
    route, values = ROUTES[path], values_of(site, path)
    before = good(site, caller, path, method, values=values)
    assert before.status == STATUS.get((path, method), 200)
    close(site)
    site.clock.milliseconds += SENDER_SECONDS * 1_000
    stored = site.stored()

    answer = good(site, caller, path, method, values=values)

    if route.kind != "api":
        assert answer.status == 200
        assert answer.headers == before.headers
        return
    assert (answer.status, answer.headers["content-type"]) == (403, "application/problem+json")
    told = json.loads(answer.body)
    assert (told["type"], told["status"]) == ("urn:signoff:sender-closed", 403)
    assert "opt-outs go on working" in told["detail"]
    assert site.stored() == stored
    close(site, closed=False)
    site.clock.milliseconds += SENDER_SECONDS * 1_000
    values = values_of(site, path)  # what a DELETE took away
    assert good(site, caller, path, method, values=values).status == STATUS.get((path, method), 200)


@pytest.mark.parametrize("path", ["/u/{token}", "/u/{token}/all", "/p/{token}", "/o/{sender}"])
def test_a_closed_sender_s_recipients_opt_out_as_before(site: Site, path: str) -> None:
    """C2: and every link of its own does it."""
    close(site)
    site.clock.milliseconds += SENDER_SECONDS * 1_000
    body = b"shown=news&before=news" if path == "/p/{token}" else ROUTES[path].body
    assert send("POST", path, values_of(site, path), headers={}, body=body).status == 200
    assert site.reasons(CANARY)["news"] is not None


HOSTILE_BODIES = {
    "not JSON": CANARY.encode(),
    "a number that is none": b'{"category": NaN}',
    "endless": b'{"category": 1e999}',
    "a depth bomb": b'{"a":' * 60_000 + b"1" + b"}" * 60_000,
    "endless, where it would be echoed": b'{"category":"news","addresses":[1e999],"recipients":[1e999],"acts":[1e999]}',
    "deep, where it would be echoed": b'{"category":"news","addresses":[' + b"[" * 961 + b"]" * 961 + b"]}",
    "a name twice": b'{"category":"news","category":"offers"}',
    "ten megabytes": b" " * 10_000_000,
    "broken UTF-8": b'{"category":"\xff\xfe"}',
    "a lone surrogate": b'{"category":"\\ud800"}',
    "a list": json.dumps([CANARY]).encode(),
    "an address for a category": json.dumps(
        {"category": CANARY, "addresses": [CANARY], "recipients": [CANARY], "acts": [CANARY]}
    ).encode(),
    "wrong types": b'{"category":{"a":[]},"addresses":7,"recipients":7,"acts":7}',
}


@pytest.mark.parametrize(
    ("path", "method"), [(path, method) for path, method in EVERY if ROUTES[path].kind == "api" and method in SENDING]
)
@pytest.mark.parametrize("name", HOSTILE_BODIES)
def test_a_hostile_body_gets_a_problem_document_and_stores_nothing(
    site: Site, caller: Caller, path: str, method: str, name: str
) -> None:
    """G1, G2."""
    values = values_of(site, path)
    before = site.stored()

    answer = good(site, caller, path, method, body=HOSTILE_BODIES[name], values=values)

    if answer.status == 200:  # an act that was refused keeps its place
        assert [set(result) for result in json.loads(answer.body)["results"]] == [{"error"}]
    else:
        assert answer.status in {400, 404, 413, 415 if method == "PUT" else 400}
        assert json.loads(answer.body)["status"] == answer.status
        assert answer.headers["content-type"] == "application/problem+json"
    assert not any(part in answer.body for part in CANARY_PARTS)
    assert site.stored() == before


@pytest.mark.parametrize(
    "path", [path for path, route in ROUTES.items() if route.kind == "page" and "POST" in route.methods]
)
@pytest.mark.parametrize("name", HOSTILE_BODIES)
def test_no_body_brings_a_page_down(site: Site, caller: Caller, path: str, name: str) -> None:
    answer = good(site, caller, path, "POST", body=HOSTILE_BODIES[name])

    assert answer.status in {200, 400, 413}
    assert answer.headers["content-type"].startswith("text/html")


Logged = Callable[[], str]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[Logged]:
    """All that was logged or printed so far, at every level, by the libraries too, tracebacks included."""
    formatter = logging.Formatter("%(pathname)s %(message)s")

    def so_far() -> str:
        return "\n".join([*map(formatter.format, caplog.records), *capfd.readouterr()])

    with caplog.at_level(logging.DEBUG):
        yield so_far


@pytest.mark.parametrize(("path", "method"), EVERY)
def test_a_canary_shows_in_no_url_log_or_error(
    site: Site, caller: Caller, path: str, method: str, logged: Logged
) -> None:
    """G6, F5: whatever part of the request holds it, and whatever goes wrong."""
    values = values_of(site, path)
    answers = [
        good(site, caller, path, method, values=dict.fromkeys(values, CANARY)),
        good(site, caller, path, method, query={"address": CANARY}),
        good(site, caller, path, method, headers={"Authorization": f"Bearer {CANARY}", "Referer": CANARY}),
        good(site, caller, path, method, headers={"Content-Type": CANARY, "Idempotency-Key": CANARY}),
        good(site, caller, path, method, body=CANARY.encode()),
        good(site, caller, path, method),
    ]
    drop_tables(site)
    answers.append(good_without_store(site, path, method, values))

    told = "".join(answer.body for answer in answers if not (ROUTES[path].echoes and answer.status == 200))
    headers = "".join(str(answer.headers) for answer in answers)
    said = logged()
    assert "StoreUnavailable" in said or ROUTES[path].kind == "open", "nothing is logged at all"
    for part in CANARY_PARTS:
        assert part not in told
        assert part not in headers
        assert part not in said
    assert "token" not in values or values["token"] not in said, "no log holds a path"
    for minted in minted_urls(answers):
        assert not any(part in minted for part in CANARY_PARTS)


def drop_tables(site: Site) -> None:
    for table in (site.tables.names.recipients, site.tables.names.control):
        site.tables.client.update_table(TableName=table, DeletionProtectionEnabled=False)
        site.tables.client.delete_table(TableName=table)
    site.forget()


def good_without_store(site: Site, path: str, method: str, values: dict[str, str]) -> Answer:
    """The store is gone: 503 where one is needed, and never a false success (A11)."""
    key = mint_api_key(site.service.keyring, CODE)
    route = ROUTES[path]
    answer = send(
        method,
        path,
        values,
        headers={"Authorization": f"Bearer {key.text}", **type_of(path)} if route.kind == "api" else {},
        body=body_for(path, method),
        query=query_of(route, method),
    )
    assert answer.status == (200 if route.kind == "open" else 503)
    if answer.status == 503:
        assert int(answer.headers["retry-after"]) > 0
    return answer


def minted_urls(answers: list[Answer]) -> list[str]:
    results = [
        result
        for answer in answers
        if answer.status == 200 and answer.headers["content-type"] == "application/json"
        for result in json.loads(answer.body).get("results", [])
    ]
    return [text for result in results for name in ("url", "preferences_url") if (text := result.get(name))]
