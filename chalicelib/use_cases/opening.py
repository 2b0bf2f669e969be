"""Open a link: whom it speaks of, and what it may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.addresses import Address, kept_address
from chalicelib.domain.categories import Category
from chalicelib.domain.errors import InvalidAddress, InvalidToken, UnknownCategory, UnknownSender
from chalicelib.domain.senders import Place, Sender
from chalicelib.store.ledger import Beside
from chalicelib.tokens import Link, Purpose, open_token

if TYPE_CHECKING:
    from chalicelib.service import Service


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A good link with whom and what it speaks of. `may_choose`: whether it opens the preference centre today."""

    link: Link
    sender: Sender
    category: Category
    address: Address
    may_choose: bool

    @property
    def place(self) -> Place:
        """Where the recipient is kept."""
        return self.sender.place_of(self.address)

    @property
    def beside(self) -> Beside:
        """What is stored with the recipient's acts."""
        return Beside(None if self.sender.hashed else self.address.spelled)


Find = Callable[[str], Sender]
"""Gets the sender of a code in another way than `service.sender`."""


def open_link(service: Service, token: object) -> OpenedLink:
    """What the link says. Raises `InvalidToken`, before any store call where it is not one of ours."""
    return _opened(service, open_token(service.keyring, token), service.sender)


def open_preferences(service: Service, token: object, find: Find | None = None) -> OpenedLink:
    """As `open_link`, for a footer's link alone: what a mail's header carries never opens more than opting out.

    An old or compromised one is opened too, and `may_choose` is False. Raises `InvalidToken`.
    """
    link = open_token(service.keyring, token)
    if link.purpose is not Purpose.PREFERENCES:
        raise InvalidToken
    return _opened(service, link, find or service.sender)


def _opened(service: Service, link: Link, find: Find) -> OpenedLink:
    try:
        sender = find(link.sender)
        category, address = sender.catalogue.get_number(link.category), kept_address(link.address)
    except (UnknownSender, UnknownCategory, InvalidAddress):
        raise InvalidToken from None
    return OpenedLink(link, sender, category, address, link.may_choose(service.today()))
