"""Requests that may come twice: the idempotency key, and what is noted of it (conformance G3)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.store.operations import Claim

if TYPE_CHECKING:
    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a sender: its idempotency key, if it has one, and a hash of all that it says."""

    key: str | None = field(repr=False)
    body: str


def claim_of(service: Service, sender: Sender, request: Request) -> Claim:
    """When the request came first, and whether that is now. Raises `IdempotencyMismatch`, `StoreUnavailable`.

    One note per request, found from the key alone: the same key with another body is noticed wherever its acts lie.
    """
    if request.key is None:
        return Claim(service.clock(), is_new=True, nonce=secrets.token_hex(16))
    key = hashed(f"{sender.code}\n{request.key}")
    return service.operations.claim(sender.code, ord(key[0]) % sender.shards, key, request.body, service.clock())


def hashed(text: str) -> str:
    """128 bits that stand for a text."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode("ascii").rstrip("=")
