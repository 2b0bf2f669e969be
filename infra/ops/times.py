"""Times as ops type them: RFC 3339, where seconds and the zone may be left out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from infra.local.problems import CannotRun

_MILLISECOND = timedelta(milliseconds=1)
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,6})?)?([Zz]|[+-]\d{2}:\d{2})?", re.ASCII)


def taken(option: str, text: str) -> int:
    """The milliseconds since 1970 UTC of a time; without a zone it is UTC. Raises CannotRun."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise CannotRun(f"{option} is {text!r}; it should be a time, like 2026-11-21T08:00 or 2026-11-21T09:00+01:00.")
    day, clock, seconds, zone = found.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock}{seconds or ':00'}{(zone or 'Z').upper()}")
    except ValueError:
        raise CannotRun(f"{option} is {text!r}, and there is no such time.") from None
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // _MILLISECOND


def has_zone(text: str) -> bool:
    """Whether a time that was taken says of which zone it is."""
    found = _TIME.fullmatch(text)
    return found is not None and found[4] is not None
