"""Times as the world writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import RowRefused
from chalicelib.ingest.times import DAY, Span, read_time

NINE = 1_772_357_400_000
"""2026-03-01T09:30:00Z."""
MIDNIGHT = 1_772_323_200_000

MOMENTS = {
    "2026-03-01T09:30:00Z": NINE, "2026-03-01t09:30:00z": NINE, "2026-03-01 09:30:00": NINE, "2026-03-01 09:30": NINE,
    "2026-03-01T09:30:00.125Z": NINE + 125, "2026-03-01T09:30:00,1259Z": NINE + 125,
    "2026-03-01T09:30:00.5Z": NINE + 500, "Sun, 01 Mar 2026 01:30:00 -0800 (PST)": NINE,
    "2026-03-01T11:30:00+02:00": NINE, "2026-03-01T11:30:00+0200": NINE, "2026-03-01T11:30:00+02": NINE,
    "2026-03-01 04:00:00 -0530": NINE, "2026-03-01 09:30:00 UTC": NINE, "2026-03-01 09:30:00 +0000 UTC": NINE,
    "2026-03-01 09:30:00.125678 +0000 +0000": NINE + 125, "2026-03-01 15:00:00 +0530 IST": NINE,
    "2026/03/01 09:30:00": NINE, "20260301T093000Z": NINE, "20260301093000": NINE,
    "Sun, 01 Mar 2026 09:30:00 UTC": NINE, "Sun, 1 Mar 2026 10:30:00 +0100": NINE, "01 Mar 2026 09:30:00 GMT": NINE,
    "1772357400": NINE, "1772357400000": NINE, "1772357400.125": NINE + 125, "1772357400.1": NINE + 100,
    "100000000": 100_000_000_000,
}  # fmt: skip
DAYS = ["2026-03-01", "20260301", "2026/03/01", "01 Mar 2026", "Sun, 01 Mar 2026"]
NONE = ["", "0", "-", "NULL", "None", "n/a", "0000-00-00", "0000-00-00 00:00:00", "Mon, 01 Jan 0001 00:00:00 UTC",
        "0001-01-01T00:00:00Z"]  # fmt: skip
UNREADABLE = {
    "cannot be told": ["01/02/2026", "1.2.2026", "13/02/2026", "01-02-2026 09:30", "1/2/26", "3/1/2026 9:30 AM"],
    "no such time": ["2026-02-30", "2026-13-01", "2026-03-01T24:00:00Z", "2026-03-01T09:30:60Z",
                     "2026-03-01T09:30:00+01:60", "2026-03-01T09:30:00+24:00", "17723574", "99999999999999",
                     "01 Foo 2026", "0000-01-01"],
    "before 1971": ["1970-12-31", "1969-01-01T00:00:00Z"],
    "not a time": ["yesterday", "2026-03", "2026", "2026-W09", "2026-060", "-1772357400", "17723574000", "1e9",
                   "2026-03-01T09:30:00 PST", "2026-03-01T09:30:00Z PST", "March 1, 2026", "2026-03-01\n",
                   "\uff12026-03-01"],
}  # fmt: skip


@pytest.mark.parametrize("text", MOMENTS)
def test_a_moment_is_one(text: str) -> None:
    assert read_time(text, "at") == Span(MOMENTS[text], MOMENTS[text])


@pytest.mark.parametrize("text", DAYS)
def test_a_day_lasts_from_its_start_to_its_end(text: str) -> None:
    assert read_time(text, "at") == Span(MIDNIGHT, MIDNIGHT + DAY - 1)


@pytest.mark.parametrize("text", NONE)
def test_what_programs_write_for_no_time_is_none(text: str) -> None:
    assert read_time(text, "at") is None


@pytest.mark.parametrize(("why", "text"), [(why, text) for why, texts in UNREADABLE.items() for text in texts])
def test_what_cannot_be_read_is_refused_and_never_guessed(why: str, text: str) -> None:
    with pytest.raises(RowRefused, match=why) as caught:
        read_time(text, "at")
    assert caught.value.column == "at"
    assert text not in str(caught.value) or text in "2026-03-01T09:30:00Z"  # which is the example given


@given(st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds
def test_what_was_written_is_read(time: datetime) -> None:
    millis = int(time.timestamp()) * 1000 + time.microsecond // 1000
    assert read_time(time.isoformat(), "at") == Span(millis, millis)
    assert read_time(str(time), "at") == Span(millis, millis)
    assert read_time(time.strftime("%a, %d %b %Y %H:%M:%S +0000"), "at") == Span(*[millis // 1000 * 1000] * 2)


@given(st.text(max_size=30) | st.from_regex(r"\A\d{1,4}[-/.]?\d\d[-/.]?\d\d[T ]?[\d:. +ZA-Z]{0,20}\Z"))
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    try:
        span = read_time(text, "at")
    except RowRefused:
        return
    assert span is None or 0 < span.first <= span.last
