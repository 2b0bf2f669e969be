"""What a backup holds of the tables, in which order it is read, and as which lines it is written.

Everybody writes meanwhile. What is read of a shard is put into an order in which all that was acknowledged when its
reading began is whole, and what came later is mended as a restored table is:

    head, notes of idempotency keys, progress  →  tell of nothing that the ledger, read later, does not have
    recipients                                 →  each is at most as new as
    the ledger                                 →  which is folded into them when they are restored
    evidence                                   →  of every consent in the ledger

The control table comes first: what changed of a sender since stands in the ledger.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from chalicelib.store.engine import RECIPIENT, partition_of
from chalicelib.store.models import HEAD, SENDER
from infra.ops.restored.items import BEHIND, LOG, RESTORE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.ops.restored.tables import Item, Table

FORMAT = 1
"""Grows when a backup of before cannot be read any more."""
RANGES = (
    (HEAD, HEAD),
    ("op#", f"op#{BEHIND}"),
    ("job#", f"job#{BEHIND}"),
    (RECIPIENT, RECIPIENT + BEHIND),
    (LOG, LOG + BEHIND),
    ("evidence#", f"evidence#{BEHIND}"),
)
"""Sort keys of a shard, in the order in which they are read. A restore's own note is none of them."""
_LEFT_OUT = ("limit#", RESTORE)
"""Counts of an hour, and what a restore says of itself."""


def control_items(control: Table) -> list[Item]:
    """All of the control table that is to be kept."""
    return [item for item in control.scan() if not item["pk"]["S"].startswith(_LEFT_OUT)]


def shards_in(items: list[Item]) -> list[tuple[str, int]]:
    """Code and number of every shard of every sender among the control table's items."""
    rows = [item for item in items if item["sk"]["S"] == SENDER]
    return [(row["pk"]["S"].partition("#")[2], shard) for row in rows for shard in range(int(row["shards"]["N"]))]


def shard_items(recipients: Table, code: str, shard: int) -> Iterator[Item]:
    """All of one shard."""
    for first, last in RANGES:
        yield from recipients.range(partition_of(code, shard), first, last)


def line_of(item: Item) -> bytes:
    """One item, as DynamoDB's JSON has it."""
    return json.dumps({name: _to_text(value) for name, value in item.items()}, ensure_ascii=False).encode()


def item_of(line: bytes) -> Item:
    """What `line_of` wrote."""
    return {name: _to_octets(value) for name, value in json.loads(line).items()}


def _to_text(value: dict[str, Any]) -> dict[str, Any]:
    return {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value


def _to_octets(value: dict[str, Any]) -> dict[str, Any]:
    return {"B": base64.b64decode(value["B"])} if "B" in value else value
