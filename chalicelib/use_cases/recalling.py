"""What happened to a recipient, for its own eyes: page by page, or whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING

from chalicelib.domain.acts import Evidence
from chalicelib.domain.categories import Category
from chalicelib.domain.decision import Verdict, decide
from chalicelib.domain.recipients import RECENT_ACTS, Entry, Recipient

if TYPE_CHECKING:
    from chalicelib.domain.senders import Place
    from chalicelib.service import Service
    from chalicelib.use_cases.opening import OpenedLink

PAGE = RECENT_ACTS
"""Acts on one page. A recipient names so many of its newest, which are read together, and so does every act."""
MOST_ACTS = 1_000
"""In a download: under 3 MB with what shows their consents."""
MOST_EVIDENCE = 300
"""Texts of up to 6,000 characters each."""
SECONDS = 10.0
"""Until a download reads no further, under the 25 s that the function has."""
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class History:
    """Some of what happened, newest first; `older` is where the rest begins, if any.

    `start` is where this begins, None for the newest.
    """

    entries: tuple[Entry, ...]
    older: int | None
    start: int | None = None


NOT_HERE = History((), None)
"""Where an older page was asked for that there is not."""


@dataclass(frozen=True, slots=True)
class Everything:
    """All that is kept of one recipient. `is_whole`: whether that is all of it, or only the newest."""

    recipient: Recipient
    verdicts: tuple[tuple[Category, Verdict], ...]
    entries: tuple[Entry, ...]
    evidence: Mapping[str, Evidence] = field(repr=False)
    is_whole: bool


def recall(service: Service, opened: OpenedLink, older: int | None = None) -> History:
    """A page of what happened: the newest, or from `older` on, which is that of another page.

    What is no number of this recipient's gets nothing. Two reads.
    Raises `StoreUnavailable`.
    """
    place = opened.place
    if older is not None:
        entries = service.reader.history(place, older, PAGE)
        return replace(_page(entries), start=older) if entries else NOT_HERE
    return _page(_newest(service, place, service.reader.recipient(place)))


def recall_everything(service: Service, opened: OpenedLink) -> Everything:
    """All that is kept of this recipient, as far as it is read within `SECONDS`. Raises `StoreUnavailable`."""
    ends = service.monotonic() + SECONDS
    place = opened.place
    recipient = service.reader.recipient(place)
    page = _page(_newest(service, place, recipient))
    entries, older = list(page.entries), page.older
    while older is not None and len(entries) < MOST_ACTS and service.monotonic() < ends:
        page = _page(service.reader.history(place, older, _AT_ONCE))
        entries += page.entries
        older = page.older
    evidence = service.evidences.of(place)
    acts = [entry.act.id for entry in entries if entry.act.id in evidence]
    verdicts = tuple((category, decide(recipient.state, category)) for category in opened.sender.catalogue.categories)
    kept = {act: evidence[act] for act in acts[:MOST_EVIDENCE]}
    return Everything(recipient, verdicts, tuple(entries), kept, older is None and len(kept) == len(evidence))


def _newest(service: Service, place: Place, recipient: Recipient) -> list[Entry]:
    numbers = [recent.seq for recent in recipient.recent]
    found = service.reader.entries(place.sender, place.shard, numbers) if numbers else {}
    known = takewhile(lambda entry: entry is not None and entry.place == place, map(found.get, numbers))
    return [entry for entry in known if entry is not None]


def _page(entries: list[Entry]) -> History:
    return History(tuple(entries), (entries[-1].previous or None) if entries else None)
