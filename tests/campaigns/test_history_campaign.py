"""The campaign of histories at a hundredth, and that it would notice: wrong rules are caught, wrong answers told."""

from __future__ import annotations

import pytest

from chalicelib.domain.acts import (
    CONSENT_ALLOWANCE,
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
from chalicelib.domain.fold import fold
from chalicelib.domain.recipients import Entry
from chalicelib.domain.senders import Place
from chalicelib.domain.state import NOTHING_KNOWN, Choice, State, Value
from tests.campaigns.histories import first_caught, main, run
from tests.campaigns.history_acts import KINDS
from tests.campaigns.history_bugs import BUGS
from tests.campaigns.history_course import ACTS, History
from tests.campaigns.history_engine import Fact, Request
from tests.campaigns.history_oracle import claims_of, refused_opt_in, troubles
from tests.campaigns.history_turns import Turns

PLACE = Place("testsend", 0, "rcp_one")
MET = {
    "Busy before commit",
    "Busy read",
    "Killed after commit",
    "Killed before commit",
    "Killed under way",
    "OutcomeUnknown after commit",
    "OutcomeUnknown before commit",
    "OutcomeUnknown under way",
    "StoreUnavailable",
    "absorbed: a repeat",
    "absorbed: overtaken",
    "late, already there",
    "late, carried out",
    "late, refused",
    "only the head moved",
    "overtaken",
    "polls that met a gap",
    "sent again",
    *KINDS,
}


def test_no_acknowledged_opt_out_is_lost_or_undone() -> None:
    report = run(100, seed=1)

    assert report.wrong == {}
    assert report.counts["acts"] == 100 * ACTS
    assert set(report.counts) >= MET, "a campaign that meets nothing proves nothing"
    assert report.counts["absorbed: None"] == 0


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str) -> None:
    caught = first_caught(BUGS[bug], 200, seed=1)

    assert caught is not None


def test_a_seed_repeats_a_history() -> None:
    once, again = History(11).run(), History(11).run()

    assert once.count == ACTS
    assert once.world.facts == again.world.facts
    assert once.world.counts == again.world.counts


def test_the_command_tells_the_seeds_that_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--histories", "4", "--workers", "1"]) == 0
    assert capsys.readouterr().out.startswith("4 histories, 0 went wrong; ")

    assert main(["--histories", "4", "--workers", "1", "--bug", "wall clocks only"]) == 1
    assert "seeds that went wrong: 1 " in capsys.readouterr().out


def test_a_job_that_fails_ends_the_turns_and_is_told() -> None:
    done: list[int] = []

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Turns(History(1).chance, [fail, lambda: done.append(1)]).run()
    assert done == [1]


def fact(
    step: int,
    part: Part,
    *,
    via: Via = Via.API,
    began: int | None = None,
    state: State = NOTHING_KNOWN,
    former: str = "act1",
) -> Fact:
    """The act of step `step`, alone in its time; what it overwrote was made by the act `former`."""
    act = Act(f"act{step}", via, (part,))
    entry = Entry(PLACE, step, act, 0, step, step - 1, {"a": Choice(0, Value.OUT, former, 0, former)})
    first = step if began is None else began
    request = Request(act.id, PLACE, first, 0, read=first)
    return Fact(entry, request, step, state)


OUT = OptedOut("a", 10)
IN = OptedIn("a", 20)
TOLD = 10 + CONSENT_ALLOWANCE
UNDO = Undone(("act1",), (Restored("a", None),), 20)


@pytest.mark.parametrize(
    ("withheld", "later", "is_lifted"),
    [
        (OUT, fact(2, IN), True),
        (OUT, fact(2, IN, began=0), False),
        (OUT, fact(2, OptedIn("b", 20)), False),
        (OUT, fact(2, Consented("a", TOLD + 1)), True),
        (OUT, fact(2, Consented("a", TOLD)), False),
        (OUT, fact(2, Consented("a", TOLD + 1), began=0), False),
        (OUT, fact(2, Consented("a", TOLD + 1), via=Via.IMPORT), False),
        (OUT, fact(2, Unblocked("a", 20)), False),
        (OUT, fact(2, UNDO, state=fold([Act("act2", Via.API, (UNDO,))])), True),
        (OUT, fact(2, UNDO), False),
        (OUT, fact(2, Undone(("act0",), UNDO.restored, 20)), False),
        (OptedOut("*", 10), fact(2, IN), True),
        (Erased(10), fact(2, IN), True),
        (Erased(10), fact(2, UNDO, state=fold([Act("act2", Via.API, (UNDO,))])), False),
        (Stated("a", 30), fact(2, IN), False),
        (Stated("a", 10), fact(2, IN, began=0), True),
        (Complained(10), fact(2, IN), True),
        (Complained(30), fact(2, IN), False),
        (Complained(10), fact(2, Consented("a", TOLD + 1)), False),
        (Blocked("a", 10), fact(2, Unblocked("a", 20)), True),
        (Blocked("a", 10), fact(2, Unblocked("*", 20)), False),
        (Blocked("a", 10), fact(2, IN), False),
    ],
)
def test_what_lifts_what(withheld: Part, later: Fact, is_lifted: bool) -> None:
    """Mail flows: is that told as trouble?"""
    first = fact(1, withheld)
    claims = list(claims_of(first, has_made_up_time=False))

    found = [line for line in troubles(NOTHING_KNOWN, claims, [first, later]) if line.startswith("a ")]

    assert bool(found) is not is_lifted


def test_an_opt_in_that_was_undone_lifts_nothing_any_more() -> None:
    first, second = fact(1, OUT), fact(2, IN)
    put_back = Undone(("act2",), (Restored("a", Choice(10, Value.OUT, "act1", 10, "act1")),), 30)
    third = fact(3, put_back, state=fold([Act("act3", Via.API, (put_back,))]), former="act2")

    found = list(troubles(NOTHING_KNOWN, claims_of(first, has_made_up_time=False), [first, second, third]))

    assert any("act1" in line for line in found)


@pytest.mark.parametrize(
    ("parts", "arrives"), [((Bounced(5),), False), ((Bounced(5), BounceLifted(5)), False), ((BounceLifted(6),), True)]
)
def test_a_service_alert_that_is_answered_otherwise_is_told(parts: tuple[Part, ...], arrives: bool) -> None:
    facts = [fact(step, part) for step, part in enumerate(parts, start=1)]
    right = fold([one.entry.act for one in facts])
    wrong = fold([Act("other", Via.FEEDBACK, (Bounced(9),))]) if arrives else NOTHING_KNOWN

    def told(state: State) -> bool:
        return any("service alert" in line for line in troubles(state, [], facts))

    assert (told(right), told(wrong)) == (False, True)


@pytest.mark.parametrize(("held", "is_told"), [(IN, False), (OUT, True), (Blocked("a", 30), False), (Erased(30), True)])
def test_an_opt_in_that_starts_nothing_is_told(held: Part, is_told: bool) -> None:
    """A block is the sender's, and no choice of the recipient's is to lift it."""
    act = Act("in", Via.PREFERENCE_PAGE, (IN,))

    told = list(refused_opt_in(fold([Act("held", Via.API, (held,))]), act))

    assert bool(told) is is_told
