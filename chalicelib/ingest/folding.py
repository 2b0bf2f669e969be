"""Several rows of one recipient → what they tell together, so that a recipient is written once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.domain.acts import TOLD, Consented, Evidence, Part, scope_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.ingest.rows import ReadRow

Register = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Folded:
    """What the rows tell: of each register the newest, in one order; and by category what shows its consent."""

    parts: tuple[Part, ...]
    evidence: Mapping[str, Evidence] = field(default_factory=dict, repr=False)


def fold_rows(rows: Iterable[ReadRow]) -> Folded:
    """The parts of rows of one recipient, for each kind and scope the newest, whatever the order of the rows.

    Nothing is lost by that: every register keeps its greatest time (design, 'State'). Of two consents of one time the
    greater evidence is kept, so that a file read again tells the same.
    """
    newest: dict[Register, tuple[Part, Evidence | None]] = {}
    for row in rows:
        for part in row.parts:
            evidence = row.evidence if isinstance(part, Consented) else None
            register = (_kind(part), scope_of(part))
            held = newest.get(register)
            if held is None or _order(part, evidence) > _order(*held):
                newest[register] = (part, evidence)
    kept = [newest[register] for register in sorted(newest)]
    shown = {scope_of(part): evidence for part, evidence in kept if evidence is not None}
    return Folded(tuple(part for part, _ in kept), shown)


def _kind(part: Part) -> int:
    return TOLD.index(type(part))


def _order(part: Part, evidence: Evidence | None) -> tuple[int, tuple[str, ...]]:
    return part.at, () if evidence is None else (evidence.how, evidence.wording, evidence.source)
