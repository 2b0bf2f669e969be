"""Categories: the kinds of mail that a sender sends, and which changes of them the rules allow."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from chalicelib.domain.errors import CategoryRefused, InvalidRequest, UnknownCategory

ALL = "*"
"""The scope of an opt-out of all optional mail; every other scope is a category id."""

CATEGORY_ID = re.compile(r"[a-z0-9-]{1,32}")
MAX_CATEGORIES = 200
MAX_NUMBER = 65_535  # two octets in a token
MAX_TEXT = 500


class Kind(StrEnum):
    """Whether a recipient may opt out of it."""

    OPTIONAL = "optional"
    SERVICE_ALERT = "service_alert"


class Ground(StrEnum):
    """Why a service alert needs no consent: the six of 15 USC 7702(17) (conformance C7)."""

    TRANSACTION = "transaction"
    SAFETY = "warranty_recall_safety_security"
    ACCOUNT_CHANGE = "account_change"
    ACCOUNT_STATEMENT = "account_statement"
    EMPLOYMENT = "employment_benefit"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of mail. `number` stands for it in tokens and is never reused."""

    id: str
    number: int
    kind: Kind
    name: str
    description: str = ""
    needs_consent: bool = False
    ground: Ground | None = None
    retired: bool = False

    def __post_init__(self) -> None:
        _check(self)

    @property
    def is_service_alert(self) -> bool:
        """Whether it reaches a recipient whatever was opted out of."""
        return self.kind is Kind.SERVICE_ALERT


def _check(category: Category) -> None:
    if not CATEGORY_ID.fullmatch(category.id):
        raise InvalidRequest("a category id has 1 to 32 characters out of a-z, 0-9 and -", "/id")
    if not 1 <= category.number <= MAX_NUMBER:
        raise InvalidRequest(f"a category number lies between 1 and {MAX_NUMBER}", "/number")
    if not category.name.strip() or max(len(category.name), len(category.description)) > MAX_TEXT:
        raise InvalidRequest(f"a category has a name, and no text of it is over {MAX_TEXT} characters", "/name")
    if not f"{category.name}{category.description}".isprintable():
        raise InvalidRequest("name and description are one line of text each", "/name")
    if category.is_service_alert and category.ground is None:
        raise CategoryRefused(category.id, "a service alert declares its ground")
    if category.is_service_alert and category.needs_consent:
        raise CategoryRefused(category.id, "a service alert cannot need consent")
    if not category.is_service_alert and category.ground is not None:
        raise CategoryRefused(category.id, "only a service alert has a ground")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All categories of one sender, retired ones too, in the order in which they are shown."""

    categories: tuple[Category, ...]

    def get(self, category_id: str) -> Category:
        """The category of this id. Raises `UnknownCategory`."""
        for category in self.categories:
            if category.id == category_id:
                return category
        raise UnknownCategory(category_id)

    def get_number(self, number: int) -> Category:
        """The category of this number. Raises `UnknownCategory`."""
        for category in self.categories:
            if category.number == number:
                return category
        raise UnknownCategory(str(number))

    @property
    def active(self) -> tuple[Category, ...]:
        """Those that may be sent."""
        return tuple(category for category in self.categories if not category.retired)

    @property
    def optional(self) -> tuple[Category, ...]:
        """Those that a recipient can choose."""
        return tuple(category for category in self.active if not category.is_service_alert)

    @property
    def service_alerts(self) -> tuple[Category, ...]:
        """Those that always arrive."""
        return tuple(category for category in self.active if category.is_service_alert)

    def adding(self, category: Category) -> Catalogue:
        """With one more. Its id and its number must never have been used, by a retired one neither."""
        if any(category.id == other.id or category.number == other.number for other in self.categories):
            raise CategoryRefused(category.id, "this id or number is taken, and neither is ever reused")
        if len(self.categories) >= MAX_CATEGORIES:
            raise CategoryRefused(category.id, f"a sender has at most {MAX_CATEGORIES} categories")
        return Catalogue((*self.categories, category))

    def changing(self, category: Category) -> Catalogue:
        """With `category` in the place of the one of its id. Refuses what H3 and H10 forbid."""
        before = self.get(category.id)
        if category.number != before.number:
            raise CategoryRefused(category.id, "a number never changes")
        if category.is_service_alert and not before.is_service_alert:
            raise CategoryRefused(category.id, "an optional category cannot become a service alert")
        return self._swapped(category)

    def retiring(self, category_id: str) -> Catalogue:
        """With this category retired: it may not be sent, its links and choices stay (H3)."""
        return self._swapped(replace(self.get(category_id), retired=True))

    def reviving(self, category_id: str) -> Catalogue:
        """With this category back, and with it every stored choice."""
        return self._swapped(replace(self.get(category_id), retired=False))

    def _swapped(self, category: Category) -> Catalogue:
        swapped = Catalogue(tuple(category if c.id == category.id else c for c in self.categories))
        if self.service_alerts and not swapped.service_alerts:
            raise CategoryRefused(category.id, "the last service alert can neither be retired nor changed")
        return swapped

    @property
    def next_number(self) -> int:
        """A number that was never used."""
        return max((category.number for category in self.categories), default=0) + 1
