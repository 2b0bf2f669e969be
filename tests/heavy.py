"""Senders with as much to show as the API allows: what they say of themselves, and of two hundred kinds of mail."""

from __future__ import annotations

from chalicelib.domain.addresses import MAX_ADDRESS_OCTETS
from chalicelib.domain.categories import MAX_CATEGORIES, MAX_OCTETS, MAX_TEXT, Catalogue, Category, Ground, Kind
from chalicelib.domain.profiles import MAX_LINK, MAX_NAME, MAX_POSTAL_ADDRESS, MAX_POSTAL_LINES, Profile
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
            f"Letters on shelf {number} and all that stands there",
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
            f"{name} {number + 1}"[:MAX_TEXT],
            description,
            ground=list(Ground)[number % len(Ground)],
        )
        for number in range(count)
    )


def many_sender() -> Sender:
    """With 25 kinds of mail."""
    return Sender(MANY, "Harbour Books", Catalogue(many_kinds()), bytes(range(32)))


WORST, WIDE = "worstone", "wideones"
QUOTE, HINDI = "'", "\u0939"
"""One octet for the API and five in a page; three for both."""
_ALERTS = 50


def worst_sender(code: str, letter: str) -> Sender:
    """With all that the API allows, in this letter: 150 kinds to choose from, 50 that always arrive."""
    room = MAX_OCTETS // MAX_CATEGORIES // 2 // len(letter.encode()) - 20
    text = letter * min(room, MAX_TEXT)
    optional = (
        Category(f"{'k' * 28}{number:04}", number, Kind.OPTIONAL, text, text)
        for number in range(1, MAX_CATEGORIES - _ALERTS + 1)
    )
    profile = Profile(
        accent="#ffff00",
        postal_address="\n".join([letter * (MAX_POSTAL_ADDRESS // MAX_POSTAL_LINES - 1)] * MAX_POSTAL_LINES),
        privacy_link=f"https://example.com/?{'&' * MAX_LINK}"[:MAX_LINK],
    )
    catalogue = Catalogue((*optional, *_alerts(MAX_CATEGORIES - _ALERTS, _ALERTS, text, text)))
    return Sender(code, letter * MAX_NAME, catalogue, bytes(range(32)), profile=profile)
