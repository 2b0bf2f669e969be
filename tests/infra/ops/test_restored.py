"""Restored tables: mended while others write to the old ones, killed at any call, served, and sealed behind."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.domain.acts import Act, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.errors import CursorExpired, StoreUnavailable
from chalicelib.domain.fold import apply
from chalicelib.domain.recipients import Entry
from chalicelib.domain.senders import Place, Sender
from chalicelib.service import Service
from chalicelib.store import codec
from chalicelib.store.engine import load_line
from chalicelib.store.ledger import Ledger
from chalicelib.store.models import bind
from chalicelib.use_cases.following import Wanted, cursor_of, follow
from infra.ops.restored.again import Again, Both
from infra.ops.restored.notes import load_run
from infra.ops.restored.run import AlreadyServed, Pair, Restoring, Tables
from infra.ops.restored.shards import Disturbed, NotOnePast
from infra.ops.restored.tables import Table
from infra.storage import TableNames
from tests.campaigns.restore_copies import Film, snapshot, tables_with
from tests.campaigns.restore_lives import CODES, Lives
from tests.campaigns.restores import comparable, is_aside, restoring_of, states_of
from tests.engines import LocalTables, dynamodb_client, make_tables
from tests.infra.processes import ROOT
from tests.lives import AFTER, BEFORE, Killed, Life, _Client
from tests.site import CATALOGUE, settings_for
from tests.store.memory import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.engine import Engine

WRITERS = 2


@dataclass
class Writers:
    """Programs that live on the old tables, and what was acknowledged to them."""

    tables: LocalTables
    running: list[subprocess.Popen[str]] = field(default_factory=list)
    acked: list[tuple[Place, Act]] = field(default_factory=list)

    def start(self) -> None:
        for seed in range(WRITERS):
            names = [self.tables.names.recipients, self.tables.names.control]
            told = {"names": names, "url": self.tables.url, "parent": os.getpid(), "seed": seed}
            command = [sys.executable, "-m", "tests.campaigns.restore_writer", json.dumps(told)]
            self.running.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))

    def hear(self, count: int) -> None:
        """Until each has been acknowledged so many opt-outs more."""
        for process in self.running:
            heard = 0
            while heard < count:
                line = (process.stdout or sys.stdin).readline()
                assert line, "a writer has ended"
                heard += self._take(line)

    def hear_refusal(self) -> None:
        """Until one of them was refused."""
        while self._take((self.running[0].stdout or sys.stdin).readline()):
            pass

    def end(self) -> None:
        """Kills them, and hears what they had said before."""
        for process in self.running:
            process.kill()
            rest, _ = process.communicate()
            for line in (rest or "").splitlines():
                if line.endswith("}"):
                    self._take(line)

    def _take(self, line: str) -> bool:
        told = json.loads(line)
        if "refused" in told:
            return False
        self.acked.append((Place(told["sender"], told["shard"], told["recipient"]), codec.load_act(told["act"])))
        return True


@contextmanager
def writers_on(tables: LocalTables) -> Iterator[Writers]:
    writers = Writers(tables)
    try:
        writers.start()
        yield writers
    finally:
        writers.end()


def begun_lives(dynoxide: Engine, seed: int, people: int = 6) -> Lives:
    lives = Lives(Service(settings_for(make_tables(dynoxide.url))), random.Random(seed), people)  # noqa: S311 - seeded on purpose
    lives.begin()
    return lives


def tables_of(lives: Lives) -> LocalTables:
    settings = lives.service.settings
    names = TableNames(settings.recipients_table, settings.control_table)
    return LocalTables(names, dynamodb_client(settings.dynamodb_url), settings.dynamodb_url)


def pair_of(tables: LocalTables) -> Both:
    return Both(Table(tables.client, tables.names.recipients), Table(tables.client, tables.names.control))


def again_of(restored: LocalTables, old: LocalTables, restoring: Restoring) -> Again:
    """On the restored tables, which this process works on from now on."""
    new = pair_of(restored)
    run = load_run(new.control, new.recipients)
    assert run is not None
    load, before = restoring_of(old, None).load, pair_of(old)
    return Again(Service(settings_for(restored)), new, Pair(before.recipients, before.control), run, load)


def acts_in(tables: LocalTables) -> list[tuple[Place, Act]]:
    lines = [load_line(item) for item in tables.items(tables.names.recipients) if item["sk"]["S"].startswith("log#")]
    return [(line.place, line.act) for line in lines if isinstance(line, Entry)]


def lost_in(restored: LocalTables, acts: list[tuple[Place, Act]]) -> list[tuple[Place, Act]]:
    """Those that would change something in the restored tables."""
    states = states_of(snapshot(restored, restored.names.recipients))

    def is_lost(place: Place, act: Act) -> bool:
        state = states.get((f"{place.sender}#{place.shard}", f"recipient#{place.recipient}"))
        return state is None or apply(state, act) != state

    return [(place, act) for place, act in acts if is_lost(place, act)]


def test_nothing_acknowledged_is_lost_while_everybody_writes_on(dynoxide: Engine) -> None:
    """The whole way: copied bit by bit, mended twice, begun, served beside the old ones, and these sealed."""
    lives = begun_lives(dynoxide, 1)
    old = tables_of(lives)
    with writers_on(old) as writers:
        writers.hear(20)
        film = Film(old)
        film.take()
        writers.hear(3)
        film.take()
        restored = film.torn(lives.chance)
        restoring = restoring_of(restored, old)
        writers.hear(5)
        restoring.mend()
        writers.hear(5)
        counts = restoring.mend()
        assert (counts.holes, counts.rebuilt) == (0, 0)
        restoring.begin()
        again = again_of(restored, old, restoring)
        beside = Lives(again.service, lives.chance, name="beside")
        for _ in range(2):
            writers.hear(2)
            for _ in range(10):
                beside.step()
            again.take()
        again.seal()
        again.take()
        writers.hear_refusal()
    assert again.take() == 0, "after the seal nothing is acknowledged any more"
    assert [told for told in again.untaken if "less" not in told and "here it is not" not in told] == []
    assert len(writers.acked) > 20 * WRITERS
    assert lost_in(restored, writers.acked) == []
    assert lost_in(restored, [*beside.acked, *acts_in(old)]) == []
    for _ in range(10):
        beside.step()


@dataclass
class Torn:
    """Lives whose tables were copied within their last transactions, and which went on."""

    lives: Lives
    tables: LocalTables
    film: Film
    seed: int

    @staticmethod
    def of(dynoxide: Engine, seed: int, steps: int = 30, torn: int = 5, after: int = 10) -> Torn:
        lives = begun_lives(dynoxide, seed, people=4)
        found = Torn(lives, tables_of(lives), Film(tables_of(lives)), seed)
        found.go_on(steps)
        for _ in range(torn):
            found.film.take()
            lives.step()
        found.film.take()
        found.go_on(after)
        return found

    def go_on(self, steps: int) -> None:
        bind(self.tables.names.recipients, self.tables.names.control)
        for _ in range(steps):
            self.lives.step()

    def copy(self) -> LocalTables:
        """The same each time."""
        return self.film.torn(random.Random(self.seed))  # noqa: S311 - seeded on purpose


def mended(tables: LocalTables) -> dict[str, Any]:
    """Everything in both tables but what a restore says of itself, and its epoch."""
    items = {**snapshot(tables, tables.names.recipients), **snapshot(tables, tables.names.control)}
    return {str(key): comparable(item) for key, item in items.items() if not is_aside(key)}


def killed_at(restoring: Restoring, life: Life) -> Restoring:
    """The same by a client that ends at one of its calls."""

    def dying(table: Table) -> Table:
        return replace(table, client=_Client(life, table.client))

    tables, old = restoring.tables, restoring.tables.old
    recipients, control = (None if table is None else dying(table) for table in (old.recipients, old.control))
    return replace(restoring, tables=Tables(dying(tables.recipients), dying(tables.control), Pair(recipients, control)))


@pytest.mark.parametrize("is_kept", [True, False], ids=["with the old tables", "without them"])
def test_whenever_it_is_killed_the_next_run_comes_to_the_same(dynoxide: Engine, is_kept: bool) -> None:
    """At its calls to the tables, before and after they were carried out."""
    torn = Torn.of(dynoxide, 3)
    old, life = torn.tables if is_kept else None, Life()
    restored = torn.copy()
    whole = killed_at(restoring_of(restored, old), life)
    whole.mend()
    whole.begin()
    expected = without_times(mended(restored))
    assert life.calls > 40
    for number in range(1, life.calls, 7):
        copy, moment = torn.copy(), (BEFORE, AFTER)[number % 2]
        restoring = restoring_of(copy, old)
        with suppress(Killed):
            dying = killed_at(restoring, Life(number, moment))
            dying.mend()
            dying.begin()
        if not is_over(restoring):
            restoring.mend()
        restoring.begin()
        assert without_times(mended(copy)) == expected, f"killed {moment} call {number}"


def is_over(restoring: Restoring) -> bool:
    run = load_run(restoring.tables.control, restoring.tables.recipients)
    return run is not None and run.is_begun


def without_times(items: dict[str, Any]) -> dict[str, Any]:
    """A hole is put there when it is; a count of erasures, and a job's version, may be one more after each try."""
    aside = ("erasure", "import#")
    kept = {key: item for key, item in items.items() if not any(name in key for name in aside)}
    return {key: {"lost": True} if "lost" in (item or {}) else item for key, item in kept.items()}


class TestServing:
    """What whoever restores may rely on."""

    def test_a_second_mending_takes_what_is_newer_and_counts_it(self, dynoxide: Engine) -> None:
        torn = Torn.of(dynoxide, 5)
        restoring = restoring_of(torn.copy(), torn.tables)
        before = restoring.mend().lines
        torn.go_on(30)
        after = restoring.mend().lines
        assert after > before
        assert lost_in(tables_in(restoring), acts_in(torn.tables)) == []

    def test_tables_that_are_served_are_not_mended(self, dynoxide: Engine) -> None:
        torn = Torn.of(dynoxide, 5)
        restoring = restoring_of(torn.copy(), torn.tables)
        restoring.mend()
        restoring.begin()
        epoch = heads_of(restoring)
        with pytest.raises(AlreadyServed):
            restoring.mend()
        restoring.begin()
        assert heads_of(restoring) == epoch

    def test_every_restore_begins_an_epoch_that_there_never_was(self, dynoxide: Engine) -> None:
        """Also one from tables of before the restore of before: no cursor of that is taken."""
        torn = Torn.of(dynoxide, 5)
        epochs = set[int]()
        for second in range(3):
            restoring = replace(restoring_of(torn.copy(), None), now=partial(int, (10**9 + second) * 1_000))
            restoring.mend()
            restoring.begin()
            epochs |= heads_of(restoring)
        assert len(epochs) == 3

    def test_a_sender_without_any_act_has_new_cursors_too(self, dynoxide: Engine) -> None:
        service = Service(settings_for(make_tables(dynoxide.url)))
        service.senders.create(Sender("quietone", "Quiet", CATALOGUE, bytes(32), shards=2))
        sender = service.senders.get("quietone")
        cursor = cursor_of(service, sender, follow(service, sender, Wanted()).start)
        old = tables_of(Lives(service, random.Random(1)))  # noqa: S311 - as above
        restored = tables_with(old, [], snapshot(old, old.names.control).values())
        restoring = restoring_of(restored, None)
        restoring.mend()
        restoring.begin()
        after = Service(settings_for(restored))
        with pytest.raises(CursorExpired):
            follow(after, sender, Wanted(cursor))
        place = sender.place_of(parse_address("dana@example.com"))
        after.ledger.record(place, Act("o_1", Via.ONE_CLICK, (OptedOut(ALL),), 1))
        assert len(follow(after, sender, Wanted()).changes) == 1

    def test_tables_of_two_pasts_are_not_mixed(self, dynoxide: Engine) -> None:
        first, second = Torn.of(dynoxide, 6), Torn.of(dynoxide, 7)
        with pytest.raises(NotOnePast):
            restoring_of(first.copy(), second.tables).mend()

    def test_who_writes_meanwhile_is_noticed(self, dynoxide: Engine) -> None:
        torn = Torn.of(dynoxide, 3)
        restored = torn.copy()
        restoring = restoring_of(restored, torn.tables)
        client = Meddler(restored.client, restored.names.recipients)
        table = replace(restoring.tables.recipients, client=client)
        with pytest.raises(Disturbed):
            replace(restoring, tables=replace(restoring.tables, recipients=table)).mend()

    def test_a_sealed_table_takes_no_act_and_no_change_of_a_sender(self, dynoxide: Engine) -> None:
        torn = Torn.of(dynoxide, 5)
        restored = torn.copy()
        restoring = restoring_of(restored, torn.tables)
        restoring.mend()
        restoring.begin()
        again = again_of(restored, torn.tables, restoring)
        for _ in range(2):
            again.seal()
        lines = len(acts_in(torn.tables))
        old = Service(settings_for(torn.tables))
        clock = Clock()
        ledger = Ledger(old.ledger._engine, clock.timing())
        for number in range(20):
            sender = old.senders.get(CODES[number % 3])
            place = sender.place_of(parse_address(f"somebody{number}@example.com"))
            with pytest.raises(StoreUnavailable):
                ledger.record(place, Act(f"o_{number}", Via.ONE_CLICK, (OptedOut(ALL),), 1))
        assert len(acts_in(torn.tables)) == lines

    def test_a_sender_that_came_to_the_old_tables_last_is_taken_with_all_of_it(self, dynoxide: Engine) -> None:
        torn = Torn.of(dynoxide, 5)
        restored = torn.copy()
        restoring = restoring_of(restored, torn.tables)
        restoring.mend()
        restoring.begin()
        bind(torn.tables.names.recipients, torn.tables.names.control)
        service = torn.lives.service
        service.senders.create(Sender("latecome", "Late", CATALOGUE, bytes(32), shards=2))
        sender = service.senders.get("latecome")
        place = sender.place_of(parse_address("dana@example.com"))
        service.ledger.record(place, Act("o_1", Via.ONE_CLICK, (OptedOut(ALL),), 1))
        cursor = cursor_of(service, sender, follow(service, sender, Wanted()).after(1))

        again = again_of(restored, torn.tables, restoring)
        assert again.take() == 1

        taken = again.service.senders.get("latecome")
        assert again.service.reader.recipient(place).state == service.reader.recipient(place).state
        with pytest.raises(CursorExpired):
            follow(again.service, taken, Wanted(cursor))


class Meddler:
    """Writes a recipient over again, just before the restore does."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def put_item(self, **told: Any) -> Any:
        if told["Item"]["sk"]["S"].startswith("recipient#"):
            self._client.put_item(TableName=self._table, Item={**told["Item"], "v": {"N": "999"}})
        return self._client.put_item(**told)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def tables_in(restoring: Restoring) -> LocalTables:
    names = TableNames(restoring.tables.recipients.name, restoring.tables.control.name)
    return LocalTables(names, restoring.tables.recipients.client, None)


def heads_of(restoring: Restoring) -> set[int]:
    items = tables_in(restoring).items(restoring.tables.recipients.name)
    return {int(item["epoch"]["N"]) for item in items if item["sk"]["S"] == "head"}
