"""Requests that may come twice: the idempotency key, and what is noted of it (conformance G3)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.store.operations import Claim

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service

__all__ = ["Answer", "Claim", "Request", "change_id", "claim_of", "hashed", "once"]


LONG = 20_000
"""Characters from which on an answer is kept packed: an item of DynamoDB has 400 kB, and is paid for by its size."""
_PACKED = "z"
"""What a packed answer begins with; JSON of ours begins otherwise."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a sender: its idempotency key, if it has one, and a hash of all that it says."""

    key: str | None = field(repr=False)
    body: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered, the first time and each time after: a status, and what JSON has. No address."""

    status: int
    body: Any


def once(service: Service, sender: Sender, request: Request, work: Callable[[Claim], Answer]) -> Answer:
    """What `work` answers, or what it answered when the same request came first (conformance G3).

    Where the first attempt did not come to its end, the work is done again: what it writes has an id made from its
    claim, by which it is found. Two who work side by side give one answer. An answer that could not be kept is not
    given, because a repetition would not give it again.

    Raises `IdempotencyMismatch`, what `work` raises (that is not kept), and `StoreUnavailable`.
    """
    claim = claim_of(service, sender, request)
    if claim.answer is not None:
        return _load(claim.answer)
    answer = work(claim)
    if request.key is None:
        return answer
    key = _note_of(sender, request.key)
    return _load(service.operations.keep(sender.code, _shard_of(sender, key), key, claim, _dump(answer)))


def _dump(answer: Answer) -> str:
    text = json.dumps([answer.status, answer.body], separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text if len(text) < LONG else _PACKED + base64.b64encode(zlib.compress(text.encode())).decode("ascii")


def _load(text: str) -> Answer:
    if text.startswith(_PACKED):
        text = zlib.decompress(base64.b64decode(text.removeprefix(_PACKED))).decode()
    return Answer(*json.loads(text))


def change_id(claim: Claim) -> str:
    """The id of the change that a request makes: the same for each repetition of it."""
    return hashed(f"{claim.nonce}\nchange")


def claim_of(service: Service, sender: Sender, request: Request) -> Claim:
    """When the request came first, and whether that is now. Raises `IdempotencyMismatch`, `StoreUnavailable`.

    One note per request, found from the key alone: the same key with another body is noticed wherever its acts lie.
    """
    if request.key is None:
        return Claim(service.clock(), is_new=True, nonce=secrets.token_hex(16))
    key, version = _note_of(sender, request.key), service.keyring.minting.version
    return service.operations.claim(sender.code, _shard_of(sender, key), key, request.body, service.clock(), version)


def _note_of(sender: Sender, key: str) -> str:
    return hashed(f"{sender.code}\n{key}")


def _shard_of(sender: Sender, note: str) -> int:
    return ord(note[0]) % sender.shards


def hashed(text: str) -> str:
    """128 bits that stand for a text."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode("ascii").rstrip("=")
