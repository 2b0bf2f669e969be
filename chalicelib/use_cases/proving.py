"""Whether who holds a link knows the address that it was sent to: footers get forwarded (conformance F5)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import InvalidAddress

if TYPE_CHECKING:
    from chalicelib.service import Service
    from chalicelib.use_cases.opening import OpenedLink

TYPED_BUDGET = 10
"""Addresses that may be typed for one recipient in an hour, right and wrong ones, for whatever they are asked for."""


def is_own_address(service: Service, opened: OpenedLink, typed: str) -> bool:
    """Whether `typed` is the recipient's address, in whatever spelling. What is typed is stored nowhere.

    Each try is counted by the recipient's id. Raises `TooManyRequests`, `StoreUnavailable`.
    """
    name = f"typed#{opened.place.recipient}"
    service.limits.take(opened.sender.code, name, TYPED_BUDGET, service.clock())
    try:
        key = parse_address(typed).key
    except InvalidAddress:
        return False
    return hmac.compare_digest(key.encode(), opened.address.key.encode())
