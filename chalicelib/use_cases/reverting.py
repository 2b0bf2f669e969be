"""Revert: put back what the acts of one way, key version and time window changed, where they still stand.

A stranger types other people's addresses into the opt-out form, or a key is stolen: ops find the window, look at the
acts, and have them reversed. Each reversal is an act of its own, `Undone` by `ops`, written as every other act is:

    ledger of each shard, in order, up to its head      →  the acts that are meant
    recipient (strong), at least as new as its act      →  which choices still stand by them, and what was there before
    Undone(those acts, that), if the recipient is still the one that was read; else looked at again

What came after an act stays, and so does what was there before it: a recipient's own opt-out is never undone. Again,
after the end or after it was broken off, it finds nothing that stands any more, and changes nothing.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import islice
from threading import Event
from typing import TYPE_CHECKING

from chalicelib.domain.acts import Act, Restored, Undone, Via, act_id_of, via_of
from chalicelib.domain.errors import InvalidRequest, StoreUnavailable
from chalicelib.domain.recipients import Entry
from chalicelib.service import Service
from chalicelib.use_cases.scanning import patiently
from chalicelib.use_cases.unwinding import plan_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.domain.recipients import Recipient
    from chalicelib.domain.senders import Place
    from chalicelib.use_cases.scanning import Ledger, Read
    from chalicelib.use_cases.unwinding import Plan

BY_LINK = frozenset({Via.ONE_CLICK, Via.UNSUBSCRIBE_PAGE, Via.PREFERENCE_PAGE, Via.MAILTO})
"""Ways that need a link, and bear the version of its key."""
REVERSIBLE = (*sorted(BY_LINK), Via.OPT_OUT_FORM, Via.OPS)
"""Ways whose acts are choices. Who takes back what `ops` did takes back reversals."""
AT_ONCE = 100
"""Acts looked at together: so many recipients are one read."""
SIDE_BY_SIDE = 8
OFTEN = 20
"""How often a recipient may change between reading and writing until it is left for later."""


@dataclass(frozen=True, slots=True)
class Meant:
    """Which acts: by this way and key version, recorded from `start` to before `end` (milliseconds since 1970 UTC).

    The time is that of the record, on the clock of the store, and not the one at which an act counts. Raises
    `InvalidRequest`.
    """

    via: Via
    start: int
    end: int
    key_version: int | None = None

    def __post_init__(self) -> None:
        if self.via not in REVERSIBLE:
            raise InvalidRequest(_NO_CHOICES.format(self.via, ", ".join(REVERSIBLE)))
        if self.start >= self.end:
            raise InvalidRequest("the window ends before it begins, or where it does")
        if self.key_version is not None and self.via not in BY_LINK:
            raise InvalidRequest(f"acts by {self.via} come without a link, and so without the version of a key")

    def is_about(self, entry: Entry) -> bool:
        """Whether this act is meant: a choice, or an undo of one. The reversal of a reversal is not reversed again."""
        act = entry.act
        return (
            act.via is self.via
            and self.start <= entry.recorded < self.end
            and self.key_version in {None, act.key_version}
            and bool(entry.formers)
            and not _reverses_ops(act)
        )


_NO_CHOICES = (
    "acts by {} are told by others and are no choices, so they cannot be put back: "
    "possible are {}; a sender lifts its own blocks and bounces through the API"
)


class Fate(StrEnum):
    """What becomes of an act."""

    STANDS = "would be reversed"
    REVERSED = "reversed"
    GONE = "already reversed"
    OVERTAKEN = "newer choice stays"
    ERASED = "erased since"


@dataclass(frozen=True, slots=True)
class Finding:
    """An act that is meant, and its fate. `restored` is what is put back, or would be; `reversal` the act by which."""

    entry: Entry
    fate: Fate
    restored: tuple[Restored, ...] = ()
    reversal: str | None = None


def find(ledger: Ledger, meant: Meant, read: Read) -> Iterator[Finding]:
    """Every act that is meant, and what reversing it would do. Writes nothing. Raises `StoreUnavailable`."""
    return _Run(ledger.service, meant, None).findings(ledger.entries(meant.is_about, read))


def revert(ledger: Ledger, meant: Meant, read: Read) -> Iterator[Finding]:
    """Reverses every act that is meant and still stands; a finding is durable when it is told.

    Raises `StoreUnavailable`: what was told stays, and the same again goes on.
    """
    return _Run(ledger.service, meant, secrets.token_hex(4)).findings(ledger.entries(meant.is_about, read))


@dataclass(frozen=True, slots=True)
class _Run:
    """One run. `name` begins the operation of each of its reversals, so that it knows its own; None only looks."""

    service: Service
    meant: Meant
    name: str | None
    is_over: Event = field(default_factory=Event)

    def findings(self, entries: Iterator[Entry]) -> Iterator[Finding]:
        """A finding for each, in their order. Whoever stops listening stops the run: no act is begun any more."""
        with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="revert") as pool, self._ending():
            while batch := list(islice(entries, AT_ONCE)):
                recipients = self._settled(batch)
                shards: defaultdict[int, list[Entry]] = defaultdict(list)
                for entry in batch:
                    shards[entry.place.shard].append(entry)
                # One after the other in a shard: they would only be in each other's way.
                found = pool.map(partial(self._all, recipients), shards.values())
                told = {(finding.entry.place.shard, finding.entry.seq): finding for some in found for finding in some}
                yield from (told[entry.place.shard, entry.seq] for entry in batch)

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.is_over.set()

    def _settled(self, entries: list[Entry]) -> Mapping[Place, Recipient]:
        """The recipients of these acts, each at least as new as its act: a transaction becomes visible bit by bit."""

        def read() -> Mapping[Place, Recipient]:
            recipients = self.service.reader.recipients([*{entry.place: None for entry in entries}])
            if any(recipients[entry.place].version < entry.version for entry in entries):
                raise StoreUnavailable("a recipient is older than its ledger")
            return recipients

        return patiently(self.service, read)

    def _all(self, recipients: Mapping[Place, Recipient], entries: Iterable[Entry]) -> list[Finding]:
        return [
            patiently(self.service, partial(self._reversed, entry, recipients[entry.place]))
            for entry in entries
            if not self.is_over.is_set()
        ]

    def _reversed(self, entry: Entry, recipient: Recipient) -> Finding:
        """Reverses one act, if it stands. What comes between reading and writing is looked at as what came before."""
        for _ in range(OFTEN):
            plan = plan_of(self.service.reader, self.meant.is_about, entry, recipient)
            if self.name is None or not plan.restored:
                return self._told(entry, plan)
            recipient, reversal = self._record(entry.place, recipient, plan)
            if reversal is not None:
                return Finding(entry, Fate.REVERSED, plan.restored, reversal)
        raise StoreUnavailable("a recipient changes all the time")

    def _record(self, place: Place, before: Recipient, plan: Plan) -> tuple[Recipient, str | None]:
        """The recipient as it is then, and the id of the reversal, unless it had changed since it was read."""
        act_id = act_id_of(Via.OPS, f"{self.name}{secrets.token_urlsafe(16)}")
        act = Act(act_id, Via.OPS, (Undone(plan.acts, plan.restored),))

        def draft(now: Recipient) -> Act | None:
            return act if now.version == before.version else None

        after = self.service.ledger.record(place, draft).recipient
        return after, act_id if after.find_recent(act_id) else None

    def _told(self, entry: Entry, plan: Plan) -> Finding:
        if plan.restored:
            return Finding(entry, Fate.STANDS, plan.restored)
        if plan.reversal is None:
            return Finding(entry, Fate.ERASED if plan.is_forgotten else Fate.OVERTAKEN)
        is_ours = self.name is not None and plan.reversal.startswith(act_id_of(Via.OPS, self.name))
        return Finding(entry, Fate.REVERSED if is_ours else Fate.GONE, reversal=plan.reversal)


def _reverses_ops(act: Act) -> bool:
    return act.via is Via.OPS and any(
        via_of(undone) is Via.OPS for part in act.parts if isinstance(part, Undone) for undone in part.acts
    )
