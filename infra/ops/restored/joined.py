"""A sender that was changed in the tables of before while the restored ones were in use: what holds from now on.

Which of two changes came later cannot be told, for each was made in tables that do not know of the other. So the one
holds that lets less mail through, and an optional category never becomes a service alert (conformance H10): a choice
that was acknowledged on either side is kept. Texts are those of the tables of before. What was decided against these
is told, for somebody to look at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.domain.categories import Catalogue, Kind
from chalicelib.domain.senders import Sender

if TYPE_CHECKING:
    from chalicelib.domain.categories import Category


@dataclass(frozen=True, slots=True)
class Joined:
    """The sender, and what of the tables of before is not in it; None where all of it is."""

    sender: Sender
    untaken: str | None = None


def with_category(now: Sender, told: Category) -> Joined:
    """With a category as a line of before tells of it."""
    about = f"{now.code}: category {told.id}"
    held = now.catalogue.find(told.id)
    if held is None and any(other.number == told.number for other in now.catalogue.categories):
        return Joined(now, f"{about}, for another one has its number")
    if held is None:
        return Joined(replace(now, catalogue=Catalogue((*now.catalogue.categories, told))))
    category = _stricter(held, told)
    joined = Catalogue(tuple(category if one.id == told.id else one for one in now.catalogue.categories))
    if now.catalogue.service_alerts and not joined.service_alerts:
        return Joined(now, f"{about}, for it is the last service alert here")
    sender = replace(now, catalogue=joined)
    if category == told:
        return Joined(sender)
    if category == replace(told, number=held.number):
        return Joined(
            sender, f"{about}: its number {told.number}, for here it has another: links of before do not open"
        )
    return Joined(sender, f"{about} in part: what lets more mail through, for here it lets less")


def _stricter(held: Category, told: Category) -> Category:
    joined = replace(told, number=held.number, retired=held.retired or told.retired)
    if held.is_service_alert and told.is_service_alert:
        return joined
    needs_consent = held.needs_consent or told.needs_consent
    return replace(joined, kind=Kind.OPTIONAL, ground=None, needs_consent=needs_consent)


def with_row(now: Sender, theirs: Sender) -> Joined:
    """With what the row of before has of the sender itself. A logo stays as it is: its octets are in no line."""
    sender = replace(
        now,
        name=theirs.name,
        form_open=now.form_open and theirs.form_open,
        closed=now.closed or theirs.closed,
        profile=replace(theirs.profile, logo=now.profile.logo),
    )
    if (sender.form_open, sender.closed) == (theirs.form_open, theirs.closed):
        return Joined(sender)
    return Joined(sender, f"{now.code}: that its form is on or its API open, for here it is not")
