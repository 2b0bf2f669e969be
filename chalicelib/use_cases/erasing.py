"""Erase: the recipient has itself forgotten, but for the keyed hash that is never mailed again (GDPR 17)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.acts import Act, Erased, Via
from chalicelib.domain.categories import Category
from chalicelib.domain.decision import is_wanted
from chalicelib.use_cases.choosing import sendable
from chalicelib.use_cases.looking import forget
from chalicelib.use_cases.sending import new_act_id

if TYPE_CHECKING:
    from chalicelib.domain.state import State
    from chalicelib.service import Service
    from chalicelib.use_cases.opening import OpenedLink


@dataclass(frozen=True, slots=True)
class Erasing:
    """What is true after an erasure: the act that it is, and what is sent all the same, since it was chosen again."""

    act: str
    wanted: tuple[Category, ...]


def erase_own(service: Service, opened: OpenedLink) -> Erasing:
    """Forgets the recipient of this link.

    Of whom nothing was stored, there is the hash and the opt-out from now on, too: that is what was asked for, and no
    answer tells whether an address was known. Again where it was broken off. Raises `StoreUnavailable`.
    """
    act = Act(new_act_id(Via.PREFERENCE_PAGE), Via.PREFERENCE_PAGE, (Erased(),), opened.link.key_version)
    return _told(opened, forget(service, opened.place, act).state, act.id)


def erased_by(service: Service, opened: OpenedLink, act: str) -> Erasing | None:
    """What is true after the erasure that this act is; None where it is none. Raises `StoreUnavailable`."""
    state = service.reader.recipient(opened.place).state
    return _told(opened, state, act) if state.erased is not None and state.erased.act == act else None


def _told(opened: OpenedLink, state: State, act: str) -> Erasing:
    wanted = tuple(category for category in opened.sender.catalogue.optional if is_wanted(state, category))
    return Erasing(state.erased.act if state.erased else act, sendable(state, wanted)[0])
