"""Lines of a ledger that a test puts there itself, and lines that it takes away for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.domain.senders import SenderEntry
from chalicelib.store import codec
from chalicelib.store.engine import entry_sort_key, partition_of
from chalicelib.store.models import HEAD, HeadItem, HoleItem, SenderEntryItem

if TYPE_CHECKING:
    from chalicelib.domain.categories import Category
    from chalicelib.service import Service
    from chalicelib.store.port import Head
    from tests.site import Site


def tell_of_sender(service: Service, sender: str, version: int, category: Category | None = None) -> None:
    """A line of shard 0 that tells of the sender itself, with the head; again, until nobody is in the way.

    Once, also where an answer is lost: a transaction that arrives late finds its number taken, or is found.
    """
    pk = partition_of(sender, 0)
    first = service.feed.heads(sender, 1)[0]
    while True:
        head = service.feed.heads(sender, 1)[0]
        if head.seq > first.seq:
            lines = service.feed.lines(sender, [(0, range(first.seq + 1, head.seq + 1))])[0]
            if any(isinstance(line, SenderEntry) and line.version == version for line in lines):
                return
        item = SenderEntryItem(
            pk,
            entry_sort_key(head.seq + 1),
            sender_version=version,
            recorded=service.clock(),
            category=None if category is None else codec.dump(codec.dump_category(category)),
        )
        transaction = TransactWrite(connection=service._wire)
        transaction.save(item, SenderEntryItem.sk.does_not_exist())
        unmoved = (HeadItem.seq == head.seq) if head.seq else HeadItem.sk.does_not_exist()
        transaction.save(HeadItem(pk, HEAD, seq=head.seq + 1, epoch=head.epoch), unmoved)
        try:
            transaction._commit()
        except TransactWriteError:
            continue


def put_head(site: Site, sender: str, shard: int, head: Head) -> None:
    """As a restore leaves it."""
    site.tables.client.put_item(
        TableName=site.tables.names.recipients,
        Item={
            "pk": {"S": partition_of(sender, shard)},
            "sk": {"S": HEAD},
            "seq": {"N": str(head.seq)},
            "epoch": {"N": str(head.epoch)},
        },
    )


def lose_line(site: Site, sender: str, shard: int, seq: int) -> None:
    """A hole in its place, as a restore leaves it."""
    item = HoleItem(partition_of(sender, shard), entry_sort_key(seq), lost=True, recorded=1)
    put_item(site, item.serialize())


def take_item(site: Site, partition: str, sort_key: str) -> dict[str, Any]:
    """Removes an item, as if it had not become visible yet, and returns it."""
    table, key = site.tables.names.recipients, {"pk": {"S": partition}, "sk": {"S": sort_key}}
    answer = site.tables.client.delete_item(TableName=table, Key=key, ReturnValues="ALL_OLD")
    item: dict[str, Any] = answer["Attributes"]
    return item


def put_item(site: Site, item: dict[str, Any]) -> None:
    site.tables.client.put_item(TableName=site.tables.names.recipients, Item=item)
