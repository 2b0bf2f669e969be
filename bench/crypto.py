"""What needs no store: links minted and verified, and the key of an address."""

from __future__ import annotations

import base64
import hmac
from itertools import repeat
from typing import TYPE_CHECKING

from email_validator import validate_email

from bench.measure import TIMES, Row, Target, against, cpu, interleaved
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.identity import recipient_id
from chalicelib.keyring import Keyring, KeyState, MasterKey
from chalicelib.tokens import Purpose, mint, open_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.measure import Batch

ADDRESS = "dana.reader1@example.com"
KEYRING = Keyring([MasterKey(1, bytes(range(32)), KeyState.MINTING)])
TOKEN = mint(KEYRING, Purpose.ONE_CLICK, "demosend", 1, 20_000, ADDRESS)
PEPPER = b"p" * 32
CALLS, QUICK_CALLS = 5_000, 500


def rows(rounds: int, *, is_quick: bool) -> list[Row]:
    """Links beside the standard library's HMAC over the same octets, the address key beside email-validator's."""
    most = QUICK_CALLS if is_quick else CALLS
    costs = interleaved(
        rounds,
        {
            "hmac": _batch(_hmac, most),
            "mint": _batch(lambda: mint(KEYRING, Purpose.ONE_CLICK, "demosend", 1, 20_000, ADDRESS), most),
            "open": _batch(lambda: open_token(KEYRING, TOKEN), most),
            "email-validator": _batch(_validated, most // 10),
            "key": _batch(lambda: recipient_id(PEPPER, parse_address(ADDRESS).key), most),
        },
    )
    figures = {name: cpu(measured) for name, measured in costs.items()}
    thrice = Target(3, TIMES)
    return [
        against("link minted; anchor: stdlib hmac and base64", figures["mint"], figures["hmac"], "µs", thrice),
        against("link verified; anchor: stdlib hmac and base64", figures["open"], figures["hmac"], "µs", thrice),
        against(
            "address key and recipient id; anchor: email-validator and HMAC",
            figures["key"],
            figures["email-validator"],
            "µs",
            Target(0.15, TIMES),
        ),
    ]


def _hmac() -> object:
    return base64.urlsafe_b64encode(hmac.new(b"k" * 32, TOKEN.encode(), "sha256").digest())


def _validated() -> object:
    address = validate_email(ADDRESS, check_deliverability=False).normalized
    return base64.b32encode(hmac.digest(PEPPER, address.encode(), "sha256"))


def _batch(call: Callable[[], object], calls: int) -> Batch:
    def batch() -> int:
        for _ in repeat(None, calls):
            call()
        return calls

    return batch
