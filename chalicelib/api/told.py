"""The acts of `POST /v1/acts`, read from JSON: opt-out, block, lift, consent.

    {"act": "opt_out", "address": …, "category": "news" or "*", "at": …}            `at` where it is not now
    {"act": "block",   "address": …, "category": "news" or "*"}
    {"act": "lift",    "address": …, "reason": "blocked", "category": "news" or "*"}
    {"act": "lift",    "address": …, "reason": "undeliverable"}
    {"act": "consent", "address": …, "category": "news", "at": …, "evidence": {"how": …, "wording": …, "source": …}}

`recipient` (an id) may stand for `address`. An opt-out is lifted by newer consent, a complaint by nobody but the
recipient (design.md, 'Who may lift what').
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.api import times
from chalicelib.domain.acts import Blocked, BounceLifted, Consented, Evidence, Part, Stated, Unblocked
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.decision import Reason
from chalicelib.domain.errors import CannotOptOut, InvalidAddress, InvalidRequest, UnknownCategory
from chalicelib.use_cases.acting import UNDATED, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.domain.categories import Catalogue
    from chalicelib.domain.senders import Place, Sender

Item = dict[str, Any]


def read_act(sender: Sender, item: Item, pointer: str) -> Told:
    """The act that `item` tells of, which is as its schema has it.

    Raises `InvalidRequest` for what is no address or no time, `UnknownCategory`, `CannotOptOut`.
    """
    part, evidence = _KINDS[item["act"]](sender, item, pointer)
    place, spelled = _whom(sender, item, pointer)
    return Told(place, part, spelled, evidence)


def _opt_out(sender: Sender, item: Item, pointer: str) -> tuple[Part, None]:
    at = times.take(item["at"], f"{pointer}/at") if "at" in item else UNDATED
    return Stated(_scope(sender, item, pointer), at), None


def _block(sender: Sender, item: Item, pointer: str) -> tuple[Part, None]:
    return Blocked(_scope(sender, item, pointer)), None


def _lift(sender: Sender, item: Item, pointer: str) -> tuple[Part, None]:
    return Unblocked(_scope(sender, item, pointer)) if item["reason"] == Reason.BLOCKED else BounceLifted(), None


def _consent(sender: Sender, item: Item, pointer: str) -> tuple[Part, Evidence]:
    at = times.take(item["at"], f"{pointer}/at")
    return Consented(_scope(sender, item, pointer), at), Evidence(**item["evidence"])


def _scope(sender: Sender, item: Item, pointer: str) -> str:
    scope: str = item["category"]
    if scope != ALL:
        refuse_category(sender.catalogue, scope, f"{pointer}/category")
    return scope


def refuse_category(catalogue: Catalogue, category: str, pointer: str) -> None:
    """Raises `UnknownCategory`, `CannotOptOut`, which say where it stands."""
    try:
        is_service_alert = catalogue.get(category).is_service_alert
    except UnknownCategory:
        raise UnknownCategory(category, pointer) from None
    if is_service_alert:
        raise CannotOptOut(category, pointer)


def _whom(sender: Sender, item: Item, pointer: str) -> tuple[Place, str | None]:
    if "recipient" in item:
        return sender.place_of_id(item["recipient"]), None
    try:
        address = parse_address(item["address"])
    except InvalidAddress as error:
        raise InvalidRequest(error.reason, f"{pointer}/address") from None
    return sender.place_of(address), None if sender.hashed else address.spelled


_KINDS: Mapping[str, Callable[[Sender, Item, str], tuple[Part, Evidence | None]]] = {
    "opt_out": _opt_out,
    "block": _block,
    "lift": _lift,
    "consent": _consent,
}
