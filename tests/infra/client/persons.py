"""One who types commands, in this process: with a service of their own choice, and no time lost in pauses."""

from __future__ import annotations

import argparse
import io
import os
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console

from infra.client import changes, checking, exporting, importing
from infra.client.api import Api
from infra.client.commands import stopping
from infra.client.connecting import Connection
from infra.client.retrying import Patience
from infra.client.shown import Shown
from infra.local.problems import CannotRun
from tests.infra.client.fake import KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.client.fake import FakeSignoff

RUNS: dict[str, type[Any]] = {
    "import": importing.Importing,
    "export": exporting.Exporting,
    "check": checking.Checking,
    "changes": changes.Printing,
}


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Person:
    """Types commands for one service."""

    url: str
    pauses: list[float] = field(default_factory=list)

    def api(self, shown: Shown) -> Api:
        return Api(
            Connection(self.url, KEY), lambda: Patience(shown.note, pause=self.pauses.append, chance=lambda: 0.5)
        )

    def types(self, *words: str | Path) -> Said:
        arguments = [str(word) for word in words]
        out, err = io.StringIO(), io.StringIO()
        consoles = [Console(file=file, highlight=False, width=100) for file in (out, err)]
        with redirect_stdout(out):
            code = self._run(arguments, Shown(consoles[0], consoles[1]))
        sys.stderr.write(err.getvalue() + out.getvalue())
        said = Said(code, out.getvalue(), err.getvalue())
        assert KEY not in said.out + said.err
        assert "canary-signature" not in said.out + said.err
        return said

    def _run(self, arguments: list[str], shown: Shown) -> int:
        try:
            work = RUNS[arguments[0]](options_of(arguments), self.api(shown), shown)
            code: int = stopping(shown, work.run, work.standing)
        except CannotRun as error:
            # As `python -m infra` has it.
            shown.note(str(error))
            return 1
        return code


def options_of(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    for module in (importing, exporting, checking, changes):
        module.add_to(commands)
    options = parser.parse_args(arguments)
    options.words = arguments
    return options


def environment_of(fake: FakeSignoff) -> dict[str, str]:
    """For a command that is a process of its own."""
    return {**os.environ, "SIGNOFF_URL": fake.url, "SIGNOFF_API_KEY": KEY}
