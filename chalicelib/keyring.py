"""The master keys, and every key that is derived from them (design.md, 'Tokens').

One master key mints; older ones go on verifying, for links never expire (conformance C2). A key's version travels with
what was made under it, so that finding the key is a look-up and never a trial over a list.

A new version mints some minutes after it was made (`MasterKey.start`) and the version before it until then. So what is
made under it comes to containers that have read it, or read it now: a version that is not known here may be newer than
what was read, and the keys are read again where the keyring was given a way to do so.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .domain.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: A version in one character: its index in the base64url alphabet (RFC 4648 §5).
VERSION_CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SECRET_OCTETS = 32

_TAG_OCTETS = 5
_CACHED_KEYS = 4096
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class KeyState(StrEnum):
    """What a master key is good for. Exactly one of a keyring mints."""

    MINTING = "minting"
    VERIFYING = "verifying"
    COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One master key: its version (0 to 63), its secret (at least 32 octets, at random) and its state.

    `start`: from when on it mints, where its state is minting, in milliseconds since 1970 UTC.
    """

    version: int
    secret: bytes = field(repr=False)
    state: KeyState
    start: int = 0


@dataclass(frozen=True, slots=True)
class _Ring:
    """Keys that were checked: all, the one that mints, and the one that mints before that one's `start`."""

    by_version: dict[int, MasterKey]
    minting: MasterKey
    before: MasterKey | None

    @staticmethod
    def of(keys: Iterable[MasterKey]) -> _Ring:
        checked = tuple(keys)
        for key in checked:
            _check_key(key)
        _check_unique(checked)
        minting = _only_minting(checked)
        older = [key for key in checked if key.version < minting.version and key.state is not KeyState.COMPROMISED]
        before = max(older, key=lambda key: key.version, default=None)
        return _Ring({key.version: key for key in checked}, minting, before)


class Keyring:
    """The master keys of a deployment, each checked before it is used. Safe to share between threads.

    `now` in milliseconds since 1970 UTC. `again` gives the keyring as it is now, when a version is asked for that is
    not known here, or None where it was read only just now; what it raises, each method raises that is given a version
    or a text that names one. A version never changes its secret: what was derived from it stays good.

    Raises `SettingsError` unless exactly one key mints, versions and secrets are each used once, and every secret is
    long enough.
    """

    __slots__ = ("__weakref__", "_again", "_derived", "_lock", "_now", "_ring")

    def __init__(
        self,
        keys: Iterable[MasterKey],
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        again: Callable[[], Keyring | None] = lambda: None,
    ) -> None:
        self._ring = _Ring.of(keys)
        self._now = now
        self._again = again
        self._lock = threading.Lock()
        # Held by the keyring, not by the module: the derived keys go when it goes.
        self._derived = lru_cache(maxsize=_CACHED_KEYS)(self._derive)

    @property
    def minting(self) -> MasterKey:
        """The key that everything new is made under."""
        ring = self._ring
        return ring.before if ring.before is not None and self._now() < ring.minting.start else ring.minting

    def find(self, version: int) -> MasterKey | None:
        """The key of this version, whatever its state."""
        key = self._ring.by_version.get(version)
        return self._find_again(version) if key is None and 0 <= version < len(VERSION_CHARS) else key

    def _find_again(self, version: int) -> MasterKey | None:
        with self._lock:
            # Another thread may have read it while this one waited.
            if version not in self._ring.by_version and (found := self._again()) is not None:
                self._ring = found._ring  # noqa: SLF001 - of its own kind
            return self._ring.by_version.get(version)

    def derive(self, version: int, sender_code: str, label: bytes, length: int) -> bytes:
        """`length` octets for one sender and one purpose, under one master key.

        HKDF-SHA256 twice (RFC 5869): master → sender key → the key that `label` names. A sender may thus be handed keys
        of its own, and learns nothing of another's. Raises `KeyError` for a version that is not in the ring.
        """
        return self._derived(version, sender_code, label, length)

    def api_key_tag(self, key_id: str, secret: str, version: int | None = None) -> str:
        """The last part of an API key's text: a key's version, the minting one's if none is told, and 40 bits of HMAC.

        It is a filter that spares the store a read for an invented key, not a credential.
        """
        return self._tag(self.minting.version if version is None else version, key_id, secret)

    def is_api_key_tag(self, key_id: str, secret: str, tag: str) -> bool:
        """Whether this tag was made here for this key, under any version in the ring, a compromised one too.

        All three texts are ASCII.
        """
        version = VERSION_CHARS.find(tag[:1]) if tag else -1
        if self.find(version) is None:
            return False
        return hmac.compare_digest(self._tag(version, key_id, secret), tag)

    def _derive(self, version: int, sender_code: str, label: bytes, length: int) -> bytes:
        if (key := self.find(version)) is None:
            raise KeyError(version)
        sender_key = _hkdf(key.secret, b"signoff/sender/" + sender_code.encode("ascii"), 32)
        return _hkdf(sender_key, b"signoff/key/" + label, length)

    def _tag(self, version: int, key_id: str, secret: str) -> str:
        # One key for all senders: a key per sender would let invented sender codes push real ones out of the cache.
        key = self._derived(version, "", b"api-key/tag", 32)
        mac = hmac.digest(key, f"{key_id}_{secret}".encode("ascii"), "sha256")
        return VERSION_CHARS[version] + base32_lower(mac[:_TAG_OCTETS])


def master_keys_from(text: str, name: str) -> list[MasterKey]:
    """The keys that a JSON object tells, by version; `name` is the setting that gave it. Raises `SettingsError`.

    `from` may be left out: then the key mints since ever.
    """
    try:
        return [_master_key(version, told) for version, told in json.loads(text).items()]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, binascii.Error):
        sentence = f'{name} is not JSON like {{"1": {{"secret": "<base64>", "state": "minting"}}}}'
        raise SettingsError(sentence) from None  # the text holds secrets: its error must not be chained


def _master_key(version: str, told: dict[str, str]) -> MasterKey:
    secret = base64.b64decode(told["secret"], validate=True)
    return MasterKey(int(version), secret, KeyState(told["state"]), _start(told["from"]) if "from" in told else 0)


def _start(text: str) -> int:
    """Milliseconds since 1970 UTC of an RFC 3339 time; a `TypeError` where it has no offset."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND


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
