"""What Signoff costs in AWS: `python -m bench.costs`; with --write it goes into docs/operate.md.

Of the units that the local engine reckons for each request, the CPU that `bench/RESULTS.md` has for it, the memory in
`.chalice/config.json`, the resources in `infra/`, and the prices in `bench/prices.toml`. The assumptions are printed.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cfnlint.decode import cfn_yaml

from bench import billing
from bench.billing import GIGABYTE, LOGGED, MILLION, MONTH, ROUND, WHOLE_CPU, Prices, lasting, measured, memory, running
from bench.site import running as site_running
from bench.units import Requests, Used
from infra.storage import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENT = billing.ROOT / "docs" / "operate.md"
EDGE = TEMPLATE.with_name("edge.yaml")
BEGIN, END = "<!-- python -m bench.costs -->", "<!-- the end of what it printed -->"
MEMORIES = (128, 256, 512, 1_024, WHOLE_CPU)
_SHARDS = 8
_LOOK_EVERY = 0.75
_WAIT = 20
_POLLS = 5 * MONTH / 20
"""Lambda asks a quiet queue by five long polls of 20 s side by side."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request: its row of CPU in the results, and how many rounds of calls follow one another."""

    cpu: str
    rounds: float


KINDS = {
    "one-click POST": Kind("warm container, one-click POST, CPU", 2),
    "the same within 60 s": Kind("warm container, one-click POST, CPU", 1),
    "page opened from a header's link": Kind("warm container, GET /u/{token}, CPU", 0),
    "preference centre opened": Kind("warm container, GET /p/{token}, CPU", 1),
    "check of 1,000, none on record": Kind("warm container, check of 1,000, none on record, CPU", 1),
    "links for 1,000": Kind("warm container, links for 1,000, CPU", 0),
    "import of 1,000 rows": Kind("warm container, import of 1,000 rows in a request, CPU", 26),
}


@dataclass(frozen=True, slots=True)
class Reckoned:
    """All that was measured here and now."""

    used: dict[str, Used]
    look: float
    stored: float


def reckon() -> Reckoned:
    """On an engine of its own, in a few seconds."""
    with site_running() as site:
        requests = Requests(site)
        return Reckoned(requests.all(), requests.a_look(), requests.stored())


def tables(reckoned: Reckoned) -> str:
    """All tables, as they stand in the document."""
    prices = billing.prices()
    parts = (_requests(reckoned, prices), _fixed(reckoned, prices), _memories(prices, reckoned), _assumed(prices))
    return "\n\n".join("\n".join(part) for part in parts)


def _requests(reckoned: Reckoned, prices: Prices) -> Iterator[str]:
    units = ("read units", "write units", "ms at work")
    yield _row("a million times", *units, "gateway", "WAF", "function", "reads", "writes", "sent", "logs", "together")
    yield _rule(12)
    for name, kind in KINDS.items():
        used, time = reckoned.used[name], _lasts(kind, memory())
        each = _parts(used, time, prices)
        counts = (f"{count:,.0f}" for count in (used.reads, used.writes, time))
        yield _row(name, *counts, *map(_dollars, each), f"**{_dollars(sum(each))}**")


def _parts(used: Used, time: float, prices: Prices) -> list[float]:
    """Dollars for a million: gateway, WAF, function, reads, writes, what is sent, logs."""
    return [
        prices["gateway_request"].of(MILLION),
        prices["waf_request"].of(MILLION),
        MILLION * running(time, memory(), prices),
        prices["read_unit"].of(MILLION * used.reads),
        prices["write_unit"].of(MILLION * used.writes),
        prices["sent_gigabyte"].of(MILLION * used.octets / GIGABYTE),
        prices["logged_gigabyte"].of(MILLION * LOGGED / GIGABYTE),
    ]


def _lasts(kind: Kind, megabytes: int) -> float:
    return lasting(measured(kind.cpu), kind.rounds, megabytes)


def _fixed(reckoned: Reckoned, prices: Prices) -> Iterator[str]:
    yield _row("every month", "how many", "each", "together")
    yield _rule(4)
    whole = 0.0
    for what, number, name in _counted():
        price = prices[name]
        whole += price.of(number)
        yield _row(what, f"{number:,.0f}", _each(price.usd, price.per), _dollars(price.of(number)))
    yield _row("**the stage, before the first request**", "", "", f"**{_dollars(whole)}**")
    kept = reckoned.stored * MILLION / GIGABYTE
    each = prices["stored_gigabyte"].usd + prices["recoverable_gigabyte"].usd
    what = "a million recipients who opted out once: GB in tables, with recovery"
    yield _row(what, f"{kept:.2f}", _dollars(each), _dollars(kept * each))
    follower = _follower(reckoned, prices, memory())
    yield _row("a follower who waits all month (`changes --follow`)", "1", _dollars(follower), _dollars(follower))


def _counted() -> Iterator[tuple[str, float, str]]:
    """What stands there all month: told, how many, and the name of its price."""
    resources = [*_resources(TEMPLATE), *(_resources(EDGE) if EDGE.exists() else ())]
    acls = [each for each in resources if each["Type"] == "AWS::WAFv2::WebACL"]
    alarms = [each for each in resources if each["Type"] == "AWS::CloudWatch::Alarm"]
    filters = [each for each in resources if each["Type"] == "AWS::Logs::MetricFilter"]
    yield "web ACL", len(acls), "waf_acl"
    yield "its rules", sum(len(each["Properties"]["Rules"]) for each in acls), "waf_rule"
    yield "metrics watched by alarms", sum(_watched(each["Properties"]) for each in alarms), "alarm"
    yield "metrics made of logs", sum(len(each["Properties"]["MetricTransformations"]) for each in filters), "metric"
    yield "key of KMS", sum(each["Type"] == "AWS::KMS::Key" for each in resources), "kms_key"
    yield "secrets", sum(each["Type"] == "AWS::SecretsManager::Secret" for each in resources), "secret"
    yield "questions to the quiet queue of jobs", _POLLS, "queue_request"


def _watched(alarm: dict[str, Any]) -> int:
    """An alarm on an expression is billed for each metric in it."""
    return sum("MetricStat" in each for each in alarm.get("Metrics", ())) or 1


def _resources(template: Path) -> list[dict[str, Any]]:
    return list(cfn_yaml.load(str(template))["Resources"].values())


def _follower(reckoned: Reckoned, prices: Prices, megabytes: int) -> float:
    """Dollars a month: a function that runs all the time, its looks, and the requests."""
    asked = MONTH / _WAIT
    function = asked * running(_WAIT * 1000, megabytes, prices)
    looks = prices["read_unit"].of(MONTH / _LOOK_EVERY * reckoned.look)
    return function + looks + prices["gateway_request"].of(asked) + prices["waf_request"].of(asked)


def _memories(prices: Prices, reckoned: Reckoned) -> Iterator[str]:
    starts = ("memory", "CPU", "cold start", "one-click", "function, a million one-clicks")
    yield _row(*starts, "check of 1,000", "a follower, all month", "a file of a million rows")
    yield _rule(8)
    for megabytes in MEMORIES:
        click, check = (_lasts(KINDS[name], megabytes) for name in ("one-click POST", "check of 1,000, none on record"))
        start = measured("cold start, one-click POST, CPU") / billing.share(megabytes)
        seconds = _file_of_a_million(megabytes)
        yield _row(
            f"{megabytes:,} MB",
            f"{billing.share(megabytes):.2f}",
            f"{start:,.0f} ms",
            f"{click:,.0f} ms",
            _dollars(MILLION * running(click, megabytes, prices)),
            f"{check:,.0f} ms",
            _dollars(_follower(reckoned, prices, megabytes)),
            f"{seconds / 60:,.0f} min, ${running(seconds * 1000, megabytes, prices):.3f}",
        )


def _file_of_a_million(megabytes: int) -> float:
    """Seconds: the worker rests as long as it works, so that what comes from recipients goes first."""
    return 2 * measured("worker, CPU for each of") / billing.share(megabytes)


def _assumed(prices: Prices) -> Iterator[str]:
    yield f"Prices of {prices.region} as of {prices.dated}, in US dollars, without free tiers and taxes, as they stand"
    yield "in `bench/prices.toml`, for you to change:"
    yield ""
    for price in prices.table.values():
        yield f"- {_each(price.usd, price.per)}: {price.what} (<{price.page}>)"
    yield ""
    yield "Measured: read and write units, and octets of answers, by the local engine whenever this is printed; CPU by"
    yield "`python -m bench containers package`, of a whole CPU, as it stands in `bench/RESULTS.md`."
    yield ""
    yield f"Assumed, for only an account of AWS shows it: a round of calls to DynamoDB lasts {ROUND:.0f} ms, a function"
    yield f"has its memory's share of {WHOLE_CPU:,} MB of a CPU, a request leaves {LOGGED} octets in logs. A request is"
    yield f"at work for its CPU divided by the share, and {ROUND:.0f} ms for each round of calls that waits for one."
    yield f"The functions have {memory():,} MB (requests) and {memory('jobs'):,} MB (jobs), a sender {_SHARDS} shards."


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    """The first column is text, the others are numbers."""
    return f"|---|{'--:|' * (columns - 1)}"


def _each(usd: float, per: int) -> str:
    amount = f"${usd:.10f}".rstrip("0")
    amount += "0" * max(0, 2 - len(amount.partition(".")[2]))
    return amount if per == 1 else f"{amount} for {per:,}"


def _dollars(usd: float) -> str:
    return f"${usd:,.2f}"


def shown() -> str:
    """What stands between the marks in the document."""
    text = DOCUMENT.read_text("utf-8")
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def main() -> None:
    options = argparse.ArgumentParser(
        prog="python -m bench.costs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--write", action="store_true", help="put it into docs/operate.md, and print nothing")
    is_written = options.parse_args().write
    told = tables(reckon())
    if not is_written:
        print(told)
        return
    before, mark, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    DOCUMENT.write_text(f"{before}{mark}\n{told}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
