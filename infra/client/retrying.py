"""When to try again, and when to give up: on what passes by itself, with pauses that grow and differ by chance."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from infra.local.problems import CannotRun

T = TypeVar("T")

PASSING = frozenset({429, 500, 502, 503, 504})
"""Statuses after which the same request, repeated, may well succeed."""

ATTEMPTS = 7
"""With pauses of half a second and twice as long each time: some 30 s in all before giving up."""

ATTEMPTS_AT_NOTHING = 4
"""Where nothing listens, or no such name exists, waiting helps seldom."""

LONGEST_ASKED_FOR = 300.0
"""In seconds: a service that wants to be left alone for longer is told to the user instead."""

_FIRST, _LONGEST = 0.5, 20.0


class Trouble(Exception):
    """Something that may pass by itself. The message is a clause without a full stop."""

    def __init__(self, reason: str, *, retry_after: float | None = None, attempts: int = ATTEMPTS) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.attempts = attempts


def _chance() -> float:
    """From 0 up to 1; clients that were refused together do not come back together."""
    return secrets.randbelow(1_000) / 1_000


@dataclass(slots=True)
class Patience:
    """How one thing is tried again; `endless` never gives up, as what follows a feed for days."""

    note: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = _chance
    endless: bool = False
    failed: int = field(default=0, init=False)

    def renew(self) -> None:
        """Something went on: failures of before count no more."""
        self.failed = 0

    def after(self, trouble: Trouble) -> None:
        """Pause before the next attempt. Raises CannotRun where there should be none."""
        self.failed += 1
        asked_for = trouble.retry_after or 0.0
        if not self.endless and (self.failed >= trouble.attempts or asked_for > LONGEST_ASKED_FOR):
            later = f"in {asked_for:.0f} s" if asked_for > 1 else "later"
            raise CannotRun(f"Giving up: {trouble.reason}. Try again {later}.")
        grown = min(_LONGEST, _FIRST * 2 ** min(self.failed - 1, 10))
        # At least as long as was asked for, and by chance a little longer.
        seconds = asked_for + grown * self.chance()
        self.note(f"{trouble.reason[0].upper()}{trouble.reason[1:]}; again in {seconds:.1f} s.")
        self.pause(seconds)


def repeated(work: Callable[[], T], patience: Patience) -> T:
    """What `work` answers, however often it had to be tried. Raises CannotRun."""
    while True:
        try:
            return work()
        except Trouble as trouble:
            patience.after(trouble)


def seconds_asked_for(header: str | None) -> float | None:
    """A `Retry-After` header in seconds, be it a number or a date (RFC 9110 §10.2.3); None where there is no sense."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
