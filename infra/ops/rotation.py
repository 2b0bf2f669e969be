"""What becomes of the master keys when they are rotated, or when one is compromised. Reads and writes nothing.

The keys are the JSON that the service reads: version → secret, state, and from when on it mints.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from chalicelib.api.times import tell
from chalicelib.domain.errors import SettingsError
from chalicelib.keyring import SECRET_OCTETS, VERSION_CHARS, Keyring, KeyState, MasterKey, master_keys_from
from infra.local.problems import CannotRun

MINTS_AFTER = 600_000
"""Milliseconds from the making of a version to its first link: until then every container knows it, by having begun
anew or by reading the keys once a minute at most."""
LEFT_OUT = 4
"""How many numbers are left to versions that were made after a backup, when the keys come back from it."""
_SECOND = 1000
Told = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Keys:
    """The master keys as they are kept. `now` in milliseconds since 1970 UTC."""

    told: Told = field(repr=False)
    ring: tuple[MasterKey, ...]
    now: int

    @property
    def text(self) -> str:
        """As they are kept."""
        return _text(self.told)

    @property
    def next(self) -> MasterKey:
        """The one whose state is minting, whether its time has come or not."""
        return next(key for key in self.ring if key.state is KeyState.MINTING)

    @property
    def minting(self) -> MasterKey:
        """The one that mints now."""
        return Keyring(self.ring, lambda: self.now).minting

    def rows(self) -> list[tuple[str, str]]:
        """Each version, and what it does: for people."""
        return [(f"version {key.version}", self._does(key)) for key in sorted(self.ring, key=lambda key: key.version)]

    def _does(self, key: MasterKey) -> str:
        if key.state is KeyState.COMPROMISED:
            return "compromised: its links opt out and open nothing else"
        if key == self.minting:
            return "mints" if key == self.next else f"mints until {time_of(self.next.start)}"
        return f"verifies, and mints from {time_of(key.start)} on" if key == self.next else "verifies"

    def rotated(self) -> Keys:
        """With a new version that mints ten minutes from now on. Raises CannotRun while one waits for its time."""
        if self.next.start > self.now:
            at = time_of(self.next.start)
            raise CannotRun(f"Version {self.next.version} is new and mints from {at} on: rotate again after that.")
        return keys_from(_text(self._with_new(self.now + MINTS_AFTER)), self.now)

    def come_back(self) -> Keys:
        """Out of a backup: with a new version, whose number leaves out those that may have been given since.

        So no number names two keys: not in links that are out, nor in the ledger, in a container or in a later backup.
        They are as they were where no number is left.
        """
        newest = max(key.version for key in self.ring)
        version = min(newest + LEFT_OUT + 1, len(VERSION_CHARS) - 1)
        if version == newest:
            return self
        return keys_from(_text(self._with_new(self.now + MINTS_AFTER, version)), self.now)

    def compromised(self, version: int) -> Keys:
        """With this version marked; where it mints, or was to, a new one does in its place. Raises CannotRun."""
        if str(version) not in self.told:
            raise CannotRun(f"There is no version {version}: there are {', '.join(self.told)}.")
        if self.told[str(version)]["state"] == KeyState.COMPROMISED:
            return self
        minting, coming = self.minting.version, self.next.version
        # Every link that it mints from now on would open nothing: what follows it does not wait.
        start = self.now if version == minting else self.now + MINTS_AFTER
        told = self._with_new(start) if version == coming else self.told
        if version == minting != coming:
            told = _changed(told, coming, **{"from": time_of(start)})
        return keys_from(_text(_changed(told, version, state=str(KeyState.COMPROMISED))), self.now)

    def _with_new(self, start: int, version: int = 0) -> Told:
        """With a new version, the next one if none is told, that mints from `start` on, and none besides it."""
        version = version or max(key.version for key in self.ring) + 1
        if version >= len(VERSION_CHARS):
            raise CannotRun(f"All {len(VERSION_CHARS)} versions that a link can name are used: there is no other.")
        secret = base64.b64encode(secrets.token_bytes(SECRET_OCTETS)).decode("ascii")
        new = {"secret": secret, "state": str(KeyState.MINTING), "from": time_of(start)}
        return {**_changed(self.told, self.next.version, state=str(KeyState.VERIFYING)), str(version): new}


def _changed(told: Told, version: int, **change: str) -> Told:
    return {**told, str(version): {**told[str(version)], **change}}


def _text(told: Told) -> str:
    return json.dumps(told)


def keys_from(text: str, now: int) -> Keys:
    """The keys that a text holds. Raises CannotRun where the service could not use them."""
    try:
        ring = tuple(master_keys_from(text, "What is kept as the master keys"))
        Keyring(ring)
    except SettingsError as error:
        raise CannotRun(f"The master keys cannot be used: {error}. Restore them from a backup.") from None
    return Keys(json.loads(text), ring, now)


def time_of(milliseconds: int) -> str:
    """`2026-11-21T08:00:00Z`, for people and to be kept; parts of a second count as a whole one."""
    return str(tell(-(-milliseconds // _SECOND) * _SECOND)).replace(".000Z", "Z")
