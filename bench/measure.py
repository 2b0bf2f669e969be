"""How everything here is measured: interleaved batches, medians, and ratios taken round by round.

These machines are shared. A figure alone says little; the ratio of two that were taken within the same second says
more, and the lowest and highest ratio beside it say how much.
"""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Batch = Callable[[], int]
    """Does a batch of something and returns how many it did."""

MICROSECONDS = 1e6
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one costs, in µs: CPU of this process, all its threads, no other process; and the time on the wall."""

    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class Target:
    """A limit that a figure is held against."""

    limit: float
    unit: str
    is_floor: bool = False

    def __str__(self) -> str:
        return f"{'≥' if self.is_floor else '≤'} {self.limit:,g}{self.unit}"

    def is_met(self, figure: float) -> bool:
        return figure >= self.limit if self.is_floor else figure <= self.limit


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    figure: str
    anchor: str
    ratio: str
    target: str
    met: str

    def __str__(self) -> str:
        return f"| {self.what} | {self.figure} | {self.anchor} | {self.ratio} | {self.target} | {self.met} |"


HEADING = Row("what", "figure, median", "anchor, same run", "ratio (lowest to highest)", "target", "met")


def interleaved(rounds: int, batches: Mapping[str, Batch]) -> dict[str, list[Cost]]:
    """The costs of each batch in each round, after one of each that is not counted.

    Every second round goes the other way, so that a machine that slows down favours nobody.
    """
    for batch in batches.values():
        batch()
    costs: dict[str, list[Cost]] = {name: [] for name in batches}
    for number in range(rounds):
        for name in list(batches)[:: -1 if number % 2 else 1]:
            costs[name].append(_cost(batches[name]))
    return costs


def _cost(batch: Batch) -> Cost:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    count = batch()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Cost(cpu / count * MICROSECONDS, wall / count * MICROSECONDS)


def cpu(costs: Sequence[Cost]) -> list[float]:
    """CPU µs of each round."""
    return [cost.cpu for cost in costs]


def rate(costs: Sequence[Cost]) -> list[float]:
    """How many a second, on the wall, in each round."""
    return [MICROSECONDS / cost.wall for cost in costs]


def against(
    what: str, figures: Sequence[float], anchors: Sequence[float], unit: str, target: Target | None = None
) -> Row:
    """A row whose target is a ratio. Each round's figure is divided by the anchor's of that same round."""
    ratios = [figure / anchor for figure, anchor in zip(figures, anchors, strict=True)]
    middle = statistics.median(ratios)
    spread = f"{middle:.2f}{TIMES} ({min(ratios):.2f} to {max(ratios):.2f})"
    return _row(what, (_told(figures, unit), _told(anchors, unit), spread), middle, target)


def absolute(what: str, figures: Sequence[float], unit: str, target: Target | None) -> Row:
    """A row whose target, where it has one, is a number of its own."""
    return _row(what, (_told(figures, unit), "", ""), statistics.median(figures), target)


def _told(figures: Sequence[float], unit: str) -> str:
    middle = statistics.median(figures)
    exact = f"{middle:.2f}" if middle < 100 and middle != int(middle) else f"{middle:,.0f}"
    return f"{exact} {unit}"


def _row(what: str, told: tuple[str, str, str], figure: float, target: Target | None) -> Row:
    if target is None:
        return Row(what, *told, "", "")
    return Row(what, *told, str(target), "yes" if target.is_met(figure) else "no")
