"""Every act on every register, and every rule of the decision: what the design expects, as tables."""

from __future__ import annotations

from dataclasses import fields
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.domain.acts import (
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
from chalicelib.domain.categories import ALL, Catalogue, Category, Ground, Kind
from chalicelib.domain.decision import Reason, decide
from chalicelib.domain.errors import UnknownCategory
from chalicelib.domain.fold import apply
from chalicelib.domain.state import Block, Choice, Mark, State, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

Content = Choice | Mark | Block
TWO_MINUTES = 120_000
LONG_AGO, OLDER, HELD, NEWER = 1_000_000, 2_000_000, 3_000_000, 4_000_000

# What a register that holds something (since HELD, by "m") holds after an act:
#   stays   what it held, whenever the act was
#   gone    nothing, if the act is newer or of the same time; what it held, if the act is older
#   else    the content of that name, if the act is newer; what it held, if the act is older; TIES, at the same time
TABLE = """
                  choice  choice  stated  stated  consent told    block   block   complaint bounced lifted  erased
                  a       *       a       *       a       a       a       *
OptedOut a        out     stays   stays   stays   stays   stays   stays   stays   stays     stays   stays   stays
OptedOut *        stays   out     stays   stays   stays   stays   stays   stays   stays     stays   stays   stays
OptedIn a         in      stays   stays   stays   stays   stays   stays   stays   stays     stays   stays   stays
Undone a,out      out/f   stays   stays   stays   stays   stays   stays   stays   stays     stays   stays   stays
Undone a,in       in/f    stays   stays   stays   stays   stays   stays   stays   stays     stays   stays   stays
Undone a,unset    unset/f stays   stays   stays   stays   stays   stays   stays   stays     stays   stays   stays
Undone a,nothing  unset   stays   stays   stays   stays   stays   stays   stays   stays     stays   stays   stays
Undone *,out      stays   out/f   stays   stays   stays   stays   stays   stays   stays     stays   stays   stays
Undone *,nothing  stays   unset   stays   stays   stays   stays   stays   stays   stays     stays   stays   stays
Stated a          stays   stays   mark    stays   stays   stays   stays   stays   stays     stays   stays   stays
Stated *          stays   stays   stays   mark    stays   stays   stays   stays   stays     stays   stays   stays
Consented a,api   stays   stays   stays   stays   mark    stays   stays   stays   stays     stays   stays   stays
Consented a,told  stays   stays   stays   stays   stays   mark    stays   stays   stays     stays   stays   stays
Blocked a         stays   stays   stays   stays   stays   stays   on      stays   stays     stays   stays   stays
Blocked *         stays   stays   stays   stays   stays   stays   stays   on      stays     stays   stays   stays
Unblocked a       stays   stays   stays   stays   stays   stays   off     stays   stays     stays   stays   stays
Unblocked *       stays   stays   stays   stays   stays   stays   stays   off     stays     stays   stays   stays
Complained        stays   stays   stays   stays   stays   stays   stays   stays   mark      stays   stays   stays
Bounced           stays   stays   stays   stays   stays   stays   stays   stays   stays     mark    stays   stays
BounceLifted      stays   stays   stays   stays   stays   stays   stays   stays   stays     stays   mark    stays
Erased            gone    gone    gone    gone    gone    gone    stays   stays   stays     stays   stays   mark
"""
REGISTERS = {"told": "consent_told", "lifted": "bounce_lifted"}

# At the same time: what it holds, what the act says → which of the two is held afterwards ("id": that of the greater
# act id). Choices: out > unset > in; blocks: on > off.
TIES = {
    ("out", "out"): "id",
    ("out", "unset"): "held",
    ("out", "in"): "held",
    ("unset", "out"): "act",
    ("unset", "unset"): "id",
    ("unset", "in"): "held",
    ("in", "out"): "act",
    ("in", "unset"): "act",
    ("in", "in"): "id",
    ("on", "on"): "id",
    ("on", "off"): "held",
    ("off", "on"): "act",
    ("off", "off"): "id",
    ("mark", "mark"): "id",
}

# An act that comes after an erasure but is older than it, or of its time. A second erasure is no newer one.
LATE = {
    "OptedOut": "lost",
    "OptedIn": "lost",
    "Undone": "lost",
    "Stated": "lost",
    "Consented": "lost",
    "Blocked": "counts",
    "Unblocked": "counts",
    "Complained": "counts",
    "Bounced": "counts",
    "BounceLifted": "counts",
}

Column = tuple[str, str]
HOLDABLE = {
    "choice": ("out", "unset", "in"),
    "block": ("on", "off"),
    "stated": ("mark",),
    "consent": ("mark",),
    "consent_told": ("mark",),
    "complaint": ("mark",),
    "bounced": ("mark",),
    "bounce_lifted": ("mark",),
    "erased": ("mark",),
}
VALUES = {"out": Value.OUT, "unset": Value.UNSET, "in": Value.IN}


def _read() -> tuple[list[Column], dict[str, list[str]]]:
    names, scopes, *rest = TABLE.strip("\n").splitlines()
    columns = [
        (REGISTERS.get(name, name), scope)
        for name, scope in zip(names.split(), [*scopes.split(), "", "", "", ""], strict=True)
    ]
    return columns, {line[:18].strip(): line[18:].split() for line in rest}


COLUMNS, ROWS = _read()


def content(word: str, at: int, act: str) -> Content:
    """What a word of the table means. `/f`: former content, under its own date and source."""
    word, _, is_former = word.partition("/")
    if word in VALUES:
        since, source = (LONG_AGO, "former") if is_former else (at, act)
        return Choice(at, VALUES[word], act, since, source)
    if word in {"on", "off"}:
        return Block(at, word == "on", act)
    assert word == "mark"
    return Mark(at, act)


def act_of(row: str, at: int, act_id: str = "z") -> Act:
    """The act of a row; consent is told two minutes later than it counts."""
    kind, _, rest = row.partition(" ")
    scope, _, which = rest.partition(",")
    former = Choice(LONG_AGO, VALUES[which], "former", LONG_AGO, "former") if which in VALUES else None
    parts: dict[str, Part] = {
        "OptedOut": OptedOut(scope, at),
        "OptedIn": OptedIn(scope, at),
        "Undone": Undone(("m",), (Restored(scope, former),), at),
        "Stated": Stated(scope, at),
        "Consented": Consented(scope, at + TWO_MINUTES),
        "Blocked": Blocked(scope, at),
        "Unblocked": Unblocked(scope, at),
        "Complained": Complained(at),
        "Bounced": Bounced(at),
        "BounceLifted": BounceLifted(at),
        "Erased": Erased(at),
    }
    return Act(act_id, Via.IMPORT if which == "told" else Via.API, (parts[kind],))


def holding(column: Column, held: Content) -> State:
    """One register holds something, all others nothing."""
    name, scope = column
    registers: dict[str, Any] = {name: {scope: held} if scope else held}
    return State(**registers)


def held_by(state: State) -> dict[Column, Content]:
    """Which registers hold something, and what; a scope that no column has would show, too."""
    found: dict[Column, Content] = {}
    for register in fields(State):
        kept = getattr(state, register.name)
        if isinstance(kept, Choice | Mark | Block):
            found[register.name, ""] = kept
        elif kept:
            found |= {(register.name, scope): held for scope, held in kept.items()}
    return found


def cells() -> Iterator[tuple[str, Column, str]]:
    """Every pair with its word."""
    for row, words in ROWS.items():
        for column, word in zip(COLUMNS, words, strict=True):
            yield row, column, word


def written_alone(row: str, at: int, act_id: str = "z") -> dict[Column, Content]:
    """What the act of a row leaves where nothing is known."""
    words = zip(COLUMNS, ROWS[row], strict=True)
    return {column: content(word, at, act_id) for column, word in words if word not in {"stays", "gone"}}


def expected(row: str, column: Column, held: Content, at: int, after: Content | None) -> dict[Column, Content]:
    """The act writes where it would write anyhow; the register that held something holds `after`."""
    others = written_alone(row, at)
    if column == ("erased", "") and at <= HELD and LATE.get(row.split(maxsplit=1)[0]) == "lost":
        others = {}
    whole = {**others, column: after}
    return {register: kept for register, kept in whole.items() if kept is not None}


CELLS = [
    pytest.param(row, column, word, held, id=f"{row}-{'.'.join(column)}-{held}")
    for row, column, word in cells()
    for held in HOLDABLE[column[0]]
]


@pytest.mark.parametrize(("row", "column", "word", "held"), CELLS)
def test_an_act_newer_than_what_is_held(row: str, column: Column, word: str, held: str) -> None:
    before = content(held, HELD, "m")
    after = {"stays": before, "gone": None}[word] if word in {"stays", "gone"} else content(word, NEWER, "z")

    state = apply(holding(column, before), act_of(row, NEWER))

    assert held_by(state) == expected(row, column, before, NEWER, after)


@pytest.mark.parametrize(("row", "column", "word", "held"), CELLS)
def test_an_act_older_than_what_is_held(row: str, column: Column, word: str, held: str) -> None:
    before = content(held, HELD, "m")

    state = apply(holding(column, before), act_of(row, OLDER))

    assert held_by(state) == expected(row, column, before, OLDER, before)


@pytest.mark.parametrize("act_id", ["a", "z"])
@pytest.mark.parametrize(("row", "column", "word", "held"), CELLS)
def test_an_act_of_the_same_time(row: str, column: Column, word: str, held: str, act_id: str) -> None:
    before = content(held, HELD, "m")
    after: Content | None
    if word in {"stays", "gone"}:
        after = {"stays": before, "gone": None}[word]
    else:
        winner = TIES[held, word.partition("/")[0]]
        is_act = winner == "act" or (winner == "id" and act_id > "m")
        after = content(word, HELD, act_id) if is_act else before

    state = held_by(apply(holding(column, before), act_of(row, HELD, act_id)))

    assert state.get(column) == after


@pytest.mark.parametrize("row", ROWS)
def test_an_act_where_nothing_is_held_and_the_same_act_again(row: str) -> None:
    once = apply(State(), act_of(row, NEWER))

    assert held_by(once) == written_alone(row, NEWER)
    assert apply(once, act_of(row, NEWER)) == once


@pytest.mark.parametrize("row", ["Consented a,api", "Consented a,told"])
def test_consent_counts_two_minutes_earlier_than_it_says(row: str) -> None:
    act = act_of(row, NEWER)
    (part,) = act.parts

    (held,) = held_by(apply(State(), act)).values()

    assert isinstance(part, Consented)
    assert part.at - held.at == 2 * 60 * 1_000


@pytest.mark.parametrize("at", [OLDER, HELD])
@pytest.mark.parametrize("row", [row for row in ROWS if row != "Erased"])
def test_an_act_that_comes_after_an_erasure_but_is_not_newer(row: str, at: int) -> None:
    erased = State(erased=Mark(HELD, "m"))

    after = apply(erased, act_of(row, at))

    state, is_lost = held_by(after), LATE[row.split(maxsplit=1)[0]] == "lost"
    came = {} if is_lost else written_alone(row, at)
    assert state == {("erased", ""): Mark(HELD, "m"), **came}
    assert (after is erased) is is_lost  # where nothing changes, there is nothing to write


def test_an_act_on_a_category_leaves_every_other_category_alone() -> None:
    mark, choice, block = Mark(HELD, "m"), Choice(HELD, Value.IN, "m", HELD, "m"), Block(HELD, True, "m")
    others = {"choice": choice, "stated": mark, "consent": mark, "consent_told": mark, "block": block}
    before = State(**{name: {"b": held} for name, held in others.items()})  # type: ignore[arg-type] # on purpose, or a type that the library does not tell

    for row in ROWS:
        if row == "Erased":
            continue
        after = held_by(apply(before, act_of(row, NEWER)))
        assert after == {**held_by(before), **written_alone(row, NEWER)}, row


def _scopes_of(part: type[Part]) -> set[str]:
    names = {one.name for one in fields(part)}
    if names & {"scope", "restored"}:
        return {"a", ALL}
    return {"a"} if "category" in names else {""}


def test_the_table_has_every_register_and_every_act() -> None:
    """Whoever adds a register or a kind of act says here what becomes of what."""
    state = State()
    by_scope = {register.name for register in fields(State) if getattr(state, register.name) is not None}
    every_column = {(register.name, "a" if register.name in by_scope else "") for register in fields(State)}
    every_column |= {("choice", ALL), ("stated", ALL), ("block", ALL)}
    assert set(COLUMNS) == every_column
    assert set(HOLDABLE) == {register.name for register in fields(State)}

    rows = {(row.split(maxsplit=1)[0], row.partition(" ")[2].partition(",")[0]) for row in ROWS}
    assert rows == {(part.__name__, scope) for part in PARTS for scope in _scopes_of(part)}
    assert {row for row in ROWS if row.startswith("Consented")} == {"Consented a,api", "Consented a,told"}
    assert set(LATE) | {"Erased"} == {part.__name__ for part in PARTS}
    assert {len(words) for words in ROWS.values()} == {len(COLUMNS)}


def test_the_ties_are_all_that_can_be() -> None:
    met = {
        (held, word.partition("/")[0])
        for _, column, word in cells()
        if word not in {"stays", "gone"}
        for held in HOLDABLE[column[0]]
    }
    assert set(TIES) == met


# The decision. Registers: `out.a=5` is a choice since 5; `out.a=9<5` one that an undo wrote at 9 and that counts since
# 5; `complaint=5` a mark. Categories: what is asked about is always `a`.
VERDICTS: list[tuple[str, str, int, str | None, int | None]] = [
    # 1: retired, before everything else
    ("retired", "", 1, "retired", None),
    ("retired", "in.a=5", 1, "retired", None),
    ("retired", "bounced=5 complaint=5 out.*=5", 1, "retired", None),
    ("retired alert", "", 1, "retired", None),
    ("retired needs", "consent.a=5", 1, "retired", None),
    # 2: bounced and not lifted since
    ("optional", "bounced=5", 2, "undeliverable", 5),
    ("optional", "bounced=5 lifted=4", 2, "undeliverable", 5),
    ("optional", "bounced=5 lifted=5", 2, "undeliverable", 5),
    ("optional", "bounced=5 lifted=6", 9, None, None),
    ("optional", "lifted=6", 9, None, None),
    ("optional", "bounced=5 in.a=9 consent.a=9", 2, "undeliverable", 5),
    ("alert", "bounced=5", 2, "undeliverable", 5),
    ("alert", "bounced=5 lifted=5", 2, "undeliverable", 5),
    ("alert", "bounced=5 lifted=6", 3, None, None),
    # 3: a service alert, whatever was opted out of or complained about
    ("alert", "", 3, None, None),
    ("alert", "on.a=5 on.*=5", 3, None, None),
    ("alert", "complaint=5", 3, None, None),
    ("alert", "out.a=5 out.*=5 stated.a=5 stated.*=5 erased=5", 3, None, None),
    # 4: blocked
    ("optional", "on.a=5", 4, "blocked", 5),
    ("optional", "on.*=5", 4, "blocked", 5),
    ("optional", "off.a=5", 9, None, None),
    ("optional", "off.*=5", 9, None, None),
    ("optional", "on.*=5 off.a=9", 4, "blocked", 5),
    ("optional", "on.a=5 off.*=9", 4, "blocked", 5),
    ("optional", "on.b=5", 9, None, None),
    ("optional", "on.a=5 in.a=9 consent.a=9", 4, "blocked", 5),
    # 5: complained, and no later opt-in to this category by the recipient
    ("optional", "complaint=5", 5, "complaint", 5),
    ("optional", "complaint=5 in.a=4", 5, "complaint", 5),
    ("optional", "complaint=5 in.a=5", 5, "complaint", 5),
    ("optional", "complaint=5 in.a=6", 9, None, None),
    ("optional", "complaint=5 in.b=6", 5, "complaint", 5),
    ("optional", "complaint=5 in.a=9<4", 5, "complaint", 5),
    ("optional", "complaint=5 unset.a=9", 5, "complaint", 5),
    ("optional", "complaint=5 consent.a=9 told.a=9", 5, "complaint", 5),
    # 6: all opted out of (newest of chosen, stated, erased), and no later opt-in to this category or consent to it
    ("optional", "out.*=5", 6, "opted_out_of_all", 5),
    ("optional", "stated.*=5", 6, "opted_out_of_all", 5),
    ("optional", "erased=5", 6, "opted_out_of_all", 5),
    ("optional", "out.*=5 stated.*=7 erased=6", 6, "opted_out_of_all", 7),
    ("optional", "out.*=5 stated.*=6 erased=7", 6, "opted_out_of_all", 7),
    ("optional", "out.*=7 stated.*=6 erased=5", 6, "opted_out_of_all", 7),
    ("optional", "out.*=9<5", 6, "opted_out_of_all", 5),
    ("optional", "unset.*=5", 9, None, None),
    ("optional", "unset.*=9 stated.*=5", 6, "opted_out_of_all", 5),
    ("optional", "out.*=5 in.a=4", 6, "opted_out_of_all", 5),
    ("optional", "out.*=5 in.a=5", 6, "opted_out_of_all", 5),
    ("optional", "out.*=5 in.a=6", 9, None, None),
    ("optional", "out.*=5 in.a=9<4", 6, "opted_out_of_all", 5),
    ("optional", "out.*=9<5 in.a=6", 9, None, None),
    ("optional", "out.*=5 in.b=6", 6, "opted_out_of_all", 5),
    ("optional", "out.*=5 consent.a=5", 6, "opted_out_of_all", 5),
    ("optional", "out.*=5 consent.a=6", 9, None, None),
    ("optional", "out.*=5 consent.b=6", 6, "opted_out_of_all", 5),
    ("optional", "out.*=5 told.a=9", 6, "opted_out_of_all", 5),
    ("optional", "stated.*=5 in.a=5", 6, "opted_out_of_all", 5),
    ("optional", "stated.*=5 in.a=6", 9, None, None),
    ("optional", "stated.*=5 consent.a=6", 9, None, None),
    ("optional", "erased=5 in.a=5", 6, "opted_out_of_all", 5),
    ("optional", "erased=5 in.a=6", 9, None, None),
    ("optional", "erased=5 consent.a=6", 9, None, None),
    ("optional", "erased=5 told.a=6", 6, "opted_out_of_all", 5),
    # 7: this category opted out of (newest of chosen, stated), and no later opt-in or consent to it
    ("optional", "out.a=5", 7, "opted_out", 5),
    ("optional", "stated.a=5", 7, "opted_out", 5),
    ("optional", "out.a=5 stated.a=6", 7, "opted_out", 6),
    ("optional", "out.a=6 stated.a=5", 7, "opted_out", 6),
    ("optional", "out.b=5 stated.b=5", 9, None, None),
    ("optional", "unset.a=5", 9, None, None),
    ("optional", "unset.a=9 stated.a=5", 7, "opted_out", 5),
    ("optional", "stated.a=5 in.a=5", 7, "opted_out", 5),
    ("optional", "stated.a=5 in.a=6", 9, None, None),
    ("optional", "stated.a=5 in.a=9<4", 7, "opted_out", 5),
    ("optional", "out.a=5 consent.a=4", 7, "opted_out", 5),
    ("optional", "out.a=5 consent.a=5", 7, "opted_out", 5),
    ("optional", "out.a=5 consent.a=6", 9, None, None),
    ("optional", "out.a=9<5 consent.a=6", 9, None, None),
    ("optional", "out.a=5 consent.b=6", 7, "opted_out", 5),
    ("optional", "out.a=5 told.a=9", 7, "opted_out", 5),
    ("optional", "out.*=5 out.a=6 consent.a=7", 9, None, None),
    ("optional", "out.*=5 out.a=8 consent.a=7", 7, "opted_out", 8),
    # 8: needs consent, and there is no opt-in, consent or told consent
    ("needs", "", 8, "no_consent", None),
    ("needs", "unset.a=5", 8, "no_consent", None),
    ("needs", "in.b=5 consent.b=5 told.b=5", 8, "no_consent", None),
    ("needs", "in.a=5", 9, None, None),
    ("needs", "consent.a=5", 9, None, None),
    ("needs", "told.a=5", 9, None, None),
    ("needs", "told.a=5 out.a=4", 7, "opted_out", 4),
    # 9: otherwise
    ("optional", "", 9, None, None),
    ("optional", "in.a=5 consent.a=5 told.a=5", 9, None, None),
]
CATEGORIES = {
    "optional": Category("a", 1, Kind.OPTIONAL, "A"),
    "needs": Category("a", 1, Kind.OPTIONAL, "A", needs_consent=True),
    "alert": Category("a", 1, Kind.SERVICE_ALERT, "A", ground=Ground.SAFETY),
    "retired": Category("a", 1, Kind.OPTIONAL, "A", retired=True),
    "retired needs": Category("a", 1, Kind.OPTIONAL, "A", needs_consent=True, retired=True),
    "retired alert": Category("a", 1, Kind.SERVICE_ALERT, "A", ground=Ground.SAFETY, retired=True),
}
HOLDS = {"out": "choice", "unset": "choice", "in": "choice", "on": "block", "off": "block"}


def state_of(words: str) -> State:
    """The registers that the words name."""
    registers: dict[str, Any] = {}
    for word in words.split():
        name, _, times = word.partition("=")
        name, _, scope = name.partition(".")
        at, _, since = times.partition("<")
        register = HOLDS.get(name) or REGISTERS.get(name, name)
        held = _held(name, int(at), int(since or at))
        registers[register] = {**registers.get(register, {}), scope: held} if scope else held
    return State(**registers)


def _held(name: str, at: int, since: int) -> Content:
    if name in VALUES:
        return Choice(at, VALUES[name], "m", since, "m")
    return Block(at, name == "on", "m") if name in {"on", "off"} else Mark(at, "m")


@pytest.mark.parametrize(
    ("category", "registers", "rule", "reason", "since"),
    [pytest.param(*row, id=f"{row[2]}-{row[0]}-{row[1]}") for row in VERDICTS],
)
def test_the_decision(category: str, registers: str, rule: int, reason: str | None, since: int | None) -> None:
    verdict = decide(state_of(registers), CATEGORIES[category])

    assert (verdict.rule, verdict.reason, verdict.since) == (rule, reason, since)
    assert verdict.may_send == (reason is None)


def test_the_decision_table_has_every_rule_every_reason_and_every_register() -> None:
    assert {row[2] for row in VERDICTS} == set(range(1, 10))
    assert {row[3] for row in VERDICTS if row[3]} == {str(reason) for reason in Reason}
    named = {name for row in VERDICTS for name, _ in held_by(state_of(row[1]))}
    assert named == {register.name for register in fields(State)}


def test_an_unknown_category_has_no_answer() -> None:
    """Rule 1, the other half."""
    with pytest.raises(UnknownCategory):
        Catalogue((CATEGORIES["optional"],)).get("b")


# Rule → what makes it answer: a kind of category, or a register.
CAUSES = {
    1: "retired",
    2: "bounced=9",
    3: "alert",
    4: "on.a=8",
    5: "complaint=7",
    6: "out.*=6",
    7: "out.a=5",
    8: "needs",
}
IMPOSSIBLE = {(3, 8)}  # a service alert cannot need consent


@pytest.mark.parametrize("rules", sorted(set(combinations(CAUSES, 2)) - IMPOSSIBLE))
def test_the_first_rule_that_matches_decides(rules: tuple[int, int]) -> None:
    causes = [CAUSES[rule] for rule in rules]
    kind = " ".join(cause for cause in causes if "=" not in cause) or "optional"
    registers = " ".join(cause for cause in causes if "=" in cause)

    assert decide(state_of(registers), CATEGORIES[kind]).rule == rules[0]
