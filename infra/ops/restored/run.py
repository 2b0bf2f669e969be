"""A whole restore: both tables, every sender and shard, until they may be served.

Restored tables are written to by nobody but this. The tables of before may be in use all the while: what comes
meanwhile is taken over when it is run again, and what comes after the restored ones are served by `again.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from chalicelib.domain.senders import Sender
from chalicelib.store.engine import load_head, partition_of
from chalicelib.store.models import HEAD, SENDER
from infra.ops.restored import control
from infra.ops.restored.missing import Gone
from infra.ops.restored.notes import Counts, Run, load_run, save_run
from infra.ops.restored.shards import RULES, Read, Rules, Shard
from infra.ops.restored.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.domain.senders import SenderEntry
    from chalicelib.store.port import Head

SIDE_BY_SIDE = 8
"""Shards; each holds a page."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The two tables of a deployment. One that is gone is None, and `gone` says which it was."""

    recipients: Table | None
    control: Table | None
    gone: Gone = field(default_factory=dict)

    @property
    def names(self) -> list[str | None]:
        """Their names."""
        return [None if table is None else table.name for table in (self.recipients, self.control)]


@dataclass(frozen=True, slots=True)
class Tables:
    """The restored tables, and those of before, as far as they are still there."""

    recipients: Table
    control: Table
    old: Pair


class AlreadyServed(Exception):
    """These tables were restored before, and may have been written to since."""


@dataclass(slots=True)
class Restoring:
    """One restore. `load` reads a sender of the restored tables; `at` is the time that they are of (milliseconds)."""

    tables: Tables
    load: Callable[[str], Sender]
    at: int
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    read: Read = lambda _: None
    rules: Rules = RULES
    _lock: Lock = field(default_factory=Lock)

    def mend(self) -> Counts:
        """Makes the tables whole. Again, it takes over what is newer. Raises Disturbed, NotOnePast, AlreadyServed."""
        run = self._run()
        if run.is_begun:
            raise AlreadyServed
        self._take_control()
        counts = Counts()
        for each in self._each_shard(run, lambda shard: shard.mend()):
            counts.add(each.note.counts)
        self._take_control()  # what was changed while the lines were read
        return counts

    def begin(self) -> None:
        """The new epoch: from now on the tables may be served, and every cursor of before is expired."""
        run = self._run()
        if run.is_begun:
            return
        for code in control.senders_in(self.tables.control):
            self._settle(code)
        for _ in self._each_shard(run, lambda shard: shard.begin()):
            pass
        run.is_begun = True
        save_run(self.tables.control, run)

    def _settle(self, code: str) -> None:
        control.mend_logo(self.tables.control, code)
        is_whole = self.tables.old.recipients is not None
        if not is_whole or self.tables.old.control is None:
            control.withdraw_exports(self.tables.control, code)
        unfinished = control.begin_jobs_anew(self.tables.control, code, has_progress=is_whole)
        if not is_whole:
            shards = range(self.load(code).shards)
            keys = [(partition_of(code, shard), f"job#{job}") for shard in shards for _, job in unfinished]
            self.tables.recipients.delete_all(keys)

    def _take_control(self) -> None:
        if self.tables.old.control is not None and self.rules.takes_over:
            control.take_over(self.tables.control, self.tables.old.control)

    def _run(self) -> Run:
        found = load_run(self.tables.control, self.tables.recipients)
        if found is not None and (found.is_begun or found.old == self.tables.old.names):
            return found
        now = self.now()
        made = Run(
            tables=[self.tables.recipients.name, self.tables.control.name],
            old=self.tables.old.names,
            at=self.at,
            epoch=max(now // 1000, self._newest_epoch() + 1),
            made=now,
            gone=self.tables.old.gone,
        )
        save_run(self.tables.control, made)
        return made

    def _newest_epoch(self) -> int:
        """Of any head: no cursor is of a newer one. An epoch is a time, so that no two restores begin the same."""
        numbers = [
            epoch
            for controls in (self.tables.control, self.tables.old.control)
            for table in (self.tables.recipients, self.tables.old.recipients)
            if controls is not None and table is not None
            for epoch in _epochs_of(table, controls)
        ]
        return max(numbers, default=0)

    def _each_shard(self, run: Run, work: Callable[[Shard], None]) -> Iterator[Shard]:
        """Every shard of every sender, when `work` is done on it; some side by side."""
        with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="restore") as pool:
            for code in [*control.senders_in(self.tables.control)]:
                sender = self.load(code)
                todo = partial(self._on, run, work, sender)
                yield from pool.map(todo, range(sender.shards))

    def _on(self, run: Run, work: Callable[[Shard], None], sender: Sender, number: int) -> Shard:
        shard = Shard(
            new=self.tables.recipients,
            old=self.tables.old.recipients,
            sender=sender,
            number=number,
            run=run,
            now=self.now(),
            read=self._told,
            rules=self.rules,
            learned=self._learn,
        )
        work(shard)
        return shard

    def _told(self, count: int) -> None:
        with self._lock:
            self.read(count)

    def _learn(self, entry: SenderEntry) -> None:
        control.learn(self.tables.control, entry)


def heads_in(recipients: Table, controls: Table) -> dict[tuple[str, str], Head]:
    """The head of every shard of every sender."""
    keys = [
        (partition_of(row["pk"]["S"].removeprefix("sender#"), shard), HEAD)
        for row in controls.scan()
        if row["sk"]["S"] == SENDER
        for shard in range(int(row["shards"]["N"]))
    ]
    return {key: load_head(item) for key, item in recipients.get_all(keys).items()}


def _epochs_of(recipients: Table, controls: Table) -> list[int]:
    return [head.epoch for head in heads_in(recipients, controls).values()]
