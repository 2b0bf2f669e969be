"""Senders: the tenants of a deployment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from chalicelib.domain.categories import Catalogue, Category
from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.identity import DEFAULT_SHARDS, MAX_SHARDS, recipient_id, shard_of
from chalicelib.domain.profiles import MAX_NAME, Profile
from chalicelib.domain.texts import check_line, merged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.domain.addresses import Address

SENDER_CODE = re.compile(r"[a-z2-7]{8}")
PEPPER_OCTETS = 32
_OWN = frozenset({"name", "form_open"})
"""What may change of a sender and is not of its profile."""


@dataclass(frozen=True, slots=True)
class Sender:
    """One tenant. `shards` is fixed at its creation; `hashed` senders keep recipient ids alone, no address.

    A `closed` one asks nothing any more: its API refuses, while its links, pages and opt-outs go on (conformance C2).
    `version` counts its changes, those of its categories too.
    """

    code: str
    name: str
    catalogue: Catalogue
    pepper: bytes = field(repr=False)
    shards: int = DEFAULT_SHARDS
    hashed: bool = False
    form_open: bool = True
    profile: Profile = field(default_factory=Profile)
    version: int = 1
    closed: bool = False

    def __post_init__(self) -> None:
        if not SENDER_CODE.fullmatch(self.code):
            raise InvalidRequest("a sender code has 8 characters out of a-z and 2-7", "/code")
        if not 1 <= self.shards <= MAX_SHARDS:
            raise InvalidRequest(f"a sender has 1 to {MAX_SHARDS} shards", "/shards")
        if len(self.pepper) != PEPPER_OCTETS:
            raise InvalidRequest(f"a pepper has {PEPPER_OCTETS} octets")
        check_line(self.name, MAX_NAME, "/name")

    def changing(self, fields: Mapping[str, Any]) -> Sender:
        """With these fields of it and of its profile; what they do not name stays, languages too (conformance H4)."""
        profile = {name: value for name, value in fields.items() if name not in _OWN}
        default = fields.get("default_language", self.profile.default_language)
        if "default_language" not in fields and default not in fields.get("languages", (default,)):
            raise InvalidRequest(f"the default language, {default}, is one of them", "/languages")
        if "names" in profile:
            profile["names"] = merged(self.profile.names, profile["names"])
        own = {name: value for name, value in fields.items() if name in _OWN}
        return replace(self, profile=replace(self.profile, **profile), **own)

    def place_of(self, address: Address) -> Place:
        """Where the recipient of this address is kept."""
        return self.place_of_id(recipient_id(self.pepper, address.key))

    def place_of_id(self, recipient: str) -> Place:
        """Where the recipient of this id is kept."""
        return Place(self.code, shard_of(recipient, self.shards), recipient)


@dataclass(frozen=True, slots=True)
class Place:
    """One recipient of one sender, and the shard that holds it. Nothing is ever looked up by less than this."""

    sender: str
    shard: int
    recipient: str


@dataclass(frozen=True, slots=True)
class SenderEntry:
    """One line of the ledger of shard 0 that tells of the sender itself, so that whoever follows learns of it.

    `version` is the sender's with this change, `recorded` in milliseconds since 1970 UTC, `category` what the category
    is since then; None where the sender's own description or the order of its categories changed.
    """

    sender: str
    seq: int
    recorded: int
    version: int
    category: Category | None = None


@dataclass(frozen=True, slots=True)
class Hole:
    """One line that was lost: a restored table had its number, by the head or a line behind it, and not the line.

    It stands there so that a reader, who waits at a missing number, goes on. `recorded` is when it was put there, in
    milliseconds since 1970 UTC.
    """

    sender: str
    seq: int
    recorded: int
