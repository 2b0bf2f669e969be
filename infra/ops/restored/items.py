"""What the restoring commands read out of raw items, and make of values: keys, lines, recipients, notes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.domain.recipients import STRANGER
from chalicelib.domain.senders import Hole
from chalicelib.store.engine import entry_sort_key, head_item, load_head, load_line, load_recipient, partition_of
from chalicelib.store.models import HEAD, HoleItem
from chalicelib.store.port import Head

if TYPE_CHECKING:
    from chalicelib.domain.recipients import Recipient
    from chalicelib.store.calls import Key
    from infra.ops.restored.tables import Item, Table

LOG = "log#"
RESTORE = "restore"
"""Sort key of a shard's note in the recipients table, and partition of the run's in the control table."""
BEHIND = "~"
"""Comes after every character that sort keys are made of."""


def sequence_of(item: Item) -> int:
    """The number of a line."""
    return int(item["sk"]["S"].removeprefix(LOG))


def is_hole(item: Item) -> bool:
    """Whether a line is only the place of one."""
    return "lost" in item


def hole(sender: str, shard: int, seq: int, now: int) -> Item:
    """The place of a line that was lost."""
    return serialized(HoleItem(partition_of(sender, shard), entry_sort_key(seq), lost=True, recorded=now))


def says_the_same(one: Item, other: Item) -> bool:
    """Whether two lines of one number are the same line, and not of two pasts."""
    first, second = load_line(one), load_line(other)
    return isinstance(first, Hole) or isinstance(second, Hole) or first == second


def recipient_in(item: Item | None) -> Recipient:
    """The recipient in an item, or a stranger."""
    return STRANGER if item is None else load_recipient(item)


def is_missing(line: Item | None) -> bool:
    """Whether there is no line, or only the place of one."""
    return line is None or is_hole(line)


def addressed(ours: Recipient, theirs: Recipient) -> Recipient:
    """With the address that before's table has, where that is of the same act: no line tells an address."""
    is_same = (ours.version, ours.recent[:1]) == (theirs.version, theirs.recent[:1])
    return replace(ours, address=theirs.address) if is_same else ours


def is_forgotten(recipient: Item | None, evidence: Key) -> bool:
    """Whether this piece of evidence is of a consent that an erasure has taken."""
    state = recipient_in(recipient).state
    live = {mark.act for mark in (*state.consent.values(), *state.consent_told.values())}
    return state.erased is not None and evidence[1].split("#", 2)[2] not in live


def head_of(table: Table, sender: str, shard: int) -> Head:
    """The head of a shard, as it is told."""
    item = table.get((partition_of(sender, shard), HEAD))
    return Head() if item is None else load_head(item)


def last_of(table: Table, sender: str, shard: int) -> int:
    """The greatest number that a shard has, by its head or by its lines."""
    partition = partition_of(sender, shard)
    head = head_of(table, sender, shard)
    lines = table.range(partition, LOG, LOG + BEHIND, is_backwards=True, limit=1)
    return max([head.seq, *map(sequence_of, lines)])


def put_head(table: Table, sender: str, shard: int, head: Head) -> None:
    """As it is to be from now on."""
    table.put(serialized(head_item(sender, shard, head)))


def serialized(model: Any) -> Item:
    """A model's item."""
    item: Item = model.serialize()
    return item


def note(partition: str, sort_key: str, content: dict[str, Any]) -> Item:
    """A note of our own, beside the data."""
    return {"pk": {"S": partition}, "sk": {"S": sort_key}, "note": {"S": json.dumps(content)}}


def noted(item: Item | None) -> dict[str, Any]:
    """What a note says; nothing where there is none."""
    return {} if item is None else dict(json.loads(item["note"]["S"]))
