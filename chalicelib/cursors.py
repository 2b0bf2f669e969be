"""Cursors: where a reader of a list or of the feed stands, as a text that it keeps and hands back.

Signed for one sender and one purpose, so that nobody reads from a place that was not given to it. Nothing in a cursor
is secret.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from itsdangerous import BadData, URLSafeSerializer

from .domain.errors import InvalidCursor
from .keyring import VERSION_CHARS

if TYPE_CHECKING:
    from .keyring import Keyring

MOST = 4_000
"""Characters; no cursor of ours comes near."""


def dump_cursor(keyring: Keyring, purpose: str, sender: str, place: Any) -> str:
    """The cursor that stands for `place`, which is made of what JSON has."""
    version = keyring.minting.version
    text: str = _serializer(keyring, version, purpose, sender).dumps(place)
    return VERSION_CHARS[version] + text


def load_cursor(keyring: Keyring, purpose: str, sender: str, text: str) -> Any:
    """The place that a cursor stands for. Raises `InvalidCursor`, and what looking up an unknown version raises."""
    version = VERSION_CHARS.find(text[:1]) if text else -1
    if len(text) > MOST or not text.isascii() or keyring.find(version) is None:
        raise InvalidCursor
    try:
        return _serializer(keyring, version, purpose, sender).loads(text[1:])
    except BadData:
        raise InvalidCursor from None


def _serializer(keyring: Keyring, version: int, purpose: str, sender: str) -> Any:
    key = keyring.derive(version, sender, f"cursor/{purpose}".encode("ascii"), 32)
    return URLSafeSerializer(
        key, salt=purpose.encode("ascii"), signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
    )
