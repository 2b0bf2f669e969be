"""The stories that `test_rules.py` leaves to tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.acts import (
    Blocked,
    Bounced,
    BounceLifted,
    Complained,
    Consented,
    Erased,
    OptedIn,
    OptedOut,
    Part,
    Stated,
    Unblocked,
    Via,
)
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL, Catalogue, Category, Ground, Kind
from chalicelib.domain.decision import Reason, Verdict, decide
from chalicelib.domain.errors import CategoryRefused
from chalicelib.domain.fold import fold
from chalicelib.domain.senders import Place, Sender
from tests.domain.strategies import ALERTS, MINUTE, NEWS, NOON, OFFERS, SECOND, STUDY, Row

OUT, OUT_OF_ALL = Reason.OPTED_OUT, Reason.OPTED_OUT_OF_ALL
HOUR = 60 * MINUTE
DELIVERY = Category("parcels", 5, Kind.SERVICE_ALERT, "Parcels", ground=Ground.DELIVERY)
EVERYTHING = Catalogue((NEWS, OFFERS, STUDY, ALERTS, DELIVERY))


# Undo and revert


def test_all_out_then_in_a_then_all_out_then_all_of_it_undone_backwards() -> None:
    row = Row()
    first = row.then(OptedOut(ALL), at=NOON)
    opted_in = row.then(OptedIn("news"), at=NOON + 1 * HOUR)
    last = row.then(OptedOut(ALL), at=NOON + 2 * HOUR)
    row.undo(last, at=NOON + 3 * HOUR)
    assert decide(row.state, OFFERS) == Verdict(6, OUT_OF_ALL, NOON)
    row.undo(opted_in, at=NOON + 4 * HOUR)
    assert decide(row.state, NEWS) == Verdict(6, OUT_OF_ALL, NOON)
    row.undo(first, at=NOON + 5 * HOUR)
    assert (row.reason(NEWS), row.reason(OFFERS)) == (None, None)


def test_an_undo_gives_back_the_date_that_the_choice_had() -> None:
    """Consent that was newer than the first opt-out, and older than the one undone, counts again."""
    row = Row()
    row.then(OptedOut("news"), at=NOON)
    row.then(Consented("news", NOON + 1 * HOUR), at=NOON + 1 * HOUR, via=Via.API)
    again = row.then(OptedOut("news"), at=NOON + 2 * HOUR)
    assert row.reason(NEWS) is OUT
    row.undo(again, at=NOON + 3 * HOUR)
    assert row.reason(NEWS) is None


def test_an_undo_undone_changes_nothing() -> None:
    """What it put back has its own source again, and that is not the undo."""
    row = Row()
    row.then(OptedOut("news"), at=NOON)
    opted_in = row.then(OptedIn("news"), at=NOON + 1 * HOUR)
    undo = row.undo(opted_in, at=NOON + 2 * HOUR)
    row.undo(undo, at=NOON + 3 * HOUR)
    assert decide(row.state, NEWS) == Verdict(7, OUT, NOON)


def test_an_undo_leaves_alone_what_was_chosen_since() -> None:
    row = Row()
    submission = row.then(OptedOut("news"), OptedOut("offers"), at=NOON)
    row.then(OptedOut("news"), at=NOON + 1 * HOUR, via=Via.ONE_CLICK)
    row.undo(submission, at=NOON + 2 * HOUR)
    assert (row.reason(NEWS), row.reason(OFFERS)) == (OUT, None)


def test_a_strangers_form_after_the_recipients_own_opt_out_then_the_form_reversed() -> None:
    row = Row()
    row.then(OptedOut(ALL), at=NOON, via=Via.UNSUBSCRIBE_PAGE)
    form = row.then(OptedOut(ALL), at=NOON + 1 * HOUR, via=Via.OPT_OUT_FORM)
    row.undo(form, at=NOON + 2 * HOUR)
    assert decide(row.state, NEWS) == Verdict(6, OUT_OF_ALL, NOON)


def test_two_forms_reversed_together() -> None:
    row = Row()
    row.then(OptedIn("news"), at=NOON)
    forms = [row.then(OptedOut(ALL), at=NOON + hour * HOUR, via=Via.OPT_OUT_FORM) for hour in (1, 2)]
    assert row.reason(NEWS) is OUT_OF_ALL
    row.undo(*forms, at=NOON + 3 * HOUR)
    assert (row.reason(NEWS), row.reason(OFFERS)) == (None, None)


def test_an_undo_after_an_erasure_brings_nothing_back() -> None:
    """C5."""
    row = Row()
    row.then(OptedIn("news"), at=NOON)
    out = row.then(OptedOut("news"), at=NOON + 1 * HOUR)
    row.then(Erased(), at=NOON + 2 * HOUR)
    row.undo(out, at=NOON + 3 * HOUR)
    assert not row.state.choice
    assert row.reason(NEWS) is OUT_OF_ALL


def test_an_undo_does_not_lift_a_complaint_that_came_after_the_choice_it_gives_back() -> None:
    row = Row()
    row.then(OptedIn("news"), at=NOON)
    out = row.then(OptedOut("news"), at=NOON + 1 * HOUR)
    row.then(Complained(NOON + 2 * HOUR), at=NOON + 2 * HOUR, via=Via.FEEDBACK)
    row.undo(out, at=NOON + 3 * HOUR)
    assert row.reason(NEWS) is Reason.COMPLAINT


# Told from outside


@pytest.mark.parametrize("second", [OptedOut("news"), Stated("news", NOON + 2 * HOUR)])
def test_consent_dated_between_two_opt_outs_by_whomever_the_second_was_told(second: Part) -> None:
    row = Row()
    row.then(OptedOut("news"), at=NOON)
    row.then(second, at=NOON + 2 * HOUR, via=Via.IMPORT)
    row.then(Consented("news", NOON + 1 * HOUR), at=NOON + 3 * HOUR, via=Via.API)
    assert row.reason(NEWS) is OUT


@pytest.mark.parametrize(("after", "reason"), [(119_999, OUT), (120_000, OUT), (120_001, None)])
def test_consent_told_within_two_minutes_of_an_opt_out_does_not_lift_it(after: int, reason: Reason | None) -> None:
    """A sender's fast clock lifts no opt-out; H5: a real re-subscription does."""
    row = Row()
    row.then(OptedOut("news"), at=NOON)
    row.then(Consented("news", NOON + after), at=NOON + HOUR, via=Via.API)
    assert row.reason(NEWS) is reason


def test_an_import_of_opt_outs_of_all_older_than_an_opt_in() -> None:
    row = Row()
    row.then(OptedIn("news"), at=NOON)
    row.then(Stated(ALL, NOON - HOUR), at=NOON + HOUR, via=Via.IMPORT)
    assert (row.reason(NEWS), row.reason(OFFERS)) == (None, OUT_OF_ALL)


def test_an_import_of_consents_after_an_opt_out() -> None:
    """H1."""
    row = Row()
    row.then(OptedOut("study"), at=NOON)
    row.then(Consented("study", NOON + HOUR), at=NOON + 2 * HOUR, via=Via.IMPORT)
    assert row.reason(STUDY) is OUT


def test_an_import_after_an_erasure_counts_from_the_erasure_on_only() -> None:
    row = Row()
    row.then(Erased(), at=NOON)
    row.then(Stated("news", NOON - HOUR), Stated("offers", NOON + HOUR), at=NOON + 2 * HOUR, via=Via.IMPORT)
    row.then(OptedIn("news"), at=NOON + HOUR // 2)
    row.then(OptedIn("offers"), at=NOON + HOUR // 2)
    assert set(row.state.stated) == {"offers"}
    assert {row.reason(NEWS), row.reason(OFFERS)} == {None}
    assert row.reason(STUDY) is OUT_OF_ALL


def test_an_erasure_stops_everything_optional_and_no_sender_lifts_it_by_an_old_consent() -> None:
    """C5."""
    row = Row()
    row.then(OptedIn("news"), at=NOON)
    row.then(Erased(), at=NOON + HOUR)
    row.then(Consented("news", NOON + HOUR), at=NOON + 2 * HOUR, via=Via.API)
    assert (row.reason(NEWS), row.reason(ALERTS)) == (OUT_OF_ALL, None)
    row.then(Consented("news", NOON + 2 * HOUR), at=NOON + 2 * HOUR, via=Via.API)
    assert (row.reason(NEWS), row.reason(OFFERS)) == (None, OUT_OF_ALL)


# Containers whose clocks differ by a minute

FAST, SLOW = NOON + MINUTE, NOON


def test_the_slow_container_opts_out_after_the_fast_one_opted_in_and_the_other_way_round() -> None:
    row = Row()
    for turn in range(3):
        row.then(OptedIn("news"), at=FAST + turn * SECOND)
        assert row.reason(NEWS) is None
        row.then(OptedOut("news"), at=SLOW + turn * SECOND)
        assert row.reason(NEWS) is OUT
    row.then(OptedIn("news"), at=SLOW + 4 * SECOND)
    assert row.reason(NEWS) is None


@pytest.mark.parametrize(
    ("permissive", "overtaking", "stays"),
    [
        (OptedIn("news"), OptedOut("news"), OUT),
        (OptedIn("news"), OptedOut(ALL), OUT_OF_ALL),
        (OptedIn("news"), Erased(), OUT_OF_ALL),
        (OptedIn("news"), Complained(SLOW), Reason.COMPLAINT),
        (OptedIn("news"), Stated("news", SLOW), OUT),
        (Unblocked("news"), Blocked("news"), Reason.BLOCKED),
        (Unblocked(ALL), Blocked(ALL), Reason.BLOCKED),
        (BounceLifted(), Bounced(SLOW), Reason.UNDELIVERABLE),
    ],
)
def test_what_lifts_by_the_fast_container_loses_to_what_overtook_it_by_the_slow_one(
    permissive: Part, overtaking: Part, stays: Reason
) -> None:
    row = Row()
    attempt = row.begin(permissive, at=FAST)
    row.then(overtaking, at=SLOW)
    row.finish(attempt, at=FAST + SECOND)
    assert row.reason(NEWS) is stays


@pytest.mark.parametrize(
    ("restrictive", "overtaking", "stays"),
    [
        (OptedOut("news"), OptedIn("news"), OUT),
        (OptedOut(ALL), OptedIn("news"), OUT_OF_ALL),
        (Erased(), OptedIn("news"), OUT_OF_ALL),
        (Blocked("news"), Unblocked("news"), Reason.BLOCKED),
    ],
)
def test_what_stops_by_the_slow_container_wins_over_what_overtook_it_by_the_fast_one(
    restrictive: Part, overtaking: Part, stays: Reason
) -> None:
    row = Row()
    attempt = row.begin(restrictive, at=SLOW)
    row.then(overtaking, at=FAST)
    row.finish(attempt, at=SLOW + SECOND)
    assert row.reason(NEWS) is stays


def test_an_undo_by_the_fast_container_overtaken_by_a_one_click_by_the_slow_one() -> None:
    row = Row()
    out = row.then(OptedOut("news"), at=SLOW - HOUR)
    attempt = row.begin_undo(out, at=FAST)
    row.then(OptedOut("news"), at=SLOW, via=Via.ONE_CLICK)
    row.finish(attempt, at=FAST + SECOND)
    assert decide(row.state, NEWS) == Verdict(7, OUT, SLOW)


# Spellings, and senders


def _sender(code: str, seed: int) -> Sender:
    return Sender(code, code, EVERYTHING, bytes(range(seed, seed + 32)))


ONE, OTHER = _sender("aaaaaaaa", 0), _sender("bbbbbbbb", 1)
NFD_DOMAIN = "b\u0075\u0308cher.example"


class Rows:
    """Rows by place, as a store keeps them."""

    def __init__(self) -> None:
        self.rows: dict[Place, Row] = {}

    def of(self, sender: Sender, address: str) -> Row:
        return self.rows.setdefault(sender.place_of(parse_address(address)), Row())


@pytest.mark.parametrize(
    ("clicked", "asked"),
    [
        ("dana@xn--bcher-kva.example", "dana@b\u00fccher.example"),
        ("DANA@XN--BCHER-KVA.EXAMPLE", f"Dana@{NFD_DOMAIN}"),
        (f"dana@{NFD_DOMAIN}", "dana@B\u00dcCHER.Example"),
        (" dana@example.com\n", "DANA@EXAMPLE.COM"),
        ("\u00c9VA@Example.COM", "e\u0301va@example.com"),
        ("\u1e69@example.com", "s\u0307\u0323@example.com"),
        ("E\u0301.V+X@B\u00dcCHER.example", "\u00e9.v+x@xn--bcher-kva.example"),
        ("dana@example\uff0ecom", "dana@EXAMPLE.com"),
        ("Dana.Q+News@Example.COM", "dana.q+news@example.com"),
    ],
)
def test_an_opt_out_of_an_address_in_another_spelling_holds_both_ways(clicked: str, asked: str) -> None:
    """D1, D2, H7."""
    for first, second in ((clicked, asked), (asked, clicked)):
        rows = Rows()
        rows.of(ONE, first).then(OptedOut("news"), at=NOON, via=Via.ONE_CLICK)
        assert rows.of(ONE, second).reason(NEWS) is OUT
        assert len(rows.rows) == 1


@pytest.mark.parametrize("text", ["Dana@Example.COM", "dana@b\u00fccher.example", "e\u0301va@example.com"])
def test_mail_goes_to_the_original_spelling(text: str) -> None:
    """D1."""
    assert parse_address(f" {text}\t").spelled == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dana@example.com", "dana+news@example.com"),
        ("dana@example.com", "da.na@example.com"),
        ("dana@example.com", "dana@mail.example.com"),
        ("dana@example.com", "dana@example.co"),
        ("dana@example.com", "d\u00e1na@example.com"),
        ("strasse@example.com", "stra\u00dfe@example.com"),
        ("dana@fass.example", "dana@fa\u00df.example"),
    ],
)
def test_another_address_is_another_recipient(one: str, other: str) -> None:
    """D2, and D1: neither `casefold` nor the transitional mapping."""
    rows = Rows()
    rows.of(ONE, one).then(OptedOut(ALL), at=NOON)
    assert rows.of(ONE, other).reason(NEWS) is None
    assert len({place.recipient for place in rows.rows}) == 2


def test_the_same_address_under_two_senders_with_opposite_choices() -> None:
    rows = Rows()
    here, there = rows.of(ONE, "Dana@example.com"), rows.of(OTHER, "dana@EXAMPLE.com")
    here.then(OptedOut(ALL), at=NOON)
    there.then(OptedIn("study"), at=NOON)
    there.then(Blocked("news"), at=NOON)
    assert [here.reason(category) for category in (NEWS, STUDY)] == [OUT_OF_ALL, OUT_OF_ALL]
    assert [there.reason(category) for category in (NEWS, OFFERS, STUDY)] == [Reason.BLOCKED, None, None]


def test_ids_of_one_address_under_many_senders_are_unrelated() -> None:
    """One octet of another pepper changes the whole id; the code of the sender has no part in it."""
    address = parse_address("dana@example.com")
    ids = [_sender("aaaaaaaa", seed).place_of(address).recipient for seed in range(100)]

    assert len({one[4:12] for one in ids}) == len({one[-8:] for one in ids}) == 100
    twin = replace(ONE, code="cccccccc").place_of(address)
    assert twin.recipient == ONE.place_of(address).recipient
    assert twin != ONE.place_of(address)


# A retired category, H3


def test_a_retired_category_may_not_be_sent_whatever_was_chosen() -> None:
    """H3."""
    row = Row()
    row.then(OptedIn("news"), at=NOON)
    for category in ("news", "offers", "study", "alerts"):
        retired = EVERYTHING.retiring(category)
        others = [one for one in EVERYTHING.categories if one.id != category]
        assert decide(row.state, retired.get(category)) == Verdict(1, Reason.RETIRED)
        assert [decide(row.state, one) for one in retired.active] == [decide(row.state, one) for one in others]


def test_the_links_of_a_retired_category_still_work_for_that_category_alone() -> None:
    """H3: found by its number, the opt-out is written, no other category is touched, and it holds on revival."""
    retired = EVERYTHING.retiring("news")
    row = Row()
    row.then(OptedOut(retired.get_number(NEWS.number).id), at=NOON, via=Via.ONE_CLICK)

    assert [row.reason(category) for category in (OFFERS, ALERTS)] == [None, None]
    assert decide(row.state, retired.reviving("news").get("news")).reason is OUT


def test_a_revived_category_keeps_every_choice() -> None:
    """H3."""
    row = Row()
    row.then(OptedOut("news"), OptedIn("study"), at=NOON)
    row.then(Stated("offers", NOON), at=NOON + HOUR, via=Via.IMPORT)
    before = [decide(row.state, category) for category in EVERYTHING.categories]

    catalogue = EVERYTHING
    for category in ("news", "offers", "study", "alerts"):
        catalogue = catalogue.retiring(category)
    assert {category.number for category in catalogue.categories} == {1, 2, 3, 4, 5}
    assert catalogue.next_number == 6
    for category in ("alerts", "study", "offers", "news"):
        catalogue = catalogue.reviving(category)

    assert [decide(row.state, category) for category in catalogue.categories] == before


# The kinds of categories, H10


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (OptedOut("alerts"), OUT),
        (OptedOut(ALL), OUT_OF_ALL),
        (Stated("alerts", NOON), OUT),
        (Complained(NOON), Reason.COMPLAINT),
        (Blocked("alerts"), Reason.BLOCKED),
        (OptedIn("alerts"), None),
    ],
)
def test_a_service_alert_that_becomes_optional_gets_the_choices_that_were_stored(
    act: Part, reason: Reason | None
) -> None:
    """H2, H10."""
    row = Row()
    row.then(act, at=NOON)
    assert row.reason(ALERTS) is None

    optional = replace(ALERTS, kind=Kind.OPTIONAL, ground=None)
    changed = EVERYTHING.changing(optional)

    assert decide(row.state, changed.get("alerts")).reason is reason
    assert changed.get_number(ALERTS.number).id == "alerts"


@pytest.mark.parametrize("is_retired", [False, True])
@pytest.mark.parametrize("was_alert", [False, True])
def test_no_optional_category_becomes_a_service_alert_not_even_one_that_was_one(
    is_retired: bool, was_alert: bool
) -> None:
    """H10: a retired id neither, and not on the way through retirement and revival."""
    catalogue = EVERYTHING
    if was_alert:
        catalogue = catalogue.changing(replace(ALERTS, kind=Kind.OPTIONAL, ground=None))
    target = catalogue.get("alerts" if was_alert else "news")
    if is_retired:
        catalogue = catalogue.retiring(target.id)
    for retired in (False, True):
        alert = replace(target, kind=Kind.SERVICE_ALERT, ground=Ground.SAFETY, retired=retired)
        with pytest.raises(CategoryRefused):
            catalogue.changing(alert)
    with pytest.raises(CategoryRefused):
        catalogue.adding(replace(target, number=99, kind=Kind.SERVICE_ALERT, ground=Ground.SAFETY))


@pytest.mark.parametrize("first", ["alerts", "parcels"])
def test_the_last_service_alert_can_neither_be_retired_nor_changed(first: str) -> None:
    """H10: the last one that is not retired, whichever that is and however the others went."""
    last = DELIVERY if first == "alerts" else ALERTS
    gone = EVERYTHING.get(first)
    for catalogue in (
        EVERYTHING.retiring(first),
        EVERYTHING.changing(replace(gone, kind=Kind.OPTIONAL, ground=None)),
        EVERYTHING.changing(replace(gone, retired=True)),
    ):
        with pytest.raises(CategoryRefused):
            catalogue.retiring(last.id)
        with pytest.raises(CategoryRefused):
            catalogue.changing(replace(last, retired=True))
        with pytest.raises(CategoryRefused):
            catalogue.changing(replace(last, kind=Kind.OPTIONAL, ground=None))
        assert catalogue.changing(replace(last, name="Another name")).service_alerts
    assert EVERYTHING.retiring(first).reviving(first).retiring(last.id).service_alerts == (gone,)


def test_a_story_told_in_any_order_ends_the_same() -> None:
    """The longest of the above, once more by its acts alone."""
    row = Row()
    form = row.then(OptedOut(ALL), at=NOON, via=Via.OPT_OUT_FORM)
    row.then(OptedIn("news"), at=NOON + HOUR)
    row.undo(form, at=NOON + 2 * HOUR)
    row.then(Erased(), at=NOON + 3 * HOUR)
    row.then(OptedIn("offers"), at=NOON + 4 * HOUR)
    assert fold(reversed(row.acts)) == fold(row.acts) == row.state
    assert (row.reason(NEWS), row.reason(OFFERS)) == (OUT_OF_ALL, None)
