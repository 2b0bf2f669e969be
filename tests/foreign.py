"""Every request by which one sender may hold a thing of another: by the path, the query, the body, a link.

A new path, parameter or field is a failure in `test_tenants.py` until it stands here, or in `INERT`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from chalicelib.api.openapi import described
from chalicelib.tokens import Purpose
from tests.images import png
from tests.two_senders import BEN, BOTH, B, Things, World

if TYPE_CHECKING:
    from tests.gateway import Answer
    from tests.tenants import Tenant

READING = ("GET", "HEAD")
INERT = {
    *("limit", "wait", "format", "reason", "via", "since", "Idempotency-Key"),
    *("acts", "act", "at", "evidence", "how", "wording", "source", "recipients", "rows", "consent", "scopes"),
    *("file", "layout", "columns", "default", "consent_at", "consent_how", "consent_source", "consent_wording"),
    *("consent_category", "kind", "ground", "name", "names", "description", "descriptions", "needs_consent", "retired"),
    *("accent", "default_language", "languages", "opt_out_form", "postal_address", "privacy_link"),
}
"""What names nothing that a sender has. Idempotency keys have tests of their own."""
INERT_THERE = {("/v1/exports", "addresses")}
"""The same, of one path alone: there it says how addresses are told."""


@dataclass(frozen=True)
class Ask:
    """One request."""

    body: Any = None
    values: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


Make = Callable[[World, Things], Ask]


@dataclass(frozen=True)
class Case:
    """How a request of B holds things: those parameters and fields of this route that have them."""

    path: str
    methods: tuple[str, ...]
    names: frozenset[str]
    make: Make

    def __str__(self) -> str:
        return f"{self.path} {'+'.join(sorted(self.names)) or 'nothing'}"


def case(path: str, methods: tuple[str, ...], names: str, make: Callable[[Things], Ask]) -> Case:
    return Case(path, methods, frozenset(names.split()), lambda _, things: make(things))


def of_b(path: str, methods: tuple[str, ...], names: str, make: Make) -> Case:
    return Case(path, methods, frozenset(names.split()), make)


CHECK, ACTS, LINKS, KEYS, KEY = "/v1/check", "/v1/acts", "/v1/links", "/v1/keys", "/v1/keys/{key_id}"
CATEGORIES, CATEGORY, SENDER, LOGO = "/v1/categories", "/v1/categories/{category}", "/v1/sender", "/v1/sender/logo"
LOOKUP, RECIPIENT, HISTORY = "/v1/recipients/lookup", "/v1/recipients/{recipient}", "/v1/recipients/{recipient}/acts"
SUPPRESSIONS, CHANGES = "/v1/suppressions", "/v1/changes"
IMPORTS, IMPORT = "/v1/imports", "/v1/imports/{import_id}"
EXPORTS, EXPORT = "/v1/exports", "/v1/exports/{export_id}"
POST, PUT, PATCH, DELETE = ("POST",), ("PUT",), ("PATCH",), ("DELETE",)


def acts_of(things: Things, **whom: str) -> Ask:
    """Each kind of act, in a category that both have and in one of A's."""
    shows = {"how": "h", "wording": "w", "source": "s"}
    consent = {"act": "consent", "at": "2026-01-01T00:00:00Z", "evidence": shows}
    kinds = ({"act": "opt_out"}, {"act": "block"}, {"act": "lift", "reason": "blocked"}, consent)
    acts = [{**kind, **whom, "category": name} for name in ("news", things.category) for kind in kinds]
    return Ask({"acts": [*acts, {"act": "lift", "reason": "undeliverable", **whom}]})


def row(things: Things) -> dict[str, Any]:
    shown = {"category": things.category, "at": "2026-01-01T00:00:00Z", "how": "h", "wording": "w", "source": "s"}
    return {"address": things.address, "consent": shown}


API = (
    case(CHECK, POST, "addresses category", lambda t: Ask({"category": "offers", "addresses": [t.address, BOTH]})),
    case(CHECK, POST, "category", lambda t: Ask({"category": t.category, "addresses": [BOTH]})),
    case(CHECK, POST, "recipients", lambda t: Ask({"category": "offers", "recipients": [t.recipient, t.common]})),
    case(CHECK, READING, "recipient", lambda t: Ask(query={"category": "offers", "recipient": t.recipient})),
    case(CHECK, READING, "category recipient", lambda t: Ask(query={"category": t.category, "recipient": t.common})),
    case(LINKS, POST, "address", lambda t: Ask({"category": "news", "recipients": [{"address": t.address}]})),
    case(LINKS, POST, "category", lambda t: Ask({"category": t.category, "recipients": [{"address": BOTH}]})),
    case(ACTS, POST, "recipient category", lambda t: acts_of(t, recipient=t.recipient)),
    case(ACTS, POST, "recipient", lambda t: acts_of(t, recipient=t.common)),
    case(ACTS, POST, "address category", lambda t: acts_of(t, address=t.address)),
    case(KEYS, POST, "replaces", lambda t: Ask({"replaces": t.key})),
    case(KEY, DELETE, "key_id", lambda t: Ask(values={"key_id": t.key})),
    of_b(CATEGORIES, PUT, "order", lambda w, t: Ask({"order": [*ids_of(w.b), t.category]})),
    of_b(CATEGORIES, PUT, "version", lambda w, t: Ask({"order": ids_of(w.b), "version": t.version})),
    case(CATEGORY, (*READING, "DELETE"), "category", lambda t: Ask(values={"category": t.category})),
    case(
        CATEGORY,
        PUT,
        "category",
        lambda t: Ask({"name": "Ours", "kind": "optional"}, {"category": t.other_category}),
    ),
    case(CATEGORY, PUT, "version", lambda t: Ask({"name": "Ours", "version": t.version}, {"category": "news"})),
    case(CATEGORY, PUT, "number", lambda t: Ask({"number": t.category_number}, {"category": "news"})),
    case(CATEGORY, PUT, "id", lambda t: Ask({"name": "Ours", "id": t.category}, {"category": "news"})),
    case(SENDER, PATCH, "version", lambda t: Ask({"name": "Ours", "version": t.version})),
    case(SENDER, PATCH, "code", lambda t: Ask({"name": "Ours", "code": t.code})),
    case(LOOKUP, POST, "address", lambda t: Ask({"address": t.address})),
    case(RECIPIENT, READING, "recipient", lambda t: Ask(values={"recipient": t.recipient})),
    case(RECIPIENT, DELETE, "recipient", lambda t: Ask(values={"recipient": t.common})),
    case(HISTORY, READING, "recipient", lambda t: Ask(values={"recipient": t.recipient})),
    case(
        HISTORY,
        READING,
        "recipient cursor",
        lambda t: Ask(values={"recipient": t.common}, query={"cursor": t.number}),
    ),
    of_b(
        HISTORY,
        READING,
        "cursor",
        lambda w, t: Ask(values={"recipient": w.b.recipient(BEN)}, query={"cursor": t.number}),
    ),
    case(SUPPRESSIONS, READING, "cursor", lambda t: Ask(query={"cursor": t.suppressions, "limit": "1"})),
    case(SUPPRESSIONS, READING, "cursor", lambda t: Ask(query={"cursor": t.suppressions, "format": "csv"})),
    case(SUPPRESSIONS, READING, "category", lambda t: Ask(query={"category": t.category})),
    case(CHANGES, READING, "cursor", lambda t: Ask(query={"cursor": t.changes})),
    case(CHANGES, READING, "cursor", lambda t: Ask(query={"cursor": t.export_cursor})),
    case(IMPORTS, READING, "cursor", lambda t: Ask(query={"cursor": t.import_id})),
    case(IMPORTS, POST, "address category", lambda t: Ask({"rows": [row(t)]})),
    case(
        IMPORTS,
        POST,
        "address",
        lambda t: Ask({"rows": [{"address": t.address, "reason": "complaint"}]}),
    ),
    case(
        IMPORTS,
        POST,
        "category",
        lambda t: Ask({"file": {"default": {"reason": "opted_out", "category": t.category}}}),
    ),
    case(IMPORT, READING, "import_id", lambda t: Ask(values={"import_id": t.import_id})),
    case(IMPORT, READING, "import_id", lambda t: Ask(values={"import_id": t.waiting_import})),
    case(IMPORT, READING, "import_id", lambda t: Ask(values={"import_id": t.export_id})),
    case(EXPORTS, READING, "cursor", lambda t: Ask(query={"cursor": t.export_id})),
    case(EXPORT, READING, "export_id", lambda t: Ask(values={"export_id": t.export_id})),
    case(EXPORT, READING, "export_id", lambda t: Ask(values={"export_id": t.waiting_export})),
    case(EXPORT, READING, "export_id", lambda t: Ask(values={"export_id": t.import_id})),
)
_SHOWN = (*READING, "POST")
PAGES = {
    "/u/{token}": _SHOWN,
    "/u/{token}/all": _SHOWN,
    "/p/{token}": _SHOWN,
    "/o/{sender}": _SHOWN,
    "/p/{token}/undo": _SHOWN,
    "/p/{token}/history": READING,
    "/p/{token}/data": _SHOWN,
    "/p/{token}/erase": _SHOWN,
}
PAGE_NAMES = frozenset({"token", "body", "query"})


def form(things: Things) -> dict[str, Any]:
    """What a form may say; it names A's things by every name that a reader of it could look at."""
    category = dict.fromkeys(("category", "shown", "before", "wanted", "from"), things.category)
    whose = {"sender": things.code, "code": things.code, "token": things.token, "version": things.version}
    happened = {"act": things.act, "done": things.act, "older": things.number, "at": f"0.{things.recipient}"}
    return {"address": things.address, "recipient": things.recipient, **category, **whose, **happened}


def linked(world: World, things: Things) -> Ask:
    """A link of B's, or B's form, and A's things in all that goes with it."""
    told = {name: str(value) for name, value in form(things).items()}
    values = {"token": world.b.token(BEN, 1, Purpose.PREFERENCES), "sender": B}
    return Ask(f"{urlencode(told)}&List-Unsubscribe=One-Click".encode(), values, told, {"X-Sender": things.code})


OF_PAGES = (
    *(of_b(path, methods, "body query", linked) for path, methods in PAGES.items()),
    *(
        case(path, methods, "token", lambda t: Ask(b"shown=news&wanted=news", {"token": t.spliced}))
        for path, methods in PAGES.items()
        if "{token}" in path
    ),
)
IMAGE = "/l/{sender}/{logo}"
OF_IMAGES = (case(IMAGE, READING, "logo", lambda t: Ask(values={"sender": B, "logo": t.logo})),)
CASES = API + OF_PAGES + OF_IMAGES
PLAIN = {
    *((path, method) for path in (KEYS, CATEGORIES, SENDER, LOGO) for method in READING),
    *((LOGO, "PUT"), (LOGO, "DELETE"), (EXPORTS, "POST")),
}
"""Routes with a key that take nothing but what is `INERT`: they tell of whose key it is, or write to it."""


def uncovered(routes: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Which of these paths with their methods are in no table above."""
    cased = {(case.path, method) for case in CASES for method in case.methods}
    return [route for route in routes if route not in cased | PLAIN]


_MADE_ANEW = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|(?:Signature|Expires|X-Amz-\w+)=[^&\"]+|rcp_[a-z2-7]{26}")
"""Times, signatures, and what B's pepper makes of an address."""


def carried_out(tenant: Tenant, method: str, path: str, asked: Ask, **headers: str) -> Answer:
    """What a sender is answered."""
    more = {name.replace("_", "-"): text for name, text in headers.items()}
    return tenant.ask(method, path, asked.body, asked.values, query=asked.query, headers={**asked.headers, **more})


def leaks(world: World, method: str, path: str, make: Make) -> list[str]:
    """What is wrong with how B is answered that holds A's things: nothing may tell them from what there never was.

    What was sent may come back, and is set aside on both sides. Of what B wrote by it the ids differ.
    """
    found, told = [], []
    before = world.stored()
    for things in (world.things, world.nothing):
        asked = make(world, things)
        answer = carried_out(world.b, method, path, asked)
        sent = world.sent_of(repr(asdict(asked)))
        found += [f"tells {mark}" for mark in world.told_of_a(f"{answer.headers} {answer.body}", *sent)]
        told.append((answer.status, _MADE_ANEW.sub("<new>", things.masked(answer.body))))
        if answer.status >= 500:
            found.append(f"answers {answer.status}")
    if told[0][0] != told[1][0]:
        found.append(f"answers {told[0][0]}, and {told[1][0]} for what there is not")
    elif told[0] != told[1] and (method in READING or path in (CHECK, LOOKUP) or told[0][0] >= 400):
        found.append("answers otherwise for what there is not")
    if world.stored() != before:
        found.append("changes A")
    return found


def ids_of(tenant: Tenant) -> list[str]:
    """A sender's own categories."""
    return [category["id"] for category in tenant.page(CATEGORIES)["categories"]]


def naming(path: str, method: str) -> set[str]:
    """Every parameter and every field, however deep, that may name a thing by the description of an operation."""
    told = described(path, "get" if method == "HEAD" else method.lower())
    bodies = told.get("requestBody", {}).get("content", {}).values()
    names = {parameter["name"] for parameter in told.get("parameters", ())}
    names = names.union(*(_fields(body["schema"]) for body in bodies))
    return {name for name in names - INERT if (path, name) not in INERT_THERE}


def takes_idempotency_key(path: str, method: str) -> bool:
    """Whether a request may be sent again without being carried out again."""
    return "Idempotency-Key" in str(described(path, method.lower()).get("parameters"))


def _fields(schema: dict[str, Any]) -> set[str]:
    properties = schema.get("properties", {})
    inner = [*properties.values(), *(schema.get(name, {}) for name in ("items", "if", "then"))]
    inner += [branch for name in ("oneOf", "anyOf") for branch in schema.get(name, ())]
    inner += schema.get("discriminator", {}).get("mapping", {}).values()
    return set(properties).union(*map(_fields, filter(None, inner)))


def own(tenant: Tenant, path: str, method: str) -> Ask:
    """A request of a sender about its own, which is carried out."""
    tenant.act({"act": "opt_out", "address": BEN, "category": "news"})
    values = {
        "token": tenant.token(BEN, 1, Purpose.PREFERENCES),
        "sender": tenant.code,
        "category": "offers",
        "recipient": tenant.recipient(BEN),
        "key_id": tenant.told("POST", KEYS, {"scopes": ["read"]})["id"] if path == KEY else "",
        "import_id": tenant.page(IMPORTS)["imports"][-1]["id"],
        "export_id": tenant.page(EXPORTS)["exports"][-1]["id"],
    }
    if path in {LOGO, IMAGE}:
        logo = tenant.ask("PUT", LOGO, png(2, 2), headers={"Content-Type": "image/png"})
        assert logo.status == 200
        values["logo"] = json.loads(logo.body)["sha256"][:32]
    if path == LOGO:
        return Ask(png(4, 4) if method == "PUT" else None, headers={"Content-Type": "image/png"})
    bodies: dict[tuple[str, str], Any] = {
        (CHECK, "POST"): {"category": "news", "addresses": [BEN, BOTH]},
        (LINKS, "POST"): {"category": "news", "recipients": [{"address": BOTH}]},
        (ACTS, "POST"): {"acts": [{"act": "block", "address": BOTH, "category": "*"}]},
        (KEYS, "POST"): {"scopes": ["read"]},
        (CATEGORIES, "PUT"): {"order": ids_of(tenant)},
        (CATEGORY, "PUT"): {"name": "Ours", "retired": False},
        (SENDER, "PATCH"): {"accent": "#123456"},
        (LOOKUP, "POST"): {"address": BOTH},
        (IMPORTS, "POST"): {"rows": [{"address": BOTH, "reason": "opted_out"}]},
        (EXPORTS, "POST"): {},
        ("/o/{sender}", "POST"): b"address=ben%40beta.example.com",
        ("/p/{token}", "POST"): b"shown=news&wanted=news",
        **dict.fromkeys([("/p/{token}/data", "POST"), ("/p/{token}/erase", "POST")], b"address=ben%40beta.example.com"),
    }
    query = {"category": "news", "recipient": values["recipient"]} if path == CHECK and method in READING else {}
    named = {name: text for name, text in values.items() if f"{{{name}}}" in path}
    return Ask(bodies.get((path, method)), named, query)
