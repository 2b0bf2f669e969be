"""The write path against everything that an engine can do to it."""

from __future__ import annotations

import pytest

from chalicelib.domain.acts import Act, OptedIn, OptedOut, Stated, Undone, Via
from chalicelib.domain.categories import ALL, Category, Kind
from chalicelib.domain.decision import Reason, decide
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.senders import Place
from chalicelib.domain.state import Value
from chalicelib.domain.undo import restorations
from chalicelib.store.ledger import Beside, Ledger
from tests.store.memory import Clock, Memory, busy, fine, silent

PLACE = Place("testsend", 0, "rcp_one")
NEIGHBOUR = Place("testsend", 0, "rcp_two")
A = Category("a", 1, Kind.OPTIONAL, "A")
OUT = Act("out", Via.ONE_CLICK, (OptedOut("a"),), 1)
IN = Act("in", Via.PREFERENCE_PAGE, (OptedIn("a"),), 1)


class World:
    def __init__(self) -> None:
        self.engine = Memory()
        self.clock = Clock()
        self.ledger = Ledger(self.engine, self.clock.timing())
        self.other = Ledger(self.engine, self.clock.timing())

    def choice(self) -> Value:
        return self.engine.recipients[PLACE].state.choice["a"].value

    def acts(self) -> list[str]:
        return [entry.act.id for _, entry in sorted(self.engine.entries.items(), key=lambda item: item[0])]


@pytest.fixture
def world() -> World:
    return World()


def test_an_act_is_in_the_state_and_in_the_ledger(world: World) -> None:
    recorded = world.ledger.record(PLACE, OUT, Beside("dana@example.com"))
    assert recorded.act == "out"
    assert recorded.recipient == world.engine.recipients[PLACE]
    assert recorded.recipient.address == "dana@example.com"
    assert world.acts() == ["out"]
    assert world.engine.heads["testsend", 0].seq == 1


def test_an_answer_lost_after_the_commit_is_one_act(world: World) -> None:
    world.engine.after_commit.append(silent)
    assert world.ledger.record(PLACE, OUT).act == "out"
    assert world.acts() == ["out"]


def test_an_answer_lost_twice_is_found_among_the_recent_acts(world: World) -> None:
    world.engine.after_commit.extend([silent, silent])
    assert world.ledger.record(PLACE, OUT).act == "out"
    assert world.acts() == ["out"]


def test_a_lost_answer_overtaken_by_an_opt_in_does_not_undo_it(world: World) -> None:
    def opt_in() -> None:
        world.other.record(PLACE, IN)
        silent()

    world.engine.after_commit.extend([silent, opt_in])
    world.ledger.record(PLACE, OUT)
    assert world.acts() == ["out", "in"]
    assert world.choice() is Value.IN


def test_a_request_that_never_arrived_is_sent_again(world: World) -> None:
    world.engine.before_commit.extend([silent, silent, silent])
    assert world.ledger.record(PLACE, OUT).act == "out"
    assert world.acts() == ["out"]


@pytest.mark.parametrize("act", [OUT, IN])
def test_whoever_is_overtaken_the_opt_out_wins(world: World, act: Act) -> None:
    """Restrictive acts are stamped again, permissive ones keep their first stamp."""
    overtaking = IN if act is OUT else OUT
    world.engine.before_commit.append(lambda: _record(world, overtaking))
    world.clock.milliseconds += 10
    world.ledger.record(PLACE, act)
    assert world.choice() is Value.OUT


def _record(world: World, act: Act) -> None:
    world.other.record(PLACE, act)


def test_a_head_that_moved_costs_a_number_and_no_read(world: World) -> None:
    world.ledger.record(NEIGHBOUR, OUT)
    world.engine.before_read.append(fine)
    world.engine.before_commit.append(lambda: _neighbour(world))
    world.engine.before_read.append(fine)
    world.engine.before_read.append(busy)
    world.ledger.record(PLACE, OUT)
    assert world.engine.before_read, "it read again"
    assert [seq for _, _, seq in sorted(world.engine.entries)] == [1, 2, 3]
    assert world.engine.recipients[PLACE].recent[0].seq == 3


def _neighbour(world: World) -> None:
    world.other.record(NEIGHBOUR, Act("more", Via.ONE_CLICK, (OptedOut("b"),), 1))


def test_a_head_that_moved_while_the_answer_was_lost_is_read_again(world: World) -> None:
    world.engine.after_commit.append(silent)
    world.engine.before_commit.extend([fine, lambda: _neighbour(world)])
    assert world.ledger.record(PLACE, OUT).act == "out"
    assert world.acts().count("out") == 1


@pytest.mark.parametrize("fault", [busy, silent])
def test_it_waits_for_a_busy_engine_and_gives_up_in_time(world: World, fault: object) -> None:
    """A11."""
    began = world.clock.milliseconds
    world.engine.before_read.extend([fault] * 3)  # type: ignore[list-item] # on purpose, or a type that the library does not tell
    world.engine.before_commit.extend([busy] * 3)
    assert world.ledger.record(PLACE, OUT).act == "out"
    world.engine.before_read.extend([fault] * 10_000)  # type: ignore[list-item] # on purpose, or a type that the library does not tell
    with pytest.raises(StoreUnavailable):
        world.ledger.record(PLACE, IN)
    assert world.clock.milliseconds - began < 20_000
    assert world.choice() is Value.OUT


def test_busy_after_a_lost_answer_is_read_again(world: World) -> None:
    world.engine.after_commit.append(silent)
    world.engine.before_commit.extend([fine, busy])
    assert world.ledger.record(PLACE, OUT).act == "out"
    assert world.acts() == ["out"]


def test_a_repeat_is_absorbed_under_a_minute_and_renews_after_it(world: World) -> None:
    """A10."""
    world.ledger.record(PLACE, OUT)
    again = Act("again", Via.ONE_CLICK, (OptedOut("a"),), 1)
    assert world.ledger.record(PLACE, again).act == "out"
    world.clock.milliseconds += 60_000
    assert world.ledger.record(PLACE, again).act == "again"
    assert world.acts() == ["out", "again"]
    assert world.engine.entries["testsend", 0, 2].previous == 1


def test_what_changes_nothing_writes_nothing(world: World) -> None:
    assert world.ledger.record(PLACE, lambda _: None).act is None
    world.ledger.record(PLACE, Act("told", Via.API, (Stated("a", 5_000),)))
    world.ledger.record(PLACE, Act("older", Via.API, (Stated("a", 4_000),)))
    assert world.acts() == ["told"]


def test_now_is_the_date_of_the_read_where_the_engine_sends_one(world: World) -> None:
    world.engine.date = 1_900_000_000_000
    world.ledger.record(PLACE, OUT)
    assert world.engine.recipients[PLACE].state.choice["a"].at == 1_900_000_000_000
    assert world.engine.entries["testsend", 0, 1].recorded == 1_900_000_000_000


def test_an_opt_in_that_two_opt_outs_overtook_stays_overtaken_when_one_is_undone(world: World) -> None:
    """Found by the histories: a register tells the newest of what overtook an act, and not the earliest."""
    clock = world.clock
    fast = Ledger(world.engine, Clock(clock.milliseconds + 60_000).timing())
    later = Ledger(world.engine, Clock(clock.milliseconds + 30_000).timing())

    def overtake() -> None:
        world.other.record(PLACE, Act("one", Via.ONE_CLICK, (OptedOut(ALL),), 1))
        later.record(PLACE, Act("two", Via.OPT_OUT_FORM, (OptedOut(ALL),)))

    world.engine.before_commit.append(overtake)
    fast.record(PLACE, IN)
    formers = {(e.act.id, s): former for e in world.engine.entries.values() for s, former in e.formers.items()}
    later.record(
        PLACE, lambda known: Act("undo", Via.OPS, (Undone(("two",), restorations(known.state, ("two",), formers)),))
    )

    assert decide(world.engine.recipients[PLACE].state, A).reason is Reason.OPTED_OUT_OF_ALL


def test_stop_all_but_one_sent_twice_keeps_that_one(world: World) -> None:
    """Nobody came between, so the second attempt is the first one."""
    world.engine.before_commit.extend([silent, busy])

    world.ledger.record(PLACE, Act("form", Via.PREFERENCE_PAGE, (OptedOut(ALL), OptedIn("a")), 1))

    assert decide(world.engine.recipients[PLACE].state, A).may_send


def test_an_opt_in_said_again_after_it_was_overtaken_counts(world: World) -> None:
    """It is no repeat: the first one started nothing."""
    world.engine.before_commit.append(lambda: _record(world, Act("all", Via.ONE_CLICK, (OptedOut(ALL),), 1)))
    world.ledger.record(PLACE, IN)
    assert not decide(world.engine.recipients[PLACE].state, A).may_send

    world.ledger.record(PLACE, Act("again", Via.PREFERENCE_PAGE, (OptedIn("a"),), 1))

    assert decide(world.engine.recipients[PLACE].state, A).may_send
