"""Senders with as much to show as the API allows: what they say of themselves, and of two hundred kinds of mail."""

from __future__ import annotations

from chalicelib.domain.addresses import MAX_ADDRESS_OCTETS
from chalicelib.domain.categories import Catalogue, Category, Ground, Kind
from chalicelib.domain.senders import Sender

MANY = "manymail"
LONGEST_ADDRESS = f"{'l' * 64}@{'d' * 61}.{'d' * 61}.{'d' * 60}.test"
assert len(LONGEST_ADDRESS) == MAX_ADDRESS_OCTETS


def many_kinds(count: int = 25) -> tuple[Category, ...]:
    """As a large shop could have them: a sentence or two about each, and three that always arrive."""
    optional = (
        Category(
            f"kind-{number}",
            number,
            Kind.OPTIONAL,
            f"Letters on the {number}th shelf and all that stands there",
            "New on this shelf, what we think of it, what others say, and what costs less this week. Once a month.",
        )
        for number in range(1, count + 1)
    )
    return (*optional, *_alerts(count, 3, "Your orders", "What you bought, and where it is."))


def _alerts(after: int, count: int, name: str, description: str) -> tuple[Category, ...]:
    return tuple(
        Category(
            f"alert-{number}",
            after + 1 + number,
            Kind.SERVICE_ALERT,
            name,
            description,
            ground=list(Ground)[number % len(Ground)],
        )
        for number in range(count)
    )


def many_sender() -> Sender:
    """With 25 kinds of mail."""
    return Sender(MANY, "Harbour Books", Catalogue(many_kinds()), bytes(range(32)))
