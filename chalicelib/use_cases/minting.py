"""Mint the links of one message. Stores nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.domain.categories import Category
from chalicelib.domain.senders import Sender
from chalicelib.tokens import Purpose, mint

if TYPE_CHECKING:
    from chalicelib.domain.addresses import Address
    from chalicelib.service import Service


@dataclass(frozen=True, slots=True)
class Minted:
    """The links for one recipient and one category.

    `one_click` is for the mail client's button, None for a service alert; `unsubscribe` and `preferences` are for the
    footer: the page with one button, and the preference centre.
    """

    sender: Sender
    category: Category
    spelled: str = field(repr=False)
    recipient: str
    one_click: str | None
    unsubscribe: str
    preferences: str


def mint_links(service: Service, sender: Sender, category: Category, address: Address) -> Minted:
    """The links to put into one message for this address."""
    today, base = service.today(), service.settings.public_url

    def token(purpose: Purpose) -> str:
        return mint(service.keyring, purpose, sender.code, category.number, today, address.spelled)

    footer = token(Purpose.PREFERENCES)
    return Minted(
        sender=sender,
        category=category,
        spelled=address.spelled,
        recipient=sender.place_of(address).recipient,
        one_click=None if category.is_service_alert else f"{base}/u/{token(Purpose.ONE_CLICK)}",
        unsubscribe=f"{base}/u/{footer}",
        preferences=f"{base}/p/{footer}",
    )
