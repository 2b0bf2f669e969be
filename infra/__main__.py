"""The command line of those who run Signoff, and of those who use one that runs."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from itertools import groupby
from typing import TYPE_CHECKING, Any, NoReturn

from infra import engine_command
from infra.client import changes, checking, exporting, importing
from infra.local import run, worker
from infra.local.problems import CannotRun
from infra.ops import (
    api_keys,
    backup,
    build,
    destroy,
    doctor,
    finish,
    keys,
    provision,
    restore,
    revert,
    senders,
    status,
)
from infra.ops.hints import with_place

if TYPE_CHECKING:
    from collections.abc import Iterable

LOCAL = (run, worker, engine_command)
CLIENT = (importing, exporting, checking, changes)
OPS = (provision, build, finish, doctor, status, senders, api_keys, keys, revert, backup, restore, destroy)
_EPILOG = """\
`python -m infra COMMAND --help` tells all of one, with examples. From an empty AWS account to a running service it is
provision, `chalice deploy`, finish: docs/operate.md.

All end with 0 where all went well, 1 and a sentence where not, and 2 where they were typed wrongly; what is special to
one stands in its help."""
COMMANDS = LOCAL + CLIENT + OPS
"""Modules with `add_to(commands)`, which adds a parser and sets its default `command`: options → exit code."""


class _Help(argparse.RawDescriptionHelpFormatter):
    """Paragraphs as wide as the terminal; lines that begin with a space, such as examples, as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        groups = groupby(text.splitlines(), lambda line: not line or line.startswith(" "))
        filled = (lines if is_kept else _wrapped(lines, width) for is_kept, lines in groups)
        return "".join(f"{indent}{line}\n" for lines in filled for line in lines)


def _wrapped(lines: Iterable[str], width: int) -> list[str]:
    return textwrap.wrap(" ".join(lines), width, break_long_words=False, break_on_hyphens=False)


class _Parser(argparse.ArgumentParser):
    """A parser that repeats no API key of what it does not understand; those of its commands are of its kind too."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**{**told, "formatter_class": _Help})

    def error(self, message: str) -> NoReturn:
        """Say it and exit with 2."""
        super().error(re.sub(r"sgn_\S+", "sgn_…", message))


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    made = _Parser(prog="python -m infra", description=__doc__, epilog=_EPILOG)
    commands = made.add_subparsers(required=True, metavar="command")
    for module in COMMANDS:
        module.add_to(commands)
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 1 and one sentence on standard error where it cannot run."""
    options = parser().parse_args(arguments)
    options.words = sys.argv[1:] if arguments is None else arguments
    try:
        code: int = options.command(options)
    except CannotRun as error:
        print(with_place(str(error), options), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped before anything was begun.", file=sys.stderr)
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
