"""Record what a sender tells: opt-outs it heard of, its own blocks, what it lifts, consent it holds."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chalicelib.domain.acts import CONSENT_ALLOWANCE, Act, Consented, Evidence, Part, Stated, Via, act_id_of
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.senders import Place
from chalicelib.domain.stamping import TICK, Stamp
from chalicelib.service import Service
from chalicelib.store.ledger import Beside
from chalicelib.store.operations import Claim
from chalicelib.use_cases.repeating import hashed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.domain.recipients import Recipient

SECONDS = 8.0
"""Until the last act of a request begins: with it, its note and what came before, under the function's 25 s."""
SIDE_BY_SIDE = 8
UNDATED = 0
"""The time of a told act that came without one: it is the time of receipt."""


@dataclass(frozen=True, slots=True)
class Told:
    """One act that a sender tells of: of whom, and what. A part that is told `UNDATED` counts from its receipt."""

    place: Place
    part: Part
    spelled: str | None = field(default=None, repr=False)
    evidence: Evidence | None = field(default=None, repr=False)


def act_ids(claim: Claim, count: int) -> list[str]:
    """The ids of the acts of a request: the same for each repetition of it, so that it is found in the ledger.

    A key that is used again once its note is forgotten makes other acts: nothing new is taken for something old.
    """
    return [act_id_of(Via.API, hashed(f"{claim.nonce}\n{index}")) for index in range(count)]


def record_told(service: Service, claim: Claim, told: Sequence[Told | None]) -> list[str | None]:
    """Records every act, in their order for each recipient, and returns their ids when all are durable.

    None stands for an act that was refused: it keeps its place, and so the others keep their ids; and for the id of one
    that changed nothing. Raises `StoreUnavailable` where not all could be recorded: the same request again is then
    safe.
    """
    ids = act_ids(claim, len(told))
    shards: defaultdict[int, list[tuple[Told, str]]] = defaultdict(list)
    for item, act_id in zip(told, ids, strict=True):
        if item is not None:
            shards[item.place.shard].append((item, act_id))
    batch = _Batch(service, claim, service.monotonic() + SECONDS)
    with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="acts") as pool:
        # list() raises the first failure; the others see it and stop
        list(pool.map(batch.record, shards.values()))
    return [act_id if act_id in batch.recorded else None for act_id in ids]


@dataclass(slots=True)
class _Batch:
    """The acts of one request, some of which are recorded side by side; one failure stops all."""

    service: Service
    claim: Claim
    ends: float
    has_failed: bool = False
    recorded: set[str] = field(default_factory=set)
    """The ids that the ledger holds."""

    def record(self, items: list[tuple[Told, str]]) -> None:
        """Records the acts of one shard one after the other: they would only be in each other's way."""
        for item, act_id in items:
            if self.has_failed:
                return
            try:
                self._record(item, act_id)
            except BaseException:
                self.has_failed = True
                raise

    def _record(self, item: Told, act_id: str) -> None:
        if self.service.monotonic() > self.ends:
            raise StoreUnavailable("not all of it is recorded yet: send the same again, with the same Idempotency-Key")
        received = self.claim.received

        def draft(recipient: Recipient) -> Act:
            return Act(act_id, Via.API, (_dated(item.part, act_id, received, recipient),))

        # What was sent before must not overtake what has happened since, whatever clocks say: what it lifts, it lifts
        # as of its first receipt, less what clocks may differ by.
        first = None if self.claim.is_new else Stamp(received, received - CONSENT_ALLOWANCE, found=_EVERYTHING)
        done = self.service.ledger.record(item.place, draft, Beside(item.spelled, item.evidence), first)
        if done.recipient.find_recent(act_id) is not None:
            self.recorded.add(act_id)


_EVERYTHING = 2**62
"""Later than any time: nothing found is taken for having overtaken the act, since its time is already the earliest."""


def _dated(part: Part, act_id: str, received: int, recipient: Recipient) -> Part:
    """`part` with the time told, at most that of receipt.

    An opt-out without a time happened just now, whatever clocks say: it is later than anything known.
    """
    if isinstance(part, Stated):
        now = max(received, recipient.state.newest() + TICK)
        return replace(part, at=now if part.at == UNDATED else min(part.at, received))
    if isinstance(part, Consented):
        return replace(part, at=min(part.at, received), evidence=act_id)
    return part
