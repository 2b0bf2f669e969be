"""The course of one history: rounds of acts that happen at once, and a look after every one of them."""

from __future__ import annotations

import random
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from chalicelib.domain.acts import CONSENT_ALLOWANCE, Act
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.fold import fold
from chalicelib.domain.recipients import RECENT_ACTS
from chalicelib.domain.senders import Place
from chalicelib.domain.stamping import Stamp
from chalicelib.store.ledger import Ledger
from tests.campaigns.history_acts import PROFILES, UNDATED, Drawing, Wish
from tests.campaigns.history_answers import Answer, absorbed_claims, why_absorbed
from tests.campaigns.history_bugs import AS_BUILT, Build
from tests.campaigns.history_engine import Killed, Line, Request, Weather, World
from tests.campaigns.history_oracle import Claim, claims_of, refused_opt_in, troubles
from tests.campaigns.history_reader import Follower
from tests.campaigns.history_turns import Turns

if TYPE_CHECKING:
    from chalicelib.domain.state import State

PLACES = tuple(Place("testsend", 0, f"rcp_{name}") for name in ("one", "one", "one", "two", "three"))
SKEW = 60_000
WRITERS = 8
ACTS = 40
AT_ONCE = ((1, 1, 1, 2, 3, 4, WRITERS), (1, 1, 1, 2, 3, 4, WRITERS), (4, WRITERS))
"""How many acts one round may have, in quiet histories and in crowded ones."""
LEAPS = (1, 50, 5_000, 5_000, 40_000, 70_000, 70_000, 300_000)
"""Milliseconds that may pass between two rounds."""
EVER = 2**62


class History:
    """One history. `lost` tells each acknowledged restriction that did not hold, `broken` what else went wrong."""

    def __init__(self, seed: int, build: Build = AS_BUILT) -> None:
        self.seed = seed
        self.build = build
        self.count = 0
        self.lost: list[str] = []
        self.claims: defaultdict[Place, list[Claim]] = defaultdict(list)
        self.chance = random.Random(seed)  # noqa: S311 - seeded on purpose
        self.at_once = self.chance.choice(AT_ONCE)
        self.weights = self.chance.choice(PROFILES)
        self.world = World(visibility=self._visibility, on_turn=self._poll, on_commit=self._look)
        self.broken = self.world.broken
        self.reader = Follower(self.world, build.follow)
        weather = Weather(self.chance.choice((0, 0.1, 0.2, 0.4)), has_dates=self.chance.random() < 1 / 5)
        self.lines = [
            Line(self.world, self.chance, weather, self.chance.randint(-SKEW, SKEW), self._pass_on)
            for _ in range(WRITERS)
        ]

    def run(self) -> History:
        """Lets `ACTS` acts happen."""
        while self.count < ACTS:
            size = min(self.chance.choice(self.at_once), ACTS - self.count)
            jobs = [partial(self._act, line) for line in self.chance.sample(self.lines, size)]
            self.turns = Turns(self.chance, jobs)
            self.turns.run()
            self.world.now += self.chance.choice(LEAPS)
        self.world.arrive(EVER)
        self._look_at_ledger()
        self.broken += self.reader.finish()
        return self

    @property
    def wrong(self) -> list[str]:
        """All that went wrong."""
        return self.lost + self.broken

    def _pass_on(self) -> None:
        self.turns.pass_on()

    def _visibility(self) -> int:
        return self.chance.randint(1, 12) if self.chance.random() < 1 / 4 else 0

    def _poll(self) -> None:
        if self.chance.random() < 1 / 8:
            self.reader.poll()

    def _act(self, line: Line) -> None:
        self.count += 1
        place = self.chance.choice(PLACES)
        act_id = f"{self.chance.getrandbits(32):08x}-{self.count}"
        wish = Drawing(self.chance, act_id, line.clock(), list(self.world.facts[place])).wish(self.weights)
        self.world.counts["acts"] += 1
        self.world.counts[wish.kind] += 1
        request = self.world.begin(wish.id, place)
        is_done = self._record(line, request, wish, None)
        if not is_done and wish.may_be_repeated and self.chance.random() < 1 / 2:
            self.world.counts["sent again"] += 1
            request.is_sent_again = True
            # what an API request is stamped by that was noted before: see `use_cases.acting`
            self._record(line, request, wish, Stamp(wish.received, wish.received - CONSENT_ALLOWANCE, found=EVER))

    def _record(self, line: Line, request: Request, wish: Wish, first: Stamp | None) -> bool:
        line.request = request
        ledger = Ledger(line, line.timing(), self.build.rules)
        try:
            recorded = ledger.record(request.place, wish.draft, first=first)
        except (StoreUnavailable, Killed) as failure:
            self.world.counts[type(failure).__name__] += 1
            return False
        self._acknowledged(Answer(wish, request, recorded))
        return True

    def _acknowledged(self, answer: Answer) -> None:
        wish, place = answer.wish, answer.request.place
        facts = self.world.facts[place]
        own = [fact for fact in facts if fact.entry.act.id == wish.id]
        if own:
            self.claims[place] += claims_of(own[0], has_made_up_time=wish.kind == UNDATED)
        else:
            self._absorbed(answer)
        self._look(place)
        if isinstance(wish.draft, Act) and all(fact in own or fact.committed < answer.request.read for fact in facts):
            self._met_nobody(facts[-1].state, wish.draft)

    def _met_nobody(self, state: State, act: Act) -> None:
        self.broken += [f"step {self.world.step}: {line}" for line in refused_opt_in(state, act)]

    def _absorbed(self, answer: Answer) -> None:
        facts = self.world.facts[answer.request.place]
        why = why_absorbed(answer, facts)
        self.world.counts[f"absorbed: {why}"] += 1
        if why is None:
            self.broken.append(f"step {self.world.step}: {answer.wish} was acknowledged and is not in the ledger")
        self.claims[answer.request.place] += absorbed_claims(answer, facts)

    def _look(self, place: Place) -> None:
        facts = self.world.facts[place]
        if facts:
            found = troubles(facts[-1].state, self.claims[place], facts)
            self.lost += [f"step {self.world.step}: {line}" for line in found]

    def _look_at_ledger(self) -> None:
        numbers = sorted(seq for _, _, seq in self.world.entries)
        if numbers != list(range(1, len(numbers) + 1)):
            self.broken.append("a number is missing in the ledger")
        for place, recipient in self.world.recipients.items():
            acts = [fact.entry.act for fact in self.world.facts[place]]
            last: dict[str, int] = {}
            for version, act in enumerate(acts):
                if act.id in last:
                    self._twice(act, version - last[act.id])
                last[act.id] = version
            self.chance.shuffle(acts)
            if recipient.state != fold(acts):
                self.broken.append(f"the state of {place.recipient} is not the fold of its acts in another order")

    def _twice(self, act: Act, distance: int) -> None:
        """A state remembers so many acts; a request that more than these overtook is recorded again, by design."""
        self.world.counts["recorded again, forgotten meanwhile"] += 1
        if distance <= RECENT_ACTS:
            self.broken.append(f"{act.id} is in the ledger twice")
