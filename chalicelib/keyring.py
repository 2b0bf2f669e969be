"""The master keys, and every key that is derived from them (design.md, 'Tokens').

One master key mints; older ones go on verifying, for links never expire (conformance C2). A key's version travels with
what was made under it, so that finding the key is a look-up and never a trial over a list.
"""

from __future__ import annotations

import base64
import hmac
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .domain.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A version in one character: its index in the base64url alphabet (RFC 4648 §5).
VERSION_CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SECRET_OCTETS = 32

_TAG_OCTETS = 5
_CACHED_KEYS = 4096


class KeyState(StrEnum):
    """What a master key is good for. Exactly one of a keyring mints."""

    MINTING = "minting"
    VERIFYING = "verifying"
    COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One master key: its version (0 to 63), its secret (at least 32 octets, at random) and its state."""

    version: int
    secret: bytes = field(repr=False)
    state: KeyState


class Keyring:
    """The master keys of a deployment, checked once and never changed.

    Raises `SettingsError` unless exactly one key mints, versions and secrets are each used once, and every secret is
    long enough.
    """

    __slots__ = ("__weakref__", "_by_version", "_derived", "_minting")

    def __init__(self, keys: Iterable[MasterKey]) -> None:
        checked = tuple(keys)
        for key in checked:
            _check_key(key)
        _check_unique(checked)
        self._minting = _only_minting(checked)
        self._by_version = {key.version: key for key in checked}
        # Held by the keyring, not by the module: the derived keys go when it goes.
        self._derived = lru_cache(maxsize=_CACHED_KEYS)(self._derive)

    @property
    def minting(self) -> MasterKey:
        """The key that everything new is made under."""
        return self._minting

    def find(self, version: int) -> MasterKey | None:
        """The key of this version, whatever its state."""
        return self._by_version.get(version)

    def derive(self, version: int, sender_code: str, label: bytes, length: int) -> bytes:
        """`length` octets for one sender and one purpose, under one master key.

        HKDF-SHA256 twice (RFC 5869): master → sender key → the key that `label` names. A sender may thus be handed keys
        of its own, and learns nothing of another's. Raises `KeyError` for a version that is not in the ring.
        """
        return self._derived(version, sender_code, label, length)

    def api_key_tag(self, key_id: str, secret: str) -> str:
        """The last part of an API key's text: the minting key's version, and 40 bits of HMAC in eight characters.

        It is a filter that spares the store a read for an invented key, not a credential.
        """
        return self._tag(self.minting.version, key_id, secret)

    def is_api_key_tag(self, key_id: str, secret: str, tag: str) -> bool:
        """Whether this tag was made here for this key, under any version in the ring, a compromised one too.

        All three texts are ASCII.
        """
        version = VERSION_CHARS.find(tag[:1]) if tag else -1
        if version not in self._by_version:
            return False
        return hmac.compare_digest(self._tag(version, key_id, secret), tag)

    def _derive(self, version: int, sender_code: str, label: bytes, length: int) -> bytes:
        sender_key = _hkdf(self._by_version[version].secret, b"signoff/sender/" + sender_code.encode("ascii"), 32)
        return _hkdf(sender_key, b"signoff/key/" + label, length)

    def _tag(self, version: int, key_id: str, secret: str) -> str:
        # One key for all senders: a key per sender would let invented sender codes push real ones out of the cache.
        key = self._derived(version, "", b"api-key/tag", 32)
        mac = hmac.digest(key, f"{key_id}_{secret}".encode("ascii"), "sha256")
        return VERSION_CHARS[version] + base32_lower(mac[:_TAG_OCTETS])


def base32_lower(octets: bytes) -> str:
    """Base32 (RFC 4648 §6) in lower case and without padding."""
    return base64.b32encode(octets).decode("ascii").rstrip("=").lower()


def _hkdf(key: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=info).derive(key)


def _check_key(key: MasterKey) -> None:
    if not 0 <= key.version < len(VERSION_CHARS):
        msg = f"master keys: version {key.version} should be from 0 to {len(VERSION_CHARS) - 1}"
        raise SettingsError(msg)
    if len(key.secret) < SECRET_OCTETS:
        msg = f"master keys: version {key.version} has {len(key.secret)} octets; it needs at least {SECRET_OCTETS}"
        raise SettingsError(msg)


def _check_unique(keys: tuple[MasterKey, ...]) -> None:
    for version, times in Counter(key.version for key in keys).items():
        if times > 1:
            msg = f"master keys: version {version} is there {times} times; each version should be there once"
            raise SettingsError(msg)
    if len({key.secret for key in keys}) < len(keys):
        # A secret under two versions would make a compromised key mint again under another name.
        msg = "master keys: two versions have the same secret; each should have its own"
        raise SettingsError(msg)


def _only_minting(keys: tuple[MasterKey, ...]) -> MasterKey:
    minting = [key for key in keys if key.state is KeyState.MINTING]
    if len(minting) != 1:
        msg = f"master keys: {len(minting)} are minting; exactly one should be"
        raise SettingsError(msg)
    return minting[0]
