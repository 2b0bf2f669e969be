"""`python -m infra check`: may this be sent, to each address of a list?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.client.api import objects, wanted
from infra.client.commands import connect, declare, same_command, stopping
from infra.client.in_order import in_order
from infra.client.lists import LONGEST_ADDRESS, open_list
from infra.client.refusals import clean
from infra.client.sheets import open_sheet
from infra.client.shown import Shown, count, counted
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from infra.client.api import Api
    from infra.client.lists import AddressList
    from infra.client.shown import Bar

BATCH = 1_000
"""What a check takes at most."""
BATCH_OCTETS = 500_000
"""Half of what a body may have: what JSON adds finds room."""
AT_ONCE = 4
"""Requests."""

COLUMNS = ("address", "may_send", "reason", "since", "error")
MAY_SEND = "may be sent"
NOT_CHECKED = "no valid address"

_LINE = "check a list of addresses: may this category be sent to each?"
_DESCRIPTION = """\
Asks for each address of FILE (one on each line, or the --column of a CSV file; - is standard input) whether mail of a
category may be sent to it now, and writes the answers as CSV, in the order of the list: address, may_send, reason,
since, error. A line that is no address has an error and no answer. Addresses that begin like a formula get a ' in
front, so that a spreadsheet shows them; --exact leaves them as they are, for programs.

Exits with 0: every address was asked for, whatever the answers; 1: failed, and FILE of --output is as it was;
130: stopped by Ctrl-C."""
_EXAMPLE = """\
  python -m infra check people.csv --column E-Mail --category newsletter --output checked.csv
  python -m infra check list.txt --category newsletter --exact | grep ',false,'"""


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = declare(commands, "check", (_LINE, _DESCRIPTION, _EXAMPLE))
    parser.add_argument("file", type=Path, metavar="FILE", help="the list, or - for standard input")
    parser.add_argument("--category", required=True, help="the kind of mail, by its id")
    parser.add_argument("--column", metavar="NAME", help="the list is CSV, and this column holds the address")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the answers go; else to standard output")
    parser.add_argument("--exact", action="store_true", help="for programs: no ' before what looks like a formula")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Check. Raises CannotRun."""
    shown = Shown()
    # Where the answers pass by on the terminal, a bar would be torn by them.
    shown.quiet = options.output is None and shown.out.is_terminal
    checking = Checking(options, connect(options, shown), shown)
    return stopping(shown, checking.run, checking.standing)


@dataclass(frozen=True, slots=True)
class Batch:
    """Addresses to be asked for at once, and how many octets of the list lie before its end."""

    addresses: tuple[str, ...]
    read: int


Row = tuple[str, str, str, str, str]


class Checking:
    """One run through a list."""

    def __init__(self, options: argparse.Namespace, api: Api, shown: Shown) -> None:
        self._options, self._api, self._shown = options, api, shown
        self._told: Counter[str] = Counter()

    def run(self) -> int:
        """All of it; the exit code."""
        with (
            open_list(self._options.file, self._options.column) as (addresses, octets),
            open_sheet(self._options.output, exact=self._options.exact) as write,
            self._shown.work("Checking", octets) as bar,
        ):
            write(COLUMNS)
            for batch, rows in in_order(self._ask, batches(addresses), at_once=AT_ONCE):
                for row in rows:
                    write(row)
                self._told.update(_outcome(row) for row in rows)
                self._show(bar, batch.read, octets)
        self._summarize()
        return 0

    def standing(self) -> str:
        """How far it came, and the command to begin again with: answers are of their moment, and are not kept."""
        output = self._options.output
        kept = f"{output} is as it was" if output else "what was printed is not all"
        checked = counted(self._told.total(), "address was", "addresses were")
        return (
            f"{checked} checked; {kept}, and nothing was changed in the service. "
            f"Begin again with:\n  {same_command(self._options)}"
        )

    def _ask(self, batch: Batch) -> tuple[Batch, list[Row]]:
        asked = [address for address in batch.addresses if len(address) <= LONGEST_ADDRESS]
        answers = iter(ask(self._api, self._options.category, asked) if asked else ())
        rows = (next(answers) if len(address) <= LONGEST_ADDRESS else _too_long(address) for address in batch.addresses)
        return batch, list(rows)

    def _show(self, bar: Bar, read: int, octets: int | None) -> None:
        withheld = self._told.total() - self._told[MAY_SEND] - self._told[NOT_CHECKED]
        told = f"{count(self._told.total())} checked, {count(withheld)} withheld"
        bar.to(read, octets, told)

    def _summarize(self) -> None:
        first = [(name, count(self._told.pop(name, 0))) for name in (MAY_SEND,)]
        rest = [(name, count(number)) for name, number in self._told.most_common()]
        rows = [*first, *rest]
        total = sum(int(value.replace(",", "")) for _, value in rows)
        title = f"Category {clean(self._options.category)}: {counted(total, 'address', 'addresses')}"
        self._shown.summary(title, rows, beside_results=self._options.output is None)


def batches(addresses: AddressList) -> Iterator[Batch]:
    """The list in pieces that one request takes."""
    return _cut(addresses, addresses)


def _cut(addresses: Iterable[str], source: AddressList) -> Iterator[Batch]:
    piece: list[str] = []
    octets = 0
    for address in addresses:
        size = len(address.encode())
        if piece and (len(piece) == BATCH or octets + size > BATCH_OCTETS):
            yield Batch(tuple(piece), source.read)
            piece, octets = [], 0
        piece.append(address)
        octets += size
    if piece:
        yield Batch(tuple(piece), source.read)


def ask(api: Api, category: str, addresses: list[str]) -> Iterator[Row]:
    """A row for each address, in their order. Raises CannotRun where the answer is not exactly of these."""
    answer = api.post("/v1/check", {"category": category, "addresses": addresses})
    results = objects(answer.body, "results")
    if [result.get("address") for result in results] != addresses:
        raise CannotRun("The service answered for other addresses than it was asked for: nothing of that is used.")
    return map(_row, results)


def _row(result: dict[str, Any]) -> Row:
    if "error" in result:
        return str(result["address"]), "", "", "", str(result["error"])
    # Nothing but an outspoken true is one: a failed look-up is never "may send" (conformance G4).
    may_send = wanted(result, "may_send", bool)
    return (
        str(result["address"]),
        "true" if may_send else "false",
        str(result.get("reason") or ""),
        str(result.get("since") or ""),
        "",
    )


def _too_long(address: str) -> Row:
    return address[:LONGEST_ADDRESS], "", "", "", f"nothing over {LONGEST_ADDRESS} characters is an address"


def _outcome(row: Row) -> str:
    _, may_send, reason, _, error = row
    if error:
        return NOT_CHECKED
    return MAY_SEND if may_send == "true" else clean(reason) or "withheld"
