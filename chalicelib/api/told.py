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
from chalicelib.domain.errors import CannotOptOut, InvalidAddress, InvalidRequest
from chalicelib.domain.identity import RECIPIENT_ID
from chalicelib.use_cases.acting import UNDATED, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.domain.senders import Place, Sender

MOST_EVIDENCE = 2_000
"""Characters in one text of a consent's evidence."""
Item = dict[str, Any]


def read_act(sender: Sender, item: object, pointer: str) -> Told:
    """The act that `item` tells of. Raises `InvalidRequest`, `InvalidAddress`, `UnknownCategory`, `CannotOptOut`."""
    if not isinstance(item, dict):
        raise InvalidRequest("an object", pointer)
    kind = item.get("act")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise InvalidRequest(f"one of {', '.join(_KINDS)}", f"{pointer}/act")
    read, names = _KINDS[kind]
    if unknown := sorted(set(item) - names - _WHOM - {"act"}):
        raise InvalidRequest(f"{kind} takes {', '.join(sorted(names | _WHOM))}; not {len(unknown)} other", pointer)
    part, evidence = read(sender, item, pointer)
    place, spelled = _whom(sender, item, pointer)
    return Told(place, part, spelled, evidence)


def _opt_out(sender: Sender, item: Item, pointer: str) -> tuple[Part, None]:
    at = times.take(item["at"], f"{pointer}/at") if "at" in item else UNDATED
    return Stated(_scope(sender, item, pointer), at), None


def _block(sender: Sender, item: Item, pointer: str) -> tuple[Part, None]:
    return Blocked(_scope(sender, item, pointer)), None


def _lift(sender: Sender, item: Item, pointer: str) -> tuple[Part, None]:
    match item.get("reason"):
        case Reason.BLOCKED:
            return Unblocked(_scope(sender, item, pointer)), None
        case Reason.UNDELIVERABLE:
            return BounceLifted(), None
        case _:
            text = "blocked or undeliverable: an opt-out is lifted by newer consent, a complaint by the recipient alone"
            raise InvalidRequest(text, f"{pointer}/reason")


def _consent(sender: Sender, item: Item, pointer: str) -> tuple[Part, Evidence]:
    scope = _scope(sender, item, pointer)
    if scope == ALL:
        raise InvalidRequest("one category: there is no consent to all", f"{pointer}/category")
    at = times.take(item.get("at"), f"{pointer}/at")
    return Consented(scope, at), _evidence(item.get("evidence"), f"{pointer}/evidence")


def _evidence(told: object, pointer: str) -> Evidence:
    names = Evidence.__dataclass_fields__
    if not isinstance(told, dict) or set(told) != set(names):
        raise InvalidRequest(f"an object of {', '.join(names)}", pointer)
    for name, text in told.items():
        if not isinstance(text, str) or not 1 <= len(text.strip()) <= len(text) <= MOST_EVIDENCE:
            raise InvalidRequest(f"a text of 1 to {MOST_EVIDENCE} characters", f"{pointer}/{name}")
    return Evidence(**told)


def _scope(sender: Sender, item: Mapping[str, Any], pointer: str) -> str:
    scope = item.get("category")
    if not isinstance(scope, str):
        raise InvalidRequest('the id of a category, or "*" for all optional mail', f"{pointer}/category")
    if scope != ALL and sender.catalogue.get(scope).is_service_alert:
        raise CannotOptOut(scope)
    return scope


def _whom(sender: Sender, item: Mapping[str, Any], pointer: str) -> tuple[Place, str | None]:
    if len(_WHOM & set(item)) != 1:
        raise InvalidRequest("address or recipient, one of them", pointer)
    if "address" in item:
        try:
            address = parse_address(item["address"])
        except InvalidAddress as error:
            raise InvalidRequest(error.reason, f"{pointer}/address") from None
        return sender.place_of(address), None if sender.hashed else address.spelled
    recipient = item["recipient"]
    if not isinstance(recipient, str) or not RECIPIENT_ID.fullmatch(recipient):
        raise InvalidRequest("a recipient id, rcp_ and 26 characters", f"{pointer}/recipient")
    return sender.place_of_id(recipient), None


_WHOM = {"address", "recipient"}
_KINDS: Mapping[str, tuple[Callable[[Sender, Item, str], tuple[Part, Evidence | None]], set[str]]] = {
    "opt_out": (_opt_out, {"category", "at"}),
    "block": (_block, {"category"}),
    "lift": (_lift, {"category", "reason"}),
    "consent": (_consent, {"category", "at", "evidence"}),
}
