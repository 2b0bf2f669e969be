"""Times as other programs write them → milliseconds since 1970 UTC. Nothing is guessed: what could be two days is none.

Read are: ISO 8601 with a day (`2026-03-01`, `2026-03-01 09:30:00`, `20260301T093000Z`, `2026-03-01T09:30:00+02:00`),
what Go prints (`2026-03-01 09:30:00.125 +0000 UTC`, listmonk), RFC 5322 (`Sun, 01 Mar 2026 09:30:00 UTC`, Mailgun), and
Unix time in seconds (also with a fraction, as the AWS command line prints it) or milliseconds. A time without a zone is
taken as UTC. `01/02/2026` is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from chalicelib.domain.errors import RowRefused

DAY = 86_400_000
"""Milliseconds of a day."""
_FIRST_YEAR = 1971  # as everywhere here: nobody opted out of mail before, and no time may be negative
_MINUTES = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_DIGITS = re.compile(r"(\d{9,10})(?:\.(\d{1,9}))?|(\d{13})", re.ASCII)
_AGAIN = r"(?: \(?(?:[A-Z]{1,5}|[+-]\d{2,4})\)?)?"  # Go and mail name the zone again after its offset
_ZONE = rf"(?:\s?(?:[Zz]|UTC|GMT|(?P<zone>[+-]\d{{2}}(?::?\d{{2}})?){_AGAIN}))?"
_CLOCK = rf"(?P<hour>\d{{2}}):?(?P<minute>\d{{2}})(?::?(?P<second>\d{{2}})(?:[.,](?P<fraction>\d{{1,9}}))?)?{_ZONE}"
_ISO = re.compile(rf"(?P<year>\d{{4}})([-/]?)(?P<month>\d{{2}})\2(?P<day>\d{{2}})(?:[Tt ]?{_CLOCK})?", re.ASCII)
_RFC_5322 = re.compile(
    rf"(?:[A-Za-z]{{3}}, ?)?(?P<day>\d{{1,2}}) (?P<name>[A-Za-z]{{3}}) (?P<year>\d{{4}})(?: {_CLOCK})?", re.ASCII
)
_EITHER_WAY = re.compile(r"\d{1,2}([/.-])\d{1,2}\1(?:\d{4}|\d{2})\b.*", re.ASCII | re.DOTALL)
_NO_TIME = frozenset({"", "0", "-", "null", "none", "n/a", "0000-00-00", "0000-00-00 00:00:00"})


@dataclass(frozen=True, slots=True)
class Span:
    """When something was, in milliseconds since 1970 UTC: a day from its start to its end, or one moment."""

    first: int
    last: int


def read_time(text: str, column: str) -> Span | None:
    """When `text` says that it was; None where it says nothing. Raises `RowRefused`."""
    if found := _DIGITS.fullmatch(text):
        seconds, fraction, millis = found.groups()
        return _moment(int(millis) if millis else int(seconds) * 1000 + _millis(fraction), column)
    if text.lower() in _NO_TIME:
        return None
    found = _ISO.fullmatch(text) or _RFC_5322.fullmatch(text)
    if found is None:
        raise RowRefused(_why_not(text), column)
    return _read(found, column)


def _why_not(text: str) -> str:
    if _EITHER_WAY.fullmatch(text):
        return "which is the day and which the month cannot be told: write 2026-03-01"
    return "not a time that can be read: write 2026-03-01T09:30:00Z"


def _read(found: re.Match[str], column: str) -> Span | None:
    told = found.groupdict()
    if told["year"] == "0001":  # what Go writes for no time
        return None
    try:
        day = datetime(int(told["year"]), _month(told), int(told["day"]), tzinfo=UTC)
        if told["hour"] is None:
            start = _moment(_since_epoch(day), column).first
            return Span(start, start + DAY - 1)
        clock = day.replace(hour=int(told["hour"]), minute=int(told["minute"]), second=int(told["second"] or 0))
        at = _since_epoch(clock.replace(tzinfo=_zone(told["zone"])))
    except (ValueError, OverflowError):
        raise RowRefused("there is no such time", column) from None
    return _moment(at + _millis(told["fraction"]), column)


def _month(told: dict[str, str]) -> int:
    return int(told["month"]) if "month" in told else _MONTHS.index(told["name"].lower()) + 1


def _zone(text: str | None) -> timezone:
    if text is None:
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    if int(digits[2:]) >= _MINUTES:
        raise ValueError(digits)
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-away if text[0] == "-" else away)


def _since_epoch(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(milliseconds=1)


def _millis(fraction: str | None) -> int:
    return int(fraction[:3].ljust(3, "0")) if fraction else 0


_EARLIEST = _since_epoch(datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC))


def _moment(at: int, column: str) -> Span:
    if at < _EARLIEST:
        raise RowRefused(f"a time before {_FIRST_YEAR}", column)
    return Span(at, at)
