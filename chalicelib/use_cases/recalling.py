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
from chalicelib.domain.senders import Place
from chalicelib.store.reading import keys_ahead
from chalicelib.use_cases.opening import OpenedLink, open_preferences

if TYPE_CHECKING:
    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service
    from chalicelib.store.reading import Ahead, Reader

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


At = tuple[int, str]
"""Where a recipient is kept, as a URL of ours says it: shard and id. Whether that is so, its sender's row tells."""


def open_history(service: Service, token: object, at: At | None, older: int | None) -> tuple[OpenedLink, Reader | None]:
    """The link, and what reads its history, from `older` on.

        what a container has to know     sender (its pepper) → recipient (its id) → entries (their numbers)
        it remembers the sender                                1                    2
        it does not, and `at` is told    1                     1                    2
        it does not                      1                     no further: ask again, with `at`

    Each is found by the one before it, so that a page would be three reads, were `at` not in the links to it. Nothing
    is shown of a place that is not the recipient's own. Raises `InvalidToken`, `StoreUnavailable`.
    """
    brought: list[Ahead | None] = []

    def find(code: str) -> Sender:
        sender, ahead = service.sender_beside(code, keys_ahead(Place(code, *at), older) if at else [])
        brought.append(ahead)
        return sender

    opened = open_preferences(service, token, find)
    [ahead] = brought
    if ahead is None:
        return opened, service.reader
    place = opened.place
    return opened, service.reader.knowing(ahead) if (place.shard, place.recipient) == at else None


def recall(reader: Reader, opened: OpenedLink, older: int | None = None) -> History:
    """A page of what happened: the newest, or from `older` on, which is that of another page.

    What is no number of this recipient's gets nothing. Two reads.
    Raises `StoreUnavailable`.
    """
    place = opened.place
    if older is not None:
        entries = reader.history(place, older, PAGE)
        return replace(_page(entries), start=older) if entries else NOT_HERE
    return _page(_newest(reader, place, reader.recipient(place)))


def recall_everything(service: Service, opened: OpenedLink) -> Everything:
    """All that is kept of this recipient, as far as it is read within `SECONDS`. Raises `StoreUnavailable`."""
    ends = service.monotonic() + SECONDS
    place = opened.place
    recipient = service.reader.recipient(place)
    page = _page(_newest(service.reader, place, recipient))
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


def _newest(reader: Reader, place: Place, recipient: Recipient) -> list[Entry]:
    numbers = [recent.seq for recent in recipient.recent]
    found = reader.entries(place.sender, place.shard, numbers) if numbers else {}
    known = takewhile(lambda entry: entry is not None and entry.place == place, map(found.get, numbers))
    return [entry for entry in known if entry is not None]


def _page(entries: list[Entry]) -> History:
    return History(tuple(entries), (entries[-1].previous or None) if entries else None)
