"""The write path: how an act gets into a recipient's state and into the ledger, once, whatever happens.

    read state and head (strong)          ── somebody else commits here ──┐
    stamp, apply; nothing changes → done                                  │
    TransactWriteItems: state if its version is unchanged  ←──────────────┤ refused: read again, stamp again
                        entry if absent                                   │
                        head  if unchanged         ←──────────────────────┘ only the head moved: take the next number
    answer lost → the same bytes and token once more → still unknown → read, and look for our act id

Only after it is an act acknowledged.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from chalicelib.domain.acts import Act, Evidence
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.fold import apply
from chalicelib.domain.recipients import (
    RECENT_ACTS,
    STRANGER,
    Entry,
    Latest,
    Recent,
    Recipient,
    address_kept,
    is_repeat,
    signature,
)
from chalicelib.domain.stamping import Stamp, stamped
from chalicelib.domain.state import State
from chalicelib.domain.suppressions import effects_of
from chalicelib.domain.undo import formers_of
from chalicelib.store.port import Busy, Commit, Engine, Head, OutcomeUnknown, Refused

if TYPE_CHECKING:
    from chalicelib.domain.senders import Place

_T = TypeVar("_T")

DEADLINE = 5.5
"""Seconds until the last call begins.

With a pause before it and its time-outs (1 s and 2 s) that is under 9 s; with a read of the sender first, under 13 s.
"""
CONTROL_DEADLINE = 0.5
"""For reads of senders and keys: what is throttled is asked again, what took its time-outs is not."""
FIRST_PAUSE = 0.01
LONGEST_PAUSE = 0.4
AT_ONCE = 4
"""How often a transaction goes behind a head that has moved before it pauses."""

Draft = Callable[[Recipient], Act | None]
"""What to record, given the recipient as it is now: an act without its times, or nothing."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What is stored with an act and is no part of it, so that an erasure can take it away: address and evidence."""

    spelled: str | None = field(default=None, repr=False)
    evidence: Evidence | None = field(default=None, repr=False)


NOTHING_BESIDE = Beside()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a draft: the recipient as it is now, and the act id that the ledger holds, if anything changed."""

    recipient: Recipient
    act: str | None


@dataclass(frozen=True, slots=True)
class Timing:
    """Clocks and pauses, so that a simulation can own them. `now` in milliseconds, the rest in seconds."""

    now: Callable[[], int] = field(default=lambda: time.time_ns() // 1_000_000)
    monotonic: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    deadline: float = DEADLINE


@dataclass(frozen=True, slots=True)
class Rules:
    """By what the write path stamps, absorbs and remembers. There is one right set, the default.

    A simulation plants wrong ones, to be seen to notice. A restore, which takes over acts that were acknowledged
    before, leaves them their times.
    """

    stamp: Callable[[State, int, Stamp | None], Stamp] = Stamp.of
    times: Callable[[Act, Stamp], Act] = stamped
    is_repeat: Callable[[Recipient, Act, int], bool] = is_repeat
    remembered: int = RECENT_ACTS


RULES = Rules()


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One way through the drawing above: what was read, what is to be written, when the first attempt was stamped."""

    recipient: Recipient
    commit: Commit | None
    stamp: Stamp


class Ledger:
    """Records acts of one recipient at a time. Safe to share between threads."""

    def __init__(self, engine: Engine, timing: Timing | None = None, rules: Rules = RULES) -> None:
        self._engine = engine
        self._timing = timing or Timing()
        self._rules = rules

    def record(
        self, place: Place, draft: Act | Draft, beside: Beside = NOTHING_BESIDE, first: Stamp | None = None
    ) -> Recorded:
        """Records `draft` and returns when it is durable. Raises `StoreUnavailable` within 10 s.

        `first` is the stamp of an earlier attempt, where this is a request that was sent before.
        """
        wanted = draft if callable(draft) else lambda _: draft
        patience = Patience(self._timing)
        while True:
            attempt = self._prepare(place, wanted, beside, first, patience)
            if attempt.commit is None:
                return Recorded(attempt.recipient, _newest_of(attempt))
            if self._is_committed(attempt.commit, patience):
                return Recorded(attempt.commit.recipient, attempt.commit.entry.act.id)
            first = attempt.stamp

    def _prepare(
        self, place: Place, wanted: Draft, beside: Beside, first: Stamp | None, patience: Patience
    ) -> _Attempt:
        snapshot = patience.until_not_busy(lambda: self._engine.read(place))
        before = snapshot.recipient or STRANGER
        now = self._timing.now() if snapshot.date is None else snapshot.date
        stamp = self._rules.stamp(before.state, now, first)
        draft = wanted(before)
        if draft is None or before.find_recent(draft.id) or self._rules.is_repeat(before, draft, now):
            return _Attempt(before, None, stamp)
        number = (snapshot.head or Head()).seq + 1
        act = self._rules.times(draft, stamp)
        line = entered(place, before, act, number, now, beside.spelled, self._rules.remembered)
        if line is None:
            return _Attempt(before, None, stamp)
        return _Attempt(before, Commit(*line, snapshot.head, secrets.token_hex(16), beside.evidence), stamp)

    def _is_committed(self, commit: Commit, patience: Patience) -> bool:
        """Whether it was carried out; False where it has to be prepared again."""
        return is_carried_out(commit, self._engine.commit, _renumbered, patience)


def entered(  # noqa: PLR0913, PLR0917 - a line has as many parts
    place: Place, before: Recipient, act: Act, seq: int, now: int, spelled: str | None, remembered: int = RECENT_ACTS
) -> tuple[Recipient, Entry] | None:
    """What a stamped act makes of a recipient, and its line in the ledger; None where nothing changes."""
    state = apply(before.state, act)
    if state == before.state:
        return None
    entry = Entry(
        place=place,
        seq=seq,
        act=act,
        recorded=max(now, 0),
        version=before.version + 1,
        previous=before.recent[0].seq if before.recent else 0,
        formers=formers_of(before.state, act),
        effects=effects_of(before.state, state),
        earlier=tuple(recent.seq for recent in before.recent[1:]),
    )
    address = address_kept(before, state, act, spelled)
    changed = replace(before, state=state, version=entry.version, address=address)
    return _remembering(changed, entry, remembered), entry


def _newest_of(attempt: _Attempt) -> str | None:
    return attempt.recipient.recent[0].act if attempt.recipient.recent else None


def _remembering(recipient: Recipient, entry: Entry, count: int) -> Recipient:
    recent = (Recent(entry.act.id, entry.seq), *recipient.recent)[:count]
    return replace(recipient, recent=recent, latest=Latest(signature(entry.act), entry.recorded))


def _renumbered(commit: Commit, head: Head) -> Commit:
    """The same commit behind the head that was found: only the number changes, so the stamps stay good."""
    entry = replace(commit.entry, seq=head.seq + 1)
    recipient = replace(commit.recipient, recent=(Recent(entry.act.id, entry.seq), *commit.recipient.recent[1:]))
    return Commit(recipient, entry, head, secrets.token_hex(16), commit.evidence)


def is_carried_out(
    attempt: _T, send: Callable[[_T], None], renumbered: Callable[[_T, Head], _T], patience: Patience
) -> bool:
    """Sends one transaction until it is known what became of it: False where it has to be prepared again.

    Where only the head has moved, it goes behind the head that was found, by `renumbered`, and at once: after a pause
    that head would be an old one, so then all is read again. An answer that was lost is
    asked for by the same bytes and token, once. Raises `StoreUnavailable` where no time is left.
    """
    has_been_unknown, behind = False, 0
    while True:
        try:
            send(attempt)
        except Refused as refusal:
            if refusal.head is None or has_been_unknown:
                patience.wait()
                return False
            attempt, behind = renumbered(attempt, refusal.head), behind + 1
            if behind == AT_ONCE:
                patience.wait()
                return False
        except Busy:
            patience.wait()
            if has_been_unknown:
                return False
        except OutcomeUnknown:
            patience.wait()
            if has_been_unknown:
                return False
            has_been_unknown = True
        else:
            return True


class Patience:
    """Pauses that grow and jitter, and the deadline of one request."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._ends = timing.monotonic() + timing.deadline
        self._longest = FIRST_PAUSE

    def wait(self) -> None:
        """Pauses. Raises `StoreUnavailable` where no time is left."""
        if self._timing.monotonic() >= self._ends:
            raise StoreUnavailable("the store is busy")
        self._timing.pause(self._longest * self._timing.jitter())
        self._longest = min(self._longest * 2, LONGEST_PAUSE)

    def until_not_busy(self, call: Callable[[], _T]) -> _T:
        """What `call` returns, as soon as the engine is neither busy nor silent."""
        while True:
            try:
                return call()
            except (Busy, OutcomeUnknown):
                self.wait()
