"""What holds for every history, in the words of the design."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from chalicelib.domain.acts import (
    Act,
    Blocked,
    BounceLifted,
    Consented,
    Erased,
    OptedIn,
    OptedOut,
    Part,
    Restored,
    Unblocked,
    Undone,
    Via,
    scope_of,
)
from chalicelib.domain.addresses import mask, parse_address
from chalicelib.domain.categories import ALL, Category, Ground, Kind
from chalicelib.domain.decision import Reason, Verdict, decide, is_wanted
from chalicelib.domain.errors import InvalidAddress
from chalicelib.domain.fold import apply, fold
from chalicelib.domain.stamping import Stamp, stamped
from chalicelib.domain.state import Choice, Value
from tests.domain.strategies import (
    ALERTS,
    BLOCKS,
    BOUNCES,
    COMPLAINTS,
    CONSENTS,
    ERASURES,
    HISTORIES,
    IDS,
    LIFTS,
    MINUTE,
    NEWS,
    NOON,
    NOWS,
    OPT_INS,
    OPT_OUTS,
    OPTIONAL,
    STATEMENTS,
    STATES,
    TIMES,
    TWO_MINUTES,
    UNBLOCKS,
    Row,
    acts,
    undos,
    unhindered,
)

if TYPE_CHECKING:
    import random

    from chalicelib.domain.state import State

CATEGORIES = (*OPTIONAL, ALERTS)
THOROUGH = settings(max_examples=80, derandomize=True, deadline=None)


def reasons(state: State) -> list[Reason | None]:
    return [decide(state, category).reason for category in CATEGORIES]


# The fold


@given(HISTORIES, st.randoms(use_true_random=False))
@THOROUGH
def test_the_state_is_the_same_for_every_order_and_every_repetition(history: list[Act], chance: random.Random) -> None:
    repeated = [*history, *chance.choices(history, k=5)] if history else []
    chance.shuffle(repeated)
    assert fold(repeated) == fold(history)


@given(HISTORIES, HISTORIES)
@THOROUGH
def test_the_state_is_the_same_for_every_way_to_fold_it_in_turns(first: list[Act], second: list[Act]) -> None:
    state = fold(first)
    assert fold(second, state) == fold([*second, *first]) == fold(first, fold(second))
    assert fold(first, state) == state


@given(HISTORIES)
@THOROUGH
def test_an_act_that_is_known_leaves_the_very_same_object(history: list[Act]) -> None:
    """So that the write path sees that there is nothing to write."""
    state = fold(history)
    for act in history:
        assert apply(state, act) is state


SAME = [
    Act(
        "p", Via.PREFERENCE_PAGE, (Undone(("x",), (Restored("news", Choice(1, Value.OUT, "y", since, source)),), NOON),)
    )
    for since, source in ((1, "y"), (1, "z"), (2, "y"))
]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_is_total_even_where_id_time_and_value_are_the_same(order: tuple[int, ...]) -> None:
    assert fold(SAME[place] for place in order) == fold(SAME)


# Who may lift what

LIFTED_BY = {
    "stated": (acts(STATEMENTS, Via.API, Via.IMPORT, Via.FEEDBACK), set()),
    "complained": (acts(COMPLAINTS, Via.FEEDBACK, Via.API), set()),
    "bounced": (acts(BOUNCES, Via.FEEDBACK, Via.API), set()),
    "blocked": (acts(BLOCKS, Via.API), set()),
    "opted out": (acts(OPT_OUTS, Via.ONE_CLICK, Via.OPT_OUT_FORM), set()),
    "erased": (acts(ERASURES, Via.PREFERENCE_PAGE, Via.API, Via.OPS), set()),
    "consent told": (acts(CONSENTS, Via.IMPORT), {Reason.NO_CONSENT}),
    "unblocked": (acts(UNBLOCKS, Via.API), {Reason.BLOCKED}),
    "bounce lifted": (acts(LIFTS, Via.API), {Reason.UNDELIVERABLE}),
    "consent": (acts(CONSENTS, Via.API), {Reason.OPTED_OUT, Reason.OPTED_OUT_OF_ALL, Reason.NO_CONSENT}),
    "opted in": (
        acts(OPT_INS, Via.PREFERENCE_PAGE),
        {Reason.OPTED_OUT, Reason.OPTED_OUT_OF_ALL, Reason.NO_CONSENT, Reason.COMPLAINT},
    ),
    "undone": (
        acts(undos(), Via.PREFERENCE_PAGE),
        {Reason.OPTED_OUT, Reason.OPTED_OUT_OF_ALL, Reason.NO_CONSENT, Reason.COMPLAINT},
    ),
}
"""Kind of act → which reasons it may lift. The first six withhold, and lift none."""


@pytest.mark.parametrize("kind", LIFTED_BY)
@given(st.data())
@THOROUGH
def test_an_act_makes_mail_flow_only_where_it_may_lift_the_reason(kind: str, data: st.DataObject) -> None:
    """H1, H5."""
    drawn, liftable = LIFTED_BY[kind]
    before = fold(data.draw(HISTORIES))
    after = apply(before, data.draw(drawn))
    for was, became in zip(reasons(before), reasons(after), strict=True):
        assert became is not None or was is None or was in liftable


OTHERS = acts(
    st.one_of(STATEMENTS, COMPLAINTS, BOUNCES, BLOCKS, UNBLOCKS, LIFTS), Via.API, Via.IMPORT, Via.FEEDBACK, most=2
) | acts(CONSENTS, Via.IMPORT)


@given(HISTORIES, OPT_OUTS, st.lists(OTHERS, min_size=1, max_size=3))
@THOROUGH
def test_what_a_recipient_stopped_stays_stopped_whatever_others_do(
    history: list[Act], stop: OptedOut, others: list[Act]
) -> None:
    """H1: not even where the sender then lifts every block and every bounce."""
    stopped = fold([*history, Act("stop", Via.ONE_CLICK, (stop,))])
    after = unhindered(fold(others, stopped))
    for category in OPTIONAL:
        was = decide(unhindered(stopped), category)
        if was.reason not in {None, Reason.NO_CONSENT}:
            assert not decide(after, category).may_send


@given(HISTORIES, OPT_OUTS, st.lists(OTHERS, max_size=8))
@THOROUGH
def test_the_newest_choice_of_a_recipient_stops_mail_whatever_came_before_and_comes_from_others(
    history: list[Act], stop: OptedOut, others: list[Act]
) -> None:
    """H1, H5: `stop` is newer than everything in the history; the others' acts come in between and after."""
    newest = replace(stop, at=NOON + 60 * MINUTE)
    after = fold([*others, Act("stop", Via.ONE_CLICK, (newest,)), *history, *others])
    for category in OPTIONAL:
        if newest.scope in {ALL, category.id}:
            assert not decide(after, category).may_send
            assert not is_wanted(after, category)


@given(HISTORIES, IDS, TIMES)
@THOROUGH
def test_consent_by_the_api_lifts_older_opt_outs_alone_and_by_two_minutes(
    history: list[Act], category_id: str, told: int
) -> None:
    """H5, and rule 5: never a complaint."""
    before = unhindered(fold(history))
    after = apply(before, Act("consent", Via.API, (Consented(category_id, told),)))
    for category in OPTIONAL:
        was, became = decide(before, category), decide(after, category)
        if category.id != category_id or was.reason is Reason.COMPLAINT:
            assert became == was
        elif was.reason in {Reason.OPTED_OUT, Reason.OPTED_OUT_OF_ALL}:
            assert was.since is not None
            is_older = was.since < told - TWO_MINUTES
            assert (became == was) is not is_older


# The decision

ANY_CATEGORY = st.sampled_from(
    [
        *CATEGORIES,
        *(replace(category, retired=True) for category in CATEGORIES),
        Category("unheard-of", 9, Kind.OPTIONAL, "Unheard of", needs_consent=True),
        Category("drill", 10, Kind.SERVICE_ALERT, "Drill", ground=Ground.EMPLOYMENT),
    ]
)
REASONS = {
    1: Reason.RETIRED,
    2: Reason.UNDELIVERABLE,
    3: None,
    4: Reason.BLOCKED,
    5: Reason.COMPLAINT,
    6: Reason.OPTED_OUT_OF_ALL,
    7: Reason.OPTED_OUT,
    8: Reason.NO_CONSENT,
    9: None,
}
DATED = {2, 4, 5, 6, 7}


@given(STATES, ANY_CATEGORY)
@THOROUGH
def test_the_decision_has_an_answer_for_every_state_and_names_its_rule(state: State, category: Category) -> None:
    verdict = decide(state, category)
    assert verdict.reason is REASONS[verdict.rule]
    assert verdict.may_send is (verdict.reason is None)
    assert (verdict.since is not None) is (verdict.rule in DATED)
    assert category.is_service_alert is (verdict.rule == 3) or verdict.rule in {1, 2}


@given(STATES, st.booleans())
@THOROUGH
def test_service_alerts_stop_for_undeliverable_or_retired_alone(state: State, is_retired: bool) -> None:
    """H2."""
    reason = decide(state, replace(ALERTS, retired=is_retired)).reason
    deliverable = replace(state, bounced=None)
    assert reason in ({Reason.RETIRED} if is_retired else {None, Reason.UNDELIVERABLE})
    assert decide(deliverable, ALERTS) == Verdict(3)


@given(STATES, ANY_CATEGORY, HISTORIES)
@THOROUGH
def test_what_others_categories_hold_has_no_say(state: State, category: Category, history: list[Act]) -> None:
    """H4, A12: an answer depends on the registers of its category and on those of all, on nothing else."""

    def own(kept: State) -> State:
        names = ("choice", "stated", "consent", "consent_told", "block")
        mine: dict[str, Any] = {
            name: {s: c for s, c in getattr(kept, name).items() if s in {ALL, category.id}} for name in names
        }
        return replace(kept, **mine)

    for one in (state, fold(history)):
        assert decide(own(one), category) == decide(one, category)


# Stamping


@st.composite
def forms(draw: st.DrawFn, least: int = 1) -> tuple[Part, ...]:
    """Choices, each for a register of its own, as a form sends them."""
    scopes = draw(
        st.lists(st.sampled_from([ALL, *(category.id for category in OPTIONAL)]), min_size=least, unique=True)
    )
    return tuple(OptedIn(scope) if scope != ALL and draw(st.booleans()) else OptedOut(scope) for scope in scopes)


SINGLES: list[tuple[Part, ...]] = [
    (Erased(),),
    (BounceLifted(),),
    (Blocked(ALL),),
    (Unblocked(ALL),),
    (Blocked("news"),),
    (Unblocked("news"),),
]
SUBMITTED = forms() | forms() | st.sampled_from(SINGLES)
"""What is made here: the forms of recipients, and what is done by a sender or to everything."""


def times(act: Act) -> list[int]:
    return [part.at for part in act.parts]


@given(STATES, SUBMITTED, NOWS)
@THOROUGH
def test_a_freshly_stamped_act_wins_its_registers_over_everything_known(
    state: State, parts: tuple[Part, ...], now: int
) -> None:
    act = stamped(Act("fresh", Via.PREFERENCE_PAGE, parts), Stamp.of(state, now))
    after = apply(state, act)

    assert min(times(act)) > state.newest()
    assert max(times(act)) >= now
    assert fold([act], after) == after
    written = [register for register in after.registers() if register.act == "fresh"]
    assert sorted(register.at for register in written) == sorted(times(act))
    assert after.newest() == max(times(act))


@given(STATES, forms(least=2), NOWS)
@THOROUGH
def test_the_part_for_all_counts_one_millisecond_before_the_others(
    state: State, parts: tuple[Part, ...], now: int
) -> None:
    act = stamped(Act("fresh", Via.PREFERENCE_PAGE, parts), Stamp.of(state, now))
    others = {part.at for part in act.parts if scope_of(part) != ALL}
    for part in act.parts:
        if scope_of(part) == ALL:
            assert others == {part.at + 1}
    assert len(others) == 1


@given(STATES, SUBMITTED, NOWS)
@THOROUGH
def test_a_fresh_submission_is_what_mail_goes_by(state: State, parts: tuple[Part, ...], now: int) -> None:
    """Whoever ticks A and stops all the rest gets A, and nothing of the rest."""
    after = unhindered(apply(state, stamped(Act("fresh", Via.PREFERENCE_PAGE, parts), Stamp.of(state, now))))
    said = {scope_of(part): type(part) for part in parts}
    for category in OPTIONAL:
        choice = said.get(category.id, said.get(ALL))
        if choice is OptedIn:
            assert decide(after, category).may_send
        if choice is OptedOut:
            assert not decide(after, category).may_send


def withholds(parts: tuple[Part, ...]) -> bool:
    """Whether a form stops the news: itself, or with all and not kept."""
    said = {scope_of(part): type(part) for part in parts}
    return said.get(NEWS.id, said.get(ALL)) is OptedOut


@pytest.mark.parametrize("is_overtaken", [True, False])
@given(HISTORIES, forms().filter(withholds), NOWS, NOWS, NOWS)
@THOROUGH
def test_of_an_opt_in_and_a_form_that_stops_it_the_form_wins_whichever_was_overtaken(
    is_overtaken: bool, history: list[Act], form: tuple[Part, ...], first: int, between: int, last: int
) -> None:
    """Whatever the three clocks say."""
    row = Row(fold(history))
    overtaken, overtaking = ((OptedIn(NEWS.id),), form) if is_overtaken else (form, (OptedIn(NEWS.id),))
    attempt = row.begin(*overtaken, at=first)
    row.then(*overtaking, at=between)
    row.finish(attempt, at=last)
    assert not decide(row.state, NEWS).may_send


OPPOSITES: list[tuple[Part, Part]] = [
    (OptedIn("news"), Erased()),
    (Unblocked("news"), Blocked("news")),
    (Unblocked(ALL), Blocked(ALL)),
]


@pytest.mark.parametrize(("permissive", "restrictive"), OPPOSITES)
@given(HISTORIES, NOWS, NOWS, NOWS)
@THOROUGH
def test_on_a_retry_what_lifts_loses_and_what_stops_wins(
    permissive: Part, restrictive: Part, history: list[Act], first: int, between: int, last: int
) -> None:
    for overtaken, overtaking in ((permissive, restrictive), (restrictive, permissive)):
        row = Row(fold(history))
        attempt = row.begin(overtaken, at=first)
        row.then(overtaking, at=between)
        row.finish(attempt, at=last)
        assert not decide(row.state, NEWS).may_send


# Undo


def contents(state: State) -> dict[str, tuple[object, ...]]:
    """What each choice says, and since when, by which act: what an undo puts back. Unset is nothing."""
    return {
        scope: (choice.value, choice.since, choice.source)
        for scope, choice in state.choice.items()
        if choice.value.value != "unset"
    }


COURSES = st.lists(SUBMITTED, max_size=4)


def lived(row: Row, courses: list[tuple[Part, ...]], now: int) -> list[str]:
    return [row.then(*parts, at=now) for parts in courses]


@given(COURSES, forms(), NOWS)
@THOROUGH
def test_an_undo_at_once_restores_exactly_what_was_before(
    before: list[tuple[Part, ...]], parts: tuple[Part, ...], now: int
) -> None:
    row = Row()
    lived(row, before, now)
    was = row.state
    row.undo(row.then(*parts, at=now), at=now)

    assert contents(row.state) == contents(was)
    assert replace(row.state, choice={}) == replace(was, choice={})
    assert [decide(row.state, category) for category in CATEGORIES] == [decide(was, one) for one in CATEGORIES]


@given(COURSES, SUBMITTED, COURSES, NOWS)
@THOROUGH
def test_an_undo_later_restores_where_the_source_is_the_undone_act_and_nothing_else(
    before: list[tuple[Part, ...]], parts: tuple[Part, ...], since: list[tuple[Part, ...]], now: int
) -> None:
    row = Row()
    lived(row, before, now)
    was = row.state
    undone = row.then(*parts, at=now)
    lived(row, since, now)
    then = row.state
    row.undo(undone, at=now)

    for scope in {ALL, *(category.id for category in CATEGORIES)}:
        is_its_own = _source(then.choice.get(scope)) == undone
        assert contents(row.state).get(scope) == contents(was if is_its_own else then).get(scope)
    assert replace(row.state, choice={}) == replace(then, choice={})


def _source(choice: Choice | None) -> str | None:
    return None if choice is None else choice.source


@given(COURSES, st.lists(forms(), min_size=1, max_size=4), NOWS)
@THOROUGH
def test_several_acts_undone_together_restore_what_was_before_the_first(
    before: list[tuple[Part, ...]], undone: list[tuple[Part, ...]], now: int
) -> None:
    row = Row()
    lived(row, before, now)
    was = row.state
    row.undo(*lived(row, undone, now), at=now)

    assert contents(row.state) == contents(was)


@given(HISTORIES, undos(), NOWS)
@THOROUGH
def test_an_undo_writes_the_choices_that_it_names_alone(history: list[Act], undo: Undone, now: int) -> None:
    before = fold(history)
    after = apply(before, stamped(Act("undo", Via.PREFERENCE_PAGE, (undo,)), Stamp.of(before, now)))
    assert replace(after, choice={}) == replace(before, choice={})
    untouched = set(before.choice) - {restored.scope for restored in undo.restored}
    assert {scope: after.choice[scope] for scope in untouched} == {s: before.choice[s] for s in untouched}


# Addresses

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda label: label[2:4] != "--")
WORDS = st.text("abcxyz\u00e9\u00fc\u4e2d0+.", min_size=1, max_size=12)
DOTS = st.sampled_from([".", ".", ".", "\u3002", "\uff0e", "\uff61"])
"""UTS 46 takes all four for the dot between labels."""
TOPS = st.sampled_from(["com", "test", "example", "xn--p1ai", "\u0440\u0444"])


@st.composite
def addresses(draw: st.DrawFn, dots: st.SearchStrategy[str]) -> tuple[str, str, str]:
    """A valid address, the labels of its domain but the last, and its top label, as spelled."""
    labels = [draw(LABELS | st.just("b\u00fccher")) for _ in range(draw(st.integers(1, 3)))]
    top = draw(TOPS)
    spelled = draw(WORDS) + "@" + "".join(label + draw(dots) for label in labels) + top
    try:
        parse_address(spelled)
    except InvalidAddress:
        assume(condition=False)
    return spelled, labels[0], top


@given(addresses(st.just(".")))
@THOROUGH
def test_a_mask_shows_two_letters_one_letter_and_the_top_label(address: tuple[str, str, str]) -> None:
    """F5: and is the same for all addresses that share these, so that it tells nothing else, no length neither."""
    spelled, first_label, top = address
    local = spelled.rpartition("@")[0]
    shown = re.fullmatch(r"(.)\*\*(.?)@(.)\*{5}\.([^.]+)", mask(spelled))
    assert shown is not None
    assert shown[1] == local[0]
    assert shown[2] in {"", local[-1]}
    assert len(local) > 2 or not shown[2]
    assert (shown[3], shown[4]) == (first_label[0], top)


@given(addresses(DOTS))
@example(("dana@example\u3002com", "example", "com"))
@THOROUGH
def test_a_mask_shows_no_more_where_the_dots_are_not_ascii(address: tuple[str, str, str]) -> None:
    """F5: `parse_address` takes an ideographic full stop for a dot (D1), so that the mask must, too."""
    spelled, first_label, top = address
    shown = mask(spelled).rpartition("@")[2]
    assert (shown[:1], shown[1:6], re.split("[.\u3002\uff0e\uff61]", shown[6:])) == (first_label[0], "*****", ["", top])


@given(st.sampled_from(["\u00fc", "\u4e2d", "e"]), st.integers(1, 60), st.integers(1, 6), st.integers(1, 64))
@example("\u00fc", 40, 4, 64)
@THOROUGH
def test_no_address_is_longer_than_254_octets(letter: str, length: int, labels: int, local: int) -> None:
    """D3, RFC 5321: octets, as the refusal says, of what mail goes to and of what goes on the wire."""
    spelled = "a" * local + "@" + ".".join([letter * length] * labels) + ".example"
    try:
        address = parse_address(spelled)
    except InvalidAddress:
        return
    assert max(len(address.spelled.encode()), len(address.key.encode())) <= 254
