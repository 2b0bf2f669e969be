"""`python -m bench`: links and address keys beside their anchors, interleaved, medians, as a table of ratios."""

from __future__ import annotations

import argparse
import base64
import hmac
import statistics
import timeit
from typing import TYPE_CHECKING

from chalicelib.domain.addresses import parse_address
from chalicelib.domain.identity import recipient_id
from chalicelib.keyring import Keyring, KeyState, MasterKey
from chalicelib.tokens import Purpose, mint, open_token

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS = "dana.reader1@example.com"
KEYRING = Keyring([MasterKey(1, bytes(range(32)), KeyState.MINTING)])
TOKEN = mint(KEYRING, Purpose.ONE_CLICK, "demosend", 1, 20_000, ADDRESS)


def _anchor() -> object:
    return base64.urlsafe_b64encode(hmac.new(b"k" * 32, TOKEN.encode(), "sha256").digest())


def _mint() -> object:
    return mint(KEYRING, Purpose.ONE_CLICK, "demosend", 1, 20_000, ADDRESS)


def _verify() -> object:
    return open_token(KEYRING, TOKEN)


def _address_key() -> object:
    return recipient_id(b"p" * 32, parse_address(ADDRESS).key)


ROWS: dict[str, Callable[[], object]] = {
    "anchor: hmac + base64": _anchor,
    "link minted": _mint,
    "link verified": _verify,
    "address key and recipient id": _address_key,
}


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("--rounds", type=int, default=5, help="rounds, interleaved (5)")
    options.add_argument("--calls", type=int, default=20_000, help="calls a round (20,000)")
    chosen = options.parse_args()
    times: dict[str, list[float]] = {name: [] for name in ROWS}
    for _ in range(chosen.rounds):
        for name, call in ROWS.items():
            times[name].append(timeit.timeit(call, number=chosen.calls) / chosen.calls * 1e6)
    anchor = statistics.median(times["anchor: hmac + base64"])
    print("| what | µs, median | anchors |\n|---|---|---|")
    for name, measured in times.items():
        middle = statistics.median(measured)
        print(f"| {name} | {middle:.2f} | {middle / anchor:.2f} |")


if __name__ == "__main__":
    main()
