"""Making a backup, and looking whether one is whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.store.models import HEAD
from infra.client.shown import Bar, Shown, count, counted
from infra.local.problems import CannotRun
from infra.ops.backups.contents import control_items, item_of, line_of, shard_items, shards_in
from infra.ops.backups.folder import (
    CONTROL,
    RECIPIENTS,
    SECRETS,
    Manifest,
    check_digests,
    note_file,
    read_manifest,
    write_manifest,
)
from infra.ops.backups.sealed import seal, unseal
from infra.ops.restored.control import refuse_closed
from infra.ops.restored.tables import Item, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

Secrets = dict[str, str]
"""As the environment has them: SIGNOFF_MASTER_KEYS and SIGNOFF_PEPPER_KEY."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is backed up. `secrets` reads them anew."""

    stage: str
    recipients: Table
    control: Table
    secrets: Callable[[], Secrets]
    now: Callable[[], int]


@dataclass(slots=True)
class _Counted:
    """Items on their way into a file."""

    items: Iterable[Item]
    number: int = 0
    epoch: int = 0

    def lines(self) -> Iterator[bytes]:
        """Each as a line."""
        for item in self.items:
            self.number += 1
            if item["sk"]["S"] == HEAD:
                self.epoch = max(self.epoch, int(item["epoch"]["N"]))
            yield line_of(item)


def write_backup(source: Source, folder: Path, ops_keys: list[Any], shown: Shown) -> Manifest:
    """Everything into `folder`, the manifest last. Raises CannotRun and botocore's errors."""
    manifest = Manifest(source.stage, source.now())
    rows = control_items(source.control)
    refuse_closed(rows)
    check_peppers(rows, source.secrets())
    control = _Counted(rows)
    seal(folder / CONTROL, control.lines(), ops_keys)
    note_file(manifest, folder, CONTROL, control.number)
    with shown.work("Copying the tables") as bar:
        people = _Counted(_recipients_items(source.recipients, shards_in(rows), bar))
        seal(folder / RECIPIENTS, people.lines(), ops_keys)
    note_file(manifest, folder, RECIPIENTS, people.number)
    # Last: whatever was made meanwhile under a new version of the master key finds it here.
    seal(folder / SECRETS, [json.dumps(source.secrets()).encode()], ops_keys)
    note_file(manifest, folder, SECRETS, 1)
    manifest.ended, manifest.epoch = source.now(), people.epoch
    write_manifest(manifest, folder)
    return manifest


def _recipients_items(recipients: Table, shards: list[tuple[str, int]], bar: Bar) -> Iterator[Item]:
    done = 0
    for number, (code, shard) in enumerate(shards):
        bar.to(number, len(shards), counted(done, "item", "items"))
        for item in shard_items(recipients, code, shard):
            done += 1
            yield item
    bar.to(len(shards), len(shards), counted(done, "item", "items"))


def check_peppers(rows: list[Item], secrets: Secrets) -> None:
    """A backup whose secrets do not open its senders would find no suppression. Raises CannotRun."""
    from chalicelib.domain.errors import PepperUnusable  # noqa: PLC0415 - as the commands do
    from chalicelib.settings import pepper_key_from  # noqa: PLC0415 - as above
    from chalicelib.store.models import SENDER  # noqa: PLC0415 - as above
    from chalicelib.store.senders import load_sender  # noqa: PLC0415 - as above

    key = pepper_key_from(secrets["SIGNOFF_PEPPER_KEY"], "SIGNOFF_PEPPER_KEY")
    for row in rows:
        if row["sk"]["S"] != SENDER:
            continue
        code = row["pk"]["S"].partition("#")[2]
        try:
            load_sender(key, code, row)
        except PepperUnusable:
            told = f"The pepper key does not open the pepper of sender {code}: they are of two deployments."
            raise CannotRun(told) from None


@dataclass(slots=True)
class Reading:
    """A backup that is read with its key."""

    folder: Path
    manifest: Manifest
    identity: Any

    def check(self) -> None:
        """That all of it opens, is whole, and that its secrets open its senders. Raises CannotRun."""
        rows: list[Item] = []
        self.each(CONTROL, rows.append)
        self.each(RECIPIENTS, lambda _: None)
        check_peppers(rows, self.secrets())

    def each(self, name: str, take: Callable[[Item], None]) -> None:
        """Hands over every item of a file. Raises CannotRun where it is not whole, at the end."""
        found = 0

        def taken(line: bytes) -> None:
            nonlocal found
            found += 1
            take(item_of(line))

        unseal(self.folder / name, self.identity, taken)
        if found != self.manifest.files[name].items:
            raise CannotRun(
                f"The backup is damaged: {name} holds {counted(found, 'item', 'items')} and "
                f"should hold {count(self.manifest.files[name].items)}."
            )

    def secrets(self) -> Secrets:
        """The secrets. Raises CannotRun."""
        lines: list[bytes] = []
        unseal(self.folder / SECRETS, self.identity, lines.append)
        found: Secrets = json.loads(lines[0])
        return found


def open_backup(folder: Path, name: object) -> Manifest:
    """A backup whose files are as they were written, as far as can be told without its key. Raises CannotRun."""
    manifest = read_manifest(folder, name)
    check_digests(manifest, folder)
    return manifest
