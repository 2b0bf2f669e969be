"""How a sender describes its mail and itself: categories made, changed, ordered, retired; its profile and its logo."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chalicelib.domain.categories import Category
from chalicelib.domain.errors import NoLogo, VersionMoved
from chalicelib.domain.images import Logo, logo_of
from chalicelib.service import Service
from chalicelib.store.changing import Change
from chalicelib.store.operations import Claim
from chalicelib.use_cases.repeating import change_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.domain.categories import Catalogue
    from chalicelib.domain.senders import Sender
    from chalicelib.store.changing import Draft


@dataclass(frozen=True, slots=True)
class Described:
    """A category, the version of its sender, and whether the request made it."""

    category: Category
    version: int
    is_new: bool = False


def get_sender(service: Service, code: str) -> Sender:
    """The sender as it is now, not as this container remembers it. Raises `StoreUnavailable`."""
    return service.senders.get(code)


def get_category(service: Service, code: str, category_id: str) -> Described:
    """A category, a retired one too, as it is now. Raises `UnknownCategory`, `StoreUnavailable`."""
    sender = get_sender(service, code)
    return Described(sender.catalogue.get(category_id), sender.version)


@dataclass(frozen=True, slots=True)
class Edit:
    """One request that changes a sender: whose, by which claim, and of which version it is, where it says so."""

    service: Service
    code: str
    claim: Claim
    version: int | None = None

    def make(self, draft: Draft) -> Sender:
        """Raises what `draft` raises, `VersionMoved`, `StoreUnavailable`."""

        def checked(before: Sender) -> Change:
            if self.version is not None and self.version != before.version:
                raise VersionMoved(before.version)
            return draft(before)

        return self.service.change_sender(self.code, change_id(self.claim), checked)


def put_category(edit: Edit, category_id: str, fields: Mapping[str, Any]) -> Described:
    """Makes, changes or revives a category; what `fields` does not name stays (conformance H3, H4).

    Raises `InvalidRequest`, `CategoryRefused`, `VersionMoved`, `StoreUnavailable`.
    """
    is_new = False

    def draft(before: Sender) -> Change:
        nonlocal is_new
        is_new = before.catalogue.find(category_id) is None
        return _about(before, before.catalogue.putting(category_id, fields), category_id)

    sender = edit.make(draft)
    return Described(sender.catalogue.get(category_id), sender.version, is_new)


def retire_category(edit: Edit, category_id: str) -> Described:
    """Retires a category: it may not be sent, its links and choices stay (conformance H3).

    Raises `UnknownCategory`, `CategoryRefused`, `StoreUnavailable`.
    """
    sender = edit.make(lambda before: _about(before, before.catalogue.retiring(category_id), category_id))
    return Described(sender.catalogue.get(category_id), sender.version)


def order_categories(edit: Edit, order: Sequence[str]) -> Sender:
    """The sender with its categories in this order. Raises `InvalidRequest`, `VersionMoved`, `StoreUnavailable`."""
    return edit.make(lambda before: Change(replace(before, catalogue=before.catalogue.ordering(order))))


def change_profile(edit: Edit, fields: Mapping[str, Any]) -> Sender:
    """The sender with these fields; what they do not name stays. Raises `InvalidRequest`, `VersionMoved`."""
    return edit.make(lambda before: Change(before.changing(fields)))


def put_logo(edit: Edit, octets: bytes) -> tuple[Logo, int]:
    """The logo that these octets are, and the sender's version with it.

    Raises `TooLarge`, `UnsupportedMediaType`, `InvalidRequest`, `StoreUnavailable`.
    """
    logo = logo_of(octets)
    sender = edit.make(lambda before: Change(before.changing({"logo": logo}), image=octets))
    return logo, sender.version


def remove_logo(edit: Edit) -> Sender:
    """The sender without its logo, now or before. Raises `StoreUnavailable`."""
    return edit.make(lambda before: Change(before.changing({"logo": None})))


def get_logo(service: Service, code: str) -> tuple[Logo, bytes]:
    """The sender's logo and its octets. Raises `NoLogo`, `StoreUnavailable`."""
    found = service.senders.find_logo(code)
    if found is None:
        raise NoLogo
    return found


def _about(before: Sender, catalogue: Catalogue, category_id: str) -> Change:
    return Change(replace(before, catalogue=catalogue), catalogue.get(category_id))
