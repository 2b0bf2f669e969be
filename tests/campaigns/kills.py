"""`kill -9` before, during and after each call to the store of each route that writes.

What was answered with 2xx must be durable, and whoever was cut off and asks again must end with one act: nothing
lost, nothing twice, no gap. `python -m tests.campaigns.kills` goes through all of it many times; the tests once.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.domain.acts import Act, OptedOut, Undone, Via, act_id_of
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.fold import fold
from chalicelib.tokens import Purpose
from tests.callers import Caller
from tests.campaigns.worlds import Report, command
from tests.site import CODE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.domain.recipients import Entry
    from tests.site import Site

ROOT = Path(__file__).parents[2]
MOMENTS = ("before", "during", "after")
ITEMS = 5


@dataclass(frozen=True)
class Write:
    """One route that writes, how many acts of whom one request of it makes, and whether it undoes one made before."""

    name: str
    route: str
    acts: int = 1
    undoes: bool = False

    def request(self, site: Site, key: str, who: str) -> dict[str, Any]:
        """The request, as the worker takes it."""
        if self.undoes:
            place = site.service.senders.get(CODE).place_of(parse_address(addresses(who)[0]))
            site.service.ledger.record(place, Act(undone(who), Via.ONE_CLICK, (OptedOut("news"),)))
        purpose = Purpose.PREFERENCES if self.route.startswith("/p/") else Purpose.ONE_CLICK
        token = {"token": site.token(purpose=purpose, address=addresses(who)[0])}
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": who} if self.route == "/v1/acts" else {}
        return {
            "method": "POST",
            "resource": self.route,
            "values": {"sender": CODE} if self.route.startswith("/o/") else token,
            "headers": headers,
            "body": self._body(who),
            "source": f"2001:db8:{zlib.crc32(who.encode()) >> 16:x}:{zlib.crc32(who.encode()) & 0xFFFF:x}::1",
        }

    def _body(self, who: str) -> str:
        if self.route == "/v1/acts":
            told = [{"act": "opt_out", "address": address, "category": "news"} for address in addresses(who)]
            return json.dumps({"acts": told})
        typed = f"address={addresses(who)[0]}"
        bodies = {"/p/{token}": "shown=news&before=news", "/p/{token}/undo": f"act={undone(who)}"}
        return {**bodies, "/p/{token}/erase": typed, "/o/{sender}": typed}.get(self.route, "")


def undone(who: str) -> str:
    """The id of the act that a request undoes."""
    return act_id_of(Via.ONE_CLICK, who)


def addresses(who: str) -> list[str]:
    """The recipients that a request is about: the first one, or all of them for a request of many acts."""
    return [f"{who}.{number}@example.com" for number in range(ITEMS)]


WRITES = (
    Write("one click", "/u/{token}"),
    Write("stop all", "/u/{token}/all"),
    Write("preferences", "/p/{token}"),
    Write("undo", "/p/{token}/undo", undoes=True),
    Write("erasure", "/p/{token}/erase"),
    Write("opt-out form", "/o/{sender}"),
    Write("acts", "/v1/acts", ITEMS),
)


class Workers:
    """Containers, one for each request: forked with the app loaded, and killed from inside where they are told."""

    def __init__(self, site: Site) -> None:
        settings = {"names": [site.tables.names.recipients, site.tables.names.control], "url": site.tables.url}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.campaigns.forked", json.dumps(settings)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, request: dict[str, Any], kill_at: int = 0, moment: str = "") -> dict[str, Any]:
        """`{"status", "calls"}` of a request that was answered, `{"killed": true}` of one that was not."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({**request, "kill_at": kill_at, "moment": moment}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def stop(self) -> None:
        """Ends them."""
        self._process.communicate()


@contextmanager
def workers_of(site: Site) -> Iterator[Workers]:
    """Workers for a site; they end with the block."""
    workers = Workers(site)
    try:
        yield workers
    finally:
        workers.stop()


def run(site: Site, cases: int, seed: int) -> Report:
    """Goes through every write, call and moment, again and again, until there were that many cases."""
    report = Report("kills")
    key = Caller(site).key("write")
    rounds = 0
    with workers_of(site) as workers:
        while report.cases < cases:
            rounds += 1
            for write in WRITES:
                calls = workers.ask(write.request(site, key, f"s{seed}r{rounds}{write.name[:2]}whole"))["calls"]
                for at in range(1, calls + 1):
                    for moment in MOMENTS:
                        who = f"s{seed}r{rounds}{write.name[:2]}{at}{moment}"
                        _case(site, report, workers, write, write.request(site, key, who), who, (at, moment))
    _look_at_the_logs(site, report)
    return report


def _case(
    site: Site,
    report: Report,
    workers: Workers,
    write: Write,
    request: dict[str, Any],
    who: str,
    kill: tuple[int, str],
) -> None:
    first = workers.ask(request, *kill)
    report.note("killed" if "killed" in first else "answered all the same")
    if first.get("status") == 200 and not _is_done(site, write, who):
        report.fail(f"{write.name}, {kill}: acknowledged and not durable")
    again = workers.ask(request)
    if again.get("status") != 200:
        report.fail(f"{write.name}, {kill}: the retry got {again}")
    if not _is_done(site, write, who):
        report.fail(f"{write.name}, {kill}: the retry did not converge")
    report.case()


def _is_done(site: Site, write: Write, who: str) -> bool:
    found = [site.reasons(address)["news"] for address in addresses(who)[: write.acts]]
    return all((reason is None) is write.undoes for reason in found)


def _look_at_the_logs(site: Site, report: Report) -> None:
    """No number missing, every state the fold of its entries, every recipient with one act, and that which it undid."""
    sender, in_all = site.service.senders.get(CODE), 0
    for shard in range(sender.shards):
        entries: list[Entry] = []
        while more := site.service.reader.log(CODE, shard, len(entries)):
            entries += more
        people = {entry.place for entry in entries}
        for place in people:
            own = [entry for entry in entries if entry.place == place]
            report.note("recipients")
            in_all += len(own)
            kinds = [type(entry.act.parts[0]) for entry in own]
            if len(own) != 1 and kinds != [OptedOut, Undone]:
                report.fail(f"{place.recipient}: {[entry.act for entry in own]}")
            if site.service.reader.recipient(place).state != fold(entry.act for entry in own):
                report.fail(f"{place.recipient}: the state is not the fold of the ledger")
    in_log = sum(item["sk"]["S"].startswith("log#") for item in site.stored())
    if in_log != in_all:
        report.fail(f"{in_log} entries, {in_all} were read in order: there is a gap")


if __name__ == "__main__":
    sys.exit(command("kills", (__doc__ or "").partition("\n")[0], 2_000, run))
