"""`python -m infra changes`: print the change feed, follow it, and keep its place."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from infra.client.api import objects, wanted
from infra.client.commands import connect, declare, same_command, stopping
from infra.client.refusals import clean
from infra.client.shown import Shown
from infra.client.wire import SECONDS_TO_ANSWER
from infra.local.folder import write_privately
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    import argparse

    from infra.client.api import Api

WAIT = 20
"""In seconds: how long the service holds a question that it has no news for."""

_LONGEST_CURSOR = 10_000
_LINE = "print what changed, and follow it"
_DESCRIPTION = """\
Prints the change feed, one line for each change: time, way, recipient id, and what was added to and removed from the
suppression list. Without --cursor-file it begins with the first change there is; with it, it goes on where the file
says, and keeps the place there after each page is printed: a change may be printed twice, and is never missed. A
FILE.cursor that `export` wrote is such a file: copy it first if the export's own place is to be kept.

Exits with 0: all was printed; 1: failed; 130: stopped by Ctrl-C."""
_EXAMPLE = """\
  python -m infra changes --follow --cursor-file feed.cursor
  python -m infra changes --json | jq -c 'select(.added != [])'"""


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = declare(commands, "changes", (_LINE, _DESCRIPTION, _EXAMPLE))
    parser.add_argument("--follow", action="store_true", help="wait for more until Ctrl-C")
    parser.add_argument("--cursor-file", type=Path, metavar="FILE", help="where the place in the feed is kept")
    parser.add_argument(
        "--json", action="store_true", help="each change as the service tells it, one JSON object a line"
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print changes. Raises CannotRun."""
    shown = Shown()
    printing = Printing(options, connect(options, shown), shown)
    return stopping(shown, printing.run, printing.standing)


class Printing:
    """One run through the feed."""

    def __init__(self, options: argparse.Namespace, api: Api, shown: Shown) -> None:
        self._options, self._api, self._shown = options, api, shown
        self._cursor: str | None = None

    def run(self) -> int:
        """Until there is no more, or for ever; the exit code."""
        self._cursor = self._kept_cursor()
        while self._print_page() or self._options.follow:
            pass
        return 0

    def standing(self) -> str:
        """How things are, and the command to go on with."""
        file = self._options.cursor_file
        if file is None:
            return f"No place in the feed was kept. Print it again, and keep it, with:\n  {self._keeping()}"
        return (
            f"{file} holds the place after the last page that was printed. Go on with:\n  {same_command(self._options)}"
        )

    def _keeping(self) -> str:
        return same_command(self._options, "--cursor-file", "feed.cursor")

    def _print_page(self) -> bool:
        """Print a page and keep the place after it; whether there is more at once."""
        query: dict[str, str | int] = {} if self._cursor is None else {"cursor": self._cursor}
        if self._options.follow:
            query["wait"] = WAIT
        page = self._api.get(
            "/v1/changes", query, seconds=SECONDS_TO_ANSWER + WAIT, endless=bool(self._options.follow)
        ).body
        for change in objects(page, "changes"):
            self._print(change)
        sys.stdout.flush()
        # Only now: stopped before this, the page is printed again, and nothing is missed.
        self._keep(wanted(page, "cursor", str))
        return bool(page.get("more"))

    def _print(self, change: dict[str, Any]) -> None:
        if self._options.json:
            sys.stdout.write(json.dumps(change) + "\n")
        elif self._shown.out.is_terminal:
            self._shown.out.print(line_of(change), soft_wrap=True)
        else:
            sys.stdout.write(f"{line_of(change).plain}\n")

    def _kept_cursor(self) -> str | None:
        file: Path | None = self._options.cursor_file
        if file is None:
            return None
        try:
            cursor = file.read_text("ascii").strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            cursor = ""
        if not cursor or len(cursor) > _LONGEST_CURSOR or any(not "!" <= c <= "~" for c in cursor):
            raise CannotRun(f"{file} holds no cursor: name another file, or delete it to begin with the first change.")
        return cursor

    def _keep(self, cursor: str) -> None:
        file: Path | None = self._options.cursor_file
        if file is not None and cursor != self._cursor:
            try:
                write_privately(file, f"{cursor}\n")
            except OSError as error:
                raise CannotRun(f"{file} cannot be written: {error.strerror}.") from None
        self._cursor = cursor


def line_of(change: dict[str, Any]) -> Text:
    """One change on one line, in columns; colours where there is a terminal."""
    time = clean(change.get("recorded") or "-")
    if change.get("type") != "recipient":
        return Text(f"{time:<24}  {'':<15}  ").append(_other(change), "cyan")
    line = Text(f"{time:<24}  {clean(change.get('via') or '-'):<15}  {clean(change.get('recipient')):<30}")
    for name, sign, style in (("added", "+", "red"), ("removed", "-", "green")):
        for row in objects(change, name):
            line.append(f"  {sign} {clean(row.get('category'))} {clean(row.get('reason'))}", style)
    if change.get("erased"):
        line.append("  erased", "bold")
    elif not (change.get("added") or change.get("removed")):
        line.append("  nothing added or removed", "dim")
    return line


def _other(change: dict[str, Any]) -> str:
    kind = clean(change.get("type"))
    category = change.get("category")
    name = f" {clean(category.get('id'))}" if isinstance(category, dict) else ""
    return f"{kind}{name} changed"
