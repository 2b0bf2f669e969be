"""Recipient ids and shards: what stands for an address in every URL, log and key."""

from __future__ import annotations

import base64
import hmac

from chalicelib.domain.addresses import ADDRESS_KEY_VERSION

RECIPIENT_ID_PATTERN = r"rcp_[a-z2-7]{25}[aeimquy4]"  # 128 bits in 26 letters: the last one carries three of them
DEFAULT_SHARDS = 8
MAX_SHARDS = 64


def recipient_id(pepper: bytes, address_key: str) -> str:
    """`rcp_` and base32 of the first 128 bits of HMAC-SHA256(sender's pepper, address key)."""
    digest = hmac.digest(pepper, address_key.encode("utf-8"), "sha256")[:16]
    return "rcp_" + base64.b32encode(digest)[:26].decode("ascii").lower()


def shard_of(recipient: str, shards: int) -> int:
    """The shard that holds a recipient, from the first octet of its id. `shards` is the sender's number of them."""
    first_octet: int = base64.b32decode(recipient[4:12].upper())[0]
    return first_octet % shards


def pepper_fingerprint(pepper: bytes, shards: int) -> bytes:
    """32 octets that match only this pepper with this number of shards and this way to make address keys."""
    return hmac.digest(pepper, f"signoff pepper {shards} {ADDRESS_KEY_VERSION}".encode(), "sha256")
