"""A large file goes through the running server while its worker is killed: nothing lost, nothing twice.

    python -m tests.campaigns.imports --rows 1000000 --kills 3

A file as SendGrid exports it, with one row in a thousand that is no address, goes to the URL that the API gives. Every
time another part of it is recorded the worker is ended by `kill -9`. In the end every address is asked for.

A small file could be done before anybody looks. So there the first worker is stopped before the upload and killed with
the message in the queue, and the next ones move in short steps, between which they stand still and are looked at.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.infra.processes import ROOT, runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BROKEN_EVERY = 1_000
LOOK_EVERY = 0.2
STEP = 0.005
"""Seconds, for small files."""
LARGE = 100_000
"""Rows from which on the worker is left to itself between two looks."""
CHECKED_AT_ONCE = 1_000
LONGEST = 3_600
"""Seconds after which it gives up."""
FIRST = 1_700_000_000


@dataclass
class Campaign:
    """What one import did."""

    rows: int
    kills: int = 0
    in_the_middle: int = 0
    """Kills of a worker that had recorded a part."""
    seconds: float = 0.0
    peak: dict[int, int] = field(default_factory=dict)
    """Process → the most memory that it held, in kB."""
    lost: int = 0
    told: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        counts, rate = self.told["counts"], self.rows / self.seconds
        return (
            f"{self.rows:,} rows in {self.seconds:,.0f} s ({rate:,.0f} rows/s), the worker killed {self.kills} times; "
            f"{counts['changed']:,} recorded, {counts['rejected']:,} refused, {self.lost} lost; "
            f"the worker held at most {max(self.peak.values()) / 1024:,.0f} MB"
        )


@dataclass(frozen=True)
class Server:
    """The running server, asked as a sender asks."""

    url: str
    key: str

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        octets = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, octets, headers, method=method)  # noqa: S310 - our own server
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
            return json.load(answer)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.imports", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        campaign = run(Path(folder), chosen.rows, chosen.kills)
    print(campaign)
    if campaign.lost or campaign.kills != chosen.kills:
        raise SystemExit(1)


def run(folder: Path, rows: int, kills: int) -> Campaign:
    """One import of so many rows, its worker killed so many times."""
    file = folder / "global_unsubscribes.csv"
    write_file(file, rows)
    with runner(ROOT, folder / "data", seconds=LONGEST) as started:
        server = Server(started.url, _key(started.process, folder / "data" / "demo.json"))
        campaign = Campaign(rows)
        began = time.monotonic()
        job = server.ask("POST", "/v1/imports", {"file": {}})
        if rows >= LARGE:
            _upload(file, job["upload"]["url"])
        else:
            _kill_the_first(started.process.pid, campaign, lambda: _upload(file, job["upload"]["url"]))
        _follow(server, started.process.pid, job["id"], campaign, kills)
        campaign.seconds = time.monotonic() - began
        _assert_counts(campaign)
        campaign.lost = sum(_lost(server, rows))
    return campaign


def write_file(file: Path, rows: int) -> None:
    with file.open("w", encoding="utf-8") as out:
        out.write("email,created\n")
        out.writelines(f"{_address(number)},{FIRST + number}\n" for number in range(rows))


def _address(number: int) -> str:
    return f"reader{number}{'' if number % BROKEN_EVERY == BROKEN_EVERY - 1 else '@example.com'}"


def _key(process: Any, file: Path) -> str:
    """The demo's key: it is there once the runner has said all."""
    for line in process.stdout:
        if "welcome.eml" in line:
            break
    return str(json.loads(file.read_text("utf-8"))["api_key"])


def _upload(file: Path, url: str) -> None:
    with file.open("rb") as octets:
        headers = {"Content-Length": str(file.stat().st_size), "Content-Type": ""}
        request = urllib.request.Request(url, octets, headers, method="PUT")  # noqa: S310 - our own server
        urllib.request.urlopen(request).close()  # noqa: S310 - our own server


def _kill_the_first(runner_pid: int, campaign: Campaign, upload: Callable[[], None]) -> None:
    """Kills a worker to whom the upload was told while it stood still."""
    while not (workers := [*_workers(runner_pid)]):
        time.sleep(STEP)
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    upload()
    for pid in workers:
        campaign.peak[pid] = _peak(pid)
        os.kill(pid, signal.SIGKILL)
    campaign.kills += 1


def _follow(server: Server, runner_pid: int, job: str, campaign: Campaign, kills: int) -> None:
    """Looks until the import is over, and kills whenever another part of it is recorded."""
    is_small = campaign.rows < LARGE
    while True:
        workers = [*_workers(runner_pid)]
        if is_small:
            _signal(workers, signal.SIGSTOP)
        told = server.ask("GET", f"/v1/imports/{job}")
        is_time = told["counts"]["rows"] > campaign.rows * (campaign.kills + 1) / (kills + 1)
        is_over = told["status"] in {"done", "failed"}
        for pid in workers:
            campaign.peak[pid] = _peak(pid) or campaign.peak.get(pid, 0)
        if campaign.kills < kills and is_time and not is_over and workers:
            _signal(workers, signal.SIGKILL)
            campaign.kills += 1
            campaign.in_the_middle += 1
        elif is_small:
            _signal(workers, signal.SIGCONT)
        if is_over:
            campaign.told = told
            return
        time.sleep(STEP if is_small else LOOK_EVERY)


def _signal(workers: list[int], number: int) -> None:
    for pid in workers:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _workers(runner_pid: int) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text("ascii").rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if words[1:4] == [b"-m", b"infra", b"worker"] and parent == runner_pid:
            yield int(folder.name)


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _assert_counts(campaign: Campaign) -> None:
    broken = campaign.rows // BROKEN_EVERY
    good = campaign.rows - broken
    expected = {"rows": campaign.rows, "accepted": good, "changed": good, "unchanged": 0, "rejected": broken}
    assert campaign.told["status"] == "done", campaign.told["detail"]
    assert campaign.told["counts"] == expected, campaign.told["counts"]


def _lost(server: Server, rows: int) -> Iterator[int]:
    """How many of each thousand addresses may still be mailed."""
    for start in range(0, rows, CHECKED_AT_ONCE):
        addresses = [_address(number) for number in range(start, min(start + CHECKED_AT_ONCE, rows))]
        results = server.ask("POST", "/v1/check", {"category": "newsletter", "addresses": addresses})["results"]
        yield sum(result.get("reason") != "opted_out_of_all" for result in results if "error" not in result)


if __name__ == "__main__":
    main()
