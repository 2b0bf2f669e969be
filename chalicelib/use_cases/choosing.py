"""The preference centre: what a recipient gets, and changing it. Only what was changed becomes an act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.acts import Act, OptedIn, OptedOut, Via
from chalicelib.domain.categories import Category
from chalicelib.domain.decision import Verdict, decide, is_wanted
from chalicelib.use_cases.stopping import new_act_id

if TYPE_CHECKING:
    from chalicelib.service import Service
    from chalicelib.use_cases.opening import OpenedLink


@dataclass(frozen=True, slots=True)
class Standing:
    """One optional category for one recipient: whether it is wanted, and what a check would say, blocks included."""

    category: Category
    is_wanted: bool
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Submission:
    """What a form showed, which of that was wanted when it was made, and which is wanted now; by category id.

    Categories that it did not show stay as they are; a stale form saved unchanged changes nothing.
    """

    shown: frozenset[str]
    before: frozenset[str]
    after: frozenset[str]

    def is_changed(self, category: str) -> bool:
        """Whether the recipient changed this one."""
        return category in self.shown and (category in self.before) is not (category in self.after)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a submission changed."""

    stopped: tuple[Category, ...]
    started: tuple[Category, ...]


def standings(service: Service, opened: OpenedLink) -> list[Standing]:
    """Every category that this recipient can choose, in the sender's order. Raises `StoreUnavailable`."""
    [state] = service.reader.states([opened.place]).values()
    return [
        Standing(category, is_wanted(state, category), decide(state, category))
        for category in opened.sender.catalogue.optional
    ]


def choose(service: Service, opened: OpenedLink, submission: Submission) -> Changes:
    """Records the differences as one act, and returns when it is durable. Raises `StoreUnavailable`.

    A link that may not choose stops mail and starts none.
    """
    changed = [
        category
        for category in opened.sender.catalogue.categories
        if not category.is_service_alert and submission.is_changed(category.id)
    ]
    stopped = tuple(category for category in changed if category.id not in submission.after)
    started = tuple(category for category in changed if category.id in submission.after and opened.may_choose)
    parts: tuple[OptedOut | OptedIn, ...] = (
        *(OptedOut(category.id) for category in stopped),
        *(OptedIn(category.id) for category in started),
    )
    if parts:
        act = Act(new_act_id(), Via.PREFERENCE_PAGE, parts, opened.link.key_version)
        service.ledger.record(opened.place, act, opened.beside)
    return Changes(stopped, started)
