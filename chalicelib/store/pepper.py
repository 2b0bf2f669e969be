"""Peppers: wrapped in the sender's row, under a key of their own that no rotation of the master touches."""

from __future__ import annotations

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from chalicelib.domain.errors import PepperUnusable
from chalicelib.domain.identity import pepper_fingerprint
from chalicelib.domain.senders import PEPPER_OCTETS


def wrap(pepper_key: bytes, sender: str, pepper: bytes) -> bytes:
    """The pepper as the row holds it, bound to its sender."""
    return AESSIV(pepper_key).encrypt(pepper, [sender.encode()])


def unwrap(pepper_key: bytes, sender: str, wrapped: bytes, shards: int, fingerprint: bytes) -> bytes:
    """The pepper. Raises `PepperUnusable` unless it unwraps and matches the fingerprint beside it."""
    try:
        pepper = AESSIV(pepper_key).decrypt(wrapped, [sender.encode()])
    except (InvalidTag, ValueError):
        raise PepperUnusable(sender) from None
    if len(pepper) != PEPPER_OCTETS or not hmac.compare_digest(pepper_fingerprint(pepper, shards), fingerprint):
        raise PepperUnusable(sender)
    return pepper
