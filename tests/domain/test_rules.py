"""The fold, the table and the stories, on plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from chalicelib.domain.categories import ALL, Category, Ground, Kind
from chalicelib.domain.decision import Reason, decide
from chalicelib.domain.fold import apply, fold, writes
from chalicelib.domain.recipients import Latest, Recipient, address_kept, is_repeat, signature
from chalicelib.domain.stamping import Stamp, stamped
from chalicelib.domain.state import NOTHING_KNOWN, Choice, State, Value
from chalicelib.domain.undo import formers_of, restorations

if TYPE_CHECKING:
    import random

A = Category("a", 1, Kind.OPTIONAL, "A")
B = Category("b", 2, Kind.OPTIONAL, "B")
NEEDS = Category("n", 3, Kind.OPTIONAL, "N", needs_consent=True)
ALERTS = Category("s", 4, Kind.SERVICE_ALERT, "S", ground=Ground.SAFETY)
CATEGORIES = (A, B, NEEDS, ALERTS)
MINUTES = 60_000
LATER = 1_000 * MINUTES


class History:
    """A recipient to whom things happen: stamps, folds, and keeps what an undo needs, as the write path does."""

    def __init__(self) -> None:
        self.state: State = NOTHING_KNOWN
        self.formers: dict[tuple[str, str], Choice | None] = {}
        self.count = 0

    def then(self, *parts: Part, at: int, via: Via = Via.PREFERENCE_PAGE) -> str:
        self.count += 1
        draft = Act(f"act{self.count}", via, parts)
        act = stamped(draft, Stamp.of(self.state, at))
        self.formers |= {(act.id, scope): former for scope, former in formers_of(self.state, act).items()}
        self.state = apply(self.state, act)
        return act.id

    def undo(self, *acts: str, at: int) -> None:
        self.then(Undone(acts, restorations(self.state, acts, self.formers)), at=at)

    def reason(self, category: Category) -> Reason | None:
        return decide(self.state, category).reason


def test_all_out_then_in_a_then_all_out_then_undo() -> None:
    history = History()
    history.then(OptedOut(ALL), at=1)
    history.then(OptedIn("a"), at=1_000)
    last = history.then(OptedOut(ALL), at=2_000)
    assert history.reason(A) is Reason.OPTED_OUT_OF_ALL
    history.undo(last, at=3_000)
    assert (history.reason(A), history.reason(B)) == (None, Reason.OPTED_OUT_OF_ALL)


def test_one_click_after_an_opt_out_form_then_the_form_reversed() -> None:
    history = History()
    form = history.then(OptedOut(ALL), at=1, via=Via.OPT_OUT_FORM)
    history.then(OptedOut("a"), at=1_000, via=Via.ONE_CLICK)
    history.undo(form, at=2_000)
    assert (history.reason(A), history.reason(B)) == (Reason.OPTED_OUT, None)


def test_the_reversal_of_a_form_does_not_undo_the_recipients_own_renewal() -> None:
    history = History()
    form = history.then(OptedOut(ALL), at=1, via=Via.OPT_OUT_FORM)
    own = history.then(OptedOut(ALL), at=1_000, via=Via.UNSUBSCRIBE_PAGE)
    history.undo(form, at=2_000)
    assert history.reason(A) is Reason.OPTED_OUT_OF_ALL
    history.undo(own, form, at=3_000)
    assert history.reason(A) is None


def test_consent_dated_between_two_opt_outs() -> None:
    history = History()
    history.then(OptedOut("a"), at=1)
    history.then(OptedOut("a"), at=10 * MINUTES)
    history.then(Consented("a", 5 * MINUTES), at=20 * MINUTES, via=Via.API)
    assert history.reason(A) is Reason.OPTED_OUT
    history.then(Consented("a", 15 * MINUTES), at=20 * MINUTES, via=Via.API)
    assert history.reason(A) is None


def test_an_import_older_than_an_opt_in() -> None:
    history = History()
    history.then(OptedIn("a"), at=10 * MINUTES)
    history.then(Stated("a", 5 * MINUTES), at=20 * MINUTES, via=Via.IMPORT)
    assert history.reason(A) is None
    history.then(Stated("a", 15 * MINUTES), at=20 * MINUTES, via=Via.IMPORT)
    assert history.reason(A) is Reason.OPTED_OUT


def test_an_import_after_an_erasure() -> None:
    history = History()
    history.then(OptedIn("a"), at=1)
    history.then(Erased(), at=10 * MINUTES)
    history.then(Consented("n", 20 * MINUTES), at=30 * MINUTES, via=Via.IMPORT)
    history.then(Stated("a", 5 * MINUTES), at=30 * MINUTES, via=Via.IMPORT)
    assert {history.reason(category) for category in (A, B, NEEDS)} == {Reason.OPTED_OUT_OF_ALL}
    assert not history.state.choice
    assert not history.state.stated
    history.then(OptedIn("a"), at=40 * MINUTES)
    assert (history.reason(A), history.reason(B)) == (None, Reason.OPTED_OUT_OF_ALL)


def test_containers_whose_clocks_differ_by_a_minute() -> None:
    history = History()
    history.then(OptedIn("a"), at=LATER + MINUTES)
    history.then(OptedOut("a"), at=LATER)
    assert history.reason(A) is Reason.OPTED_OUT
    history.then(OptedIn("a"), at=LATER - MINUTES)
    assert history.reason(A) is None


def test_a_permissive_act_keeps_its_first_stamp_and_loses_to_what_overtook_it() -> None:
    first = Stamp.of(NOTHING_KNOWN, 1_000)
    overtaken = apply(
        NOTHING_KNOWN, stamped(Act("out", Via.ONE_CLICK, (OptedOut("a"),)), Stamp.of(NOTHING_KNOWN, 1_000))
    )
    again = Stamp.of(overtaken, 2_000, first)
    state = apply(overtaken, stamped(Act("in", Via.PREFERENCE_PAGE, (OptedIn("a"), OptedOut("b"))), again))
    assert decide(state, A).reason is Reason.OPTED_OUT
    assert decide(state, B).reason is Reason.OPTED_OUT


def test_a_submission_that_stops_all_and_keeps_one() -> None:
    history = History()
    history.then(OptedOut(ALL), OptedIn("a"), at=1_000)
    assert (history.reason(A), history.reason(B)) == (None, Reason.OPTED_OUT_OF_ALL)


EXPECTED: dict[type[Part], tuple[Part, set[str]]] = {
    OptedOut: (OptedOut("a", 5), {"choice"}),
    OptedIn: (OptedIn("a", 5), {"choice"}),
    Undone: (Undone(("x",), (Restored("a", None), Restored("b", Choice(1, Value.OUT, "x", 1, "x"))), 5), {"choice"}),
    Stated: (Stated("a", 5), {"stated"}),
    Consented: (Consented("a", LATER), {"consent"}),
    Blocked: (Blocked("a", 5), {"block"}),
    Unblocked: (Unblocked("a", 5), {"block"}),
    Complained: (Complained(5), {"complaint"}),
    Bounced: (Bounced(5), {"bounced"}),
    BounceLifted: (BounceLifted(5), {"bounce_lifted"}),
    Erased: (Erased(5), {"erased"}),
}


@pytest.mark.parametrize("kind", PARTS)
def test_each_kind_of_part_writes_its_register_and_no_other(kind: type[Part]) -> None:
    part, registers = EXPECTED[kind]
    assert {register for register, _, _ in writes(Act("x", Via.API, (part,)))} == registers
    state = apply(NOTHING_KNOWN, Act("x", Via.API, (part,)))
    assert {name for name in State.__dataclass_fields__ if getattr(state, name)} == registers
    assert state.newest() > 0


def test_consent_of_an_import_is_only_told() -> None:
    state = apply(NOTHING_KNOWN, Act("x", Via.IMPORT, (Consented("n", LATER),)))
    assert not state.consent
    assert decide(state, NEEDS).may_send
    out = apply(state, Act("y", Via.ONE_CLICK, (OptedOut("n", 5),)))
    assert decide(out, NEEDS).reason is Reason.OPTED_OUT


TIMES = st.integers(min_value=LATER, max_value=LATER + 10 * MINUTES)
SCOPES = st.sampled_from([ALL, "a", "b", "n"])
IDS = st.sampled_from(["a", "b", "n"])
VALUES = st.builds(Choice, TIMES, st.sampled_from(Value), st.just("z"), TIMES, st.just("z"))
ANY_PART = st.one_of(
    st.builds(OptedOut, SCOPES, TIMES),
    st.builds(OptedIn, IDS, TIMES),
    st.builds(Undone, st.just(("z",)), st.tuples(st.builds(Restored, SCOPES, st.none() | VALUES)), TIMES),
    st.builds(Stated, SCOPES, TIMES),
    st.builds(Consented, IDS, TIMES),
    st.builds(Blocked, SCOPES, TIMES),
    st.builds(Unblocked, SCOPES, TIMES),
    st.builds(Complained, TIMES),
    st.builds(Bounced, TIMES),
    st.builds(BounceLifted, TIMES),
    st.builds(Erased, TIMES),
)
NOT_THE_RECIPIENT = st.one_of(
    st.builds(Stated, SCOPES, TIMES),
    st.builds(Consented, IDS, TIMES),
    st.builds(Blocked, SCOPES, TIMES),
    st.builds(Complained, TIMES),
    st.builds(Bounced, TIMES),
)
ACTS = st.lists(st.tuples(ANY_PART, st.sampled_from([Via.API, Via.IMPORT, Via.PREFERENCE_PAGE])), max_size=12).map(
    lambda drawn: [Act(f"act{number}", via, (part,)) for number, (part, via) in enumerate(drawn)]
)


@given(ACTS, st.randoms(use_true_random=False))
def test_the_state_is_the_same_for_every_order_and_repetition(acts: list[Act], chance: random.Random) -> None:
    shuffled = [*acts, *chance.sample(acts, len(acts) // 2)]
    chance.shuffle(shuffled)
    assert fold(shuffled) == fold(acts)
    assert apply(fold(acts), acts[0]) == fold(acts) if acts else True


@given(ACTS, st.lists(st.tuples(NOT_THE_RECIPIENT, st.sampled_from([Via.IMPORT, Via.FEEDBACK, Via.API])), max_size=6))
def test_nobody_else_makes_mail_flow_that_a_newer_act_of_the_recipient_stopped(
    before: list[Act], others: list[tuple[Part, Via]]
) -> None:
    """H1, H5: whatever is told afterwards about the time before it, an opt-out stands."""
    stop = Act("stop", Via.ONE_CLICK, (OptedOut("a", LATER + 11 * MINUTES), OptedOut("n", LATER + 11 * MINUTES)))
    state = fold([*before, stop])
    after = fold([Act(f"other{number}", via, (part,)) for number, (part, via) in enumerate(others)], state)
    assert not decide(after, A).may_send
    assert not decide(after, NEEDS).may_send


@given(ACTS)
def test_service_alerts_stop_for_undeliverable_or_retired_only(acts: list[Act]) -> None:
    """H2."""
    state = fold(acts)
    assert decide(state, ALERTS).reason in {None, Reason.UNDELIVERABLE}
    retired = Category("s", 4, Kind.SERVICE_ALERT, "S", ground=Ground.SAFETY, retired=True)
    assert decide(state, retired).reason is Reason.RETIRED


TABLE: list[tuple[str, list[Part], Category, int, Reason | None]] = [
    ("bounced", [Bounced(5)], A, 2, Reason.UNDELIVERABLE),
    ("bounced, alerts too", [Bounced(5)], ALERTS, 2, Reason.UNDELIVERABLE),
    ("lifted at the same time", [Bounced(5), BounceLifted(5)], A, 2, Reason.UNDELIVERABLE),
    ("lifted since", [Bounced(5), BounceLifted(6)], A, 9, None),
    ("alerts pass everything else", [OptedOut(ALL, 5), Complained(5), Blocked(ALL, 5)], ALERTS, 3, None),
    ("blocked", [Blocked("a", 5)], A, 4, Reason.BLOCKED),
    ("all blocked", [Blocked(ALL, 5)], A, 4, Reason.BLOCKED),
    ("block and unblock at once", [Blocked("a", 5), Unblocked("a", 5)], A, 4, Reason.BLOCKED),
    ("unblocked", [Blocked("a", 5), Unblocked("a", 6)], A, 9, None),
    ("complained", [Complained(5)], A, 5, Reason.COMPLAINT),
    ("no consent lifts a complaint", [Complained(5), Consented("a", LATER)], A, 5, Reason.COMPLAINT),
    ("an opt-in at the same time", [Complained(5), OptedIn("a", 5)], A, 5, Reason.COMPLAINT),
    ("a later opt-in", [Complained(5), OptedIn("a", 6)], A, 9, None),
    ("all out", [OptedOut(ALL, 5)], A, 6, Reason.OPTED_OUT_OF_ALL),
    ("all stated", [Stated(ALL, 5)], A, 6, Reason.OPTED_OUT_OF_ALL),
    ("erased", [Erased(5)], A, 6, Reason.OPTED_OUT_OF_ALL),
    ("all out and in at once", [OptedOut(ALL, 5), OptedIn("a", 5)], A, 6, Reason.OPTED_OUT_OF_ALL),
    ("all out, consent later", [OptedOut(ALL, 5), Consented("a", LATER)], A, 9, None),
    ("out", [OptedOut("a", 5)], A, 7, Reason.OPTED_OUT),
    ("out and in at once", [OptedOut("a", 5), OptedIn("a", 5)], A, 7, Reason.OPTED_OUT),
    ("stated", [Stated("a", 5)], A, 7, Reason.OPTED_OUT),
    ("stated, then in", [Stated("a", 5), OptedIn("a", 6)], A, 9, None),
    ("needs consent", [], NEEDS, 8, Reason.NO_CONSENT),
    ("has consent", [Consented("n", LATER)], NEEDS, 9, None),
    ("in is consent", [OptedIn("n", 5)], NEEDS, 9, None),
    ("nothing", [], A, 9, None),
]


@pytest.mark.parametrize(("parts", "category", "rule", "reason"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_the_table(parts: list[Part], category: Category, rule: int, reason: Reason | None) -> None:
    verdict = decide(fold(Act(f"act{n}", Via.API, (part,)) for n, part in enumerate(parts)), category)
    assert (verdict.rule, verdict.reason) == (rule, reason)


def test_repeats_are_absorbed_under_a_minute_only_and_for_the_same_act_only() -> None:
    """A10."""
    out = Act("x", Via.ONE_CLICK, (OptedOut("a"),), 1)
    recipient = Recipient(latest=Latest(signature(out), LATER))
    assert is_repeat(recipient, out, LATER + 59_999)
    assert not is_repeat(recipient, out, LATER + 60_000)
    for other in (
        Act("x", Via.PREFERENCE_PAGE, (OptedOut("a"),), 1),
        Act("x", Via.ONE_CLICK, (OptedOut("b"),), 1),
        Act("x", Via.ONE_CLICK, (OptedIn("a"),), 1),
        Act("x", Via.ONE_CLICK, (OptedOut("a"),), 2),
    ):
        assert not is_repeat(recipient, other, LATER)
    assert not is_repeat(Recipient(), out, LATER)
    told = Act("x", Via.API, (Stated("a", 1),))
    assert not is_repeat(Recipient(latest=Latest(signature(told), LATER)), told, LATER)


def test_which_address_is_kept() -> None:
    """C5."""
    out = Act("x", Via.ONE_CLICK, (OptedOut("a", LATER),))
    erased = apply(NOTHING_KNOWN, Act("e", Via.PREFERENCE_PAGE, (Erased(5),)))
    assert address_kept(Recipient(), NOTHING_KNOWN, out, "new") == "new"
    assert address_kept(Recipient(address="old"), NOTHING_KNOWN, out, "new") == "old"
    assert address_kept(Recipient(address="old"), erased, Act("e", Via.OPS, (Erased(5),)), "new") is None
    assert address_kept(Recipient(), erased, out, "new") is None
    assert address_kept(Recipient(), erased, Act("x", Via.PREFERENCE_PAGE, (OptedIn("a", 6),)), "new") == "new"
    assert address_kept(Recipient(), erased, Act("x", Via.API, (Consented("a", LATER),)), "new") == "new"
    assert address_kept(Recipient(), erased, Act("x", Via.IMPORT, (Consented("a", LATER),)), "new") is None
