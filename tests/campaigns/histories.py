"""Seeded histories of a few recipients: writers with skewed clocks, several at once, and an engine that goes wrong.

Throttles, conflicts, lost answers, late requests, killed workers, and a reader of the log alongside. Looks after every
act. `python -m tests.campaigns.histories` runs them whole; the tests run a fraction.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from tests.campaigns.history_bugs import AS_BUILT, BUGS, Build
from tests.campaigns.history_course import ACTS, History

BATCH = 50
EVERY_SECONDS = 5.0
SHOWN = 10


@dataclass
class Report:
    """What came of some histories. `wrong` holds what went wrong, by seed."""

    histories: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    wrong: dict[int, list[str]] = field(default_factory=dict)

    def __iadd__(self, other: Report) -> Self:
        self.histories += other.histories
        self.counts += other.counts
        self.wrong |= other.wrong
        return self

    def __str__(self) -> str:
        met = ", ".join(f"{count:,} {name}" for name, count in sorted(self.counts.items()))
        return f"{self.histories:,} histories, {len(self.wrong):,} went wrong; {met}"


def run(histories: int, seed: int, build: Build = AS_BUILT) -> Report:
    """That many histories, in this process."""
    report = Report()
    for number in range(seed, seed + histories):
        history = History(number, build)
        wrong = what_went_wrong(history)
        report += Report(1, history.world.counts, {number: wrong} if wrong else {})
    return report


def what_went_wrong(history: History) -> list[str]:
    """Lets it run. An error that nobody expects is something wrong too, and does not end the campaign."""
    try:
        return history.run().wrong
    except Exception as error:  # noqa: BLE001 - whatever the write path raises, its seed has to be told
        return [*history.wrong, repr(error)]


def first_caught(build: Build, histories: int, seed: int) -> int | None:
    """How many histories it takes until one goes wrong; None where none does."""
    return next((number + 1 for number in range(histories) if what_went_wrong(History(seed + number, build))), None)


def run_with_workers(histories: int, seed: int, workers: int, build: str | None = None) -> Report:
    """The same report as `run`, made by several processes; shows now and then how far it is."""
    total, shown = Report(), time.monotonic()
    starts = range(seed, seed + histories, BATCH)
    batches = [(min(BATCH, seed + histories - start), start) for start in starts]
    # Spawned, not forked: a fork copies whatever threads hold.
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for report in pool.imap_unordered(partial(_run_batch, build), batches):
            total += report
            if time.monotonic() - shown > EVERY_SECONDS:
                shown = time.monotonic()
                sys.stderr.write(f"{total.histories:,} of {histories:,}, {len(total.wrong):,} went wrong\n")
    return total


def _run_batch(build: str | None, batch: tuple[int, int]) -> Report:
    return run(*batch, BUGS[build] if build else AS_BUILT)


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line: 0 if nothing went wrong, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaigns.histories", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--histories", type=int, default=10_000, help=f"of {ACTS} acts each (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first one (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: %(default)s)")
    parser.add_argument("--bug", choices=sorted(BUGS), help="plant this one, to see it caught")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    report = run_with_workers(options.histories, options.seed, options.workers, options.bug)
    print(f"{report}; {time.monotonic() - began:.0f} s")
    for seed, lines in sorted(report.wrong.items())[:SHOWN]:
        print(f"seed {seed}: {'; '.join(lines[:3])}")
    if report.wrong:
        print(f"seeds that went wrong: {' '.join(map(str, sorted(report.wrong)[:200]))}")
    return int(bool(report.wrong) or not report.histories)


if __name__ == "__main__":
    sys.exit(main())
