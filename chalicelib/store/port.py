"""What the write path asks of an engine, in words of the domain: one strong read, one transaction.

`DynamoEngine` speaks to DynamoDB. The simulation in `tests/` has one in memory that loses answers, skews clocks and
lets other writers in between any two calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.acts import Evidence
from chalicelib.domain.recipients import Entry, Recipient

if TYPE_CHECKING:
    from chalicelib.domain.senders import Place

FIRST_EPOCH = 1


@dataclass(frozen=True, slots=True)
class Head:
    """The last sequence number of a shard's ledger, and its epoch: a restore starts a new one."""

    seq: int = 0
    epoch: int = FIRST_EPOCH


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One strong read: the recipient and the head, None where absent, and the engine's `Date` where it sends one."""

    recipient: Recipient | None
    head: Head | None
    date: int | None


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction: recipient (if its version is still `entry.version - 1`), entry (if absent), head (if unchanged).

    `token` is the ClientRequestToken: the same commit sent again with the same token is carried out once.
    `evidence` goes with a consent, onto an item of its own.
    """

    recipient: Recipient
    entry: Entry
    head_before: Head | None
    token: str
    evidence: Evidence | None = None

    @property
    def head(self) -> Head:
        """The head that it writes."""
        before = self.head_before or Head()
        return Head(self.entry.seq, before.epoch)


class Refused(Exception):
    """The transaction was not carried out. `head` is the head found if that alone had moved, else None."""

    def __init__(self, head: Head | None = None) -> None:
        super().__init__("refused")
        self.head = head


class OutcomeUnknown(Exception):
    """The engine did not answer: the transaction may have been carried out, or may yet be."""


class Busy(Exception):
    """The engine asks to come back later (throttling, unprocessed keys, a conflict); nothing was carried out."""


class Engine(Protocol):
    """One DynamoDB table of recipients."""

    def read(self, place: Place) -> Snapshot:
        """A strong read of recipient and head. Raises `Busy` where any key came back unprocessed."""

    def commit(self, commit: Commit) -> None:
        """All of it or nothing. Raises `Refused`, `OutcomeUnknown`, `Busy`."""
