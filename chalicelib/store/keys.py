"""API keys, in the control table. Revoked ones stay, so that no id ever comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pynamodb.exceptions import QueryError, TransactWriteError, UpdateError
from pynamodb.transactions import TransactWrite

from chalicelib.api_keys import ApiKey
from chalicelib.domain.errors import ActRefused, StoreUnavailable
from chalicelib.store.calls import code_of, put_if, unavailable
from chalicelib.store.ledger import CONTROL_DEADLINE, Timing
from chalicelib.store.models import KeyItem, TurnItem
from chalicelib.store.port import Busy, OutcomeUnknown
from chalicelib.store.reading import read_items
from chalicelib.store.senders import partition_of

if TYPE_CHECKING:
    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action

    from chalicelib.store.calls import Raw
    from chalicelib.store.wire import Wire


TURN = "keys"
"""The sort key of what counts the changes of a sender's keys."""


class Keys:
    """Reads and writes of API keys. Every read is strongly consistent."""

    def __init__(self, connection: Wire, table: str, timing: Timing | None = None) -> None:
        self._connection = connection
        self._table = table
        self._timing = timing or Timing(deadline=CONTROL_DEADLINE)

    def find(self, sender: str, key_id: str) -> ApiKey | None:
        """The API key of this id, revoked or not. Raises `StoreUnavailable`."""
        key = partition_of(sender), f"key#{key_id}"
        raw = read_items(self._connection, self._table, [key], self._timing).get(key)
        return None if raw is None else _load(raw)

    def list(self, sender: str) -> list[ApiKey]:
        """All keys of a sender, revoked ones too, oldest first. Raises `StoreUnavailable`."""
        found: list[ApiKey] = []
        start: Any = None
        while True:
            page = self._page(sender, start)
            found += [_load(raw) for raw in page["Items"]]
            start = page.get("LastEvaluatedKey")
            if start is None:  # an empty page does not end a list
                return sorted(found, key=lambda key: (key.created, key.id))

    def _page(self, sender: str, start: Any) -> dict[str, Any]:
        try:
            return self._connection.query(
                self._table,
                partition_of(sender),
                range_key_condition=KeyItem.sk.startswith("key#"),
                consistent_read=True,
                exclusive_start_key=start,
            )
        except QueryError as error:
            raise unavailable(error) from None

    def turn(self, sender: str) -> int:
        """How often the keys of a sender were changed in turn. Raises `StoreUnavailable`."""
        key = partition_of(sender), TURN
        raw = read_items(self._connection, self._table, [key], self._timing).get(key)
        return 0 if raw is None else int(raw["n"]["N"])

    def create_in_turn(self, key: ApiKey, turn: int) -> bool:
        """Stores a new API key; False where the keys were changed since `turn`, or the id is taken.

        Raises `StoreUnavailable`.
        """
        transaction = self._transaction(key.sender, turn)
        transaction.save(_item(key), KeyItem.sk.does_not_exist())
        return _is_carried_out(transaction)

    def revoke_in_turn(self, sender: str, key_id: str, now: int, turn: int) -> bool:
        """Revokes a key that is live; False where it is not, or the keys were changed since. As `create_in_turn`."""
        transaction = self._transaction(sender, turn)
        item = KeyItem(partition_of(sender), f"key#{key_id}")
        is_live = KeyItem.sk.exists() & KeyItem.revoked.does_not_exist()
        transaction.update(item, [KeyItem.revoked.set(now)], is_live)
        return _is_carried_out(transaction)

    def _transaction(self, sender: str, turn: int) -> TransactWrite:
        transaction = TransactWrite(connection=self._connection)
        unchanged = TurnItem.turn == turn if turn else TurnItem.sk.does_not_exist()
        transaction.save(TurnItem(partition_of(sender), TURN, turn=turn + 1), unchanged)
        return transaction

    def touch(self, sender: str, key_id: str, day: int) -> None:
        """Notes that a key was used on this day. Raises `StoreUnavailable`."""
        self._update(sender, key_id, KeyItem.last_used.set(day), None)

    def _update(self, sender: str, key_id: str, action: Action, condition: Condition | None) -> None:
        is_there = KeyItem.sk.exists()
        try:
            self._connection.update_item(
                self._table,
                partition_of(sender),
                f"key#{key_id}",
                actions=[action],
                condition=is_there if condition is None else is_there & condition,
            )
        except UpdateError as error:
            if code_of(error.cause) != "ConditionalCheckFailedException":
                raise unavailable(error) from None

    def create(self, key: ApiKey) -> None:
        """Stores a new API key. Raises `ActRefused` where the id is taken, `StoreUnavailable`."""
        try:
            is_new = put_if(self._connection, _item(key), KeyItem.sk.does_not_exist())
        except (Busy, OutcomeUnknown):
            raise StoreUnavailable("the store did not answer") from None
        if not is_new:
            raise ActRefused("this id is taken")


def _item(key: ApiKey) -> KeyItem:
    return KeyItem(
        partition_of(key.sender),
        f"key#{key.id}",
        digest=key.digest,
        scopes=" ".join(sorted(key.scopes)),
        created=key.created,
        revoked=key.revoked,
        replaces=key.replaces,
    )


def _is_carried_out(transaction: TransactWrite) -> bool:
    """False where somebody else was first. Raises `StoreUnavailable`."""
    try:
        transaction._commit()  # noqa: SLF001 - as in engine.py
    except TransactWriteError as error:
        codes = {reason.code for reason in error.cancellation_reasons if reason is not None}
        if codes and codes <= {"ConditionalCheckFailed", "TransactionConflict"}:
            return False
        raise unavailable(error) from None
    return True


def _load(raw: Raw) -> ApiKey:
    item = KeyItem.from_raw_data(raw)
    sender, key_id = raw["pk"]["S"].partition("#")[2], raw["sk"]["S"].partition("#")[2]
    revoked, last_used = (int(raw[name]["N"]) if name in raw else None for name in ("revoked", "last_used"))
    scopes = frozenset(item.scopes.split())
    replaces = raw["replaces"]["S"] if "replaces" in raw else None
    return ApiKey(key_id, sender, item.digest, scopes, int(item.created), revoked, last_used, replaces)
