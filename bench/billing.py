"""The arithmetic of what it costs: prices, times and octets in, dollars out. Reads files, and asks nobody."""

from __future__ import annotations

import json
import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PRICES = Path(__file__).with_name("prices.toml")
RESULTS = Path(__file__).with_name("RESULTS.md")
MILLION = 1_000_000
GIGABYTE = 1_000_000_000
MONTH = 730 * 3600
"""Seconds, as AWS counts a month."""
WHOLE_CPU = 1_769
"""MB with which a function has one whole CPU; with less it has its share (AWS Lambda Developer Guide, "Configure Lambda
function memory"). A single thread is no faster with more."""
ROUND = 10.0
"""Milliseconds that one round of calls to DynamoDB is taken to last, seen from Lambda in its region: assumed."""
LOGGED = 600
"""Octets that a request leaves in logs: Lambda's three lines, and one of the gateway's without path: assumed."""
_ROW = re.compile(r"^\| (?P<what>[^|]+?) \| (?P<figure>[\d,.]+) (?P<unit>[^|]+?) \|", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Price:
    """What AWS asks for so many of something."""

    usd: float
    per: int
    what: str
    page: str

    def of(self, count: float) -> float:
        """Dollars for so many."""
        return self.usd * count / self.per


@dataclass(frozen=True, slots=True)
class Prices:
    """The table, with its day and its region."""

    dated: str
    region: str
    table: dict[str, Price]

    def __getitem__(self, name: str) -> Price:
        return self.table[name]


def prices() -> Prices:
    """As `prices.toml` has them."""
    told = tomllib.loads(PRICES.read_text("utf-8"))
    dated, region = told.pop("dated"), told.pop("region")
    return Prices(dated.isoformat(), region, {name: Price(**price) for name, price in told.items()})


def measured(what: str) -> float:
    """The figure of the row that begins with this, in `RESULTS.md`: in microseconds or in what its row says."""
    [figure] = {row["figure"] for row in _ROW.finditer(RESULTS.read_text("utf-8")) if row["what"].startswith(what)}
    return float(figure.replace(",", ""))


def memory(function: str | None = None) -> int:
    """The MB that `.chalice/config.json` gives a function; the API's where none is named."""
    config: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
    place = config if function is None else config["lambda_functions"][function]
    return int(place["lambda_memory_size"])


def share(megabytes: int) -> float:
    """The part of a CPU that a function with so much memory has."""
    return min(1.0, megabytes / WHOLE_CPU)


def lasting(cpu: float, rounds: float, megabytes: int) -> float:
    """Milliseconds on the wall of what takes `cpu` milliseconds of a whole CPU and waits for so many rounds."""
    return cpu / share(megabytes) + rounds * ROUND


def running(milliseconds: float, megabytes: int, table: Prices) -> float:
    """Dollars for one call that lasts so long; Lambda counts whole milliseconds."""
    return table["lambda_second"].of(math.ceil(milliseconds) / 1000 * megabytes / 1024) + table["lambda_request"].of(1)
