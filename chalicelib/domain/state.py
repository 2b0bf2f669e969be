"""What is known of a recipient: registers, each of which keeps its greatest value.

Because every register only ever grows, applying acts is total, idempotent and independent of order and repetition.
Times are milliseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

_NONE: Mapping[str, Any] = MappingProxyType({})


class Value(StrEnum):
    """What a recipient chose."""

    OUT = "out"
    UNSET = "unset"
    IN = "in"


_RANK = {Value.OUT: 2, Value.UNSET: 1, Value.IN: 0}


@dataclass(frozen=True, slots=True)
class Choice:
    """A recipient's own choice: written by the act `act` at `at`; counts from `since`, made by the act `source`.

    The two pairs differ after an undo only, which writes the former content back under its own date.
    """

    at: int
    value: Value
    act: str
    since: int
    source: str

    @property
    def order(self) -> tuple[int, int, str, int, str]:
        """Newest first, then out > unset > in, then anything total."""
        return (self.at, _RANK[self.value], self.act, self.since, self.source)


@dataclass(frozen=True, slots=True)
class Mark:
    """That something happened, when, and by which act."""

    at: int
    act: str

    @property
    def order(self) -> tuple[int, str]:
        """Newest first."""
        return (self.at, self.act)


@dataclass(frozen=True, slots=True)
class Block:
    """Whether the sender withholds mail by its own hand."""

    at: int
    is_on: bool
    act: str

    @property
    def order(self) -> tuple[int, bool, str]:
        """Newest first, then on > off."""
        return (self.at, self.is_on, self.act)


@dataclass(frozen=True, slots=True)
class State:
    """All registers of one recipient. Mappings go by scope: a category id or `*`; they are never written to."""

    choice: Mapping[str, Choice] = field(default_factory=lambda: _NONE)
    stated: Mapping[str, Mark] = field(default_factory=lambda: _NONE)
    consent: Mapping[str, Mark] = field(default_factory=lambda: _NONE)
    consent_told: Mapping[str, Mark] = field(default_factory=lambda: _NONE)
    block: Mapping[str, Block] = field(default_factory=lambda: _NONE)
    complaint: Mark | None = None
    bounced: Mark | None = None
    bounce_lifted: Mark | None = None
    erased: Mark | None = None

    def newest(self) -> int:
        """The newest time anywhere in it; 0 where nothing is known."""
        return max((register.at for register in self.registers()), default=0)

    def registers(self) -> Iterator[Choice | Mark | Block]:
        """Every register that holds something."""
        for kept in (self.choice, self.stated, self.consent, self.consent_told, self.block):
            yield from kept.values()
        for mark in (self.complaint, self.bounced, self.bounce_lifted, self.erased):
            if mark is not None:
                yield mark


NOTHING_KNOWN = State()
