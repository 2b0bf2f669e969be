"""A replica of one sender's recipients, as a client makes it of `GET /v1/changes`, alone or after an export."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.state import Block, Choice, Mark, State, Value

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")
_OF_ALL = {"complaint", "opted_out_of_all"}
Cells = dict[tuple[str, str], set[str]]
"""Scope and reason of a row → the categories that it excepts."""


def millis(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


def state_from(told: dict[str, Any]) -> State:
    """The state whose registers are written out."""
    registers: dict[str, Any] = {
        "choice": {
            scope: Choice(millis(raw["at"]), Value(raw["value"]), raw["act"], millis(raw["since"]), raw["source"])
            for scope, raw in told.get("choice", {}).items()
        },
        "block": {
            scope: Block(millis(raw["at"]), raw["on"], raw["act"]) for scope, raw in told.get("block", {}).items()
        },
    }
    for name in ("stated", "consent", "consent_told"):
        registers[name] = {scope: _mark(raw) for scope, raw in told.get(name, {}).items()}
    for name in ("complaint", "bounced", "bounce_lifted", "erased"):
        registers[name] = _mark(told[name]) if name in told else None
    return State(**registers)


def _mark(raw: dict[str, str]) -> Mark:
    return Mark(millis(raw["at"]), raw["act"])


@dataclass
class Replica:
    """What a client holds of each recipient, and what is wrong with what it was told."""

    registers: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    """Of `current`, by recipient."""
    addresses: dict[str, str | None] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    """The version of the last change that came, by recipient."""
    cells: dict[str, Cells] = field(default_factory=dict)
    of_sender: list[dict[str, Any]] = field(default_factory=list)
    changes: int = 0
    wrong: list[str] = field(default_factory=list)

    def take(self, change: dict[str, Any]) -> None:
        """One change, in the order in which it came."""
        self.changes += 1
        if change["type"] != "recipient":
            self._take_of_sender(change)
            return
        who, version, current = change["recipient"], change["version"], change["current"]
        last = self.told.get(who, 0)
        if version != last + 1:
            what = "twice or out of order" if version <= last else "after one that was missed"
            self.wrong.append(f"{who}: version {version} came {what}, after {last}")
        if current["version"] < version:
            self.wrong.append(f"{who}: version {version} came with the state of {current['version']}")
        self.told[who] = version
        if current["version"] > self.versions.get(who, 0):
            self.versions[who], self.registers[who] = current["version"], current["registers"]
            self.addresses[who] = change["address"]
        self._follow_rows(self.cells.setdefault(who, {}), change)

    def _take_of_sender(self, change: dict[str, Any]) -> None:
        if self.of_sender and change["version"] != self.of_sender[-1]["version"] + 1:
            self.wrong.append(f"the sender's version {change['version']} is out of order")
        self.of_sender.append(change)

    def _follow_rows(self, cells: Cells, change: dict[str, Any]) -> None:
        for row in change["added"]:
            scope, reason = row["category"], row["reason"]
            if scope != "*" and reason in _OF_ALL:
                self._excepted(cells, change, reason).discard(scope)
            else:
                cells[scope, reason] = set()
        for row in change["removed"]:
            scope, reason = row["category"], row["reason"]
            if scope != "*" and reason in _OF_ALL:
                self._excepted(cells, change, reason).add(scope)
            elif cells.pop((scope, reason), None) is None:
                self.wrong.append(f"{change['recipient']}: a row went that was not there")

    def _excepted(self, cells: Cells, change: dict[str, Any], reason: str) -> set[str]:
        if ("*", reason) not in cells:
            self.wrong.append(f"{change['recipient']}: a row excepts a category, and is not there")
        return cells.setdefault(("*", reason), set())

    def state(self, who: str) -> State:
        return state_from(self.registers[who])


@dataclass
class Copy(Replica):
    """A replica that begins with an export, and takes of the feed what is newer."""

    categories: list[dict[str, Any]] = field(default_factory=list)
    version: int = 0
    """The sender's, of which the categories are."""
    based: dict[str, int] = field(default_factory=dict)
    """The version of the export's line, by recipient."""
    ask_again: Callable[[], dict[str, Any]] = dict
    """`GET /v1/categories`: a change of the sender itself says only that there is one."""

    def begin(self, told: dict[str, Any], lines: Iterable[dict[str, Any]]) -> None:
        """With what `GET /v1/exports/{id}` told, and the lines of the file."""
        self.categories, self.version = told["categories"], told["version"]
        for line in lines:
            who = line["recipient"]
            if who in self.versions:
                self.wrong.append(f"{who} is in the file twice")
            self.versions[who] = self.based[who] = line["version"]
            self.registers[who], self.addresses[who] = line["registers"], line["address"]
            rows = line["suppressions"]
            self.cells[who] = {(row["category"], row["reason"]): set(row["except"]) for row in rows}

    def take(self, change: dict[str, Any]) -> None:
        """As a replica from the beginning, but that the first changes of each recipient may be in the file."""
        if change["type"] == "recipient":
            self.told.setdefault(change["recipient"], min(change["version"] - 1, self._base(change)))
        super().take(change)

    def _base(self, change: dict[str, Any]) -> int:
        return self.based.get(change["recipient"], 0)

    def _follow_rows(self, cells: Cells, change: dict[str, Any]) -> None:
        if change["version"] > self._base(change):
            super()._follow_rows(cells, change)

    def _take_of_sender(self, change: dict[str, Any]) -> None:
        if change["version"] <= self.version:
            return
        if change["version"] != self.version + 1:
            self.wrong.append(f"the sender's version {change['version']} came after {self.version}")
        if change["type"] == "sender":
            told = self.ask_again()
            self.categories, self.version = told["categories"], told["version"]
            return
        self.version, told = change["version"], change["category"]
        places = [place for place, held in enumerate(self.categories) if held["id"] == told["id"]]
        self.categories[slice(places[0], places[0] + 1) if places else slice(len(self.categories), None)] = [told]
