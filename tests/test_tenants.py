"""No sender ever sees another's data, or changes it: every route, and every thing of the other that it can be given."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest

from chalicelib.tokens import Purpose
from chalicelib.worker import work
from tests.engines import make_files, make_tables
from tests.foreign import (
    CASES,
    PAGE_NAMES,
    PLAIN,
    READING,
    Case,
    carried_out,
    leaks,
    naming,
    own,
    takes_idempotency_key,
    uncovered,
)
from tests.images import png
from tests.tenants import Tenant, get
from tests.test_surface import EVERY, ROUTES
from tests.two_senders import BEN, BOTH, A, B, Things, World, make_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.engine import Engine
    from infra.local.memory import MemoryEngine
    from tests.engines import LocalFiles, LocalTables

OPEN = [path for path, route in ROUTES.items() if route.kind == "open"]
OF_API = [one for one in EVERY if ROUTES[one[0]].kind == "api"]
WRITING = [one for one in OF_API if one[1] not in READING and takes_idempotency_key(*one)]
FOREIGN = [(case, method) for case in CASES for method in case.methods]


@pytest.fixture(scope="module")
def lasting(dynoxide: Engine, moto_server: MemoryEngine) -> Iterator[World]:
    """One world for all tests that write nothing."""
    files = make_files(f"t{secrets.token_hex(8)}", moto_server.url)
    with make_world(make_tables(dynoxide.url), files) as made:
        yield made


@pytest.fixture
def world(lasting: World) -> World:
    """The lasting world."""
    lasting.come_back()
    return lasting


@pytest.fixture(scope="module")
def busy(dynoxide: Engine, moto_server: MemoryEngine) -> Iterator[World]:
    """One world for all tests in which B writes and A is not to change, whatever others wrote before."""
    files = make_files(f"t{secrets.token_hex(8)}", moto_server.url)
    with make_world(make_tables(dynoxide.url), files) as made:
        yield made


@pytest.fixture
def busy_world(busy: World) -> World:
    """The busy world."""
    busy.come_back()
    return busy


@pytest.fixture
def own_world(dynoxide_tables: LocalTables, local_files: LocalFiles) -> Iterator[World]:
    """A world of this test's own, for one that writes."""
    with make_world(dynoxide_tables, local_files) as made:
        yield made


class TestTheTable:
    """What it has to cover."""

    def test_every_route_and_method_is_in_it(self) -> None:
        assert uncovered(one for one in EVERY if one[0] not in OPEN) == []
        assert {(case.path, method) for case, method in FOREIGN} | PLAIN <= {*EVERY}

    def test_a_new_route_or_method_is_missed(self) -> None:
        new = [("/v1/secrets", "GET"), ("/v1/keys", "PATCH")]
        assert uncovered([*EVERY, *new])[-2:] == new

    @pytest.mark.parametrize(("path", "method"), OF_API)
    def test_every_parameter_and_field_that_can_name_a_thing_does(self, path: str, method: str) -> None:
        named = {name for case in CASES if case.path == path and method in case.methods for name in case.names}
        assert naming(path, method) <= named

    @pytest.mark.parametrize(("path", "method"), [one for one in EVERY if ROUTES[one[0]].kind == "page"])
    def test_every_page_is_given_what_is_another_s(self, path: str, method: str) -> None:
        named = {name for case in CASES if case.path == path and method in case.methods for name in case.names}
        assert named == PAGE_NAMES - ({"token"} if "{token}" not in path else set())

    def test_the_world_tells_of_a_where_it_is_asked_by_a(self, world: World) -> None:
        """Else no mark would be worth anything."""
        answers = [world.a.ask("GET", path).body for path in ("/v1/changes", "/v1/keys", "/v1/imports", "/v1/exports")]
        answers += [world.a.ask("GET", path).body for path in ("/v1/sender", "/v1/sender/logo", "/v1/categories")]
        cursors = {world.things.changes, world.things.suppressions, world.things.export_cursor, world.things.token}
        told = set(world.told_of_a(" ".join(answers)))
        assert {mark for mark in world.marks - told if len(mark) > 26} <= cursors | {world.signature}


@pytest.mark.parametrize(("case", "method"), [one for one in FOREIGN if one[1] in READING], ids=str)
def test_a_thing_of_another_s_reads_as_one_that_there_never_was(world: World, case: Case, method: str) -> None:
    assert leaks(world, method, case.path, case.make) == []


@pytest.mark.parametrize(("case", "method"), [one for one in FOREIGN if one[1] not in READING], ids=str)
def test_a_thing_of_another_s_is_written_to_as_one_that_there_never_was(
    own_world: World, case: Case, method: str
) -> None:
    assert leaks(own_world, method, case.path, case.make) == []


@pytest.mark.parametrize(("path", "method"), EVERY)
def test_who_asks_of_its_own_sees_nothing_of_another_s_and_changes_nothing(
    busy_world: World, path: str, method: str
) -> None:
    world = busy_world
    asked = own(world.b, path, method)
    before = world.stored()

    answer = carried_out(world.b, method, path, asked)

    assert answer.status < 300, answer.body
    assert world.told_of_a(f"{answer.headers} {answer.body}") == []
    assert world.stored() == before


@pytest.mark.parametrize(("path", "method"), OF_API)
def test_no_key_is_made_of_two(busy_world: World, path: str, method: str) -> None:
    """An id, a secret and a tag, of which some are A's, and the others B's."""
    world = busy_world
    keys = {"a": world.a.key.split("_", 3), "b": world.b.key.split("_", 3)}
    asked, before = own(world.b, path, method), world.stored()
    for parts in ("abb", "aab", "baa", "bba", "bab", "aba"):
        text = "_".join(["sgn", *(keys[whose][place] for place, whose in enumerate(parts, 1))])

        answer = carried_out(world.b, method, path, asked, Authorization=f"Bearer {text}")

        assert answer.status == 401
        assert world.told_of_a(answer.body) == []
    assert world.stored() == before


class TestAnIdempotencyKeyOfAnothers:
    """G3."""

    @pytest.mark.parametrize(("path", "method"), WRITING)
    @pytest.mark.parametrize("is_the_same", [True, False], ids=["the same body", "another body"])
    def test_is_nothing_to_another_sender(self, own_world: World, path: str, method: str, is_the_same: bool) -> None:
        a, b = own_world.a, own_world.b
        of_a, of_b = own(a, path, method), own(b, path, method)
        first = carried_out(a, method, path, of_a, Idempotency_Key="order-4711")
        body = of_b.body if is_the_same else other(of_b.body)
        before = own_world.stored()

        answer = carried_out(b, method, path, replace(of_b, body=body), Idempotency_Key="order-4711")

        assert answer.status == first.status < 300, answer.body
        assert own_world.told_of_a(answer.body) == []
        assert not ids_in(first.body) & ids_in(answer.body)
        assert own_world.stored() == before
        again = carried_out(a, method, path, of_a, Idempotency_Key="order-4711")
        assert (again.status, lasting_part(again.body)) == (first.status, lasting_part(first.body))

    @pytest.mark.parametrize(("path", "method"), [one for one in WRITING if one[1] != "DELETE"])
    def test_is_a_mismatch_to_its_own(self, own_world: World, path: str, method: str) -> None:
        """Else the test above would see nothing."""
        asked = own(own_world.b, path, method)
        carried_out(own_world.b, method, path, asked, Idempotency_Key="order-4711")
        asked = replace(asked, body=other(asked.body))
        assert carried_out(own_world.b, method, path, asked, Idempotency_Key="order-4711").status == 422


def other(body: Any) -> Any:
    """Other octets that mean the same; another picture."""
    if body is None:
        return None
    return png(6, 6) if isinstance(body, bytes) else json.dumps(body).encode() + b"\n"


def ids_in(body: str) -> set[str]:
    """Whatever is made for one alone: ids, keys, cursors, but no time."""
    return set(re.findall(r"\b(?:[a-z]|imp|exp|rcp|sgn)_[A-Za-z0-9_-]{16,}|\b[a-z2-7]{16}\b", body))


def lasting_part(body: str) -> str:
    """An answer but for what is made anew each time."""
    return re.sub(r'"(url|expires|upload)": ("[^"]*"|\{[^}]*\}+)', "", body)


class TestFiles:
    def test_a_url_leads_to_one_s_own_file_alone(self, world: World) -> None:
        for tenant, other_one in ((world.a, world.b), (world.b, world.a)):
            urls = [url for told in tenant_jobs(tenant) for url in (told.get("url"), told.get("rejects_url")) if url]
            urls += [told["upload"]["url"] for told in tenant_jobs(tenant) if "upload" in told]
            assert urls
            for url in urls:
                _, bucket, folder, code, name = urlsplit(url).path.split("/")
                assert (bucket, code) == (world.a.files.names.bucket, tenant.code)
                assert (folder in {"exports", "rejects", "imports"}, "/" in name) == (True, False)
                assert other_one.code not in url

    def test_a_url_is_signed_for_its_own_file(self, world: World) -> None:
        """The same name under another sender's code has another signature."""
        files, name = world.site.service.files, f"{world.things.export_id}.csv"
        signatures = {files.get_url(f"exports/{code}/{name}", 900, name).partition("Signature=")[2] for code in (A, B)}
        assert len(signatures) == 2

    @pytest.mark.parametrize("kind", ["jsonl", "csv", "spreadsheet"])
    @pytest.mark.parametrize("addresses", ["plain", "hmac", "none"])
    def test_an_export_holds_one_s_own_alone(self, own_world: World, kind: str, addresses: str) -> None:
        before = own_world.stored()
        of_b = own_world.b.export(format=kind, addresses=addresses)

        content = get(of_b["url"]).decode()

        assert own_world.b.recipient(BOTH) in content
        assert own_world.told_of_a(content) == []
        assert own_world.stored() == before
        of_a = own_world.a.export(format=kind, addresses=addresses)
        assert own_world.things.common in get(of_a["url"]).decode()
        assert of_a.get("hash_key", "a") != of_b.get("hash_key", "b")
        if addresses == "hmac":
            hashes = [set(re.findall(r"[0-9a-f]{64}", get(told["url"]).decode())) for told in (of_a, of_b)]
            assert all(hashes)
            assert not hashes[0] & hashes[1], "not even who is on both lists can be told"


def tenant_jobs(tenant: Tenant) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = [*tenant.page("/v1/exports")["exports"], *tenant.page("/v1/imports")["imports"]]
    return jobs


def messages_of(things: Things, code: str) -> list[dict[str, Any]]:
    """All by which the worker could be told of A's jobs under another code."""
    jobs = [("import", things.waiting_import), ("import", things.import_id)]
    jobs += [("export", things.waiting_export), ("export", things.export_id), ("import", things.export_id)]
    ours = [{"job": kind, "sender": code, "id": job} for kind, job in jobs]
    keys = [f"{folder}/{code}/{job}" for folder in ("imports", "exports") for _, job in jobs]
    return [*ours, *({"Records": [{"s3": {"object": {"key": key}}}]} for key in keys)]


class TestTheWorker:
    def test_does_nothing_to_a_job_of_another_s(self, own_world: World) -> None:
        """Even where the file of such an import lies under B's code."""
        a, b, things = own_world.a, own_world.b, own_world.things
        for job in (things.waiting_import, things.import_id):
            own_world.site.service.files.put(f"imports/{B}/{job}", f"email\n{BEN}\n".encode())
        before, of_b = own_world.stored(), (b.stored(), b.stored_files())

        for message in messages_of(things, B):
            work(own_world.site.service, message, lambda: 900.0)

        assert own_world.stored() == before
        assert (b.stored(), b.stored_files()) == of_b, "and there is no job of B's by this"
        assert not [message for message in a.files.messages() if "job" in message], "nor is anything to go on"

    def test_does_a_job_under_its_own_code(self, own_world: World) -> None:
        """Else the test above would see nothing."""
        export = own_world.things.waiting_export
        work(own_world.site.service, messages_of(own_world.things, A)[2], lambda: 900.0)
        told = own_world.a.told("GET", "/v1/exports/{export_id}", export_id=export)
        assert (told["id"], told["status"]) == (export, "done")


class TestALink:
    """A5: it names its sender; nothing else does."""

    @pytest.mark.parametrize("path", ["/u/{token}", "/u/{token}/all", "/p/{token}"])
    def test_acts_for_its_own_sender_whatever_goes_with_it(self, own_world: World, path: str) -> None:
        a, b = own_world.a, own_world.b
        token = a.token(BOTH, 2, Purpose.PREFERENCES)
        told = {"sender": B, "code": B, "address": BEN, "recipient": b.recipient(BEN), "token": b.token(BEN)}
        of_b, of_a = b.stored(), a.stored()
        body = f"{urlencode(told)}&shown=offers&before=offers".encode()

        answer = b.ask("POST", path, body, {"token": token}, query=told, headers={"X-Sender": B})

        assert answer.status == 200
        assert "AlphaCorp" in answer.body
        assert "Beta" not in answer.body
        assert b.stored() == of_b
        assert a.stored() != of_a
        assert not a.told("GET", "/v1/recipients/{recipient}", recipient=a.recipient(BOTH))["categories"][1]["may_send"]
        assert BEN not in str(a.stored())


def test_one_address_is_another_recipient_for_each(own_world: World) -> None:
    """What B does to an address that both have is nothing to A, and the ids have nothing in common."""
    a, b = own_world.a, own_world.b
    assert a.recipient(BOTH) != b.recipient(BOTH)
    before = own_world.stored()
    site = own_world.site
    site.post(f"/u/{b.token(BOTH)}/all", b"")
    b.told("POST", "/v1/imports", {"rows": [{"address": BOTH, "reason": "complaint"}]})
    b.told("DELETE", "/v1/recipients/{recipient}", recipient=b.recipient(BOTH))
    assert own_world.stored() == before
