"""The feed under fire: nothing missed, nothing twice, in order, and a replica made of it equals the table.

Eight programs write; they stall in the middle (SIGSTOP), go on (SIGCONT), and are killed (`kill -9`) and replaced.
Meanwhile followers poll through the app, with small limits and large ones; they crash, and go on from a cursor that
they had saved. What they read from shows the items of a transaction one by one (`feed_mist`).
`python -m tests.campaigns.feeds` makes 200,000 changes; the tests make a thousandth.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import app
from chalicelib.api.changes import tell_changes
from chalicelib.domain.senders import Sender
from chalicelib.domain.suppressions import suppressions_of
from chalicelib.service import Service
from chalicelib.store.feed import Feed
from chalicelib.store.ledger import Timing
from chalicelib.use_cases.following import RULES, Rules, Wanted, follow
from tests.callers import Caller
from tests.campaigns.feed_mist import Mist
from tests.campaigns.feed_writers import place_of
from tests.campaigns.worlds import Report, command
from tests.gateway import send
from tests.ledgers import tell_of_sender
from tests.replicas import Replica
from tests.site import CATALOGUE, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ask = Callable[[dict[str, str]], dict[str, Any]]

ROOT = Path(__file__).parents[2]
FEED = "feedsend"
SHARDS = 8
LARGE = 10_000
"""Cases from which on it is as the title says; under it there are fewer writers, and more is seen late."""
SEEN_LATE = {True: (0.002, 3), False: (0.3, 10)}
"""How many new items, and from how many answers. In a large run so few that the followers keep up with the writers."""
POLL = 0.1
"""Seconds between two rounds of the followers, so that they leave the writers something to write with."""
MOST_WRONG = 50


@dataclass
class Writers:
    """Programs that write until they are killed; one of them at a time is stopped."""

    settings: dict[str, Any]
    count: int
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    stalled: subprocess.Popen[bytes] | None = None
    started: int = 0

    def start(self) -> None:
        """As many as there should be."""
        while len(self.running) < self.count:
            self.started += 1
            told = json.dumps({**self.settings, "seed": self.started})
            self.running.append(
                subprocess.Popen([sys.executable, "-m", "tests.campaigns.feed_writers", told], cwd=ROOT)
            )

    def stall(self, chance: random.Random) -> None:
        """Lets the one that was stopped go on, and stops another one, wherever it is."""
        self.resume()
        self.stalled = chance.choice(self.running)
        self.stalled.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets the one that was stopped go on."""
        if self.stalled is not None and self.stalled.poll() is None:
            self.stalled.send_signal(signal.SIGCONT)
        self.stalled = None

    def replace(self, chance: random.Random) -> None:
        """Kills one and starts another."""
        victim = self.running.pop(chance.randrange(len(self.running)))
        victim.kill()
        victim.wait()
        self.start()

    def end(self) -> None:
        """Kills all."""
        for process in self.running:
            process.kill()
            process.wait()


@dataclass
class Follower:
    """One who follows: `replica` and `cursor` are what it saved, `unsaved` what came since."""

    name: str
    limits: tuple[int, ...]
    replica: Replica = field(default_factory=Replica)
    cursor: str | None = None
    saved: str | None = None
    unsaved: list[dict[str, Any]] = field(default_factory=list)
    restarts: int = 0

    def ask(self, ask: Ask, chance: random.Random) -> dict[str, Any]:
        """One page more."""
        query = {"limit": str(chance.choice(self.limits))}
        page = ask(query if self.cursor is None else {**query, "cursor": self.cursor})
        if len(page["changes"]) > int(query["limit"]):
            self.replica.wrong.append("more changes than asked for")
        self.unsaved += page["changes"]
        self.cursor = page["cursor"]
        return page

    def save(self) -> None:
        """Makes what came its own, and with it the cursor."""
        for change in self.unsaved:
            self.replica.take(change)
        self.unsaved, self.saved = [], self.cursor

    def crash(self) -> None:
        """Forgets what it had not saved, and goes on from the cursor that it had."""
        self.unsaved, self.cursor = [], self.saved
        self.restarts += 1


def run(site: Site, cases: int, seed: int, rules: Rules = RULES) -> Report:
    """Makes at least `cases` changes, and follows them. Other `rules` than the right ones are planted bugs."""
    campaign = _Campaign(site, cases, random.Random(seed))  # noqa: S311 - seeded on purpose
    with _served(site, SEEN_LATE[cases >= LARGE]) as (service, mist):
        service.senders.create(Sender(FEED, "Feed", CATALOGUE, bytes(32), shards=SHARDS))
        campaign.run(_ask_of(site, service, rules), mist)
    return campaign.report


@contextmanager
def _served(site: Site, late: tuple[float, int]) -> Iterator[tuple[Service, Mist]]:
    """The app with clocks that go, and a store that shows things late."""
    service = Service(site.service.settings)
    mist = service._wire.pool = Mist(service._wire.pool, *late, seed=1)
    before, app._service = app._service, service
    try:
        yield service, mist
    finally:
        app._service = before


def _ask_of(site: Site, service: Service, rules: Rules) -> Ask:
    headers = {"Authorization": f"Bearer {Caller(site).key('read', code=FEED)}"}

    def through_the_app(query: dict[str, str]) -> dict[str, Any]:
        while (answer := send("GET", "/v1/changes", headers=headers, query=query)).status == 503:
            pass  # an engine that is busy: a follower asks again, with the same cursor
        assert answer.status == 200, answer.body
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def by_other_rules(query: dict[str, str]) -> dict[str, Any]:
        sender = service.sender(FEED)
        page = follow(service, sender, Wanted(query.get("cursor"), int(query["limit"])), rules)
        told: dict[str, Any] = json.loads(tell_changes(service, sender, page))
        return told

    return through_the_app if rules is RULES else by_other_rules


@dataclass
class _Campaign:
    site: Site
    cases: int
    chance: random.Random
    report: Report = field(default_factory=lambda: Report("the feed"))
    followers: list[Follower] = field(default_factory=list)
    versions: int = 1
    """The sender's: how many lines told of it, and one."""

    def run(self, ask: Ask, mist: Mist) -> None:
        self.plain = Service(self.site.service.settings)
        """Reads without mist, on connections of its own, and with more patience than a request has."""
        table, patience = self.site.tables.names.recipients, Timing(deadline=60)
        self.plain.__dict__["feed"] = Feed(self.plain._wire, table, patience)
        self.people = max(20, min(4_000, self.cases // 50))
        names = self.site.tables.names
        settings = {
            "names": [names.recipients, names.control],
            "url": self.site.tables.url,
            "sender": FEED,
            "shards": SHARDS,
            "people": self.people,
            "parent": os.getpid(),
        }
        writers = Writers(settings, 8 if self.cases >= LARGE else 2)
        self.followers = [Follower("large", (1_000,)), Follower("mixed", (1, 7, 50, 1_000))]
        writers.start()
        try:
            self._while_they_write(ask, writers)
        finally:
            writers.resume()
            writers.end()
        mist.lift()
        self.report.notes |= {"items seen late": mist.hidden, "writers killed": writers.started}
        self._to_the_end(ask)
        self._compare()

    def _while_they_write(self, ask: Ask, writers: Writers) -> None:
        every = max(10, self.cases // 400)
        interval = POLL if self.cases >= LARGE else 0.0
        done, at = 0, every
        while done < self.cases:
            time.sleep(interval)
            for follower in self.followers:
                self._step(follower, ask)
            if self._is_wrong_already():
                return
            done = sum(head.seq for head in self.plain.feed.heads(FEED, SHARDS))
            if done >= at:
                at = done + every
                self._disturb(writers, done)

    def _step(self, follower: Follower, ask: Ask) -> None:
        page = follower.ask(ask, self.chance)
        self.report.note("pages")
        for _ in page["changes"]:
            self.report.case()
        fate = self.chance.random()
        if fate < 0.3:
            follower.save()
        elif fate < 0.33:
            follower.crash()

    def _disturb(self, writers: Writers, done: int) -> None:
        writers.stall(self.chance)
        self.report.note("stalls")
        if self.chance.random() < 0.15:
            writers.replace(self.chance)
        if self.chance.random() < 0.5:
            self.versions += 1
            tell_of_sender(self.plain, FEED, self.versions)
        if len(self.followers) == 2 and done > self.cases // 2:
            self.followers.append(Follower("late", (1_000, 200)))

    def _is_wrong_already(self) -> bool:
        return sum(len(follower.replica.wrong) for follower in self.followers) > MOST_WRONG

    def _to_the_end(self, ask: Ask) -> None:
        for follower in self.followers:
            follower.limits = (1_000,)
            while not self._is_wrong_already() and (follower.ask(ask, self.chance)["changes"]):
                follower.save()
            follower.save()

    def _compare(self) -> None:
        lines = self._lines()
        self.report.cases = max(self.report.cases, lines)  # most may come once nobody writes any more
        self.report.notes |= {"changes": lines, "restarts": sum(f.restarts for f in self.followers)}
        for follower in self.followers:
            replica = follower.replica
            for line in replica.wrong:
                self.report.fail(f"{follower.name}: {line}")
            if replica.changes != lines:
                self.report.fail(f"{follower.name}: {replica.changes} changes came, {lines} lines are in the ledger")
            if len(replica.of_sender) != self.versions - 1:
                self.report.fail(
                    f"{follower.name}: {len(replica.of_sender)} of {self.versions - 1} lines of the sender"
                )
            self._compare_states(follower)

    def _compare_states(self, follower: Follower) -> None:
        replica = follower.replica
        places = [place_of(FEED, SHARDS, number) for number in range(self.people)]
        for place, held in self.plain.reader.recipients(places).items():
            who = place.recipient
            if held.version != replica.versions.get(who, 0):
                self.report.fail(f"{follower.name}, {who}: version {replica.versions.get(who, 0)}, not {held.version}")
            elif held.version:
                self.report.note("recipients compared")
                rows = {(row.scope, str(row.reason)): set(row.excepted) for row in suppressions_of(held.state)}
                if replica.state(who) != held.state or replica.addresses[who] != held.address:
                    self.report.fail(f"{follower.name}, {who}: another state")
                if replica.cells[who] != rows:
                    self.report.fail(f"{follower.name}, {who}: {replica.cells[who]}, not {rows}")

    def _lines(self) -> int:
        """How many lines the ledger has: counted by the engine, and as the heads say."""
        heads = self.plain.feed.heads(FEED, SHARDS)
        counted = 0
        for shard in range(SHARDS):
            pages = self.site.tables.client.get_paginator("query").paginate(
                TableName=self.site.tables.names.recipients,
                KeyConditionExpression="pk = :pk and begins_with(sk, :log)",
                ExpressionAttributeValues={":pk": {"S": f"{FEED}#{shard}"}, ":log": {"S": "log#"}},
                Select="COUNT",
                ConsistentRead=True,
            )
            counted += sum(page["Count"] for page in pages)
        if counted != sum(head.seq for head in heads):
            self.report.fail(f"{counted} lines, and the heads say {heads}")
        return counted


if __name__ == "__main__":
    sys.exit(command("feeds", (__doc__ or "").partition("\n")[0], 200_000, run))
