"""One shard of a restored table, made whole: its ledger first, then what hangs on it, its head last.

    notes of idempotency keys, progress of imports  →  taken over, before the lines of which they are
    lines 1 … last of both tables, page by page     →  what is missing is taken over; what both lack is a hole
    recipients of these lines                       →  every line folded into the state again
    evidence of before's table                      →  taken over;  of who is erased: deleted again
    recipients, where a line is lost or may be      →  the lines of their newest acts, made again from the state
    head                                            →  the last number, in the new epoch

Nobody else writes to the table meanwhile. Each step may be done again, from where it was broken off.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.domain.recipients import Entry, Recipient
from chalicelib.domain.senders import Place, Sender, SenderEntry
from chalicelib.store.engine import (
    RECIPIENT,
    entry_item,
    entry_sort_key,
    load_line,
    partition_of,
    recipient_item,
    recipient_key,
)
from chalicelib.store.port import Head
from infra.ops.restored.folding import folded, rebuilt
from infra.ops.restored.items import (
    BEHIND,
    addressed,
    hole,
    is_forgotten,
    is_hole,
    is_missing,
    last_of,
    put_head,
    recipient_in,
    says_the_same,
    sequence_of,
    serialized,
)
from infra.ops.restored.notes import Run, ShardNote, load_shard, save_shard
from infra.ops.restored.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.store.calls import Key
    from infra.ops.restored.tables import Item

PAGE = 500
"""Lines, or recipients, that are held at a time."""
EVIDENCE = "evidence#"
COPIED = ("op#", "job#")
"""What is as it was in the table of before: nothing that is written later depends on what it was at another time."""
SETTLING = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds until a line that the head of a table in use tells of, and that is not seen yet, counts as lost."""

Read = Callable[[int], None]
"""Told how many lines, or recipients, were gone through just now."""


class Disturbed(Exception):
    """Somebody else writes to the table that is being restored."""


class NotOnePast(Exception):
    """The two tables hold different lines under one number: neither was restored from the other."""

    def __init__(self, partition: str, seq: int) -> None:
        super().__init__(f"line {seq} of {partition}")


@dataclass(frozen=True, slots=True)
class Rules:
    """What is done. There is one right set, the default; tests leave something out, to be seen to notice."""

    folds: bool = True
    takes_over: bool = True
    forgets: bool = True
    rebuilds: bool = True


RULES = Rules()


@dataclass(slots=True)
class Shard:
    """One shard at work. `old` is the table of before, None where it is gone."""

    new: Table
    old: Table | None
    sender: Sender
    number: int
    run: Run
    now: int
    read: Read
    rules: Rules = RULES
    learned: Callable[[SenderEntry], None] = lambda _: None
    """Told of every line about the sender itself."""
    note: ShardNote = field(init=False)

    def __post_init__(self) -> None:
        self.note = load_shard(self.new, self.run.id, self.sender.code, self.number)

    @property
    def partition(self) -> str:
        """Its partition, of both tables."""
        return partition_of(self.sender.code, self.number)

    def mend(self) -> None:
        """Everything but the head. Raises Disturbed, NotOnePast."""
        self._copy_notes()
        self._take_lines()
        self._take_evidence()
        if self.rules.rebuilds and (self.old is None or self.note.hole):
            self._rebuild_lines()
        self._fill_holes()
        if self.rules.forgets:
            self._forget_again()
        self._save()

    def begin(self) -> None:
        """The head: from now on the shard may be served."""
        put_head(self.new, self.sender.code, self.number, Head(self._last, self.run.epoch))

    @property
    def _last(self) -> int:
        return max(self.note.lines, self.note.top)

    def _save(self) -> None:
        save_shard(self.new, self.sender.code, self.number, self.note)

    def _take_lines(self) -> None:
        code, number = self.sender.code, self.number
        theirs = last_of(self.old, code, number) if self.old is not None and self.rules.takes_over else 0
        last = max(last_of(self.new, code, number), theirs)
        while self.note.lines < last:
            first = self.note.lines + 1
            numbers = range(first, min(first + PAGE, last + 1))
            self._take_page(numbers, theirs)
            self.note.lines, self.note.counts.lines = numbers[-1], numbers[-1]
            self.note.old = max(self.note.old, min(theirs, numbers[-1]))
            self._save()
            self.read(len(numbers))

    def _take_page(self, numbers: range, last_of_theirs: int) -> None:
        ours = self._numbered(self.new, numbers)
        theirs = self._settled(numbers, last_of_theirs)
        for seq in ours.keys() & theirs.keys():
            if not says_the_same(ours[seq], theirs[seq]):
                raise NotOnePast(self.partition, seq)
        taken = {seq: line for seq, line in theirs.items() if not is_hole(line) and is_missing(ours.get(seq))}
        known = ours | taken
        lost = [seq for seq in numbers if is_missing(known.get(seq))]
        made = {seq: hole(self.sender.code, self.number, seq, self.now) for seq in lost if seq not in known}
        self.new.put_all([*taken.values(), *made.values()])
        lines = [load_line(known[seq]) for seq in numbers if seq in known]
        self._count_page(len(taken), lost, lines)
        for line in lines:
            if isinstance(line, SenderEntry):
                self.learned(line)
        if self.rules.folds:
            self._fold([line for line in lines if isinstance(line, Entry)])

    def _numbered(self, table: Table, numbers: range) -> dict[int, Item]:
        first, last = entry_sort_key(numbers[0]), entry_sort_key(numbers[-1])
        return {sequence_of(item): item for item in table.range(self.partition, first, last)}

    def _settled(self, numbers: range, last: int) -> dict[int, Item]:
        """The lines of before's table, which may still be written to: its items become visible one by one."""
        expected = sum(number <= last for number in numbers)
        if self.old is None or not expected:
            return {}
        found = self._numbered(self.old, numbers)
        for seconds in SETTLING:
            if len(found) >= expected:
                break
            self.old.pause(seconds)
            found = self._numbered(self.old, numbers)
        return {seq: item for seq, item in found.items() if seq <= last}

    def _count_page(self, taken: int, lost: list[int], lines: Iterable[object]) -> None:
        counts = self.note.counts
        counts.taken += taken
        counts.holes += len(lost)
        counts.newest = max(
            [counts.newest, *(line.recorded for line in lines if isinstance(line, Entry | SenderEntry))]
        )
        if lost and not self.note.hole:
            self.note.hole = lost[0]

    def _fold(self, entries: list[Entry]) -> None:
        by_place: defaultdict[Place, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_place[entry.place].append(entry)
        found = self.new.get_all(map(recipient_key, by_place))
        before = {place: recipient_in(found.get(recipient_key(place))) for place in by_place}
        done = {place: folded(before[place], entries) for place, entries in by_place.items()}
        after = {place: recipient for place, (recipient, _) in done.items()}
        self.new.put_all(serialized(entry_item(line)) for _, mended in done.values() for line in mended)
        changed = [place for place in by_place if after[place] != before[place]]
        theirs = self.old.get_all(map(recipient_key, changed)) if self.old is not None and self.rules.takes_over else {}
        for place in changed:
            recipient = addressed(after[place], recipient_in(theirs.get(recipient_key(place))))
            self._put(place, before[place], recipient)
            self._count_folded(recipient)

    def _put(self, place: Place, before: Recipient, after: Recipient) -> None:
        item = serialized(recipient_item(after, place))
        if before.version:
            is_done = self.new.put_if(item, "v = :v", v={"N": str(before.version)})
        else:
            is_done = self.new.put_if(item, "attribute_not_exists(sk)")
        if not is_done and recipient_in(self.new.get(recipient_key(place))) != after:
            raise Disturbed

    def _count_folded(self, recipient: Recipient) -> None:
        is_known = recipient.address is not None or recipient.state.erased is not None or self.sender.hashed
        self.note.counts.folded += 1
        self.note.counts.unaddressed += not is_known

    def _take_evidence(self) -> None:
        if self.old is None or not self.rules.takes_over:
            return
        for batch in self._batches(self.old, EVIDENCE):
            there = self.new.get_all(batch)
            self.new.put_all(item for key, item in batch.items() if key not in there)

    def _batches(self, table: Table, prefix: str) -> Iterator[dict[Key, Item]]:
        items = table.range(self.partition, prefix, prefix + BEHIND)
        while batch := list(islice(items, PAGE)):
            yield {(item["pk"]["S"], item["sk"]["S"]): item for item in batch}

    def _forget_again(self) -> None:
        """Of who was erased no evidence stays but of what was consented to since (conformance C5)."""
        for batch in self._batches(self.new, EVIDENCE):
            owners = {key: Place(self.sender.code, self.number, key[1].split("#")[1]) for key in batch}
            found = self.new.get_all(map(recipient_key, owners.values()))
            gone = [key for key, place in owners.items() if is_forgotten(found.get(recipient_key(place)), key)]
            self.new.delete_all(gone)
            self.note.counts.forgotten += len(gone)

    def _rebuild_lines(self) -> None:
        """For who was written to and whose line is lost. Whatever tells of a line behind the last one is noted too."""
        for batch in self._batches(self.new, RECIPIENT):
            people = {
                Place(self.sender.code, self.number, key[1].removeprefix(RECIPIENT)): recipient_in(item)
                for key, item in batch.items()
            }
            behind = [(place, found) for place, found in people.items() if self._may_lack_its_line(found)]
            for place, found in behind:
                self._rebuild_line(place, found)
            self.read(0)

    def _may_lack_its_line(self, recipient: Recipient) -> bool:
        newest = recipient.recent[0].seq if recipient.recent else 0
        return newest > self.note.lines or 0 < self.note.hole <= newest

    def _rebuild_line(self, place: Place, recipient: Recipient) -> None:
        keys = {(self.partition, entry_sort_key(recent.seq)): recent.act for recent in recipient.recent}
        lines = [load_line(item) for item in self.new.get_all(keys).values()]
        found = {line.act.id: line for line in lines if isinstance(line, Entry)}
        self.note.top = max(self.note.top, recipient.recent[0].seq)
        if len(found) == len(keys):
            return
        older = self._history(place, [number for line in found.values() for number in (line.previous, *line.earlier)])
        acts = [line.act for line in older if line.act.id not in keys.values()]
        made = rebuilt(place, recipient, found, acts)
        self.new.put_all(serialized(entry_item(line)) for line in made)
        self.note.counts.rebuilt += sum(line.act.id not in found for line in made)

    def _history(self, place: Place, numbers: list[int]) -> list[Entry]:
        """The recipient's lines, from these numbers back."""
        walked: dict[int, Entry] = {}
        while numbers := [number for number in numbers if number and number not in walked]:
            keys = [(self.partition, entry_sort_key(number)) for number in numbers]
            lines = map(load_line, self.new.get_all(keys).values())
            own = {line.seq: line for line in lines if isinstance(line, Entry) and line.place == place}
            walked |= own
            numbers = [number for line in own.values() for number in (line.previous, *line.earlier)]
        return list(walked.values())

    def _fill_holes(self) -> None:
        """Between the last line that was there and what recipients tell of."""
        for first in range(self.note.lines + 1, self.note.top + 1, PAGE):
            numbers = range(first, min(first + PAGE, self.note.top + 1))
            there = self._numbered(self.new, numbers)
            lost = [seq for seq in numbers if seq not in there]
            self.new.put_all(hole(self.sender.code, self.number, seq, self.now) for seq in lost)
            self.note.counts.holes += len(lost)

    def _copy_notes(self) -> None:
        if self.old is None or not self.rules.takes_over:
            return
        for prefix in COPIED:
            for batch in self._batches(self.old, prefix):
                self.new.put_all(batch.values())
