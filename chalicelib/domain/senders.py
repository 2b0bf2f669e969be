"""Senders: the tenants of a deployment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.domain.categories import Catalogue, Category
from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.identity import DEFAULT_SHARDS, MAX_SHARDS, recipient_id, shard_of

if TYPE_CHECKING:
    from chalicelib.domain.addresses import Address

SENDER_CODE = re.compile(r"[a-z2-7]{8}")
PEPPER_OCTETS = 32
MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class Sender:
    """One tenant. `shards` is fixed at its creation; `hashed` senders keep recipient ids alone, no address."""

    code: str
    name: str
    catalogue: Catalogue
    pepper: bytes = field(repr=False)
    shards: int = DEFAULT_SHARDS
    hashed: bool = False
    form_open: bool = True

    def __post_init__(self) -> None:
        if not SENDER_CODE.fullmatch(self.code):
            raise InvalidRequest("a sender code has 8 characters out of a-z and 2-7", "/code")
        if not 1 <= self.shards <= MAX_SHARDS:
            raise InvalidRequest(f"a sender has 1 to {MAX_SHARDS} shards", "/shards")
        if len(self.pepper) != PEPPER_OCTETS:
            raise InvalidRequest(f"a pepper has {PEPPER_OCTETS} octets")
        if not self.name.strip() or len(self.name) > MAX_NAME:
            raise InvalidRequest(f"a sender has a name of at most {MAX_NAME} characters", "/name")
        if not self.name.isprintable():
            raise InvalidRequest("a name is one line of text", "/name")

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
