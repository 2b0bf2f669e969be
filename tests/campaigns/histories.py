"""Seeded histories of one recipient: writers with skewed clocks, lost answers, conflicts, others in between.

`python -m tests.campaigns.histories` runs them whole; the tests run a thousandth.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.domain.acts import Act, OptedIn, OptedOut, Via
from chalicelib.domain.categories import ALL, Category, Kind
from chalicelib.domain.decision import decide
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.fold import fold
from chalicelib.domain.senders import Place
from chalicelib.store.ledger import Ledger
from tests.store.memory import Clock, Fault, Memory, busy, fine, silent

if TYPE_CHECKING:
    from chalicelib.store.port import Commit

PLACE = Place("testsend", 0, "rcp_one")
A = Category("a", 1, Kind.OPTIONAL, "A")
SKEW = 60_000
WRITERS = 8
ACTS = 40
DEPTH = 2


class Watched(Memory):
    """Remembers in which step each act was carried out first."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self.history = history
        self.committed: dict[str, int] = {}

    def _carry_out(self, commit: Commit) -> None:
        super()._carry_out(commit)
        self.history.step += 1
        self.committed.setdefault(commit.entry.act.id, self.history.step)


@dataclass
class History:
    """One history. `lost` tells each acknowledged opt-out that did not hold, `broken` what the ledger got wrong."""

    seed: int
    lost: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    step: int = 0
    out_at: int = -1
    in_began: int = -2
    count: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - seeded on purpose
        self.engine = Watched(self)
        now = 1_800_000_000_000
        self.clocks = [Clock(now + self.chance.randint(-SKEW, SKEW)) for _ in range(WRITERS)]

    def run(self) -> History:
        """Lets `ACTS` acts happen, and looks after each."""
        for _ in range(ACTS):
            self._pass_time()
            self._act(DEPTH)
            self._look()
        return self

    def _pass_time(self) -> None:
        passed = self.chance.choice([1, 50, 5_000, 70_000])
        for clock in self.clocks:
            clock.milliseconds += passed

    def _act(self, depth: int) -> None:
        self.count += 1
        self.step += 1
        parts: list[OptedOut | OptedIn] = [OptedOut("a"), OptedOut(ALL), OptedIn("a")]
        part = self.chance.choice(parts)
        act = Act(f"act{self.count}", Via.PREFERENCE_PAGE, (part,), 1)
        if isinstance(part, OptedIn):
            self.in_began = self.step
        self._plan_faults(depth)
        try:
            Ledger(self.engine, self.chance.choice(self.clocks).timing()).record(PLACE, act)
        except StoreUnavailable:
            return
        if isinstance(part, OptedOut):
            # A repeat that was absorbed wrote nothing: an opt-in under way all the while may come after it.
            self.out_at = max(self.out_at, self.engine.committed.get(act.id, -1))

    def _plan_faults(self, depth: int) -> None:
        for faults in (self.engine.before_commit, self.engine.after_commit):
            faults.extend(self._fault(depth) for _ in range(self.chance.randint(0, 3)))

    def _fault(self, depth: int) -> Fault:
        return self.chance.choice([fine, busy, silent, lambda: self._between(depth)])

    def _between(self, depth: int) -> None:
        planned = [(faults, list(faults)) for faults in (self.engine.before_commit, self.engine.after_commit)]
        for faults, _ in planned:
            faults.clear()
        if depth:
            self._act(depth - 1)
        for faults, kept in planned:
            faults.clear()
            faults.extend(kept)

    def _look(self) -> None:
        acts = [entry.act for _, entry in sorted(self.engine.entries.items(), key=lambda item: item[0])]
        if len({act.id for act in acts}) != len(acts):
            self.broken.append("an act is in the ledger twice")
        held = self.engine.recipients.get(PLACE)
        if held is not None and held.state != fold(acts):
            self.broken.append("the state is not the fold of the ledger")
        if held is not None and decide(held.state, A).may_send and self.out_at > self.in_began:
            self.lost.append(f"step {self.step}")


def run(histories: int, seed: int) -> list[History]:
    """The histories that went wrong."""
    done = (History(seed + number).run() for number in range(histories))
    return [history for history in done if history.lost or history.broken]


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.campaigns.histories", description=__doc__)
    options.add_argument("--histories", type=int, default=10_000, help=f"histories of {ACTS} acts and more (10,000)")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    wrong = run(chosen.histories, chosen.seed)
    print(f"{chosen.histories} histories: {len(wrong)} went wrong")
    for history in wrong[:10]:
        print(f"seed {history.seed}: lost {history.lost}, broken {history.broken}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
