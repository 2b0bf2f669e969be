"""What every act does to every register: one table, and nothing outside it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from chalicelib.domain.acts import (
    CONSENT_ALLOWANCE,
    PARTS,
    Act,
    Blocked,
    Bounced,
    BounceLifted,
    Complained,
    Consented,
    Erased,
    OptedIn,
    OptedOut,
    Part,
    Restored,
    Stated,
    Unblocked,
    Undone,
    Via,
)
from chalicelib.domain.categories import ALL
from chalicelib.domain.fold import apply
from chalicelib.domain.state import Block, Choice, Mark, State, Value

ERASED, OLD, TIE, NEW = 500, 700, 1_000, 2_000
"""A recipient that was erased, then came back: at TIE every register but `erased` was filled."""

Register = tuple[str, str]

# =    the register stays as it is
# new  it holds what the act says
# gone it is emptied
TABLE = """
                 choice   choice   stated   stated   consent  told     block    block    complaint bounced lifted erased
                 a        *        a        *        a        a        a        *
OptedOut a       new      =        =        =        =        =        =        =        =         =       =      =
OptedOut *       =        new      =        =        =        =        =        =        =         =       =      =
OptedIn a        new      =        =        =        =        =        =        =        =         =       =      =
Undone a         new      =        =        =        =        =        =        =        =         =       =      =
Undone *         =        new      =        =        =        =        =        =        =         =       =      =
Stated a         =        =        new      =        =        =        =        =        =         =       =      =
Stated *         =        =        =        new      =        =        =        =        =         =       =      =
Consented api    =        =        =        =        new      =        =        =        =         =       =      =
Consented import =        =        =        =        =        new      =        =        =         =       =      =
Blocked a        =        =        =        =        =        =        new      =        =         =       =      =
Blocked *        =        =        =        =        =        =        =        new      =         =       =      =
Unblocked a      =        =        =        =        =        =        new      =        =         =       =      =
Unblocked *      =        =        =        =        =        =        =        new      =         =       =      =
Complained       =        =        =        =        =        =        =        =        new       =       =      =
Bounced          =        =        =        =        =        =        =        =        =         new     =      =
BounceLifted     =        =        =        =        =        =        =        =        =         =       new    =
Erased           gone     gone     gone     gone     gone     gone     =        =        =         =       =      new
"""
NAMES = {"told": "consent_told", "lifted": "bounce_lifted"}
FORMER = Choice(300, Value.OUT, "older", 300, "older")


def _rows() -> tuple[list[Register], dict[str, list[str]]]:
    first, second, *rest = TABLE.strip("\n").splitlines()
    scopes = second.split() + [""] * 4
    columns = [(NAMES.get(name, name), scope) for name, scope in zip(first.split(), scopes, strict=True)]
    return columns, {line[:17].strip(): line[17:].split() for line in rest}


COLUMNS, ROWS = _rows()


def act(name: str, at: int, act_id: str = "new") -> Act:
    """The act of a row, at a time."""
    kind, _, which = name.partition(" ")
    parts: dict[str, Part] = {
        "OptedOut": OptedOut(which, at),
        "OptedIn": OptedIn(which, at),
        "Undone": Undone(("x",), (Restored(which, FORMER),), at),
        "Stated": Stated(which, at),
        "Consented": Consented("a", at + CONSENT_ALLOWANCE),
        "Blocked": Blocked(which, at),
        "Unblocked": Unblocked(which, at),
        "Complained": Complained(at),
        "Bounced": Bounced(at),
        "BounceLifted": BounceLifted(at),
        "Erased": Erased(at),
    }
    return Act(act_id, Via.IMPORT if which == "import" else Via.API, (parts[kind],))


def content(name: str, at: int) -> Choice | Mark | Block:
    """What the act of a row puts into its register."""
    kind = name.partition(" ")[0]
    if kind == "Undone":
        return Choice(at, Value.OUT, "new", 300, "older")
    if kind in {"OptedOut", "OptedIn"}:
        return Choice(at, Value.OUT if kind == "OptedOut" else Value.IN, "new", at, "new")
    if kind in {"Blocked", "Unblocked"}:
        return Block(at, kind == "Blocked", "new")
    return Mark(at, "new")


def full() -> State:
    """Every register holds something."""
    choice, mark, block = Choice(TIE, Value.UNSET, "m", TIE, "m"), Mark(TIE, "m"), Block(TIE, is_on=False, act="m")
    both = {"a", ALL}
    return State(
        choice=dict.fromkeys(both, choice),
        stated=dict.fromkeys(both, mark),
        consent={"a": mark},
        consent_told={"a": mark},
        block=dict.fromkeys(both, block),
        complaint=mark,
        bounced=mark,
        bounce_lifted=mark,
        erased=Mark(ERASED, "m"),
    )


def held(state: State) -> dict[Register, Any]:
    """Register → what it holds."""
    found = {}
    for name, scope in COLUMNS:
        register = getattr(state, name)
        found[name, scope] = register.get(scope) if scope else register
    return found


def test_the_table_has_every_register_and_every_act() -> None:
    assert {name for name, _ in COLUMNS} == {register.name for register in fields(State)}
    assert {name.partition(" ")[0] for name in ROWS} == {part.__name__ for part in PARTS}
    assert {len(row) for row in ROWS.values()} == {len(COLUMNS)}
    assert None not in held(full()).values()


@pytest.mark.parametrize("name", ROWS)
def test_a_newer_act_does_what_the_table_says(name: str) -> None:
    before = full()
    after = held(apply(before, act(name, NEW)))

    for register, does in zip(COLUMNS, ROWS[name], strict=True):
        expected = {"=": held(before)[register], "new": content(name, NEW), "gone": None}[does]
        assert after[register] == expected, register


@pytest.mark.parametrize("name", ROWS)
def test_an_older_act_changes_nothing_but_that_an_erasure_is_newer_than_an_erasure(name: str) -> None:
    before = full()
    after = apply(before, act(name, OLD))

    assert after == (replace(before, erased=Mark(OLD, "new")) if name == "Erased" else before)


@pytest.mark.parametrize("name", ROWS)
def test_into_an_empty_register_every_act_gets(name: str) -> None:
    after = held(apply(State(), act(name, NEW)))

    for register, does in zip(COLUMNS, ROWS[name], strict=True):
        assert after[register] == (content(name, NEW) if does == "new" else None)


@pytest.mark.parametrize("name", ROWS)
def test_what_is_older_than_an_erasure_stays_forgotten(name: str) -> None:
    """C5: what was dropped is not brought back by an act that comes late; the others are not about the past."""
    erased = State(erased=Mark(NEW, "m"))
    forgotten = {register for register, does in zip(COLUMNS, ROWS["Erased"], strict=True) if does == "gone"}

    after = apply(erased, act(name, OLD))

    written = {register for register, does in zip(COLUMNS, ROWS[name], strict=True) if does == "new"}
    assert (after is erased) == (written <= forgotten or name == "Erased")


UNSET = Undone(("x",), (Restored("a", None),), NEW)
TIES: list[tuple[Part, Part]] = [
    (OptedOut("a", NEW), OptedIn("a", NEW)),
    (OptedOut("a", NEW), UNSET),
    (UNSET, OptedIn("a", NEW)),
    (Blocked("a", NEW), Unblocked("a", NEW)),
]


@pytest.mark.parametrize("pair", TIES, ids=lambda pair: "+".join(type(part).__name__ for part in pair))
@pytest.mark.parametrize("order", [1, -1])
def test_at_the_same_time_the_restriction_wins_whatever_comes_first(pair: tuple[Part, Part], order: int) -> None:
    """Even where the other one has the greater id."""
    stronger, weaker = Act("aaa", Via.API, (pair[0],)), Act("zzz", Via.API, (pair[1],))
    first, second = (stronger, weaker)[::order]

    assert apply(apply(State(), first), second) == apply(State(), stronger)


@pytest.mark.parametrize("name", [name for name in ROWS if not name.startswith(("Undone", "Erased"))])
def test_at_the_same_time_the_greater_id_of_two_alike_wins(name: str) -> None:
    """So that every order ends the same."""
    one, other = act(name, NEW, "aaa"), act(name, NEW, "zzz")

    assert apply(apply(State(), one), other) == apply(apply(State(), other), one) == apply(State(), other)
