"""A backup's items into tables that hold nothing else. Broken off it begins anew; done, it is not done again."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from chalicelib.store.calls import key_of
from infra.client.shown import counted
from infra.local.problems import CannotRun
from infra.ops.backups.folder import CONTROL, RECIPIENTS
from infra.ops.restored.items import RESTORE, note, noted
from infra.ops.restored.notes import load_run
from infra.ops.restored.run import SIDE_BY_SIDE
from infra.ops.restored.tables import PUT_AT_ONCE, Item, Table

if TYPE_CHECKING:
    from infra.client.shown import Shown
    from infra.ops.backups.writing import Reading

_LOAD = "load"
_WAITING = 4 * SIDE_BY_SIDE
"""Batches that are held at a time."""


@dataclass(frozen=True, slots=True)
class Loading:
    """A backup on its way into the two tables, by its id."""

    recipients: Table
    control: Table
    backup: str

    def is_possible(self) -> bool:
        """Whether the tables hold nothing, or nothing but some of this backup."""
        if self._told().get("backup") == self.backup:
            return True
        return self.recipients.is_empty() and self.control.is_empty()

    def begin(self) -> None:
        """Whatever is in the tables from now on is of this backup."""
        if not self._told():
            self._tell(is_done=False)

    def load_new(self, reading: Reading, shown: Shown) -> None:
        """As `begin` and `load`, into tables made for it."""
        self.begin()
        self.load(reading, shown)

    def load(self, reading: Reading, shown: Shown) -> None:
        """Puts every item there. Raises CannotRun, StillBusy, botocore's errors."""
        if self._told()["is_done"]:
            return
        with shown.work("Loading the backup") as bar:
            total = sum(about.items for about in reading.manifest.files.values())
            done = 0
            # Senders last: where functions are deployed, no check is answered from half of the recipients.
            for name, table in ((RECIPIENTS, self.recipients), (CONTROL, self.control)):
                with _Putting(table) as putting:
                    reading.each(name, putting.take)
                done += reading.manifest.files[name].items
                bar.to(done, total, counted(done, "item", "items"))
        self._tell(is_done=True)

    def _told(self) -> Item:
        return noted(self.control.get((RESTORE, _LOAD)))

    def _tell(self, *, is_done: bool) -> None:
        self.control.put(note(RESTORE, _LOAD, {"backup": self.backup, "is_done": is_done}))


def refuse_half(recipients: Table, control: Table) -> None:
    """Raises CannotRun where a backup was put into these tables, and not all of it is there and mended."""
    told, run = noted(control.get((RESTORE, _LOAD))), load_run(control, recipients)
    if told and not (told["is_done"] and run is not None and run.is_begun):
        raise CannotRun(f"A restore into {recipients.name} broke off, and half of it is no backup: repeat it first.")


@dataclass(slots=True)
class _Putting:
    """Items, some batches side by side."""

    table: Table
    _batch: list[Item] = field(default_factory=list)
    _waiting: deque[Future[None]] = field(default_factory=deque)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(SIDE_BY_SIDE, "load"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._send()
                while self._waiting:
                    self._waiting.popleft().result()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def take(self, item: Item) -> None:
        if key_of(item)[0] == RESTORE:
            raise CannotRun("The backup holds notes of a restore: it was not made by this program.")
        self._batch.append(item)
        if len(self._batch) == PUT_AT_ONCE:
            self._send()

    def _send(self) -> None:
        self._waiting.append(self._pool.submit(self.table.put_all, self._batch))
        self._batch = []
        if len(self._waiting) == _WAITING:
            self._waiting.popleft().result()
