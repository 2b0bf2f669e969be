"""Erase: the recipient has itself forgotten, but for the keyed hash that is never mailed again (GDPR 17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.domain.acts import Act, Erased, Via
from chalicelib.domain.decision import is_wanted
from chalicelib.use_cases.looking import forget
from chalicelib.use_cases.stopping import new_act_id

if TYPE_CHECKING:
    from chalicelib.domain.categories import Category
    from chalicelib.service import Service
    from chalicelib.use_cases.opening import OpenedLink


def erase_own(service: Service, opened: OpenedLink) -> tuple[Category, ...]:
    """Forgets the recipient of this link, and returns what is wanted now: nothing, unless it was chosen since.

    Of whom nothing was stored, there is the hash and the opt-out from now on, too: that is what was asked for, and no
    answer tells whether an address was known. Again where it was broken off. Raises `StoreUnavailable`.
    """
    act = Act(new_act_id(Via.PREFERENCE_PAGE), Via.PREFERENCE_PAGE, (Erased(),), opened.link.key_version)
    after = forget(service, opened.place, act)
    return tuple(category for category in opened.sender.catalogue.optional if is_wanted(after.state, category))
