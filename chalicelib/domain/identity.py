"""Recipient ids and shards: what stands for an address in every URL, log and key."""

from __future__ import annotations

import hmac
import re
from functools import lru_cache

from chalicelib.domain.addresses import ADDRESS_KEY_VERSION

RECIPIENT_ID = re.compile(r"rcp_[a-z2-7]{25}[aeimquy4]")  # 128 bits in 26 letters: the last one carries three of them
DEFAULT_SHARDS = 8
MAX_SHARDS = 64
_PEPPERS = 256

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]
"""Ten bits → two letters: a check makes a thousand ids, and the standard library's base32 would be half of each."""
_SHIFTS = range(120, -1, -10)


def recipient_id(pepper: bytes, address_key: str) -> str:
    """`rcp_` and base32 of the first 128 bits of HMAC-SHA256(sender's pepper, address key)."""
    mac = _keyed(pepper).copy()
    mac.update(address_key.encode("utf-8"))
    bits = int.from_bytes(mac.digest()[:16], "big") << 2  # 26 letters hold two bits more
    return "rcp_" + "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])


@lru_cache(maxsize=_PEPPERS)
def _keyed(pepper: bytes) -> hmac.HMAC:
    """An HMAC that has taken a pepper in, which costs as much as an address does: for those of a check, once."""
    return hmac.new(pepper, digestmod="sha256")


def shard_of(recipient: str, shards: int) -> int:
    """The shard that holds a recipient, from the first octet of its id. `shards` is the sender's number of them."""
    first_octet = _LETTERS.index(recipient[4]) << 3 | _LETTERS.index(recipient[5]) >> 2
    return first_octet % shards


def pepper_fingerprint(pepper: bytes, shards: int) -> bytes:
    """32 octets that match only this pepper with this number of shards and this way to make address keys."""
    return hmac.digest(pepper, f"signoff pepper {shards} {ADDRESS_KEY_VERSION}".encode(), "sha256")
