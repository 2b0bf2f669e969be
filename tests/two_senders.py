"""Two senders on the same tables, and what one of them can get hold of that is the other's.

A has a bit of everything. B has categories of the same ids, one address in common with A, and a past of its own.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from app import app
from chalicelib.api import times
from chalicelib.cursors import dump_cursor
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.jobs import JobKind, job_id
from chalicelib.domain.senders import Sender
from chalicelib.store.models import bind
from chalicelib.tokens import Purpose
from chalicelib.use_cases import following, listing
from tests.images import png
from tests.site import CATALOGUE, CODE, Site, make_site
from tests.tenants import IMPORT, Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engines import LocalFiles, LocalTables

A, B, NOBODY = CODE, "othersnd", "nobodyxx"
ALICE, ADA, BOTH = "only.alice@alpha.example.com", "ada.too@alpha.example.com", "both@example.com"
BEN = "ben@beta.example.com"
EVIDENCE = {"how": "the box on AlphaCorp's form", "wording": "Yes to AlphaCorp", "source": "AlphaCorp order 4711"}
DAY = 86_400_000
MANY = 1_000_000
"""Numbers and versions that nobody has come to."""


@dataclass(frozen=True)
class Things:
    """What names something of A's; or the same of nobody's, in which each has the same form."""

    code: str
    address: str
    recipient: str
    common: str
    """The recipient id of the address that both have."""
    category: str
    other_category: str
    key: str
    import_id: str
    waiting_import: str
    export_id: str
    waiting_export: str
    changes: str
    export_cursor: str
    suppressions: str
    act: str
    """One of A's recipient's own."""
    number: str
    """A number of a ledger, which is where a page of a history begins."""
    version: int
    category_number: int
    logo: str
    token: str
    spliced: str
    """A's link, with B's code in it."""

    def texts(self) -> Iterator[str]:
        return (value for field in fields(self) if isinstance(value := getattr(self, field.name), str))

    def masked(self, text: str) -> str:
        """A text without these things, as far as they tell anything apart."""
        told = {field.name: str(getattr(self, field.name)) for field in fields(self)}
        for name, value in sorted(told.items(), key=lambda one: -len(one[1])):
            if len(value) > 4:
                text = text.replace(value, f"<{name}>")
        return text


@dataclass(frozen=True)
class World:
    """Both senders, A's things, nobody's, and what in an answer would tell of A."""

    site: Site
    a: Tenant
    b: Tenant
    things: Things
    nothing: Things
    marks: frozenset[str]
    signature: str
    """One of them: of a URL as it was signed in one second, and is signed otherwise in the next."""

    def come_back(self) -> None:
        """Makes the app serve this world again after another one: it has one service, and models name one table."""
        app._service = self.site.service
        names = self.site.tables.names
        bind(names.recipients, names.control)

    def stored(self) -> tuple[Any, ...]:
        """All that is stored of A."""
        return self.a.stored(), self.a.stored_files()

    def sent_of(self, told: str) -> list[str]:
        """Which of the things are in a request: each by itself, not as a part of another."""
        found = []
        for thing in sorted((*self.things.texts(), *self.nothing.texts()), key=len, reverse=True):
            if thing in told:
                found.append(thing)
                told = told.replace(thing, "")
        return found

    def told_of_a(self, text: str, *sent: str) -> list[str]:
        """What a text tells of A besides what was sent."""
        for thing in sorted(sent, key=len, reverse=True):
            text = text.replace(thing, "")
        return sorted(mark for mark in self.marks if mark.lower() in text.lower())


@contextmanager
def make_world(tables: LocalTables, files: LocalFiles) -> Iterator[World]:
    with make_site(tables, files) as site:
        site.service.senders.create(Sender(B, "Beta", CATALOGUE, bytes(range(32, 64))))
        a, b = (Tenant.of(site, files, code) for code in (A, B))
        begin_b(b)
        site.clock.milliseconds += 1_000  # A's jobs are younger than all of B's, and so are nobody's
        things = begin_a(a)
        signature = signature_of(a, things)
        marks = frozenset([*marks_of(a, things), signature])
        yield World(site, a, b, things, nothing_like(site, things, b), marks, signature)


def begin_a(a: Tenant) -> Things:
    """A's life so far, and what it holds of it."""
    site = a.site
    a.told("PATCH", "/v1/sender", {"name": "AlphaCorp & Daughters", "postal_address": "1 AlphaCorp Street"})
    for category in ("secret-plan", "vault-plan"):
        a.told(
            "PUT", "/v1/categories/{category}", {"name": f"AlphaCorp {category}", "kind": "optional"}, category=category
        )
    a.told("PUT", "/v1/categories/{category}", {"description": "All of AlphaCorp"}, category="news")
    assert a.ask("PUT", "/v1/sender/logo", png(5, 7), headers={"Content-Type": "image/png"}).status == 200
    consented = times.tell(site.clock.milliseconds - DAY)
    consent = {"act": "consent", "address": ALICE, "category": "news", "at": consented, "evidence": EVIDENCE}
    outs = [{"act": "opt_out", "address": address, "category": "*"} for address in (ADA, BOTH)]
    block = {"address": ALICE, "category": "secret-plan"}
    hesitation = [{"act": "block", **block}, {"act": "lift", "reason": "blocked", **block}] * 10
    a.act(consent, *hesitation, {"act": "block", **block}, *outs)
    site.post(f"/u/{a.token(ALICE, 2)}")
    waiting = a.told("POST", "/v1/imports", {"file": {}})
    done = a.import_file(f"email,reason\n{ADA},complaint\n{ALICE},soft bounce\n".encode())
    rows = {"address": ALICE, "consent": {"category": "offers", "at": consented, **EVIDENCE}}
    a.told("POST", "/v1/imports", {"rows": [rows]})
    a.export(addresses="hmac")
    export = a.export(format="csv")
    queued = a.told("POST", "/v1/exports", {})
    a.files.messages()  # the worker will not get to see it
    alice = a.recipient(ALICE)
    acts = [act for act in json.loads(history_of(a, alice))["acts"] if act["via"] == "one_click"]
    token = a.token(ALICE, 1, Purpose.PREFERENCES)
    return Things(
        code=A,
        address=ALICE,
        recipient=alice,
        common=a.recipient(BOTH),
        category="secret-plan",
        other_category="vault-plan",
        key=a.told("POST", "/v1/keys", {"scopes": ["read", "admin"]})["id"],
        import_id=done["id"],
        waiting_import=waiting["id"],
        export_id=export["id"],
        waiting_export=queued["id"],
        changes=a.page("/v1/changes", limit="2")["cursor"],
        export_cursor=export["cursor"],
        suppressions=a.page("/v1/suppressions", limit="1")["cursor"],
        act=acts[0]["act"],
        number=str(json.loads(history_of(a, alice, limit="1"))["cursor"]),
        version=a.page("/v1/sender")["version"],
        category_number=a.told("GET", "/v1/categories/{category}", category="secret-plan")["number"],
        logo=a.page("/v1/sender/logo")["sha256"][:32],
        token=token,
        spliced=token.replace(A, B),
    )


def history_of(tenant: Tenant, recipient: str, **query: str) -> str:
    path = "/v1/recipients/{recipient}/acts"
    return tenant.ask("GET", path, values={"recipient": recipient}, query=query).body


def begin_b(b: Tenant) -> None:
    b.act({"act": "opt_out", "address": BOTH, "category": "news"}, {"act": "block", "address": BEN, "category": "*"})
    b.import_file(f"email,reason\n{BEN},soft bounce\n{BEN},unsubscribed\n".encode())
    b.export()


def nothing_like(site: Site, things: Things, b: Tenant) -> Things:
    """As `things`, and each of them there never was."""
    keyring = site.service.keyring
    stranger = Sender(NOBODY, "Nobody", CATALOGUE, bytes(32)).place_of
    invented = {kind: job_id(kind, site.clock.milliseconds, "invented") for kind in JobKind}
    token = b.token(ALICE, 1, Purpose.PREFERENCES)
    return replace(
        things,
        code=NOBODY,
        address="nobody.ever@nowhere.example.com",
        recipient=stranger(parse_address(ALICE)).recipient,
        common=stranger(parse_address(BOTH)).recipient,
        category="no-such-one",
        other_category="no-such-two",
        key=NOBODY + "a" * 8,
        import_id=invented[JobKind.IMPORT],
        waiting_import=invented[JobKind.IMPORT],
        export_id=invented[JobKind.EXPORT],
        waiting_export=invented[JobKind.EXPORT],
        changes=dump_cursor(keyring, following.PURPOSE, NOBODY, [0, *[0] * 8]),
        export_cursor=dump_cursor(keyring, following.PURPOSE, NOBODY, [0, *[1] * 8]),
        suppressions=dump_cursor(keyring, listing.PURPOSE, NOBODY, [[None] * 4, 0, "", None]),
        act="o_" + "a" * 22,
        logo="0" * 32,
        number=str(MANY),
        version=MANY,
        category_number=9_999,
        token=token[:-1] + ("A" if token[-1] != "A" else "E"),
        spliced=token.replace(B, NOBODY),
    )


def marks_of(a: Tenant, things: Things) -> Iterator[str]:
    """What tells of A: nothing of it is B's too."""
    yield from ("alphacorp", ALICE, ADA, A, things.recipient, things.common, a.recipient(ADA))
    yield from (key["id"] for key in a.page("/v1/keys")["keys"])
    yield from (job["id"] for job in a.page("/v1/imports")["imports"])
    yield from (job["id"] for job in a.page("/v1/exports")["exports"])
    yield from (change["act"] for change in a.page("/v1/changes")["changes"] if "act" in change)
    logo = a.page("/v1/sender/logo")
    yield from (logo["sha256"], logo["image"], things.category, things.other_category)
    yield from (things.changes, things.suppressions, things.export_cursor, things.token)
    assert a.told("GET", IMPORT, import_id=things.import_id)["rejects_url"]
    assert "upload" in a.told("GET", IMPORT, import_id=things.waiting_import)


def signature_of(a: Tenant, things: Things) -> str:
    """Of the URL at which an export of A's lies."""
    export = a.told("GET", "/v1/exports/{export_id}", export_id=things.export_id)
    [signature] = re.findall(r"Signature=([^&]+)", export["url"])
    return str(signature)
