"""API keys, in the control table. Revoked ones stay, so that no id ever comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pynamodb.exceptions import QueryError, UpdateError

from chalicelib.api_keys import ApiKey
from chalicelib.domain.errors import ActRefused, StoreUnavailable
from chalicelib.store.calls import code_of, put_if, unavailable
from chalicelib.store.ledger import CONTROL_DEADLINE, Timing
from chalicelib.store.models import KeyItem
from chalicelib.store.port import Busy, OutcomeUnknown
from chalicelib.store.reading import read_items
from chalicelib.store.senders import partition_of

if TYPE_CHECKING:
    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action

    from chalicelib.store.calls import Raw
    from chalicelib.store.wire import Wire


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

    def revoke(self, sender: str, key_id: str, now: int) -> None:
        """Revokes a key that is there, once; `now` in milliseconds. Raises `StoreUnavailable`."""
        self._update(sender, key_id, KeyItem.revoked.set(now), KeyItem.revoked.does_not_exist())

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
        item = KeyItem(
            partition_of(key.sender),
            f"key#{key.id}",
            digest=key.digest,
            scopes=" ".join(sorted(key.scopes)),
            created=key.created,
            revoked=key.revoked,
            replaces=key.replaces,
        )
        try:
            is_new = put_if(self._connection, item, KeyItem.sk.does_not_exist())
        except (Busy, OutcomeUnknown):
            raise StoreUnavailable("the store did not answer") from None
        if not is_new:
            raise ActRefused("this id is taken")


def _load(raw: Raw) -> ApiKey:
    item = KeyItem.from_raw_data(raw)
    sender, key_id = raw["pk"]["S"].partition("#")[2], raw["sk"]["S"].partition("#")[2]
    revoked, last_used = (int(raw[name]["N"]) if name in raw else None for name in ("revoked", "last_used"))
    scopes = frozenset(item.scopes.split())
    replaces = raw["replaces"]["S"] if "replaces" in raw else None
    return ApiKey(key_id, sender, item.digest, scopes, int(item.created), revoked, last_used, replaces)
