"""A row of a file → what it tells of one recipient. Reasons and times are mapped, never invented.

Out of a row come `Stated`, `Bounced`, `Complained` and `Consented` alone, none later than the job's creation: an import
only adds, and lifts nothing (conformance H1). A sender's own block list of elsewhere is told as an opt-out, since a
`Blocked` is made by a sender's hand here. What is only a soft bounce, or says that somebody is subscribed, is refused:
the former would withhold mail for good (E2), the latter is no consent that could be shown (C4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from chalicelib.domain.acts import Bounced, Complained, Consented, Evidence, Part, Stated
from chalicelib.domain.addresses import Address, parse_address
from chalicelib.domain.categories import ALL, Catalogue
from chalicelib.domain.errors import InvalidAddress, RowRefused, UnknownCategory
from chalicelib.ingest.meanings import Meaning
from chalicelib.ingest.times import read_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.ingest.layouts import Layout, Telling
    from chalicelib.ingest.reading import Row

MOST_EVIDENCE = 2_000
"""Characters in one text of a consent's evidence."""
MOST_TAGS = 50
"""Categories that one row may name."""
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
_DAMAGED = "\ufffd"
_BETWEEN_TAGS = re.compile(r"[,;|\[\]\"']+")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the caller says of rows that do not say it: why, and of which category (an id, or `*`)."""

    reason: Literal["opted_out", "complaint", "undeliverable"] | None = None
    category: str = ALL


@dataclass(frozen=True, slots=True)
class ReadRow:
    """What one row tells, of whom, and what shows its consent if there is one. `parts` is never empty."""

    address: Address = field(repr=False)
    parts: tuple[Part, ...]
    evidence: Evidence | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ConsentTold:
    """A row's consent, as its texts."""

    category: str
    at: str
    how: str
    wording: str
    source: str


def read_row(layout: Layout, row: Row, defaults: Defaults, catalogue: Catalogue, created: int) -> ReadRow:
    """What `row` tells; `created` is the job's creation in milliseconds since 1970 UTC. Raises `RowRefused`."""
    if row.flaw is not None:
        raise RowRefused(row.flaw)
    cells = row.cells
    if len(cells) > layout.width and any(cell.strip() for cell in cells[layout.width :]):
        raise RowRefused(f"the row has {len(cells)} cells, and the file {layout.width} columns")
    address = read_address(layout.cell(cells, "address"))
    reader = Reader(defaults, catalogue, created)
    consent = _consent_told(layout, cells) if "consent_at" in layout.columns else None
    if consent is not None and not layout.cell(cells, "reason"):
        return ReadRow(address, *reader.consent(consent))
    otherwise = None if defaults.reason is None else Meaning(defaults.reason)
    parts = reader.parts(layout.says(layout, cells), otherwise or layout.of_list, layout.cell(cells, "category"))
    if consent is None:
        return ReadRow(address, parts)
    consented, evidence = reader.consent(consent)
    return ReadRow(address, (*parts, *consented), evidence)


def read_address(text: object) -> Address:
    """The address of a row. Raises `RowRefused` with the reason (conformance D3)."""
    if isinstance(text, str) and _DAMAGED in text:
        raise RowRefused("the address was damaged by the program that wrote it", "address")
    try:
        return parse_address(text)
    except InvalidAddress as error:
        raise RowRefused(error.reason, "address") from None


def _consent_told(layout: Layout, cells: tuple[str, ...]) -> ConsentTold | None:
    told = ConsentTold(
        layout.cell(cells, "consent_category") or layout.cell(cells, "category"),
        *(layout.cell(cells, name) for name in ("consent_at", "consent_how", "consent_wording", "consent_source")),
    )
    return told if told.at or told.wording or told.source else None


@dataclass(frozen=True, slots=True)
class Reader:
    """What all rows of a job have in common."""

    defaults: Defaults
    catalogue: Catalogue
    created: int

    def parts(self, tellings: tuple[Telling, ...], otherwise: Meaning | None, categories: str) -> tuple[Part, ...]:
        """What a row tells but for consent. `otherwise` is what it means where it does not say."""
        return tuple(part for meaning, at in tellings for part in self._parts_of(meaning or otherwise, at, categories))

    def _parts_of(self, meaning: Meaning | None, at: str, categories: str) -> Iterator[Part]:
        match meaning:
            case Meaning.OPTED_OUT:
                told = self._at(at)
                yield from (Stated(scope, told) for scope in self._scopes(categories))
            case Meaning.COMPLAINT:
                yield Complained(self._at(at))
            case Meaning.UNDELIVERABLE:
                yield Bounced(self._at(at))
            case Meaning.PASSING:
                raise RowRefused("a soft bounce or a block by a filter is no suppression", "reason")
            case Meaning.NO_SUPPRESSION:
                raise RowRefused("not a suppression", "reason")
            case None:
                raise RowRefused("the row does not say why, and there is no default reason", "reason")

    def _at(self, text: str) -> int:
        """When a suppression was told to be: of a day its end, undated the job's creation, and never after that."""
        span = read_time(text, "at")
        return self.created if span is None else min(span.last, self.created)

    def _scopes(self, text: str) -> list[str]:
        """The categories that an opt-out is of: one, a list as Mailgun's tags are, or the default."""
        if not text or text == ALL:
            return [self._scope(text or self.defaults.category)]
        tags = [tag for tag in map(str.strip, _BETWEEN_TAGS.split(text)) if tag]
        if not 1 <= len(tags) <= MOST_TAGS:
            raise RowRefused(f"1 to {MOST_TAGS} categories", "category")
        return list(dict.fromkeys(map(self._scope, tags)))

    def _scope(self, text: str) -> str:
        """A retired category is as good as any: revived, it keeps every choice (H3)."""
        if text == ALL or not self._is_service_alert(text.lower(), "category"):
            return text.lower()
        raise RowRefused("a service alert: nobody can opt out of it", "category")

    def _is_service_alert(self, category: str, column: str) -> bool:
        try:
            return self.catalogue.get(category).is_service_alert
        except UnknownCategory:
            raise RowRefused("the sender has no such category", column) from None

    def consent(self, told: ConsentTold, path: str = "consent_") -> tuple[tuple[Part, ...], Evidence]:
        """A consent and what shows it: of one optional category, with its date, of a day its start.

        `path` is what precedes the names of its columns.
        """
        category = told.category.lower()
        if category in ("", ALL):
            raise RowRefused("consent is to one category", f"{path}category")
        if self._is_service_alert(category, f"{path}category"):
            raise RowRefused("a service alert: it needs no consent", f"{path}category")
        span = read_time(told.at, f"{path}at")
        if span is None:
            raise RowRefused("consent has a date", f"{path}at")
        part = Consented(category, min(span.first, self.created))
        return (part,), Evidence(
            _shown(told.how, f"{path}how", least=0),
            _shown(told.wording, f"{path}wording"),
            _shown(told.source, f"{path}source"),
        )


def _shown(text: str, column: str, least: int = 1) -> str:
    """A text of the evidence, of which the store can keep every character."""
    if _NOT_TEXT.search(text):
        raise RowRefused("a text, without NULs and halves of characters", column)
    if not least <= len(text) <= MOST_EVIDENCE:
        raise RowRefused(f"a text of {least} to {MOST_EVIDENCE} characters", column)
    return text
