"""API keys, in the control table. Revoked ones stay, so that no id ever comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.errors import ActRefused, StoreUnavailable
from chalicelib.store.calls import put_if
from chalicelib.store.ledger import Timing
from chalicelib.store.models import KeyItem
from chalicelib.store.port import Busy, OutcomeUnknown
from chalicelib.store.reading import read_items
from chalicelib.store.senders import partition_of

if TYPE_CHECKING:
    from chalicelib.store.wire import Wire


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is stored: never its text, only the SHA-256 of its secret. Times in milliseconds."""

    id: str
    sender: str
    digest: str
    scopes: frozenset[str]
    created: int
    revoked: int | None = None


class Keys:
    """Reads and writes of API keys. Every read is strongly consistent."""

    def __init__(self, connection: Wire, table: str, timing: Timing | None = None) -> None:
        self._connection = connection
        self._table = table
        self._timing = timing or Timing()

    def find(self, sender: str, key_id: str) -> ApiKey | None:
        """The API key of this id, revoked or not. Raises `StoreUnavailable`."""
        key = partition_of(sender), f"key#{key_id}"
        raw = read_items(self._connection, self._table, [key], self._timing).get(key)
        if raw is None:
            return None
        item = KeyItem.from_raw_data(raw)
        revoked = int(item.revoked) if "revoked" in raw else None
        return ApiKey(key_id, sender, item.digest, frozenset(item.scopes.split()), int(item.created), revoked)

    def create(self, key: ApiKey) -> None:
        """Stores a new API key. Raises `ActRefused` where the id is taken, `StoreUnavailable`."""
        item = KeyItem(
            partition_of(key.sender),
            f"key#{key.id}",
            digest=key.digest,
            scopes=" ".join(sorted(key.scopes)),
            created=key.created,
            revoked=key.revoked,
        )
        try:
            is_new = put_if(self._connection, item, KeyItem.sk.does_not_exist())
        except (Busy, OutcomeUnknown):
            raise StoreUnavailable("the store did not answer") from None
        if not is_new:
            raise ActRefused("this id is taken")
