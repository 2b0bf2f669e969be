"""Copies of tables as a restore to a point in time leaves them: each item as it was at some moment near that time."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.storage import create_tables
from tests.engines import LocalTables

if TYPE_CHECKING:
    import random

Key = tuple[str, str]
Snapshot = Mapping[Key, dict[str, Any]]


@dataclass
class Film:
    """Both tables, moment by moment."""

    tables: LocalTables
    recipients: list[Snapshot] = field(default_factory=list)
    control: list[Snapshot] = field(default_factory=list)

    def take(self) -> None:
        """One more moment."""
        self.recipients.append(snapshot(self.tables, self.tables.names.recipients))
        self.control.append(snapshot(self.tables, self.tables.names.control))

    def torn(self, chance: random.Random) -> LocalTables:
        """New tables, in which every item is as it was at one of these moments, each at one of its own."""
        return tables_with(self.tables, _torn(self.recipients, chance), _torn(self.control, chance))


def snapshot(tables: LocalTables, name: str) -> Snapshot:
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in tables.items(name)}


def _torn(moments: list[Snapshot], chance: random.Random) -> Iterable[dict[str, Any]]:
    keys = sorted({key for moment in moments for key in moment})
    found = (chance.choice(moments).get(key) for key in keys)
    return [item for item in found if item is not None]


def tables_with(
    like: LocalTables, recipients: Iterable[dict[str, Any]], control: Iterable[dict[str, Any]]
) -> LocalTables:
    """New tables of these items, on the same engine."""
    made = LocalTables(create_tables(like.client, f"r{secrets.token_hex(6)}"), like.client, like.url)
    for table, items in ((made.names.recipients, recipients), (made.names.control, control)):
        for item in items:
            like.client.put_item(TableName=table, Item=item)
    return made
