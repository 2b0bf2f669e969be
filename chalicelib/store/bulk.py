"""The write path of imports: many recipients of one shard in one transaction, each row once, whatever happens.

    read states, head and progress (strong)
    fold each recipient's act into its state; what changes nothing is dropped
    TransactWriteItems: states, entries and evidence, head, and the job's progress in this shard
    refused → half as many, read again;  answer lost → the same once more, then read: the progress tells

Rows come in the order of their lines, so the progress is one number, and a job that was killed goes on after it. Only
acts whose every part was told from outside come this way: their times do not depend on when they are written. It rests
as long as it worked, because interactive writes come first.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.domain.acts import Act, Evidence
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.fold import adding
from chalicelib.domain.recipients import STRANGER, Entry, Recipient, is_evidence_kept
from chalicelib.domain.senders import Place
from chalicelib.store.calls import Raw, batch_get, code_of, put_if, translated
from chalicelib.store.engine import (
    entry_item,
    evidence_item,
    head_item,
    if_head,
    if_version,
    load_head,
    load_recipient,
    partition_of,
    recipient_item,
    recipient_key,
)
from chalicelib.store.ledger import DEADLINE, Patience, Timing, entered
from chalicelib.store.models import HEAD, EntryItem, ProgressItem
from chalicelib.store.port import Busy, Head, OutcomeUnknown
from chalicelib.store.reading import read_items

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pynamodb.expressions.condition import Condition

    from chalicelib.store.wire import Wire

MOST_AT_ONCE = 32
"""Recipients in one transaction: three items each at most, with head and progress under DynamoDB's hundred."""
GROWTH = 4
SECONDS = 20
"""How long one transaction is tried, against everybody else, before the job is left to be taken up again."""
KEPT_SECONDS = 60 * 86_400
"""How long a progress is remembered: longer than any file or message that could bring the job back."""
_RETRIED = frozenset(
    {"ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
)


@dataclass(frozen=True, slots=True)
class Given:
    """What `rows` rows of a job say of one recipient, the first of them in line `line`."""

    line: int
    rows: int
    place: Place
    act: Act
    spelled: str | None = field(default=None, repr=False)
    evidence: Evidence | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come: the last line recorded, and how many rows changed something, and how many nothing."""

    line: int = 0
    changed: int = 0
    unchanged: int = 0


NO_PROGRESS = Progress()


@dataclass(frozen=True, slots=True)
class _Shard:
    """One shard as it was read."""

    found: Mapping[tuple[str, str], Raw]
    progress: Progress
    head: Head | None


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be written of one window."""

    written: tuple[tuple[Recipient, Entry, Evidence | None], ...]
    before: _Shard
    progress: Progress
    now: int
    token: str


class Bulk:
    """Records acts told by jobs. Safe to share between threads."""

    def __init__(self, connection: Wire, table: str, timing: Timing | None = None) -> None:
        self._connection = connection
        self._table = table
        self._timing = timing or Timing(deadline=SECONDS)

    def progress(self, sender: str, shards: int, job: str) -> Mapping[int, Progress]:
        """Shard → how far the job has come there. Raises `StoreUnavailable`."""
        keys = {(partition_of(sender, shard), f"job#{job}"): shard for shard in range(shards)}
        found = read_items(self._connection, self._table, list(keys), self._timing)
        return {shard: _load_progress(found.get(key)) for key, shard in keys.items()}

    def record(
        self, job: str, given: Sequence[Given], may_go_on: Callable[[], bool], *, is_waited_for: bool = False
    ) -> bool:
        """Records what is given of one shard, in ascending lines; whether all of it, or `may_go_on` ended it.

        What an earlier run recorded is passed over. Where a request waits for it, a store that does not answer is given
        up as soon as by any other write. Raises `StoreUnavailable`: what was recorded stays.
        """
        size, done = MOST_AT_ONCE, 0
        patience = Patience(self._timing)
        while done < len(given):
            if not may_go_on():
                return False
            began = self._timing.monotonic()
            window = _each_once(given[done : done + size])
            if self._is_written(job, window, self._short_patience() if is_waited_for else patience):
                done += len(window)
                size = min(size + GROWTH, MOST_AT_ONCE)
                patience = Patience(self._timing)
                self._timing.pause(self._timing.monotonic() - began)
            else:
                size = max(size // 2, 1)
                patience.wait()
        return True

    def _short_patience(self) -> Patience:
        return Patience(replace(self._timing, deadline=min(DEADLINE, self._timing.deadline)))

    def _is_written(self, job: str, window: Sequence[Given], patience: Patience) -> bool:
        """Whether everything in the window is recorded now; False where it has to be tried again."""
        shard, date = patience.until_not_busy(lambda: self._read(job, window))
        todo = [given for given in window if given.line > shard.progress.line]
        if not todo:
            return True
        work = _prepared(todo, shard, self._timing.now() if date is None else date)
        for _ in range(2):
            try:
                return self._commit(job, todo[0].place, work)
            except OutcomeUnknown:
                patience.wait()
        return False

    def _read(self, job: str, window: Sequence[Given]) -> tuple[_Shard, int | None]:
        partition = partition_of(window[0].place.sender, window[0].place.shard)
        job_key, head_key = (partition, f"job#{job}"), (partition, HEAD)
        keys = [job_key, head_key, *(recipient_key(given.place) for given in window)]
        found, unprocessed, date = batch_get(self._connection, self._table, keys)
        if unprocessed:
            raise Busy  # an unprocessed key is not an absent one
        head = load_head(found[head_key]) if head_key in found else None
        return _Shard(found, _load_progress(found.get(job_key)), head), date

    def _commit(self, job: str, place: Place, work: _Work) -> bool:
        """Carries the work out; False where it was refused. Raises `OutcomeUnknown`, `StoreUnavailable`."""
        progress = _progress_item(job, place, work)
        unmoved = _if_progress(work.before.progress)
        if not work.written:
            return self._note(progress, unmoved)
        transaction = TransactWrite(connection=self._connection, client_request_token=work.token)
        for recipient, entry, evidence in work.written:
            transaction.save(recipient_item(recipient, entry.place), if_version(entry.version - 1))
            transaction.save(entry_item(entry), EntryItem.sk.does_not_exist())
            if evidence is not None:
                transaction.save(evidence_item(entry, evidence))
        head = Head(work.written[-1][1].seq, (work.before.head or Head()).epoch)
        transaction.save(head_item(place.sender, place.shard, head), if_head(work.before.head))
        transaction.save(progress, unmoved)
        try:
            transaction._commit()  # noqa: SLF001 - as in engine.py
        except TransactWriteError as error:
            return _refusal(error)
        return True

    def _note(self, progress: ProgressItem, unmoved: Condition) -> bool:
        """Where nothing changes, the progress alone is written."""
        try:
            return put_if(self._connection, progress, unmoved)
        except Busy:
            return False


def _each_once(window: Sequence[Given]) -> Sequence[Given]:
    """As much from the front as has every recipient once: a transaction writes no item twice."""
    met: set[Place] = set()

    def is_new(given: Given) -> bool:
        is_first = given.place not in met
        met.add(given.place)
        return is_first

    return list(takewhile(is_new, window))


def _prepared(todo: Sequence[Given], shard: _Shard, now: int) -> _Work:
    seq = (shard.head or Head()).seq
    written: list[tuple[Recipient, Entry, Evidence | None]] = []
    changed = unchanged = 0
    for given in todo:
        raw = shard.found.get(recipient_key(given.place))
        before = STRANGER if raw is None else load_recipient(raw)
        act = adding(before.state, given.act)
        line = act and entered(given.place, before, act, seq + 1, now, given.spelled)
        if not line:
            unchanged += given.rows
        else:
            seq += 1
            changed += given.rows
            recipient, entry = line
            is_kept = _has_consent(recipient, entry) and is_evidence_kept(recipient, entry.act)
            written.append((recipient, entry, given.evidence if is_kept else None))
    before_rows = shard.progress
    progress = Progress(todo[-1].line, before_rows.changed + changed, before_rows.unchanged + unchanged)
    return _Work(tuple(written), shard, progress, now, secrets.token_hex(16))


def _has_consent(recipient: Recipient, entry: Entry) -> bool:
    """Whether a consent of the act holds now: what would show one that an erasure has dropped is not kept."""
    return any(mark.act == entry.act.id for mark in recipient.state.consent_told.values())


def _progress_item(job: str, place: Place, work: _Work) -> ProgressItem:
    """Nothing in it may differ when the same is sent once more: the token stands for these very octets."""
    return ProgressItem(
        partition_of(place.sender, place.shard),
        f"job#{job}",
        line=work.progress.line,
        changed=work.progress.changed,
        unchanged=work.progress.unchanged,
        expires=work.now // 1000 + KEPT_SECONDS,
    )


def _refusal(error: TransactWriteError) -> bool:
    """False where it is to be tried again. Raises `OutcomeUnknown`, `StoreUnavailable`."""
    if code_of(error.cause) == "TransactionCanceledException":
        codes = {reason.code for reason in error.cancellation_reasons if reason is not None}
        if codes <= _RETRIED:
            return False
        raise StoreUnavailable(f"the store refused a transaction: {sorted(codes)}")
    meaning = translated(error)
    if isinstance(meaning, Busy):
        return False
    raise meaning


def _if_progress(progress: Progress) -> Condition:
    unmoved: Condition = ProgressItem.line == progress.line
    return unmoved if progress.line else ProgressItem.sk.does_not_exist()


def _load_progress(raw: Raw | None) -> Progress:
    if raw is None:
        return NO_PROGRESS
    return Progress(*(int(raw[name]["N"]) for name in ("line", "changed", "unchanged")))
