"""What a campaign runs on: an engine of its own in a temporary folder, and a site on it. And how it reports."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.engine import start_dynoxide
from infra.local.environment import LOCAL_AWS
from infra.storage import create_tables
from tests.engines import LocalTables, dynamodb_client
from tests.site import Site, make_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERY_SECONDS = 5.0


@contextmanager
def tables_of_our_own() -> Iterator[LocalTables]:
    """Empty tables on an engine that ends with the block."""
    for name in LOCAL_AWS.absent:
        os.environ.pop(name, None)
    os.environ.update(LOCAL_AWS.values)
    with tempfile.TemporaryDirectory() as folder:
        engine = start_dynoxide(Path(folder) / "data.sqlite")
        try:
            client = dynamodb_client(engine.url)
            yield LocalTables(create_tables(client, f"c{secrets.token_hex(4)}"), client, engine.url)
        finally:
            engine.stop()


@contextmanager
def site_of_our_own() -> Iterator[Site]:
    """An empty site on an engine that ends with the block."""
    with tables_of_our_own() as tables, make_site(tables) as site:
        yield site


@dataclass
class Report:
    """What a campaign found. `wrong` holds a line for each case that went wrong, the first few of them."""

    what: str
    cases: int = 0
    failures: int = 0
    wrong: list[str] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    _shown: float = field(default_factory=time.monotonic)

    def case(self) -> None:
        """One more case; shows progress now and then."""
        self.cases += 1
        if time.monotonic() - self._shown > EVERY_SECONDS:
            self._shown = time.monotonic()
            sys.stderr.write(f"{self}\n")

    def fail(self, line: str) -> None:
        """This case went wrong."""
        self.failures += 1
        if len(self.wrong) < 10:
            self.wrong.append(line)

    def note(self, name: str) -> None:
        """Counts how often something was met, so that a campaign cannot pass by doing nothing."""
        self.notes[name] = self.notes.get(name, 0) + 1

    def __str__(self) -> str:
        met = "".join(f"; {count:,} {name}" for name, count in sorted(self.notes.items()))
        return f"{self.what}: {self.cases:,} cases, {self.failures} wrong{met}"


def command(name: str, description: str, cases: int, run: Callable[[Site, int, int], Report]) -> int:
    """The command line of a campaign on a site; 0 if nothing went wrong."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.campaigns.{name}", description=description)
    parser.add_argument("--cases", type=int, default=cases, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which (default: %(default)s)")
    options = parser.parse_args()
    began = time.monotonic()
    with site_of_our_own() as site:
        report = run(site, options.cases, options.seed)
    print(f"{report}; {time.monotonic() - began:.0f} s")
    for line in report.wrong:
        print(f"  {line}")
    return int(report.failures > 0)
