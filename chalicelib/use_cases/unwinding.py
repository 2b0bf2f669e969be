"""What reversing an act comes to for a recipient as it is: which of its choices still stand, and what goes back there.

An act may stand below another one that is meant too: a stranger who types an address twice writes the second act over
the first. Then both are gone through at once, or the reversal of the second would put the first one back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.domain.acts import Restored, Undone, Via, via_of
from chalicelib.domain.recipients import Entry, Recipient
from chalicelib.domain.undo import unwound
from chalicelib.store.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chalicelib.domain.state import Choice

_REVERTING = frozenset({Via.OPS, None})
"""Ways by which something is reversed; None: the id of an act does not say how it came."""
_UNDOING = _REVERTING | {Via.PREFERENCE_PAGE}
"""And by which recipients undo what they see stand."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The choices to put back, and the acts that this goes through, newest first.

    Where there is nothing to put back: `reversal` is the act by which that was done before, if it was, and
    `is_forgotten` whether the choices are gone with an erasure.
    """

    restored: tuple[Restored, ...]
    acts: tuple[str, ...]
    reversal: str | None
    is_forgotten: bool


def plan_of(reader: Reader, is_meant: Callable[[Entry], bool], entry: Entry, recipient: Recipient) -> Plan:
    """The plan for `entry`, which is meant, and which `recipient` has taken in. Raises `StoreUnavailable`."""
    standing = {scope: recipient.state.choice[scope] for scope in entry.formers if scope in recipient.state.choice}
    found = _Search(reader, is_meant, entry, recipient).run(standing.values())
    meant = [one for one in found.values() if is_meant(one)]
    formers = {(one.act.id, scope): former for one in meant for scope, former in one.formers.items()}
    ways = {scope: unwound(choice, scope, found.keys(), formers) for scope, choice in standing.items()}
    through = {scope: way for scope, way in sorted(ways.items()) if entry.act.id in way.acts}
    return Plan(
        restored=tuple(Restored(scope, way.content) for scope, way in through.items()),
        acts=tuple(dict.fromkeys(act for way in through.values() for act in way.acts)),
        reversal=next((one.act.id for one in found.values() if _undoes(one, entry)), None),
        is_forgotten=not standing,
    )


def _undoes(one: Entry, entry: Entry) -> bool:
    return any(isinstance(part, Undone) and entry.act.id in part.acts for part in one.act.parts)


@dataclass(slots=True)
class _Search:
    """Finds the acts that say what a choice is made of, in one walk through the recipient's ledger, newest first.

    The walk ends when nothing is wanted any more; mostly it does not begin, since the act is all that matters.
    """

    reader: Reader
    is_meant: Callable[[Entry], bool]
    entry: Entry
    recipient: Recipient
    wanted: set[str] = field(default_factory=set)
    found: dict[str, Entry] = field(default_factory=dict)

    def run(self, choices: Iterable[Choice]) -> dict[str, Entry]:
        """By act id, those of the acts behind these choices that matter."""
        self._want(choices, _UNDOING)
        walk = self._walk()
        while self.wanted and (older := next(walk, None)):
            if older.act.id in self.wanted:
                self._take(older)
        return self.found

    def _want(self, choices: Iterable[Choice | None], ways: frozenset[Via | None]) -> None:
        """What may be meant, or may have undone what is; of an id that says another way neither is true."""
        ids = {act for choice in choices if choice is not None for act in (choice.act, choice.source)}
        self.wanted |= {act for act in ids - self.found.keys() if via_of(act) in ways | {self.entry.act.via}}
        if self.entry.act.id in self.wanted:
            self._take(self.entry)

    def _take(self, one: Entry) -> None:
        self.wanted.discard(one.act.id)
        self.found[one.act.id] = one
        if self.is_meant(one):
            self._want((one.formers.get(scope) for scope in self.entry.formers), _REVERTING)

    def _walk(self) -> Iterator[Entry]:
        """The recipient's ledger, newest first: what the state remembers is one read, what is older a read an act."""
        place = self.entry.place
        numbers = [recent.seq for recent in self.recipient.recent]
        recent = self.reader.entries(place.sender, place.shard, numbers)
        yield from (recent[number] for number in numbers if number in recent)
        start = recent[numbers[-1]].previous if numbers and numbers[-1] in recent else 0
        while older := next(iter(self.reader.history(place, start, 1)), None):
            yield older
            start = older.previous
