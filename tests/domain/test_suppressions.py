"""The suppression list of one recipient, held against what a check says, for any registers at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.acts import Act, Erased, OptedIn, OptedOut, Via, act_id_of, via_of
from chalicelib.domain.categories import ALL
from chalicelib.domain.decision import Reason, decide
from chalicelib.domain.fold import fold
from chalicelib.domain.state import NOTHING_KNOWN, State
from chalicelib.domain.suppressions import NO_EFFECTS, Effects, effects_of, is_about, suppressions_of
from tests.domain.strategies import ALERTS, HISTORIES, NEWS, NOON, OFFERS, STATES
from tests.domain.test_properties import THOROUGH

Rows = dict[tuple[str, Reason], set[str]]
"""Scope and reason → the categories that the row excepts."""


def rows_of(state: State) -> Rows:
    return {(row.scope, row.reason): set(row.excepted) for row in suppressions_of(state)}


def applied(rows: Rows, effects: Effects) -> Rows:
    """As a reader of the feed does it, with nothing but what is documented."""
    told = {cell: set(excepted) for cell, excepted in rows.items()}
    for scope, reason, _ in effects.added:
        if scope != ALL and reason in {Reason.COMPLAINT, Reason.OPTED_OUT_OF_ALL}:
            told[ALL, reason].discard(scope)
        else:
            told[scope, reason] = set()
    for scope, reason in effects.removed:
        if scope != ALL and reason in {Reason.COMPLAINT, Reason.OPTED_OUT_OF_ALL}:
            told[ALL, reason].add(scope)
        else:
            del told[scope, reason]
    return told


@THOROUGH
@given(STATES)
def test_mail_may_be_sent_exactly_where_no_row_is_about_it(state: State) -> None:
    rows = suppressions_of(state)
    for category in (NEWS, OFFERS, ALERTS):
        covering = [row for row in rows if is_about(row, category)]
        if category is ALERTS:  # rows of its own are kept from when it was optional, or until it is
            covering = [row for row in covering if row.scope == ALL]
        assert decide(state, category).may_send is (not covering)


@THOROUGH
@given(STATES)
def test_a_check_names_one_of_the_rows(state: State) -> None:
    verdict = decide(state, NEWS)
    if verdict.reason is not None:
        named = [row for row in suppressions_of(state) if is_about(row, NEWS) and row.reason is verdict.reason]
        assert verdict.since in {row.since for row in named}


@THOROUGH
@given(STATES)
def test_no_row_comes_twice_and_each_names_an_act_of_the_state(state: State) -> None:
    rows = suppressions_of(state)
    acts = {name for register in state.registers() for name in (register.act, getattr(register, "source", ""))}
    assert len({(row.scope, row.reason) for row in rows}) == len(rows)
    assert {row.act for row in rows} <= acts


@THOROUGH
@given(STATES, STATES)
def test_the_rows_before_and_the_effects_make_the_rows_after(before: State, after: State) -> None:
    assert applied(rows_of(before), effects_of(before, after)) == rows_of(after)


@THOROUGH
@given(HISTORIES)
def test_effects_of_all_acts_make_the_list(acts: list[Act]) -> None:
    rows: Rows = {}
    state = NOTHING_KNOWN
    for act in acts:
        after = fold([act], state)
        rows = applied(rows, effects_of(state, after))
        state = after
    assert rows == rows_of(state)


def test_stop_all_but_one_says_so_at_once() -> None:
    act = Act("p_1", Via.PREFERENCE_PAGE, (OptedOut(ALL, NOON), OptedIn(NEWS.id, NOON + 1)))

    effects = effects_of(NOTHING_KNOWN, fold([act]))

    assert effects.added == ((ALL, Reason.OPTED_OUT_OF_ALL, NOON),)
    assert effects.removed == ((NEWS.id, Reason.OPTED_OUT_OF_ALL),)


def test_an_erasure_is_a_row_of_all_and_nothing_else() -> None:
    before = fold([Act("o_1", Via.ONE_CLICK, (OptedOut(NEWS.id, NOON),))])
    after = fold([Act("a_2", Via.API, (Erased(NOON + 1),))], before)

    assert effects_of(before, after) == Effects(
        ((ALL, Reason.OPTED_OUT_OF_ALL, NOON + 1),), ((NEWS.id, Reason.OPTED_OUT),)
    )


@THOROUGH
@given(STATES)
def test_nothing_that_changed_is_no_effect(state: State) -> None:
    assert effects_of(state, state) == NO_EFFECTS


@THOROUGH
@given(st.sampled_from(Via), st.text(max_size=20))
def test_an_act_id_says_its_way(via: Via, operation: str) -> None:
    assert via_of(act_id_of(via, operation)) is via


@pytest.mark.parametrize("text", ["", "o", "x_1", "ox1", "known"])
def test_another_id_says_none(text: str) -> None:
    assert via_of(text) is None
