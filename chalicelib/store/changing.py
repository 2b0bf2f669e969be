"""Changes of a sender and its categories: the row, and a line of the ledger that tells of it, in one transaction.

read row and head of shard 0 (strong)  ── somebody else changes the sender here ──┐
our change id is in the row → done                                                │
TransactWriteItems over both tables: row  if its version is unchanged  ←──────────┤ refused: read and draft again
logo if it changes                           │
line if absent                               │
head if unchanged   ←────────────────────────┘ only the head moved: go behind it
answer lost → the same bytes and token once more → still unknown → read, and look for our change id
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pynamodb.constants import ALL_OLD
from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.domain.categories import Category
from chalicelib.domain.errors import UnknownSender
from chalicelib.domain.senders import Sender, SenderEntry
from chalicelib.store import codec, engine
from chalicelib.store.calls import batch_get
from chalicelib.store.ledger import Patience, Timing, is_carried_out
from chalicelib.store.models import HEAD, LOGO, SENDER, HeadItem, LogoItem, SenderEntryItem, SenderItem
from chalicelib.store.port import Busy, Head
from chalicelib.store.senders import dump_catalogue, load_sender, partition_of

if TYPE_CHECKING:
    from chalicelib.settings import Settings
    from chalicelib.store.calls import Key, Raw
    from chalicelib.store.wire import Wire

SHARD = 0
"""The shard whose ledger tells of the sender."""
REMEMBERED = 8
"""Change ids that a row holds."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a sender is to become, which category that is about, and the logo's octets where it gets one."""

    sender: Sender
    category: Category | None = None
    image: bytes | None = field(default=None, repr=False)


Draft = Callable[[Sender], Change]
"""The change, given the sender as it is now. May raise any error; a sender that stays as it is is not written."""


@dataclass(frozen=True, slots=True)
class _Commit:
    """One transaction. `head_before` is None where the shard has no line yet; `changes` are the ids for the row."""

    before: Sender
    change: Change
    entry: SenderEntry
    changes: tuple[str, ...]
    head_before: Head | None
    token: str

    @property
    def head(self) -> Head:
        """The head that it writes."""
        return replace(self.head_before or Head(), seq=self.entry.seq)


class SenderChanges:
    """Changes senders, one change at a time. Safe to share between threads."""

    def __init__(self, connection: Wire, settings: Settings, pepper_key: bytes, timing: Timing | None = None) -> None:
        self._connection = connection
        self._control = settings.control_table
        self._recipients = settings.recipients_table
        self._pepper_key = pepper_key
        self._timing = timing or Timing()

    def make(self, code: str, change_id: str, draft: Draft) -> Sender:
        """Makes the change of this id, once, and returns the sender as it is then, when that is durable.

        Raises what `draft` raises, `UnknownSender`, `PepperUnusable`, and `StoreUnavailable` within 10 s.
        """
        patience = Patience(self._timing)
        while True:
            commit, before = self._prepare(code, change_id, draft, patience)
            if commit is None:
                return before
            if is_carried_out(commit, self._send, _behind, patience):
                return commit.change.sender

    def _prepare(self, code: str, change_id: str, draft: Draft, patience: Patience) -> tuple[_Commit | None, Sender]:
        row, now = patience.until_not_busy(lambda: self._read(self._control, (partition_of(code), SENDER)))
        if row is None:
            raise UnknownSender
        before = load_sender(self._pepper_key, code, row)
        changes = json.loads(row["changes"]["S"]) if "changes" in row else []
        if change_id in changes:
            return None, before
        change = draft(before)
        if change.sender == before:
            return None, before
        head = self._head(code, patience)
        change = replace(change, sender=replace(change.sender, version=before.version + 1))
        entry = SenderEntry(
            sender=code,
            seq=(head or Head()).seq + 1,
            recorded=max(self._timing.now() if now is None else now, 0),
            version=change.sender.version,
            category=change.category,
        )
        kept = (change_id, *changes)[:REMEMBERED]
        return _Commit(before, change, entry, kept, head, secrets.token_hex(16)), before

    def _head(self, code: str, patience: Patience) -> Head | None:
        key = engine.partition_of(code, SHARD), HEAD
        raw, _ = patience.until_not_busy(lambda: self._read(self._recipients, key))
        return None if raw is None else engine.load_head(raw)

    def _read(self, table: str, key: Key) -> tuple[Raw | None, int | None]:
        found, left, date = batch_get(self._connection, table, [key])
        if left:
            raise Busy  # an unprocessed key is not an absent one
        return found.get(key), date

    def _send(self, commit: _Commit) -> None:
        """The request has what it deletes first, then what it puts, then what it updates: so has a refusal."""
        transaction = TransactWrite(connection=self._connection, client_request_token=commit.token)
        has_deleted = _add_logo(transaction, commit)
        transaction.save(_line(commit.entry), SenderEntryItem.sk.does_not_exist(), ALL_OLD)
        transaction.save(_head_item(commit), engine.if_head(commit.head_before), ALL_OLD)
        _add_row(transaction, commit)
        if commit.change.image is not None:
            transaction.save(_logo_item(commit.change))
        try:
            transaction._commit()  # noqa: SLF001 - what leaving `with transaction:` calls, without hiding it in a block
        except TransactWriteError as error:
            raise engine.why_refused(error, first=-1, head=2 if has_deleted else 1) from error


def _behind(commit: _Commit, head: Head) -> _Commit:
    """The same change behind the head that was found."""
    return replace(commit, entry=replace(commit.entry, seq=head.seq + 1), head_before=head, token=secrets.token_hex(16))


def _add_row(transaction: TransactWrite, commit: _Commit) -> None:
    sender = commit.change.sender
    transaction.update(
        SenderItem(partition_of(sender.code), SENDER),
        actions=[
            SenderItem.version.set(sender.version),
            SenderItem.name.set(sender.name),
            SenderItem.form_open.set(sender.form_open),
            SenderItem.categories.set(dump_catalogue(sender.catalogue)),
            SenderItem.profile.set(codec.dump(codec.dump_profile(sender.profile))),
            SenderItem.changes.set(codec.dump(commit.changes)),
            SenderItem.closed.set(sender.closed),
        ],
        condition=SenderItem.version == commit.before.version,
    )


def _add_logo(transaction: TransactWrite, commit: _Commit) -> bool:
    """Whether the transaction deletes a logo."""
    is_gone = commit.before.profile.logo is not None and commit.change.sender.profile.logo is None
    if is_gone:
        transaction.delete(LogoItem(partition_of(commit.before.code), LOGO))
    return is_gone


def _logo_item(change: Change) -> LogoItem:
    logo = change.sender.profile.logo
    about = {} if logo is None else codec.dump_logo(logo)
    return LogoItem(partition_of(change.sender.code), LOGO, image=change.image, about=codec.dump(about))


def _line(entry: SenderEntry) -> SenderEntryItem:
    return SenderEntryItem(
        engine.partition_of(entry.sender, SHARD),
        engine.entry_sort_key(entry.seq),
        sender_version=entry.version,
        recorded=entry.recorded,
        category=None if entry.category is None else codec.dump(codec.dump_category(entry.category)),
    )


def _head_item(commit: _Commit) -> HeadItem:
    partition = engine.partition_of(commit.entry.sender, SHARD)
    return HeadItem(partition, HEAD, seq=commit.head.seq, epoch=commit.head.epoch)
