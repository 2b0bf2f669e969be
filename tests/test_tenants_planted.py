"""That `test_tenants.py` can fail: services that leak from one sender to another, each in one part, are all caught."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from app import app
from chalicelib.keyring import Keyring
from chalicelib.service import Service
from chalicelib.store.engine import DynamoEngine
from chalicelib.store.feed import Feed
from chalicelib.store.jobs import Jobs
from chalicelib.store.keys import Keys
from chalicelib.store.ledger import Ledger, Timing
from chalicelib.store.operations import Claim, Operations
from chalicelib.store.reading import Reader
from chalicelib.store.senders import Senders
from chalicelib.worker import work
from tests.foreign import CASES, carried_out, leaks, own
from tests.two_senders import A, B, World, make_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from chalicelib.api_keys import ApiKey
    from chalicelib.domain.jobs import Job, JobKind
    from chalicelib.domain.recipients import Entry, Recipient
    from chalicelib.domain.senders import Place, Sender
    from chalicelib.domain.state import State
    from chalicelib.settings import Settings
    from chalicelib.store.port import Head
    from tests.engines import LocalFiles, LocalTables


@pytest.fixture
def world(dynoxide_tables: LocalTables, local_files: LocalFiles) -> Iterator[World]:
    with make_world(dynoxide_tables, local_files) as made:
        yield made


class JobsOfAll(Jobs):
    """A job is found by its id alone."""

    def find(self, kind: JobKind, sender: str, job: str) -> Job | None:
        return super().find(kind, sender, job) or super().find(kind, A, job)


class NewestOfAll(Jobs):
    """Lists have the jobs of every sender."""

    def newest(self, kind: JobKind, sender: str, before: str | None, limit: int) -> list[Job]:
        return super().newest(kind, sender, before, limit) + super().newest(kind, A, before, limit)


class ReaderOfAll(Reader):
    """A recipient is found by its id alone, and B's ids are A's."""

    def recipients(self, places: Sequence[Place]) -> Mapping[Place, Recipient]:
        found = super().recipients([replace(place, sender=A) for place in places])
        return {place: found[replace(place, sender=A)] for place in places}

    def states(self, places: Sequence[Place]) -> Mapping[Place, State]:
        return {place: recipient.state for place, recipient in self.recipients(places).items()}


class HistoryOfAll(Reader):
    """A list of a shard is of all who lie in it."""

    def recipients_from(self, sender: str, shard: int, first: str, limit: int) -> list[tuple[Place, Recipient]]:
        return super().recipients_from(A, shard, first, limit)


class KeysOfAll(Keys):
    """Keys are listed, and revoked, whoever's they are."""

    def list(self, sender: str) -> list[ApiKey]:
        return super().list(sender) + super().list(A)

    def turn(self, sender: str) -> int:
        return super().turn(A)

    def revoke_in_turn(self, sender: str, key_id: str, now: int, turn: int) -> bool:
        return super().revoke_in_turn(A, key_id, now, turn)


class FeedOfAll(Feed):
    """The feed is A's for everyone."""

    def heads(self, sender: str, shards: int) -> tuple[Head, ...]:
        return super().heads(A, shards)

    def _lines(self, sender: str, shard: int, numbers: range) -> list[Any]:
        return super()._lines(A, shard, numbers)


class EngineOfAll(DynamoEngine):
    """What anyone writes of a recipient is written to A's."""

    def read(self, place: Place) -> Any:
        return super().read(replace(place, sender=A))

    def commit(self, commit: Any) -> None:
        entry: Entry = commit.entry
        super().commit(replace(commit, entry=replace(entry, place=replace(entry.place, sender=A))))


class SendersOfAll(Senders):
    """There is one sender."""

    def get(self, code: str) -> Sender:
        return super().get(A)


class OperationsOfAll(Operations):
    """An idempotency key is one for all."""

    def claim(self, sender: str, shard: int, key: str, body: str, now: int, key_version: int | None = None) -> Claim:
        return super().claim(A, 0, "one", body, now, key_version)

    def keep(self, sender: str, shard: int, key: str, claim: Claim, answer: str) -> str:
        return super().keep(A, 0, "one", claim, answer)


class OneKeyring(Keyring):
    """One key signs for all."""

    def derive(self, version: int, sender_code: str, label: bytes, length: int) -> bytes:
        return super().derive(version, A, label, length)


class JobsLeak(Service):
    @cached_property
    def jobs(self) -> Jobs:
        return JobsOfAll(self._wire, self.settings.control_table)


class NewestLeak(Service):
    @cached_property
    def jobs(self) -> Jobs:
        return NewestOfAll(self._wire, self.settings.control_table)


class ReaderLeak(Service):
    @cached_property
    def reader(self) -> Reader:
        return ReaderOfAll(self._wire, self.settings.recipients_table)


class HistoryLeak(Service):
    @cached_property
    def reader(self) -> Reader:
        return HistoryOfAll(self._wire, self.settings.recipients_table)


class KeysLeak(Service):
    @cached_property
    def keys(self) -> Keys:
        return KeysOfAll(self._wire, self.settings.control_table)


class FeedLeak(Service):
    @cached_property
    def feed(self) -> Feed:
        return FeedOfAll(self._wire, self.settings.recipients_table)


class LedgerLeak(Service):
    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(EngineOfAll(self._wire, self.settings.recipients_table), Timing(now=self.clock))


class SendersLeak(Service):
    @cached_property
    def senders(self) -> Senders:
        return SendersOfAll(self._wire, self.settings.control_table, self.secrets.pepper_key)


class OperationsLeak(Service):
    @cached_property
    def operations(self) -> Operations:
        return OperationsOfAll(self._wire, self.settings.recipients_table)


def keyring_leak(settings: Settings, monotonic: Callable[[], float], clock: Callable[[], int]) -> Service:
    assert settings.keyring is not None
    keyring = OneKeyring(settings.keyring._ring.by_version.values())
    return Service(replace(settings, keyring=keyring), monotonic, clock)


def begin_to_leak(world: World, kind: Callable[..., Service]) -> Service:
    """The same site, whose app is served by another service."""
    right = world.site.service
    app._service = kind(right.settings, right.monotonic, right.clock)
    return app._service


def caught(world: World, method: str, path: str) -> set[str]:
    """What the tests of a route find wrong: as it is given A's things, and as it is asked for B's own."""
    found = {
        wrong
        for case in CASES
        if case.path == path and method in case.methods
        for wrong in leaks(world, method, path, case.make)
    }
    asked, before = own(world.b, path, method), world.stored()
    answer = carried_out(world.b, method, path, asked)
    found |= {f"tells {mark}" for mark in world.told_of_a(f"{answer.headers} {answer.body}")}
    return found | ({"changes A"} if world.stored() != before else set())


PLANTED: dict[str, tuple[Callable[..., Service], str, str, str]] = {
    "an export": (JobsLeak, "GET", "/v1/exports/{export_id}", "tells "),
    "an import": (JobsLeak, "GET", "/v1/imports/{import_id}", "tells "),
    "a list of exports": (NewestLeak, "GET", "/v1/exports", "tells "),
    "a list of imports": (NewestLeak, "GET", "/v1/imports", "tells "),
    "a recipient": (ReaderLeak, "GET", "/v1/recipients/{recipient}", "tells "),
    "a check": (ReaderLeak, "POST", "/v1/check", "answers otherwise"),
    "a check of one": (ReaderLeak, "GET", "/v1/check", "answers otherwise"),
    "the list": (HistoryLeak, "GET", "/v1/suppressions", "tells "),
    "a list of keys": (KeysLeak, "GET", "/v1/keys", "tells "),
    "a key's end": (KeysLeak, "DELETE", "/v1/keys/{key_id}", "changes A"),
    "a key's successor": (KeysLeak, "POST", "/v1/keys", "answers 201"),
    "the feed": (FeedLeak, "GET", "/v1/changes", "tells "),
    "an act": (LedgerLeak, "POST", "/v1/acts", "changes A"),
    "a click": (LedgerLeak, "POST", "/u/{token}", "changes A"),
    "a form": (LedgerLeak, "POST", "/o/{sender}", "changes A"),
    "categories": (SendersLeak, "GET", "/v1/categories", "tells "),
    "a category": (SendersLeak, "GET", "/v1/categories/{category}", "tells "),
    "a sender": (SendersLeak, "GET", "/v1/sender", "tells "),
    "an address": (SendersLeak, "POST", "/v1/recipients/lookup", "answers otherwise"),
    "a place in the feed": (keyring_leak, "GET", "/v1/changes", "answers "),
    "a place in the list": (keyring_leak, "GET", "/v1/suppressions", "answers "),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_leak_is_caught(world: World, name: str) -> None:
    kind, method, path, what = PLANTED[name]
    assert caught(world, method, path) == set(), "without the leak there is nothing to find"
    begin_to_leak(world, kind)

    found = caught(world, method, path)

    assert any(wrong.startswith(what) for wrong in found), found


@pytest.mark.parametrize(
    ("path", "status", "is_told"), [("/v1/keys/{key_id}", 422, False), ("/v1/categories/{category}", 200, True)]
)
def test_an_idempotency_key_for_all_is_caught(world: World, path: str, status: int, is_told: bool) -> None:
    """Another request of B is a mismatch, and the same one is told what A was."""
    asked = [(tenant, own(tenant, path, "DELETE")) for tenant in (world.a, world.b)]
    begin_to_leak(world, OperationsLeak)

    of_a, of_b = (carried_out(tenant, "DELETE", path, ask, Idempotency_Key="order-4711") for tenant, ask in asked)

    assert (of_a.status, of_b.status) == (200, status)
    assert (of_a.body == of_b.body) is is_told


def test_a_worker_that_takes_any_job_is_caught(world: World) -> None:
    service = begin_to_leak(world, JobsLeak)
    before = world.stored()
    work(service, {"job": "export", "sender": B, "id": world.things.waiting_export}, lambda: 900.0)
    assert world.stored() != before
