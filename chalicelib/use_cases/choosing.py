"""The preference centre: what a recipient gets, and changing it. Only what was changed becomes an act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.acts import Act, OptedIn, OptedOut, Via
from chalicelib.domain.categories import Category
from chalicelib.domain.decision import Verdict, decide, is_wanted
from chalicelib.use_cases.sending import Sending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.domain.recipients import Recipient
    from chalicelib.domain.state import State
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

    Categories that it did not show stay as they are; a stale form saved unchanged changes nothing. `version` is the
    recipient's when the form was made: a form that is older than what is known stops mail and starts none, so that
    sending it twice (a reload, a restored tab) does not undo what was stopped in between.
    """

    shown: frozenset[str]
    before: frozenset[str]
    after: frozenset[str]
    version: int | None

    @property
    def content(self) -> tuple[str, ...]:
        """All that it says, as texts, but for the version."""
        sets = (self.shown, self.before, self.after)
        return tuple(" ".join(sorted(names)) for names in sets)

    def is_changed(self, category: str) -> bool:
        """Whether the recipient changed this one."""
        return category in self.shown and (category in self.before) is not (category in self.after)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a submission changed. `is_stale`: it would have started more, and something else came before it.

    `noted` is what is wanted now, and still withheld: blocked, undeliverable, retired. `acts` are those
    that hold the changes, newest first: this one, and those of the same form that was sent before.
    """

    stopped: tuple[Category, ...]
    started: tuple[Category, ...]
    noted: tuple[Category, ...]
    is_stale: bool
    acts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Centre:
    """Every category that a recipient can choose, in the sender's order, and the version that this is of.

    `acts` are those that choices stand by.
    """

    standings: tuple[Standing, ...]
    version: int
    acts: frozenset[str]


def centre(service: Service, opened: OpenedLink) -> Centre:
    """What this recipient gets. Raises `StoreUnavailable`."""
    recipient = service.reader.recipient(opened.place)
    standings = tuple(
        Standing(category, is_wanted(recipient.state, category), decide(recipient.state, category))
        for category in opened.sender.catalogue.optional
    )
    acts = frozenset(choice.act for choice in recipient.state.choice.values())
    return Centre(standings, recipient.version, acts)


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
    wanted = tuple(category for category in changed if category.id in submission.after and opened.may_choose)
    sending = Sending(Via.PREFERENCE_PAGE, opened.place, submission.version, *submission.content)

    def draft(recipient: Recipient) -> Act | None:
        outs = tuple(OptedOut(category.id) for category in stopped)
        ins = tuple(OptedIn(category.id) for category in wanted) if recipient.version == submission.version else ()
        act = sending.act_for(recipient)
        return Act(act, Via.PREFERENCE_PAGE, (*outs, *ins), opened.link.key_version) if outs or ins else None

    if not changed:
        return Changes((), (), (), is_stale=False)
    recorded = service.ledger.record(opened.place, draft, opened.beside)
    recipient = recorded.recipient
    chosen = tuple(category for category in wanted if is_wanted(recipient.state, category))
    started, noted = sendable(recipient.state, chosen)
    # What only repeats the newest act stops the same by that one.
    repeated = (recorded.act,) if stopped and recorded.act else ()
    return Changes(stopped, started, noted, chosen != wanted, sending.acts_in(recipient) or repeated)


def sendable(state: State, wanted: Sequence[Category]) -> tuple[tuple[Category, ...], tuple[Category, ...]]:
    """What of this is sent now, and what is withheld although it is wanted."""
    sent = tuple(category for category in wanted if decide(state, category).may_send)
    return sent, tuple(category for category in wanted if category not in sent)
