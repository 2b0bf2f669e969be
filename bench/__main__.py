"""The benchmarks, each beside its anchor in the same run: interleaved rounds, medians, one table of ratios.

crypto     links minted and verified, the key of an address
one-click  the one-click POST, whole path with the ledger, on the local engine
pages      what a link opens, on a store that takes 5 ms a call
check      1,000 addresses, on that same store
package    what is deployed: cold starts, memory, size
containers what both functions use while they work: CPU of each kind of request, and memory

CPU is that of the application's process alone: the engine and the store have processes of their own. The figures are
for reading, not for passing: nothing fails because a machine is slow. What does fail is a run that did not do what it
says; so one-clicks are counted by the rows that changed.

What it costs in AWS, by these figures: `python -m bench.costs`.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from bench import check, containers, crypto, package, requests
from bench.measure import HEADING
from bench.site import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measure import Row

PARTS = ("crypto", "one-click", "pages", "check", "package", "containers")
ROUNDS, QUICK_ROUNDS = 9, 1


def main() -> None:
    options = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("parts", nargs="*", metavar="part", help=f"which of them: {', '.join(PARTS)} (all)")
    options.add_argument("--rounds", type=int, help=f"rounds to take the medians of ({ROUNDS})")
    options.add_argument("--quick", action="store_true", help="one small round: shows that it runs, measures nothing")
    chosen = options.parse_args()
    parts = chosen.parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        options.error(f"there is no part {', '.join(sorted(unknown))}")
    print(f"{HEADING}\n|---|---|---|---|---|---|", flush=True)
    for row in _rows(parts, chosen.rounds or (QUICK_ROUNDS if chosen.quick else ROUNDS), is_quick=chosen.quick):
        print(row, flush=True)


def _rows(parts: list[str], rounds: int, *, is_quick: bool) -> Iterator[Row]:
    if "crypto" in parts:
        yield from crypto.rows(rounds, is_quick=is_quick)
    if "package" in parts:
        with running() as site:
            yield from package.rows(site, rounds)
    if "containers" in parts:
        with running() as site:
            yield from containers.rows(site, rounds, is_quick=is_quick)
    if not set(parts) - {"crypto", "package", "containers"}:
        return
    with running() as site:
        if "one-click" in parts:
            yield from requests.one_click(site, rounds, is_quick=is_quick)
        if not set(parts) & {"pages", "check"}:
            return
        with check.slow_copy(site) as store:
            if "pages" in parts:
                yield from requests.pages(site, store, rounds, is_quick=is_quick)
            if "check" in parts:
                yield from check.rows(site, store, rounds, is_quick=is_quick)


if __name__ == "__main__":
    main()
