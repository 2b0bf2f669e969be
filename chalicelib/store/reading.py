"""Reading states and the ledger. Always base items, always strongly consistent; no index and no cache of states."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pynamodb.exceptions import QueryError

from chalicelib.domain.recipients import STRANGER, Entry, Recipient
from chalicelib.domain.senders import Place
from chalicelib.domain.state import NOTHING_KNOWN
from chalicelib.store.calls import Key, Raw, batch_get_of_tables, translated
from chalicelib.store.engine import (
    RECIPIENT,
    entry_sort_key,
    load_entry,
    load_line,
    load_recipient,
    load_state,
    partition_of,
    recipient_key,
)
from chalicelib.store.ledger import Patience, Timing
from chalicelib.store.models import SK, RecipientItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.domain.senders import Hole, SenderEntry
    from chalicelib.domain.state import State
    from chalicelib.store.wire import Wire

_L = TypeVar("_L", "Entry", "Entry | SenderEntry | Hole")

KEYS_A_CALL = 100
CALLS_AT_ONCE = 10


Ahead = dict[Key, Raw | None]
"""What was read of the recipients table together with a sender, for the same request: None where nothing is stored."""


class Reader:
    """Reads of the recipients table. Safe to share between threads."""

    def __init__(self, connection: Wire, table: str, timing: Timing | None = None, ahead: Ahead | None = None) -> None:
        self._connection = connection
        self._table = table
        self._timing = timing or Timing()
        self._pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="read")
        self._known = ahead or {}

    def knowing(self, ahead: Ahead) -> Reader:
        """A reader for the present request alone: what was read ahead for it is not read once more."""
        return Reader(self._connection, self._table, self._timing, ahead)

    def recipient(self, place: Place) -> Recipient:
        """What is stored of one recipient. Raises `StoreUnavailable`."""
        return self.recipients((place,))[place]

    def recipients(self, places: Sequence[Place]) -> Mapping[Place, Recipient]:
        """What is stored of each; who is not stored is a stranger. 100 keys a call, calls side by side.

        Raises `StoreUnavailable` where any one could not be read: what was not read is never taken for absent.
        """
        return {place: STRANGER if raw is None else load_recipient(raw) for place, raw in self._items(places)}

    def states(self, places: Sequence[Place]) -> Mapping[Place, State]:
        """As `recipients`, but the states alone, which is what a decision needs."""
        return {place: NOTHING_KNOWN if raw is None else load_state(raw) for place, raw in self._items(places)}

    def _items(self, places: Sequence[Place]) -> Iterator[tuple[Place, Raw | None]]:
        keys = {recipient_key(place): place for place in places}
        wanted = list(keys)
        batches = [wanted[start : start + KEYS_A_CALL] for start in range(0, len(wanted), KEYS_A_CALL)]
        answers = self._pool.map(self._read, batches) if batches[1:] else map(self._read, batches)
        found = {key: raw for answer in answers for key, raw in answer.items()}
        return ((place, found.get(key)) for key, place in keys.items())

    def recipients_from(self, sender: str, shard: int, first: str, limit: int) -> list[tuple[Place, Recipient]]:
        """The recipients of a shard from the id `first` on ("" is before all), in the order of their ids.

        As many as `limit`, and fewer only where there are no more. Raises `StoreUnavailable`.
        """
        between = f"{RECIPIENT}{first}", f"{RECIPIENT}~"
        raws = self._range(partition_of(sender, shard), between, limit)
        ids = (raw[SK]["S"].removeprefix(RECIPIENT) for raw in raws)
        return [(Place(sender, shard, name), load_recipient(raw)) for name, raw in zip(ids, raws, strict=True)]

    def entries(self, sender: str, shard: int, numbers: Iterable[int]) -> Mapping[int, Entry]:
        """The entries of these numbers, as far as they exist and tell of recipients. Raises `StoreUnavailable`."""
        partition = partition_of(sender, shard)
        found = self._read([(partition, entry_sort_key(seq)) for seq in sorted(set(numbers))][:KEYS_A_CALL])
        return {line.seq: line for line in map(load_line, found.values()) if isinstance(line, Entry)}

    def history(self, place: Place, newest: int, limit: int) -> list[Entry]:
        """The entries of one recipient, newest first, from number `newest` on; 0 is none.

        Each names some that came before it, so this is a walk: a read of the first, then one for each eight. Stops at
        an entry of somebody else, and goes on behind lines that a restored table had lost. Raises `StoreUnavailable`.
        """
        walked: list[Entry] = []
        numbers = [newest]
        while numbers[0] and len(walked) < limit:
            numbers = numbers[: limit - len(walked)]
            found = self.entries(place.sender, place.shard, numbers)
            own = [found[number] for number in numbers if number in found and found[number].place == place]
            walked += own
            if not own:
                break
            numbers = [own[-1].previous, *own[-1].earlier]
        return walked

    def log(self, sender: str, shard: int, after: int, limit: int = KEYS_A_CALL) -> list[Entry]:
        """The entries after number `after`, in order, up to the first gap.

        The items of one transaction become visible one by one, so a missing number may be about to appear: what
        comes after it is left for the next call, or it would be missed for ever.
        """
        partition = partition_of(sender, shard)
        wanted = [(partition, entry_sort_key(seq)) for seq in range(after + 1, after + 1 + min(limit, KEYS_A_CALL))]
        found = self._read(wanted)
        return until_gap(after, (load_entry(found[key]) for key in wanted if key in found))

    def _read(self, keys: list[Key]) -> dict[Key, Raw]:
        left = [key for key in keys if key not in self._known] if self._known else keys
        found = read_items(self._connection, self._table, left, self._timing)
        if self._known:
            found.update((key, raw) for key in keys if (raw := self._known.get(key)) is not None)
        return found

    def _range(self, partition: str, between: tuple[str, str], limit: int) -> list[Raw]:
        """The items of a partition whose sort keys lie between these two, both included, in order.

        As many as `limit`, and fewer only where there are no more: a page of DynamoDB's may be short and not the last.
        """
        patience, found, start = Patience(self._timing), list[Raw](), None
        while len(found) < limit:
            call = partial(self._query, partition, between, limit - len(found), start)
            page = patience.until_not_busy(call)
            found += page["Items"]
            start = page.get("LastEvaluatedKey")
            if start is None:
                break
        return found

    def _query(self, partition: str, between: tuple[str, str], limit: int, start: Any) -> dict[str, Any]:
        try:
            return self._connection.query(
                self._table,
                partition,
                range_key_condition=RecipientItem.sk.between(*between),
                consistent_read=True,
                limit=limit,
                exclusive_start_key=start,
            )
        except QueryError as error:
            raise translated(error) from None


def keys_ahead(place: Place, entry: int | None) -> list[Key]:
    """What a page of a history is read by first: the recipient, or the entry of this number."""
    return [recipient_key(place) if entry is None else (partition_of(place.sender, place.shard), entry_sort_key(entry))]


def read_items(connection: Wire, table: str, keys: list[Key], timing: Timing) -> dict[Key, Raw]:
    """Strong reads of up to 100 keys, with patience: a key that was not read is asked for again.

    Raises `StoreUnavailable`.
    """
    return read_tables(connection, {table: keys}, timing)[table] if keys else {}


def read_tables(connection: Wire, wanted: Mapping[str, list[Key]], timing: Timing) -> Mapping[str, dict[Key, Raw]]:
    """As `read_items`, from several tables in one call: what is found, by the name of its table."""
    patience, found = Patience(timing), {table: dict[Key, Raw]() for table in wanted}
    while wanted:
        answer, wanted, _ = patience.until_not_busy(partial(batch_get_of_tables, connection, wanted))
        for table, items in answer.items():
            found[table].update(items)
        if wanted:
            patience.wait()
    return found


def until_gap(after: int, entries: Iterable[_L]) -> list[_L]:
    """The entries that follow number `after` without one missing."""
    kept: list[_L] = []
    for entry in entries:
        if entry.seq != after + len(kept) + 1:
            break
        kept.append(entry)
    return kept
