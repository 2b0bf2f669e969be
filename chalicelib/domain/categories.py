"""Categories: the kinds of mail that a sender sends, and which changes of them the rules allow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from chalicelib.domain.errors import CategoryRefused, InvalidRequest, UnknownCategory
from chalicelib.domain.texts import check_line, check_translations, is_line, merged

ALL = "*"
"""The scope of an opt-out of all optional mail; every other scope is a category id."""

CATEGORY_ID = re.compile(r"[a-z0-9-]{1,32}")
MAX_CATEGORIES = 200
MAX_NUMBER = 65_535  # two octets in a token
MAX_TEXT = 500
MAX_OCTETS = 250_000
"""Of all texts of a sender's categories, as JSON: a row of the table holds 400 kB."""


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
    """One kind of mail. `number` stands for it in tokens and is never reused.

    `name` and `description` are for whoever reads none of the languages of `names` and `descriptions`, which are lines
    by lower-cased BCP 47 tag.
    """

    id: str
    number: int
    kind: Kind
    name: str
    description: str = ""
    needs_consent: bool = False
    ground: Ground | None = None
    retired: bool = False
    names: Mapping[str, str] = field(default_factory=dict, hash=False)
    descriptions: Mapping[str, str] = field(default_factory=dict, hash=False)

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
    check_line(category.name, MAX_TEXT, "/name")
    if not is_line(category.description, MAX_TEXT):
        raise InvalidRequest(f"one line of text of at most {MAX_TEXT} characters", "/description")
    check_translations(category.names, MAX_TEXT, "/names")
    check_translations(category.descriptions, MAX_TEXT, "/descriptions")
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

    def find(self, category_id: str) -> Category | None:
        """The category of this id, if there is one."""
        return next((category for category in self.categories if category.id == category_id), None)

    def get(self, category_id: str) -> Category:
        """The category of this id. Raises `UnknownCategory`."""
        if (category := self.find(category_id)) is None:
            raise UnknownCategory(category_id)
        return category

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
        return _small_enough(Catalogue((*self.categories, category)), category)

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
        return _small_enough(swapped, category)

    def putting(self, category_id: str, fields: Mapping[str, Any]) -> Catalogue:
        """With the category of this id made, changed or revived.

        What `fields` does not name stays, languages too (conformance H4); but a ground goes with its service alert. A
        new one has a name and a kind, and its number is the next.
        """
        told = {"ground": None, **fields} if fields.get("kind") is Kind.OPTIONAL else dict(fields)
        before = self.find(category_id)
        for name in {"names", "descriptions"} & told.keys():
            told[name] = merged(getattr(before, name) if before else {}, told[name])
        if before is not None:
            return self.changing(replace(before, **told))
        for name in ("name", "kind"):
            if name not in told:
                raise InvalidRequest(f"a new category has a {name}", f"/{name}")
        if told.get("number", self.next_number) != self.next_number:
            raise CategoryRefused(category_id, f"its number is the next, which is {self.next_number}")
        return self.adding(Category(**{**told, "id": category_id, "number": self.next_number}))

    def ordering(self, order: Sequence[str]) -> Catalogue:
        """In this order, which names every category once, retired ones too. Raises `InvalidRequest`."""
        found = {category.id: category for category in self.categories}
        if len(order) != len(found) or set(order) != found.keys():
            raise InvalidRequest("the id of every category once, retired ones too", "/order")
        return Catalogue(tuple(found[category_id] for category_id in order))

    @property
    def next_number(self) -> int:
        """A number that was never used."""
        return max((category.number for category in self.categories), default=0) + 1


def _small_enough(catalogue: Catalogue, category: Category) -> Catalogue:
    texts = [[c.name, c.description, *c.names.items(), *c.descriptions.items()] for c in catalogue.categories]
    if len(json.dumps(texts, ensure_ascii=False).encode()) > MAX_OCTETS:
        raise CategoryRefused(category.id, f"all texts of all categories are over {MAX_OCTETS} octets together")
    return catalogue
