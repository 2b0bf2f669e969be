"""How far a restore has come: one note a shard, one for the run, in the restored tables themselves."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from chalicelib.store.engine import partition_of
from infra.ops.restored.items import RESTORE, note, noted
from infra.ops.restored.missing import Gone

if TYPE_CHECKING:
    from infra.ops.restored.tables import Table

_RUN = "run"


@dataclass(slots=True)
class Counts:
    """What became of one shard, or of all."""

    lines: int = 0
    """That the tables hold."""
    taken: int = 0
    """Lines taken over from the table of before."""
    folded: int = 0
    """Recipients whose state was behind their ledger."""
    rebuilt: int = 0
    """Lines made again from a state."""
    holes: int = 0
    """Lines that are lost."""
    unaddressed: int = 0
    """Recipients of whom an address may be lost."""
    forgotten: int = 0
    """Pieces of evidence of people who were erased, deleted again."""
    newest: int = 0
    """When the newest line was recorded, in milliseconds since 1970 UTC."""

    def add(self, other: Counts) -> None:
        """All of them but the newest, which stays the newest."""
        for name, number in asdict(other).items():
            both = getattr(self, name), number
            setattr(self, name, max(both) if name == "newest" else sum(both))


@dataclass(slots=True)
class ShardNote:
    """How far one shard is: `lines` up to this number are whole and folded, `old` is the last number of before's table.

    `hole` is the first number that is lost, 0 where none is; `top` the greatest number that anything tells of.
    """

    run: str
    lines: int = 0
    old: int = 0
    hole: int = 0
    top: int = 0
    counts: Counts = field(default_factory=Counts)


@dataclass(slots=True)
class Run:
    """One restore into these tables. `epoch` is the one that begins with it; `is_begun` from when it may be served.

    Up to `made` (milliseconds since 1970 UTC) what came to the tables of before is taken over, where these are not
    `gone`; once these are sealed, all of it.
    """

    tables: list[str]
    old: list[str | None]
    at: int
    epoch: int
    made: int = 0
    gone: Gone = field(default_factory=dict)
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    is_begun: bool = False
    is_sealed: bool = False


def load_shard(table: Table, run: str, sender: str, shard: int) -> ShardNote:
    """How far a shard is; from the beginning where what is noted is of another run."""
    told = noted(table.get((partition_of(sender, shard), RESTORE)))
    if told.get("run") != run:
        return ShardNote(run)
    return ShardNote(**{**told, "counts": Counts(**told["counts"])})


def save_shard(table: Table, sender: str, shard: int, of_shard: ShardNote) -> None:
    """So that a run that is killed goes on from here."""
    table.put(note(partition_of(sender, shard), RESTORE, asdict(of_shard)))


def load_run(control: Table, recipients: Table) -> Run | None:
    """The restore into these tables. One that was restored with the items, of tables of before, is none."""
    told = noted(control.get((RESTORE, _RUN)))
    return Run(**told) if told.get("tables") == [recipients.name, control.name] else None


def save_run(control: Table, run: Run) -> None:
    """Begun, or over."""
    control.put(note(RESTORE, _RUN, asdict(run)))
