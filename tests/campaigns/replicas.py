"""An export and the feed after it make a replica: nothing missed, whatever is written while the export reads.

Programs write acts of every kind, and are killed and replaced. Exports read a few recipients at a time; between two
reads categories and the sender change, rows are imported and recipients erased, runs hand over and are killed. What
the exports and the followers read from shows the items of a transaction one by one (`feed_mist`). After each export
everybody stands still, its feed is followed to the end, and the replica is held against the table, register by
register, and its categories against `GET /v1/categories`. In the end so are all of them.
`python -m tests.campaigns.replicas` makes 200 exports; the tests make a few.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app import app
from chalicelib.api.exported import ExportFile
from chalicelib.api.registers import tell_registers
from chalicelib.domain.errors import NoProgress
from chalicelib.domain.jobs import JobKind
from chalicelib.domain.senders import Sender
from chalicelib.domain.suppressions import suppressions_of
from chalicelib.service import Service
from chalicelib.store.engine import load_recipient
from chalicelib.use_cases import export_runs
from chalicelib.use_cases.export_runs import LEASE, run_export
from chalicelib.use_cases.exporting import file_key
from chalicelib.use_cases.following import Position, cursor_of, position_before_a_scan
from infra.local.memory import start_moto
from tests.callers import Caller
from tests.campaigns.bags import Bag
from tests.campaigns.feed_mist import Mist
from tests.campaigns.feeds import FEED, SHARDS, Writers
from tests.campaigns.worlds import Report, command
from tests.engines import make_files
from tests.gateway import send
from tests.jobs import get, lines_of
from tests.lives import Killed
from tests.replicas import Copy
from tests.site import CATALOGUE, Site, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.domain.recipients import Recipient
    from tests.engines import LocalFiles

LARGE = 50
"""Exports from which on it is as the title says; under it there are fewer writers and recipients."""
LATE = 30
"""Lines of a shard, counted from its end, that may be under way and be seen late: fewer than an export's overlap."""
PAGE = 3
"""Recipients in one read of an export."""
OFTEN = {True: (0.15, 0.04), False: (0.3, 0.15)}
"""In a large run or a small one: after how many reads something is done, after how many a run ends."""
FOLLOWED = 6
"""Replicas that are kept and followed while the next exports run."""


@dataclass(frozen=True)
class Plan:
    """Where followers of an export begin. There is one right plan, the default; others are planted bugs."""

    position: Callable[[Service, Sender], Position] = position_before_a_scan
    is_taken_after: bool = False


RIGHT = Plan()


@dataclass
class Followed:
    """A replica, and the cursor up to which it came."""

    copy: Copy
    cursor: str


def run(site: Site, cases: int, seed: int, plan: Plan = RIGHT) -> Report:
    """Makes so many exports, and a replica of each."""
    with _files() as files, _served(Service(settings_for(site.tables, files))) as plain:
        plain.senders.create(Sender(FEED, "Feed", CATALOGUE, bytes(32), shards=SHARDS))
        campaign = _Campaign(site, plain, cases, plan, random.Random(seed))  # noqa: S311 - seeded on purpose
        campaign.run()
    return campaign.report


@contextmanager
def _files() -> Iterator[LocalFiles]:
    memory = start_moto("replicas")
    try:
        yield make_files(f"r{secrets.token_hex(4)}", memory.url)
    finally:
        memory.stop()


@contextmanager
def _served(service: Service) -> Iterator[Service]:
    before, app._service = app._service, service
    try:
        yield service
    finally:
        app._service = before


@dataclass
class _Campaign:
    site: Site
    plain: Service
    """Reads and writes without mist; `misty` follows, and `worker` runs the exports."""
    cases: int
    plan: Plan
    chance: random.Random
    report: Report = field(default_factory=lambda: Report("replicas"))
    copies: list[Followed] = field(default_factory=list)
    ahead: int = 0
    """Milliseconds by which the clock of the runs was moved on, past the leases of those that were killed."""
    disturbed: int = 0
    names: int = 0

    def __post_init__(self) -> None:
        scopes = ("read", "write", "admin")
        self.headers = {"Authorization": f"Bearer {Caller(self.site).key(*scopes, code=FEED)}"}
        self.misty = Service(self.plain.settings)
        self.worker = Service(self.plain.settings, clock=lambda: self.plain.clock() + self.ahead)
        self.mist = Mist(self.misty._wire.pool, 0.3, 10, seed=1, may_be_late=self._may_be_late)
        self.misty._wire.pool = self.worker._wire.pool = self.mist
        deeds = (self._import, self._erase, self._rename, self._recategorise, self._reorder)
        self.deeds = Bag[Callable[[], None]](self.chance, deeds)
        self.ends = Bag[Callable[[], float]](self.chance, (self._hand_over, self._kill))
        self.rules = export_runs.Rules(page=PAGE, position=self.plan.position)
        names = self.site.tables.names
        settings = {
            "names": [names.recipients, names.control],
            "url": self.site.tables.url,
            "sender": FEED,
            "shards": SHARDS,
            "people": 40 if self.cases < LARGE else 400,
            "parent": os.getpid(),
        }
        self.writers = Writers(settings, 2 if self.cases < LARGE else 4)

    def run(self) -> None:
        self.writers.start()
        try:
            while sum(self._heads()) < self.cases:
                time.sleep(0.01)
            for _ in range(self.cases):
                self._export()
                self.report.case()
                if self.report.failures and self.plan != RIGHT:
                    return
                if self.chance.random() < 0.2:
                    self.writers.replace(self.chance)
            self._stand_still(self.copies)
        finally:
            self.writers.end()
        self.report.notes |= {"items seen late": self.mist.hidden, "lines": sum(self._heads())}

    def _export(self) -> None:
        """One export, the replica of it, and a look whether it is right; then the older ones go on a little."""
        begun = self._ask("POST", "/v1/exports", {}, status=202)
        before, self.disturbed = sum(self._heads()), 0
        while (told := self._ask("GET", "/v1/exports/{export_id}", export_id=begun["id"]))["status"] != "done":
            try:
                run_export(self.worker, FEED, begun["id"], self._between, ExportFile(), self.rules)
            except Killed:
                self.ahead += LEASE + 1
            except NoProgress:  # without any time: its message comes again, and the run goes on in the same file
                continue
        if sum(self._heads()) > before:
            self.report.note("exports with writes in between")
        told, octets = self._made(told)
        cursor = told["cursor"]
        if self.plan.is_taken_after:
            cursor = cursor_of(self.plain, self.plain.senders.get(FEED), position_of_now(self.plain))
        copy = Copy(ask_again=lambda: self._ask("GET", "/v1/categories"))
        copy.begin(told, lines_of(octets))
        followed = Followed(copy, cursor)
        self._stand_still([followed])
        for older in self.copies:
            self._follow(older, str(self.chance.choice((1, 50, 1_000))))
        self.copies = [*self.copies, followed][-FOLLOWED:]

    def _made(self, told: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """What a replica begins with, and the file: where an erasure withdrew it, as it was just before that."""
        if told["url"] is not None:
            return told, get(told["url"])
        self.report.note("withdrawn by an erasure")
        job = self.plain.jobs.get(JobKind.EXPORT, FEED, told["id"])
        octets = b"".join(self.plain.files.read(file_key(job)))
        return {**told, "cursor": job.done["cursor"], **self._ask("GET", "/v1/categories")}, octets

    def _between(self) -> float:
        """What happens between two reads of an export; how many seconds are left to its run."""
        self.report.note("reads")
        deed, end = OFTEN[self.cases >= LARGE]
        if self.chance.random() < deed:
            self.deeds.draw()()
        if self.disturbed < 2 and self.chance.random() < end:
            self.disturbed += 1
            return self.ends.draw()()
        return 900.0

    def _hand_over(self) -> float:
        self.report.note("runs handed over")
        return 0.0

    def _kill(self) -> float:
        self.report.note("runs killed")
        raise Killed

    def _import(self) -> None:
        rows = [{"address": self._somebody(), "reason": "opted_out"} for _ in range(self.chance.randint(1, 30))]
        self._ask("POST", "/v1/imports", {"rows": rows})
        self.report.note("imports")

    def _erase(self) -> None:
        found = self._ask("POST", "/v1/recipients/lookup", {"address": self._somebody()})
        if found["known"]:
            self._ask("DELETE", "/v1/recipients/{recipient}", recipient=found["recipient"])
            self.report.note("erasures")

    def _somebody(self) -> str:
        return f"imported{self.chance.randrange(60)}@example.com"

    def _name(self) -> str:
        self.names += 1
        return f"Name {self.names}"

    def _rename(self) -> None:
        self._ask("PATCH", "/v1/sender", {"name": self._name()})
        self.report.note("changes of the sender")

    def _recategorise(self) -> None:
        category = self.chance.choice(("news", "offers", f"new-{self.chance.randrange(20)}"))
        body = {"name": self._name(), "kind": "optional", "retired": self.chance.random() < 0.3}
        self._ask("PUT", "/v1/categories/{category}", body, status=0, category=category)
        self.report.note("changes of categories")

    def _reorder(self) -> None:
        order = [category["id"] for category in self._ask("GET", "/v1/categories")["categories"]]
        self.chance.shuffle(order)
        self._ask("PUT", "/v1/categories", {"order": order})
        self.report.note("changes of the order")

    def _stand_still(self, copies: list[Followed]) -> None:
        """Stops everybody, lets what was under way end, follows to the end, and compares."""
        for process in self.writers.running:
            process.send_signal(signal.SIGSTOP)
        density = self.mist.density
        self.mist.lift()
        for followed in copies:
            table = None
            while table is None or self._follow(followed, "1000"):
                while self._follow(followed, "1000"):
                    pass
                table = self._table()
            self._compare(followed.copy, table)
        self.mist.density = density
        for process in self.writers.running:
            process.send_signal(signal.SIGCONT)

    def _follow(self, followed: Followed, limit: str) -> int:
        with _served(self.misty):
            page = self._ask("GET", "/v1/changes", query={"limit": limit, "cursor": followed.cursor})
        for change in page["changes"]:
            followed.copy.take(change)
        followed.cursor = page["cursor"]
        return len(page["changes"])

    def _table(self) -> dict[str, Recipient]:
        pages = (self.plain.reader.recipients_from(FEED, shard, "", 100_000) for shard in range(SHARDS))
        return {place.recipient: recipient for page in pages for place, recipient in page}

    def _compare(self, copy: Copy, table: dict[str, Recipient]) -> None:
        for line in copy.wrong:
            self.report.fail(line)
        if missing := table.keys() ^ copy.versions.keys():
            self.report.fail(f"in one of table and replica alone: {sorted(missing)}")
        for who, held in table.items():
            self.report.note("recipients compared")
            rows = {(row.scope, str(row.reason)): set(row.excepted) for row in suppressions_of(held.state)}
            if copy.versions.get(who) != held.version:
                self.report.fail(f"{who}: version {copy.versions.get(who)}, not {held.version}")
            elif copy.registers[who] != json.loads(json.dumps(tell_registers(held.state))):
                self.report.fail(f"{who}: other registers at version {held.version}")
            elif copy.addresses[who] != held.address:
                self.report.fail(f"{who}: another address")
            elif copy.cells.get(who, {}) != rows:
                self.report.fail(f"{who}: {copy.cells.get(who)}, not {rows}")
        told = self._ask("GET", "/v1/categories")
        if (copy.categories, copy.version) != (told["categories"], told["version"]):
            self.report.fail(f"other categories, of version {copy.version} and not {told['version']}")

    def _heads(self) -> list[int]:
        return [head.seq for head in self.plain.feed.heads(FEED, SHARDS)]

    def _ask(
        self, method: str, path: str, body: Any = None, *, status: int = 200, query: dict[str, str] | None = None,
        **values: str,
    ) -> dict[str, Any]:  # fmt: skip
        """What is answered; where the writers came first, which write as fast as they can, it is sent again."""
        octets = None if body is None else json.dumps(body).encode()
        headers = self.headers if method == "GET" else self.headers | {"Idempotency-Key": secrets.token_hex(8)}
        while (answer := send(method, path, values, headers=headers, body=octets, query=query)).status == 503:
            assert method != "GET", answer.body
            self.report.note("requests sent again")
        assert answer.status == status or (not status and answer.status in {200, 201}), answer.body
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def _may_be_late(self, key: tuple[str, str], before: Any, item: Any) -> bool:
        """Whether the first change that would not be seen is one of the last of its shard: it may be under way."""
        first = _first_unseen(key[1], before, item)
        shard = int(key[0].partition("#")[2])
        return first is not None and first > self._heads()[shard] - LATE


def _first_unseen(sort_key: str, before: Any, item: Any) -> int | None:
    """The number of the first line that whoever sees `before` in the place of `item` does not see whole."""
    if item is None:
        return None
    if sort_key.startswith("log#"):
        return int(sort_key.removeprefix("log#"))
    if sort_key == "head":
        return 1 if before is None else int(before["seq"]["N"]) + 1
    if not sort_key.startswith("recipient#"):
        return None
    now = load_recipient(item)
    seen = 0 if before is None else load_recipient(before).version
    newer = [recent.seq for recent in now.recent][: now.version - seen]
    return newer[-1] if len(newer) == now.version - seen else None


def position_of_now(service: Service, sender: Sender | None = None) -> Position:
    """The heads as they are, without the overlap."""
    heads = service.feed.heads(FEED, SHARDS)
    return Position(max(head.epoch for head in heads), tuple(head.seq for head in heads))


if __name__ == "__main__":
    sys.exit(command("replicas", (__doc__ or "").partition("\n")[0], 200, run))
