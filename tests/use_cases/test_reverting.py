"""Revert, story by story: a stranger's opt-outs go, whatever a recipient wanted itself stays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from chalicelib.domain.acts import Act, Consented, Erased, OptedIn, OptedOut, Part, Restored, Stated, Undone, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.decision import Reason, decide
from chalicelib.domain.errors import InvalidRequest, StoreUnavailable
from chalicelib.domain.recipients import RECENT_ACTS, Entry
from chalicelib.domain.senders import Place, Sender
from chalicelib.domain.state import Choice, Value
from chalicelib.store.ledger import Ledger
from chalicelib.use_cases.reverting import REVERSIBLE, Fate, Finding, Meant, find, revert
from chalicelib.use_cases.scanning import PAUSES, ledger_of
from chalicelib.use_cases.sending import new_act_id
from chalicelib.use_cases.undoing import undo
from tests.site import ADDRESS, CATALOGUE, CODE
from tests.store.memory import busy, fine, silent
from tests.store.memory_service import MemoryService
from tests.web.test_undo_properties import opened_for

SENDER = Sender(CODE, "Test & Sons", CATALOGUE, bytes(32))
DANA, OTHER = (SENDER.place_of(parse_address(address)) for address in (ADDRESS, "other@example.com"))
MINUTE = 60_000
EVER = 2**50
NEWS, OFFERS = (CATALOGUE.get(name) for name in ("news", "offers"))


@dataclass
class Town:
    """Where strangers type addresses, and recipients have wishes of their own. Time passes between any two acts."""

    service: MemoryService = field(default_factory=MemoryService)
    read: list[int] = field(default_factory=list)

    def record(self, via: Via, *parts: Part, place: Place = DANA, key: int | None = None) -> str:
        self.service.own_clock.milliseconds += 2 * MINUTE
        act = Act(new_act_id(via), via, parts, key)
        self.service.ledger.record(place, act)
        return act.id

    def stranger(self, place: Place = DANA) -> str:
        return self.record(Via.OPT_OUT_FORM, OptedOut(ALL), place=place)

    def own(self, *parts: Part, via: Via = Via.ONE_CLICK, key: int = 1) -> str:
        return self.record(via, *parts, key=key)

    @property
    def now(self) -> int:
        return self.service.own_clock.milliseconds

    def reverted(self, meant: Meant | None = None) -> list[Finding]:
        return list(revert(ledger_of(self.service, SENDER), meant or BY_FORM, self.read.append))

    def found(self, meant: Meant | None = None) -> list[Finding]:
        return list(find(ledger_of(self.service, SENDER), meant or BY_FORM, self.read.append))

    def fates(self, meant: Meant | None = None) -> list[Fate]:
        """By listing, which must change nothing, and then by doing it, and by doing it again."""
        before = self.lines()
        listed = self.found(meant)
        assert self.lines() == before
        done = self.reverted(meant)
        expected = [Fate.REVERSED if finding.fate is Fate.STANDS else finding.fate for finding in listed]
        assert [finding.fate for finding in done] == expected
        after = self.lines()
        again = self.reverted(meant)
        assert self.lines() == after
        assert not {Fate.STANDS, Fate.REVERSED} & {finding.fate for finding in again}
        return [finding.fate for finding in listed]

    def lines(self) -> list[Entry]:
        return list(self.service.engine.entries.values())

    def choice(self, scope: str = ALL, place: Place = DANA) -> Choice:
        return self.service.reader.recipient(place).state.choice[scope]

    def reasons(self, place: Place = DANA) -> tuple[Reason | None, Reason | None]:
        state = self.service.reader.recipient(place).state
        return decide(state, NEWS).reason, decide(state, OFFERS).reason


BY_FORM = Meant(Via.OPT_OUT_FORM, 0, EVER)
FREE = (None, None)
ALL_OUT = (Reason.OPTED_OUT_OF_ALL, Reason.OPTED_OUT_OF_ALL)


@pytest.fixture
def town() -> Town:
    return Town()


def test_a_strangers_opt_out_is_reversed_and_that_is_recorded(town: Town) -> None:
    act = town.stranger()
    town.stranger(OTHER)

    [first, second] = town.reverted()

    assert (first.fate, first.entry.act.id, first.restored) == (Fate.REVERSED, act, (Restored(ALL, None),))
    assert town.reasons() == town.reasons(OTHER) == FREE
    reversals = {line.act.id: line for line in town.lines()[2:]}
    assert reversals.keys() == {first.reversal, second.reversal}
    reversal = reversals[str(first.reversal)]
    assert (reversal.act.via, reversal.place, reversal.act.key_version) == (Via.OPS, DANA, None)
    assert reversal.act.parts == (Undone((act,), (Restored(ALL, None),), reversal.act.parts[0].at),)
    assert [row[:2] for row in reversal.effects.removed] == [(ALL, Reason.OPTED_OUT_OF_ALL)]


def test_listing_says_what_would_be_and_writes_nothing(town: Town) -> None:
    town.stranger()
    assert [(one.fate, one.restored) for one in town.found()] == [(Fate.STANDS, (Restored(ALL, None),))]
    assert len(town.lines()) == 1
    assert town.reasons() == ALL_OUT


def test_a_second_run_reverses_nothing_twice(town: Town) -> None:
    town.stranger()
    [done] = town.reverted()
    lines = town.lines()
    [again] = town.reverted()
    assert (again.fate, again.reversal, again.restored) == (Fate.GONE, done.reversal, ())
    assert town.lines() == lines


@pytest.mark.parametrize("via", [Via.ONE_CLICK, Via.UNSUBSCRIBE_PAGE, Via.PREFERENCE_PAGE, Via.MAILTO])
def test_who_wished_the_same_since_stays_opted_out(town: Town, via: Via) -> None:
    town.stranger()
    own = town.own(OptedOut(ALL), via=via)
    assert town.fates() == [Fate.OVERTAKEN]
    assert (town.choice().source, town.reasons()) == (own, ALL_OUT)


def test_who_had_wished_the_same_before_stays_opted_out_since_then(town: Town) -> None:
    own = town.own(OptedOut(ALL))
    before = town.choice()
    town.stranger()
    assert town.fates() == [Fate.STANDS]
    after = town.choice()
    assert (after.value, after.since, after.source) == (before.value, before.since, own)
    assert town.reasons() == ALL_OUT


def test_what_was_chosen_besides_stays(town: Town) -> None:
    town.own(OptedOut("news"))
    town.stranger()
    town.own(OptedIn("offers"), via=Via.PREFERENCE_PAGE)
    town.record(Via.API, Stated("news", 5))
    besides = [town.choice("news"), town.choice("offers")]
    assert town.fates() == [Fate.STANDS]
    assert [town.choice("news"), town.choice("offers")] == besides
    assert town.reasons() == (Reason.OPTED_OUT, None)


def test_what_was_told_from_outside_stays(town: Town) -> None:
    town.stranger()
    town.record(Via.IMPORT, Stated(ALL, town.now))
    assert town.fates() == [Fate.STANDS]
    assert town.reasons() == ALL_OUT


def test_an_address_that_was_typed_twice_is_reversed_through_both(town: Town) -> None:
    first, second = town.stranger(), town.stranger()
    assert town.fates() == [Fate.STANDS, Fate.STANDS]
    assert town.reasons() == FREE
    [reversal] = town.lines()[2:]
    assert reversal.act.parts[0].acts == (second, first)  # type: ignore[union-attr]


def test_a_wish_of_its_own_between_two_strangers_is_what_comes_back(town: Town) -> None:
    town.stranger()
    own = town.own(OptedOut(ALL))
    town.stranger()
    assert town.fates() == [Fate.OVERTAKEN, Fate.STANDS]
    assert (town.choice().source, town.reasons()) == (own, ALL_OUT)


def test_an_act_far_back_in_a_long_history_is_found_again(town: Town) -> None:
    town.stranger()
    town.record(Via.API, Consented("news", 5))
    town.stranger()
    for number in range(2 * RECENT_ACTS):
        town.own(OptedOut("news"), key=number)
    assert town.fates() == [Fate.STANDS, Fate.STANDS]
    for number in range(2 * RECENT_ACTS):
        town.own(OptedOut("news"), key=number)
    assert [one.fate for one in town.found()] == [Fate.GONE, Fate.GONE]


def test_a_stranger_who_comes_back_after_a_reversal_is_reversed_again(town: Town) -> None:
    town.stranger()
    town.reverted()
    town.stranger()
    assert town.fates() == [Fate.GONE, Fate.STANDS]
    assert town.reasons() == FREE


def test_of_who_was_erased_nothing_comes_back(town: Town) -> None:
    town.stranger()
    town.own(Erased(), via=Via.PREFERENCE_PAGE)
    lines = town.lines()
    assert town.fates() == [Fate.ERASED]
    assert town.lines() == lines
    assert town.reasons() == ALL_OUT


def test_an_opt_out_before_an_erasure_is_not_brought_back_by_one_after_it(town: Town) -> None:
    town.own(OptedOut("news"))
    town.own(Erased(), via=Via.PREFERENCE_PAGE)
    town.stranger()
    assert town.fates() == [Fate.STANDS]
    assert town.reasons() == ALL_OUT, "by the erasure"


def test_an_opt_out_that_somebody_undid_by_a_meant_act_comes_back(town: Town) -> None:
    """Through the undo to what it had put away, and no further: that was not meant."""
    town.own(OptedOut("news"), via=Via.PREFERENCE_PAGE, key=2)
    own = town.own(OptedOut("news"), via=Via.ONE_CLICK)
    undo(town.service, replace(opened_for(ADDRESS), sender=SENDER), frozenset({own}))
    assert town.choice("news").source != own
    assert Fate.STANDS in town.fates(Meant(Via.PREFERENCE_PAGE, 0, EVER))
    assert (town.choice("news").value, town.choice("news").source) == (Value.OUT, own)


def test_what_the_recipient_has_undone_itself_is_done(town: Town) -> None:
    act = town.stranger()
    undo(town.service, replace(opened_for(ADDRESS), sender=SENDER), frozenset({act}))
    assert town.fates() == [Fate.GONE]


def test_an_act_of_several_parts_is_reversed_as_far_as_it_stands(town: Town) -> None:
    before = town.own(OptedOut("news"), key=2)
    town.own(OptedOut("offers"), OptedIn("news"), via=Via.PREFERENCE_PAGE, key=2)
    newer = town.own(OptedOut("offers"), key=3)
    assert town.fates(Meant(Via.PREFERENCE_PAGE, 0, EVER)) == [Fate.STANDS]
    assert (town.choice("news").source, town.choice("offers").source) == (before, newer)
    assert town.reasons() == (Reason.OPTED_OUT, Reason.OPTED_OUT)


def test_the_window_is_of_recorded_time_its_end_is_not_in_it(town: Town) -> None:
    town.stranger()
    start = town.now
    act = town.stranger(OTHER)
    town.stranger(OTHER)
    end = town.now
    meant = [one.entry.act.id for one in town.found(Meant(Via.OPT_OUT_FORM, start + 1, end))]
    assert meant == [act]
    assert len(town.found(Meant(Via.OPT_OUT_FORM, start, end))) == 2
    assert len(town.found(Meant(Via.OPT_OUT_FORM, start, end + 1))) == 3


def test_what_came_another_way_or_by_another_key_is_not_meant(town: Town) -> None:
    town.own(OptedOut("news"), key=1)
    by_second = town.own(OptedOut("offers"), key=2)
    town.own(OptedOut(ALL), via=Via.UNSUBSCRIBE_PAGE, key=2)
    meant = Meant(Via.ONE_CLICK, 0, EVER, key_version=2)
    assert [one.entry.act.id for one in town.found(meant)] == [by_second]
    assert town.fates(meant) == [Fate.STANDS]
    assert town.choice("news").value is Value.OUT
    assert len(town.found(Meant(Via.ONE_CLICK, 0, EVER))) == 2


def test_acts_without_a_choice_are_not_meant(town: Town) -> None:
    town.own(Erased(), via=Via.PREFERENCE_PAGE)
    assert town.found(Meant(Via.PREFERENCE_PAGE, 0, EVER)) == []


def test_a_reversal_of_the_wrong_window_is_taken_back(town: Town) -> None:
    """By the same command: an opt-out that should not have been undone stands again, as of its own day."""
    act = town.stranger()
    before = town.choice()
    town.reverted()
    assert town.reasons() == FREE

    assert town.fates(Meant(Via.OPS, 0, EVER)) == [Fate.STANDS]

    after = town.choice()
    assert (after.value, after.since, after.source) == (Value.OUT, before.since, act)
    assert town.reasons() == ALL_OUT
    assert town.fates() == [Fate.STANDS], "the right window may come after it"
    assert town.reasons() == FREE


def test_a_reversal_is_not_taken_back_over_what_came_since(town: Town) -> None:
    town.stranger()
    town.reverted()
    town.own(OptedOut(ALL))
    town.own(OptedIn("news"), via=Via.PREFERENCE_PAGE)
    assert town.fates(Meant(Via.OPS, 0, EVER)) == [Fate.OVERTAKEN]
    assert town.reasons() == (None, Reason.OPTED_OUT_OF_ALL)


@pytest.mark.parametrize("via", [via for via in Via if via not in REVERSIBLE])
def test_what_others_tell_cannot_be_reversed(via: Via) -> None:
    with pytest.raises(InvalidRequest, match=f"acts by {via} are told by others"):
        Meant(via, 0, 1)


@pytest.mark.parametrize(("start", "end"), [(5, 5), (6, 5)])
def test_a_window_upside_down_is_refused(start: int, end: int) -> None:
    with pytest.raises(InvalidRequest, match="the window ends before it begins"):
        Meant(Via.OPT_OUT_FORM, start, end)


@pytest.mark.parametrize("via", [Via.OPT_OUT_FORM, Via.OPS])
def test_a_key_version_is_refused_for_ways_without_a_link(via: Via) -> None:
    with pytest.raises(InvalidRequest, match="come without a link"):
        Meant(via, 0, 1, key_version=1)


def test_what_comes_between_reading_and_writing_is_not_overwritten(town: Town) -> None:
    town.stranger()
    other = Ledger(town.service.engine, town.service.own_clock.timing())
    own = Act("o_own", Via.ONE_CLICK, (OptedOut(ALL),), 1)
    calls = town.service.engine.before_commit
    calls.append(lambda: (calls.appendleft(fine), other.record(DANA, own))[0])  # type: ignore[func-returns-value]
    assert [one.fate for one in town.reverted()] == [Fate.OVERTAKEN]
    assert not calls
    assert (town.choice().source, town.reasons()) == ("o_own", ALL_OUT)


def test_what_comes_between_beside_it_stays_and_the_reversal_is_done(town: Town) -> None:
    town.stranger()
    other = Ledger(town.service.engine, town.service.own_clock.timing())
    own = Act("o_own", Via.ONE_CLICK, (OptedOut("news"),), 1)
    calls = town.service.engine.before_commit
    calls.append(lambda: (calls.appendleft(fine), other.record(DANA, own))[0])  # type: ignore[func-returns-value]
    assert [one.fate for one in town.reverted()] == [Fate.REVERSED]
    assert town.reasons() == (Reason.OPTED_OUT, None)


def test_an_answer_that_is_lost_is_no_second_reversal(town: Town) -> None:
    town.stranger()
    town.service.engine.after_commit.extend([silent, silent])
    assert [one.fate for one in town.reverted()] == [Fate.REVERSED]
    assert len(town.lines()) == 2


def test_a_busy_store_is_given_time(town: Town) -> None:
    town.stranger()
    town.service.engine.before_read.extend([busy] * 40)
    paused: list[float] = []
    town.service = replace(town.service, pause=paused.append)
    assert [one.fate for one in town.reverted()] == [Fate.REVERSED]
    assert len(town.lines()) == 2
    assert paused


def test_a_line_that_is_not_visible_yet_is_waited_for(town: Town) -> None:
    town.stranger()
    act = town.stranger(OTHER)
    key = next(key for key, line in town.service.engine.entries.items() if line.place == OTHER)
    line = town.service.engine.entries.pop(key)
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        town.service.engine.entries[key] = line

    town.service = replace(town.service, pause=pause)
    assert [one.entry.act.id for one in town.reverted()][-1] == act
    assert paused == [PAUSES[0]]


def test_a_line_that_never_comes_is_told_and_nothing_is_passed_over(town: Town) -> None:
    town.stranger()
    town.stranger()
    [key, _] = town.service.engine.entries
    del town.service.engine.entries[key]
    town.service = replace(town.service, pause=print)
    with pytest.raises(StoreUnavailable, match=f"line 1 of shard {DANA.shard} is missing"):
        town.reverted()


def test_a_recipient_that_is_older_than_its_line_is_waited_for(town: Town) -> None:
    """Else its act would be taken for overtaken, and its opt-out would stay."""
    town.stranger()
    recipient = town.service.engine.recipients.pop(DANA)
    put = partial(town.service.engine.recipients.__setitem__, DANA, recipient)
    town.service = replace(town.service, pause=lambda _: put())
    assert [one.fate for one in town.reverted()] == [Fate.REVERSED]


def test_lines_of_after_the_beginning_are_left_for_the_next_run(town: Town) -> None:
    town.stranger()
    ledger = ledger_of(town.service, SENDER)
    town.stranger()
    assert len(list(find(ledger, BY_FORM, town.read.append))) == len(ledger) == sum(town.read) == 1
