"""What came to the tables of before after the restored ones were begun: taken over while these are served.

From the first word of `chalice deploy` to its last, some containers write to the one tables and some to the others. So
the ledgers of before are read on from where the restore stood, and every act in them is recorded as it was
acknowledged, with its id and its times, behind what came since. An act that is there changes nothing, as the fold has
it, and so this may be done as often as one likes. Sealed, a shard of before takes no write any more, and what was taken
over last was the last.

Either table of before may be gone: containers that know a sender acknowledge for half a minute without the one of
control, and keys are made and revoked without that of recipients. What the other has is taken over by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.domain.acts import Consented, Erased, Evidence
from chalicelib.domain.jobs import JobKind, JobStatus
from chalicelib.domain.recipients import Entry
from chalicelib.domain.senders import Sender, SenderEntry
from chalicelib.service import Service
from chalicelib.store.changing import Change
from chalicelib.store.engine import DynamoEngine, entry_sort_key, head_item, load_line, partition_of, recipient_key
from chalicelib.store.ledger import Beside, Ledger, Rules, Timing
from chalicelib.store.models import HEAD
from chalicelib.store.port import Head
from chalicelib.use_cases.importing import file_key
from chalicelib.use_cases.looking import forget_evidence
from infra.ops.restored import control
from infra.ops.restored.items import BEHIND, hole, is_hole, last_of, recipient_in, sequence_of, serialized
from infra.ops.restored.joined import Joined, with_category, with_row
from infra.ops.restored.notes import Run, load_shard, save_shard
from infra.ops.restored.run import SIDE_BY_SIDE, Pair
from infra.ops.restored.shards import PAGE
from infra.ops.restored.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.domain.jobs import Job
    from chalicelib.store.calls import Key
    from infra.ops.restored.tables import Item

AS_ACKNOWLEDGED = Rules(times=lambda act, _: act, is_repeat=lambda *_: False)
_JOBS = 1_000
"""The newest of each kind: what is older than so many and not over was given up long ago."""
_SEALS = 100
"""How often a shard may be written to between reading and sealing it."""


@dataclass(frozen=True, slots=True)
class Both:
    """Two tables that are there."""

    recipients: Table
    control: Table


@dataclass(slots=True)
class Again:
    """What is taken over once more. `service` is on the restored tables.

    `load` reads a sender of the table of control of before; where that is gone, of the restored one.
    """

    service: Service
    new: Both
    old: Pair
    run: Run
    load: Callable[[str], Sender]
    untaken: list[str] = field(default_factory=list)
    """Changes of a sender that could not be taken over, for somebody to look at."""

    def take(self) -> int:
        """How many acts and changes were new. Raises `StoreUnavailable`: then again."""
        if not any(self.old.names):
            return 0
        taken = 0
        with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="restore") as pool:
            for code in self._codes():
                sender = self.load(code)
                self._begin_new(sender)
                if self.old.control is not None:
                    control.take_rows(self.new.control, self.old.control, code)
                    if self.old.recipients is None:
                        taken += self._close(sender)
                if self.old.recipients is not None:
                    take = partial(self._take_shard, self.old.recipients, sender)
                    taken += sum(pool.map(take, range(sender.shards)))
        return taken

    def _codes(self) -> list[str]:
        """Of the senders of before; where their table is gone, of those that came back."""
        return [*control.senders_in(self.old.control or self.new.control)]

    def _begin_new(self, sender: Sender) -> None:
        """One that was created meanwhile has its heads first: its cursors of before are expired too."""
        for shard in range(sender.shards):
            item = serialized(head_item(sender.code, shard, Head(0, self.run.epoch)))
            self.new.recipients.put_if(item, "attribute_not_exists(sk)")

    def _take_shard(self, old: Table, sender: Sender, shard: int) -> int:
        note = load_shard(self.new.recipients, self.run.id, sender.code, shard)
        last = last_of(old, sender.code, shard)
        if last <= note.old:
            return 0
        taken = 0
        self._take_notes(old, partition_of(sender.code, shard))
        for first in range(note.old + 1, last + 1, PAGE):
            for item in _lines(old, sender.code, shard, (first, min(first + PAGE - 1, last))):
                taken += self._is_taken(old, sender, item)
                note.old = sequence_of(item)
            save_shard(self.new.recipients, sender.code, shard, note)
        return taken

    def _take_notes(self, old: Table, partition: str) -> None:
        """Of idempotency keys; the progress of jobs is that of the workers on the restored tables."""
        for item in old.range(partition, "op#", f"op#{BEHIND}"):
            self.new.recipients.put_if(item, "attribute_not_exists(sk)")

    def _is_taken(self, old: Table, sender: Sender, item: Item) -> bool:
        """Takes over what a line tells of; False where it was there, or is nothing."""
        line = load_line(item)
        if isinstance(line, Entry):
            return self._record(old, line)
        return isinstance(line, SenderEntry) and self._describe(sender, line)

    def _record(self, old: Table, entry: Entry) -> bool:
        """Whether the act was new here."""
        ledger = Ledger(
            DynamoEngine(self.service._wire, self.new.recipients.name),  # noqa: SLF001 - the connection of this process
            Timing(now=self.service.clock),
            AS_ACKNOWLEDGED,
        )
        theirs = recipient_in(old.get(recipient_key(entry.place)))
        is_erasure = any(isinstance(part, Erased) for part in entry.act.parts)
        if is_erasure:
            self.service.senders.count_erasure(entry.place.sender)
        beside = Beside(theirs.address, _evidence_of(old, entry))
        before = self.service.reader.recipient(entry.place)
        after = ledger.record(entry.place, entry.act, beside).recipient
        if is_erasure:
            self.service.senders.count_erasure(entry.place.sender)
            forget_evidence(self.service, entry.place)
        return after.version > before.version

    def _describe(self, theirs: Sender, entry: SenderEntry) -> bool:
        """Makes the change of a sender that a line tells of; of one without a category, what the row has by now."""
        if entry.category is None and self.old.control is None:
            self.untaken.append(f"{theirs.code}: what it says of itself, for that went with its table")
            return False
        joined: list[tuple[Sender, Joined]] = []

        def draft(now: Sender) -> Change:
            made = with_category(now, entry.category) if entry.category else with_row(now, theirs)
            joined.append((now, made))
            return Change(made.sender, entry.category and made.sender.catalogue.find(entry.category.id))

        self.service.change_sender(theirs.code, f"restore {self.run.id} {entry.seq}", draft)
        if not joined:
            return False
        before, made = joined[-1]
        if made.untaken is not None:
            self.untaken.append(made.untaken)
        return made.sender != before

    def _close(self, theirs: Sender) -> bool:
        """What the row of before forbids by now, where the lines that told of it went with their table."""
        made: list[bool] = []

        def draft(now: Sender) -> Change:
            sender = replace(now, closed=now.closed or theirs.closed, form_open=now.form_open and theirs.form_open)
            made.append(sender != now)
            return Change(sender)

        self.service.change_sender(theirs.code, f"restore {self.run.id} v{theirs.version}", draft)
        return any(made[-1:])

    def take_up_jobs(self) -> int:
        """Puts a message into the queue for every job that is not over; one that comes twice does nothing. How many."""
        jobs = [
            job
            for code in control.senders_in(self.new.control)
            for kind in JobKind
            for job in self.service.jobs.newest(kind, code, None, _JOBS)
            if job.status is JobStatus.RUNNING or (job.status is JobStatus.WAITING and self._can_begin(job))
        ]
        for job in jobs:
            self.service.queue.send({"job": str(job.kind), "sender": job.sender, "id": job.id})
        return len(jobs)

    def _can_begin(self, job: Job) -> bool:
        """An import has its file: S3's word of it may have come to a worker that did not know the job."""
        return job.kind is JobKind.EXPORT or self.service.files.find(file_key(job)) is not None

    def seal(self) -> None:
        """From now on the table of before refuses every act: a line that nobody wrote stands where the next would."""
        if self.old.recipients is None:
            return
        for code in self._codes():
            for shard in range(self.load(code).shards):
                self._seal_shard(self.old.recipients, code, shard)

    def _seal_shard(self, old: Table, code: str, shard: int) -> None:
        for _ in range(_SEALS):
            head = old.get((partition_of(code, shard), HEAD))
            seq = 0 if head is None else int(head["seq"]["N"])
            key = partition_of(code, shard), entry_sort_key(seq + 1)
            found = old.get(key)
            if found is not None and is_hole(found):
                return
            if found is None and _is_sealed(old, head, hole(code, shard, seq + 1, self.service.clock()), key):
                return
        raise ClientError({"Error": {"Code": "TransactionConflictException", "Message": "a shard is busy"}}, "Seal")


def _lines(old: Table, code: str, shard: int, numbers: tuple[int, int]) -> Iterator[Item]:
    """From the first to the last in order, up to one that is not seen yet: it is taken the next time."""
    items = old.range(partition_of(code, shard), *map(entry_sort_key, numbers))
    for number, item in enumerate(items, numbers[0]):
        if sequence_of(item) != number:
            return
        yield item


def _evidence_of(old: Table, entry: Entry) -> Evidence | None:
    if not any(isinstance(part, Consented) for part in entry.act.parts):
        return None
    partition = partition_of(entry.place.sender, entry.place.shard)
    item = old.get((partition, f"evidence#{entry.place.recipient}#{entry.act.id}"))
    return None if item is None else Evidence(*(item[name]["S"] for name in Evidence.__dataclass_fields__))


def _is_sealed(old: Table, head: Item | None, line: Item, key: Key) -> bool:
    unmoved: Item = {"TableName": old.name, "Key": {"pk": {"S": key[0]}, "sk": {"S": HEAD}}}
    if head is None:
        unmoved["ConditionExpression"] = "attribute_not_exists(sk)"
    else:
        unmoved |= {"ConditionExpression": "seq = :s", "ExpressionAttributeValues": {":s": head["seq"]}}
    put = {"TableName": old.name, "Item": line, "ConditionExpression": "attribute_not_exists(sk)"}
    try:
        old.client.transact_write_items(TransactItems=[{"ConditionCheck": unmoved}, {"Put": put}])
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        return False
    return True
