"""Restores of torn tables: nothing acknowledged is lost, and whoever is erased stays erased.

Senders live on tables of which each item is copied at a moment of its own, out of the last transactions before a point
in time; then they live on. The copy is mended, with the tables of before at hand or without them. With them it must be
those tables, item by item, in a new epoch. Without them each recipient is what its ledger says, and has everything that
was acknowledged before the torn moments. Either way old cursors are expired, the feed from its beginning makes a
replica of the tables, and writing goes on.
`python -m tests.campaigns.restores` makes 300 of each; the tests make a few.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.api.changes import tell_changes
from chalicelib.domain.decision import decide
from chalicelib.domain.errors import CursorExpired
from chalicelib.domain.fold import apply
from chalicelib.domain.recipients import Entry
from chalicelib.domain.senders import Hole
from chalicelib.domain.suppressions import suppressions_of
from chalicelib.service import Service
from chalicelib.store.engine import load_line, load_recipient
from chalicelib.store.models import bind
from chalicelib.store.senders import load_sender
from chalicelib.use_cases.following import Wanted, cursor_of, follow, position_of
from infra.ops.restored.run import Pair, Restoring, Tables
from infra.ops.restored.shards import RULES, Rules
from infra.ops.restored.tables import Table
from tests.campaigns.restore_copies import Film, Snapshot, snapshot
from tests.campaigns.restore_lives import CODES, Lives
from tests.campaigns.worlds import Report, command
from tests.engines import LocalTables, make_tables
from tests.replicas import Replica
from tests.site import settings_for

if TYPE_CHECKING:
    from chalicelib.domain.senders import Sender
    from infra.ops.restored.notes import Counts
    from tests.site import Site

BEFORE, TORN, AFTER = 60, (1, 3, 6, 12), 25
"""Steps until the moments of which the copy is, how many moments these may be, steps after them."""


def run(site: Site, cases: int, seed: int, rules: Rules = RULES) -> Report:
    """So many restores with the old tables, and so many without; by other rules until one goes wrong."""
    report = Report("restores")
    for number in range(cases):
        for is_kept in (True, False):
            drill = Drill(make_tables(str(site.tables.url)), random.Random(f"{seed} {number}"), is_kept, rules)  # noqa: S311 - seeded on purpose
            found = drill.run()
            report.case()
            for name in ("taken", "folded", "rebuilt", "holes", "forgotten"):
                for _ in range(getattr(drill.counts, name)):
                    report.note(f"{name} {'with' if is_kept else 'without'} the old tables")
            for kind, count in drill.lives.report.notes.items():
                report.notes[kind] = report.notes.get(kind, 0) + count
            if found:
                report.fail(f"{number} {'with' if is_kept else 'without'} the old tables: {found[0]}")
        if report.failures and rules is not RULES:
            break
    bind(site.tables.names.recipients, site.tables.names.control)
    return report


@dataclass
class Drill:
    """One restore. `is_kept`: the tables of before are still there."""

    tables: LocalTables
    chance: random.Random
    is_kept: bool = True
    rules: Rules = RULES
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.service = Service(settings_for(self.tables))
        self.lives = Lives(self.service, self.chance)
        self.film = Film(self.tables)

    def run(self) -> list[str]:
        """What went wrong."""
        self.live()
        restored = self.film.torn(self.chance)
        self.counts = self.restore(restored)
        self.prove(restored)
        return self.wrong

    def live(self) -> None:
        self.lives.begin()
        self._steps(BEFORE)
        self.whole = states_of(snapshot(self.tables, self.tables.names.recipients))
        self.film.take()
        for _ in range(self.chance.choice(TORN)):
            self.lives.step()
            self.film.take()
        self._steps(AFTER)
        self.cursors = {code: self._cursor(code) for code in CODES}
        self.old = snapshot(self.tables, self.tables.names.recipients)
        self.old_control = snapshot(self.tables, self.tables.names.control)

    def _steps(self, count: int) -> None:
        for _ in range(count):
            self.lives.step()

    def _cursor(self, code: str) -> str:
        """Of one who has followed to the end."""
        sender, cursor = self.service.senders.get(code), None
        while (page := follow(self.service, sender, Wanted(cursor))).changes:
            cursor = cursor_of(self.service, sender, page.after(len(page.changes)))
        return str(cursor or cursor_of(self.service, sender, page.start))

    def restore(self, restored: LocalTables) -> Counts:
        restoring = restoring_of(restored, self.tables if self.is_kept else None, self.rules)
        counts = restoring.mend()
        restoring.begin()
        return counts

    def prove(self, restored: LocalTables) -> None:
        new = snapshot(restored, restored.names.recipients)
        service = Service(settings_for(restored))
        if self.is_kept:
            self._prove_same(new, snapshot(restored, restored.names.control))
        else:
            self._prove_whole(new)
        for code in CODES:
            self._prove_fed(service, service.senders.get(code), new)
        self._prove_acked(service)
        self._prove_forgotten(new)
        self._prove_living(service)

    def _prove_same(self, new: Snapshot, new_control: Snapshot) -> None:
        """The restored tables are those of before, item by item; but for the epoch, and for jobs that begin anew."""
        for name, before, after in (("item", self.old, new), ("row", self.old_control, new_control)):
            for key in sorted({*before, *after}):
                one, other = (comparable(items.get(key)) for items in (before, after))
                if one != other and not is_aside(key):
                    names = [
                        each
                        for each in {*(one or {}), *(other or {})}
                        if (one or {}).get(each) != (other or {}).get(each)
                    ]
                    self._fail(f"{name} {key} differs in {sorted(names)}")

    def _prove_whole(self, new: Snapshot) -> None:
        """No number is missing, each state is the fold of its ledger, and nothing is older than the torn moments."""
        states, folds = states_of(new), dict[tuple[str, str], Any]()
        for (pk, sk), item in new.items():
            if sk.startswith("log#") and isinstance(line := load_line(item), Entry):
                folds.setdefault((pk, f"recipient#{line.place.recipient}"), []).append(line.act)
        for key, acts in folds.items():
            if key not in states or any(apply(states[key], act) != states[key] for act in acts):
                self._fail(f"{key} has not all of its ledger")
        for key, before in self.whole.items():
            if newest_of(states.get(key)) < newest_of(before):
                self._fail(f"{key} is older than before the torn moments")
        for (pk, sk), item in new.items():
            if sk == "head":
                numbers = [int(key[1].partition("#")[2]) for key in new if key[0] == pk and key[1].startswith("log#")]
                if sorted(numbers) != [*range(1, int(item["seq"]["N"]) + 1)]:
                    self._fail(f"{pk} has {sorted(numbers)} up to {item['seq']['N']}")

    def _prove_fed(self, service: Service, sender: Sender, new: Snapshot) -> None:
        """Old cursors are expired; from the beginning the feed tells every recipient, and all of it."""
        try:
            follow(service, sender, Wanted(self.cursors[sender.code]))
            self._fail(f"{sender.code}: a cursor of before the restore is taken")
        except CursorExpired:
            pass
        replica, cursor = Replica(), None
        while True:
            told = json.loads(tell_changes(service, sender, follow(service, sender, Wanted(cursor, limit=40))))
            for change in told["changes"]:
                replica.take(change)
            cursor = told["cursor"]
            if not told["more"]:
                break
        states = {
            key[1].removeprefix("recipient#"): state for key, state in states_of(new).items() if sender.code in key[0]
        }
        if {who: replica.state(who) for who in replica.registers} != states:
            self._fail(f"{sender.code}: the replica is not the table")
        for who, state in states.items():
            rows = {(row.scope, str(row.reason)): set(row.excepted) for row in suppressions_of(state)}
            if replica.cells.get(who, {}) != rows:
                self._fail(f"{who}: by what was added and removed {replica.cells.get(who)}, and {rows} by the table")
        missed = [] if self.counts.holes else replica.wrong
        for line in missed:
            self._fail(line)
        position_of(service, sender, cursor)

    def _prove_acked(self, service: Service) -> None:
        """Every opt-out that was acknowledged is in its state: applied again, it changes nothing."""
        if not self.is_kept:
            return
        for place, act in self.lives.acked:
            state = service.reader.recipient(place).state
            if apply(state, act) != state:
                self._fail(f"{act.id} of {place.recipient} was acknowledged, and is lost")
            before = states_of(self.old)[f"{place.sender}#{place.shard}", f"recipient#{place.recipient}"]
            catalogue = service.senders.get(place.sender).catalogue
            if [decide(state, one) for one in catalogue.categories] != [
                decide(before, one) for one in catalogue.categories
            ]:
                self._fail(f"{place.recipient} is answered otherwise than before")

    def _prove_forgotten(self, new: Snapshot) -> None:
        """Of who is erased there is no evidence but of what was consented to since."""
        states = states_of(new)
        for pk, sk in new:
            if sk.startswith("evidence#"):
                _, who, act = sk.split("#", 2)
                state = states.get((pk, f"recipient#{who}"))
                if state is not None and state.erased is not None:
                    live = {mark.act for mark in (*state.consent.values(), *state.consent_told.values())}
                    if act not in live:
                        self._fail(f"evidence of {who}, who was erased")

    def _prove_living(self, service: Service) -> None:
        """Everything can be written, and the old numbers are not used again."""
        lives = Lives(service, self.chance)
        for _ in range(20):
            lives.step()

    def _fail(self, line: str) -> None:
        self.wrong.append(line)


def restoring_of(restored: LocalTables, old: LocalTables | None, rules: Rules = RULES) -> Restoring:
    """A restore into these tables."""
    pepper_key = settings_for(restored).pepper_key
    assert pepper_key is not None
    new = Table(restored.client, restored.names.recipients), Table(restored.client, restored.names.control)
    pair = Pair(None, None)
    if old is not None:
        pair = Pair(Table(old.client, old.names.recipients), Table(old.client, old.names.control))

    def load(code: str) -> Sender:
        row = new[1].get((f"sender#{code}", "sender"))
        assert row is not None
        return load_sender(pepper_key, code, row)

    return Restoring(Tables(*new, pair), load, at=1, rules=rules)


def states_of(items: Snapshot) -> dict[tuple[str, str], Any]:
    return {key: load_recipient(item).state for key, item in items.items() if key[1].startswith("recipient#")}


def newest_of(state: Any) -> int:
    return -1 if state is None else int(state.newest())


def comparable(item: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if item is None else {name: value for name, value in item.items() if name != "epoch"}


def is_aside(key: tuple[str, str]) -> bool:
    """What is a restore's own, or not told of any more when it begins."""
    return key[1] == "restore" or key[0] == "restore" or key[0].startswith("limit#") or key[1].startswith("export#exp_")


def holes_in(items: Snapshot) -> int:
    return sum(key[1].startswith("log#") and isinstance(load_line(item), Hole) for key, item in items.items())


if __name__ == "__main__":
    sys.exit(command("restores", str(__doc__), 300, run))
