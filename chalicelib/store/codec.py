"""Domain values ⇄ compact JSON, as it lies in the table. Short, because a state should fit one write unit.

A register's content is a list, its times are milliseconds, and what can be told from the rest is left out. Every text
that is written here stays readable for ever: change it by adding, never by reinterpreting.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.domain.acts import PARTS, Act, Part, Restored, Undone, Via
from chalicelib.domain.categories import Category, Ground, Kind
from chalicelib.domain.decision import Reason
from chalicelib.domain.state import Block, Choice, Mark, State, Value
from chalicelib.domain.suppressions import Effects

if TYPE_CHECKING:
    from collections.abc import Mapping

_VALUES = {"o": Value.OUT, "u": Value.UNSET, "i": Value.IN}
_LETTERS = {value: letter for letter, value in _VALUES.items()}
_KINDS = {part.__name__: part for part in PARTS}
_SCOPED_MARKS = {"s": "stated", "k": "consent", "t": "consent_told"}
_MARKS = {"m": "complaint", "b": "bounced", "l": "bounce_lifted", "e": "erased"}


def dump(value: object) -> str:
    """JSON without white space."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def dump_choice(choice: Choice) -> list[Any]:
    """`[at, value, act]`, and `since` and `source` where an undo made them differ."""
    short = [choice.at, _LETTERS[choice.value], choice.act]
    return short if (choice.since, choice.source) == (choice.at, choice.act) else [*short, choice.since, choice.source]


def load_choice(raw: list[Any]) -> Choice:
    """The choice that `dump_choice` wrote."""
    at, letter, act = raw[:3]
    since, source = raw[3:] or (at, act)
    return Choice(at, _VALUES[letter], act, since, source)


def dump_state(state: State) -> str:
    """All registers that hold something."""
    raw: dict[str, Any] = {}
    if state.choice:
        raw["c"] = {scope: dump_choice(choice) for scope, choice in state.choice.items()}
    if state.block:
        raw["x"] = {scope: [block.at, int(block.is_on), block.act] for scope, block in state.block.items()}
    for letter, name in _SCOPED_MARKS.items():
        if marks := getattr(state, name):
            raw[letter] = {scope: [mark.at, mark.act] for scope, mark in marks.items()}
    for letter, name in _MARKS.items():
        if (mark := getattr(state, name)) is not None:
            raw[letter] = [mark.at, mark.act]
    return dump(raw)


def load_state(text: str) -> State:
    """The state that `dump_state` wrote."""
    raw = json.loads(text)
    registers: dict[str, Any] = {}
    if "c" in raw:
        registers["choice"] = {scope: load_choice(choice) for scope, choice in raw["c"].items()}
    if "x" in raw:
        registers["block"] = {scope: Block(at, bool(is_on), act) for scope, (at, is_on, act) in raw["x"].items()}
    for letter, name in _SCOPED_MARKS.items():
        if letter in raw:
            registers[name] = {scope: Mark(*mark) for scope, mark in raw[letter].items()}
    for letter, name in _MARKS.items():
        if letter in raw:
            registers[name] = Mark(*raw[letter])
    return State(**registers)


def dump_act(act: Act) -> dict[str, Any]:
    """`{"id", "via", "parts": [[kind, …fields in their order], …]}` and `key`, the version of the link's key."""
    raw: dict[str, Any] = {"id": act.id, "via": str(act.via), "parts": [_dump_part(part) for part in act.parts]}
    return raw if act.key_version is None else {**raw, "key": act.key_version}


def load_act(raw: Mapping[str, Any]) -> Act:
    """The act that `dump_act` wrote."""
    parts = tuple(_load_part(part) for part in raw["parts"])
    return Act(raw["id"], Via(raw["via"]), parts, raw.get("key"))


def _dump_part(part: Part) -> list[Any]:
    if isinstance(part, Undone):
        restored = [[former.scope, _dump_former(former.choice)] for former in part.restored]
        return ["Undone", list(part.acts), restored, part.at]
    return [type(part).__name__, *(getattr(part, name) for name in part.__dataclass_fields__)]


def _load_part(raw: list[Any]) -> Part:
    kind, *fields = raw
    if kind == "Undone":
        acts, restored, at = fields
        return Undone(tuple(acts), tuple(Restored(scope, _load_former(former)) for scope, former in restored), at)
    return _KINDS[kind](*fields)


def dump_formers(formers: Mapping[str, Choice | None]) -> dict[str, Any]:
    """Scope → choice or null."""
    return {scope: _dump_former(choice) for scope, choice in formers.items()}


def load_formers(raw: Mapping[str, Any]) -> dict[str, Choice | None]:
    """What `dump_formers` wrote."""
    return {scope: _load_former(former) for scope, former in raw.items()}


def dump_effects(effects: Effects) -> list[Any]:
    """`[[[scope, reason, since], …], [[scope, reason], …]]`: added, removed."""
    return [[list(added) for added in effects.added], [list(removed) for removed in effects.removed]]


def load_effects(raw: list[Any]) -> Effects:
    """What `dump_effects` wrote."""
    added, removed = raw
    return Effects(
        tuple((scope, Reason(reason), since) for scope, reason, since in added),
        tuple((scope, Reason(reason)) for scope, reason in removed),
    )


def dump_category(category: Category) -> dict[str, Any]:
    """Its fields by their names."""
    return {name: getattr(category, name) for name in Category.__dataclass_fields__}


def load_category(raw: dict[str, Any]) -> Category:
    """What `dump_category` wrote."""
    ground = raw.get("ground")
    return Category(**{**raw, "kind": Kind(raw["kind"]), "ground": None if ground is None else Ground(ground)})


def _dump_former(choice: Choice | None) -> list[Any] | None:
    return None if choice is None else dump_choice(choice)


def _load_former(raw: list[Any] | None) -> Choice | None:
    return None if raw is None else load_choice(raw)
