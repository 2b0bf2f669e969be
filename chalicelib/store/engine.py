"""`DynamoEngine`: the port of the write path, on DynamoDB."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pynamodb.constants import ALL_OLD
from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.recipients import Entry, Latest, Recent, Recipient
from chalicelib.domain.senders import Hole, Place, SenderEntry
from chalicelib.domain.suppressions import NO_EFFECTS
from chalicelib.store import codec
from chalicelib.store.calls import Key, Raw, batch_get, code_of, translated
from chalicelib.store.models import HEAD, EntryItem, EvidenceItem, HeadItem, RecipientItem
from chalicelib.store.port import Busy, Commit, Head, Refused, Snapshot

if TYPE_CHECKING:
    from pynamodb.expressions.condition import Condition

    from chalicelib.domain.acts import Evidence
    from chalicelib.domain.state import State
    from chalicelib.store.wire import Wire

_CONDITION = "ConditionalCheckFailed"
_RESTING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


RECIPIENT = "recipient#"
"""What the sort key of a recipient's item begins with; its id follows."""


def partition_of(sender: str, shard: int) -> str:
    """The partition key of one shard of one sender."""
    return f"{sender}#{shard}"


def recipient_key(place: Place) -> Key:
    """The key of a recipient's item."""
    return partition_of(place.sender, place.shard), f"{RECIPIENT}{place.recipient}"


def entry_sort_key(seq: int) -> str:
    """The sort key of an entry; text order is number order."""
    return f"log#{seq:012d}"


class DynamoEngine:
    """See `port.Engine`."""

    def __init__(self, connection: Wire, table: str) -> None:
        self._connection = connection
        self._table = table

    def read(self, place: Place) -> Snapshot:
        """One BatchGetItem of two keys, strongly consistent: two read units."""
        key = recipient_key(place)
        head_key = key[0], HEAD
        found, unprocessed, date = batch_get(self._connection, self._table, (key, head_key))
        if unprocessed:
            raise Busy  # an unprocessed key is not an absent one
        return Snapshot(
            recipient=load_recipient(found[key]) if key in found else None,
            head=load_head(found[head_key]) if head_key in found else None,
            date=date,
        )

    def commit(self, commit: Commit) -> None:
        """One TransactWriteItems of three puts: six write units while each stays under 1 KB; evidence is a fourth."""
        place = commit.entry.place
        transaction = TransactWrite(connection=self._connection, client_request_token=commit.token)
        transaction.save(recipient_item(commit.recipient, place), if_version(commit.entry.version - 1), ALL_OLD)
        transaction.save(entry_item(commit.entry), EntryItem.sk.does_not_exist(), ALL_OLD)
        transaction.save(head_item(place.sender, place.shard, commit.head), if_head(commit.head_before), ALL_OLD)
        if commit.evidence is not None:
            transaction.save(evidence_item(commit.entry, commit.evidence))
        try:
            transaction._commit()  # noqa: SLF001 - what leaving `with transaction:` calls, without hiding it in a block
        except TransactWriteError as error:
            raise why_refused(error, first=0, head=2) from error


def why_refused(error: TransactWriteError, first: int, head: int) -> Exception:
    """What an engine's refusal of a transaction means; `first` and `head` are the places of its items among all.

    Where the head alone has moved the transaction may go behind it; where `first`, what it is about, has: not.
    """
    if code_of(error.cause) != "TransactionCanceledException":
        return translated(error)
    reasons = error.cancellation_reasons
    codes = {reason.code for reason in reasons if reason is not None}
    if _CONDITION not in codes:
        return Busy() if codes <= _RESTING else StoreUnavailable(f"the store refused a transaction: {sorted(codes)}")
    moved = reasons[head]
    has_only_head_moved = reasons[first] is None and moved is not None and moved.raw_item is not None
    return Refused(load_head(moved.raw_item) if has_only_head_moved and moved and moved.raw_item else None)


def if_version(version: int) -> Condition:
    """That a recipient is as it was read; version 0 is that of nobody."""
    unchanged: Condition = RecipientItem.version == version
    return unchanged if version else RecipientItem.sk.does_not_exist()


def if_head(head: Head | None) -> Condition:
    """That a head is as it was read."""
    if head is None:
        return HeadItem.sk.does_not_exist()
    unchanged: Condition = (HeadItem.seq == head.seq) & (HeadItem.epoch == head.epoch)
    return unchanged


def recipient_item(recipient: Recipient, place: Place) -> RecipientItem:
    """The item of a recipient."""
    pk, sk = recipient_key(place)
    latest = recipient.latest
    return RecipientItem(
        pk=pk,
        sk=sk,
        version=recipient.version,
        state=codec.dump_state(recipient.state),
        recent=codec.dump([[recent.act, recent.seq] for recent in recipient.recent]),
        latest=None if latest is None else codec.dump([latest.signature, latest.recorded]),
        address=recipient.address,
    )


def entry_item(entry: Entry) -> EntryItem:
    """The item of a line of the ledger."""
    return EntryItem(
        pk=partition_of(entry.place.sender, entry.place.shard),
        sk=entry_sort_key(entry.seq),
        recipient=entry.place.recipient,
        act=codec.dump(codec.dump_act(entry.act)),
        recorded=entry.recorded,
        version=entry.version,
        previous=entry.previous,
        formers=codec.dump(codec.dump_formers(entry.formers)) if entry.formers else None,
        effects=None if entry.effects == NO_EFFECTS else codec.dump(codec.dump_effects(entry.effects)),
        earlier=codec.dump(entry.earlier) if entry.earlier else None,
    )


def head_item(sender: str, shard: int, head: Head) -> HeadItem:
    """The item of a head."""
    return HeadItem(partition_of(sender, shard), HEAD, seq=head.seq, epoch=head.epoch)


def evidence_item(entry: Entry, evidence: Evidence) -> EvidenceItem:
    """The item of what shows a consent."""
    return EvidenceItem(
        partition_of(entry.place.sender, entry.place.shard),
        f"evidence#{entry.place.recipient}#{entry.act.id}",
        how=evidence.how,
        wording=evidence.wording,
        source=evidence.source,
    )


def load_state(raw: Raw) -> State:
    """The state in a recipient's raw item."""
    return codec.load_state(raw["st"]["S"])


def load_recipient(raw: Raw) -> Recipient:
    """The recipient in a raw item."""
    item = _texts(raw)
    latest = json.loads(item["la"]) if "la" in item else None
    return Recipient(
        state=codec.load_state(item["st"]),
        version=int(item["v"]),
        recent=tuple(Recent(*recent) for recent in json.loads(item["re"])),
        latest=None if latest is None else Latest(*latest),
        address=item.get("ad"),
    )


def load_entry(raw: Raw) -> Entry:
    """The entry in a raw item."""
    item = _texts(raw)
    sender, _, shard = item["pk"].partition("#")
    return Entry(
        place=Place(sender, int(shard), item["r"]),
        seq=int(item["sk"].partition("#")[2]),
        act=codec.load_act(json.loads(item["act"])),
        recorded=int(item["t"]),
        version=int(item["v"]),
        previous=int(item["p"]),
        formers=codec.load_formers(json.loads(item["f"])) if "f" in item else {},
        effects=codec.load_effects(json.loads(item["e"])) if "e" in item else NO_EFFECTS,
        earlier=tuple(json.loads(item["pp"])) if "pp" in item else (),
    )


def load_line(raw: Raw) -> Entry | SenderEntry | Hole:
    """The line of a ledger in a raw item, whatever it tells of."""
    if "lost" in raw:
        return _load_hole(raw)
    if "sv" not in raw:
        return load_entry(raw)
    item = _texts(raw)
    return SenderEntry(
        sender=item["pk"].partition("#")[0],
        seq=int(item["sk"].partition("#")[2]),
        recorded=int(item["t"]),
        version=int(item["sv"]),
        category=codec.load_category(json.loads(item["c"])) if "c" in item else None,
    )


def _load_hole(raw: Raw) -> Hole:
    item = _texts(raw)
    return Hole(item["pk"].partition("#")[0], int(item["sk"].partition("#")[2]), int(item["t"]))


def load_head(raw: Raw) -> Head:
    """The head in a raw item."""
    item = _texts(raw)
    return Head(int(item["seq"]), int(item["epoch"]))


def _texts(raw: Raw) -> dict[str, Any]:
    """Attribute → value as text. Cheaper than building a model, and a check reads a thousand."""
    return {name: next(iter(value.values())) for name, value in raw.items()}
