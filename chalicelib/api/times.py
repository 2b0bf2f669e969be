"""Times as the API tells and takes them: RFC 3339 in UTC outside, milliseconds since 1970 UTC inside."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from chalicelib.domain.errors import InvalidRequest

_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)

EXPECTED = "a time as RFC 3339 has it, such as 2026-03-01T09:30:00Z"


def tell(at: int | None) -> str | None:
    """`2026-03-01T09:30:00.125Z`, or None for None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at % 1000:03d}Z"


def tell_day(day: int | None) -> str | None:
    """Days since 1970 as `2026-03-01`, or None for None."""
    return None if day is None else (date(1970, 1, 1) + timedelta(day)).isoformat()


def take(text: object, pointer: str) -> int:
    """The milliseconds that an RFC 3339 text stands for, rounded down. Raises `InvalidRequest`."""
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text):
        raise InvalidRequest(EXPECTED, pointer)
    try:
        at = datetime.fromisoformat(text.upper())
    except ValueError:
        raise InvalidRequest("there is no such time", pointer) from None
    if at.year < 1971:  # noqa: PLR2004 - nobody consented by mail then, and no time may be negative
        raise InvalidRequest("a time after 1970", pointer)
    return int(at.timestamp()) * 1000 + at.microsecond // 1000
