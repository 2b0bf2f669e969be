"""Idempotency keys that were used (conformance G3): a note that suppresses nothing, and forgets after two days.

A note holds no address. The acts of a request have ids made from its key, so a repetition finds them in the ledger;
the note is there to refuse the same key with another body, and to remember when the request came first. Once the work
is done, it keeps the answer of those requests whose answer tells of no address.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.errors import IdempotencyMismatch
from chalicelib.store.calls import batch_get, put_if, update_if
from chalicelib.store.engine import partition_of
from chalicelib.store.ledger import Patience, Timing
from chalicelib.store.models import OperationItem
from chalicelib.store.port import Busy

if TYPE_CHECKING:
    from chalicelib.store.wire import Wire

KEPT_SECONDS = 172_800


@dataclass(frozen=True, slots=True)
class Claim:
    """When the request came first (milliseconds since 1970 UTC), whether this is that first time, and its own secret.

    `nonce` is random and lives as long as the note: what is made from it is the same for each repetition, and another
    one once the note is forgotten. `answer` is what was answered, if the work was done and its answer kept.
    `key_version` is the master key's that minted then, if that was noted: what is made from it is the same later, too.
    """

    received: int
    is_new: bool
    nonce: str
    answer: str | None = None
    key_version: int | None = None


class Operations:
    """Notes of used idempotency keys. Safe to share between threads."""

    def __init__(self, connection: Wire, table: str, timing: Timing | None = None) -> None:
        self._connection = connection
        self._table = table
        self._timing = timing or Timing()

    def claim(  # noqa: PLR0913, PLR0917 - where the note is, and what it says
        self, sender: str, shard: int, key: str, body: str, now: int, key_version: int | None = None
    ) -> Claim:
        """Notes that `key` was used for a body of hash `body` at `now`, once, while the master key of a version minted.

        Raises `IdempotencyMismatch` where it was used for another body, `StoreUnavailable`.
        """
        pk, sk, own = partition_of(sender, shard), f"op#{key}", secrets.token_hex(16)
        expires = now // 1000 + KEPT_SECONDS
        item = OperationItem(pk, sk, body=body, received=now, expires=expires, own=own, key_version=key_version)
        free = OperationItem.sk.does_not_exist() | (OperationItem.expires < now // 1000)
        patience = Patience(self._timing)
        while True:
            if patience.until_not_busy(lambda: put_if(self._connection, item, free)):
                return Claim(now, is_new=True, nonce=own, key_version=key_version)
            noted = patience.until_not_busy(lambda: self._find(pk, sk))
            if noted is None:
                patience.wait()  # it expired between the two calls
            elif noted.body != body:
                raise IdempotencyMismatch
            else:
                is_new, version = noted.own == own, _whole(noted.key_version)
                return Claim(int(noted.received), is_new, noted.own, noted.answer, version)

    def keep(self, sender: str, shard: int, key: str, claim: Claim, answer: str) -> str:
        """Keeps the answer of a request whose work is done, and returns the one that is kept: the first.

        Raises `StoreUnavailable`: then the work is done again by the next one who asks.
        """
        pk, sk = partition_of(sender, shard), f"op#{key}"
        is_first = (OperationItem.own == claim.nonce) & OperationItem.answer.does_not_exist()
        actions = [OperationItem.answer.set(answer)]
        patience = Patience(self._timing)
        if patience.until_not_busy(lambda: update_if(self._connection, self._table, (pk, sk), actions, is_first)):
            return answer
        noted = patience.until_not_busy(lambda: self._find(pk, sk))
        return noted.answer if noted is not None and noted.own == claim.nonce and noted.answer else answer

    def _find(self, pk: str, sk: str) -> OperationItem | None:
        found, left, _ = batch_get(self._connection, self._table, [(pk, sk)])
        if left:
            raise Busy
        raw = found.get((pk, sk))
        return None if raw is None else OperationItem.from_raw_data(raw)


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
