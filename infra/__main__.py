"""The command line of those who run Signoff, and of those who use one that runs."""

from __future__ import annotations

import argparse
import re
import sys
from typing import NoReturn

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

LOCAL = (run, worker, engine_command)
CLIENT = (importing, exporting, checking, changes)
OPS = (provision, build, finish, doctor, status, senders, api_keys, keys, revert, backup, restore, destroy)
COMMANDS = LOCAL + CLIENT + OPS
"""Modules with `add_to(commands)`, which adds a parser and sets its default `command`: options → exit code."""


class _Parser(argparse.ArgumentParser):
    """A parser that repeats no API key of what it does not understand; those of its commands are of its kind too."""

    def error(self, message: str) -> NoReturn:
        """Say it and exit with 2."""
        super().error(re.sub(r"sgn_\S+", "sgn_…", message))


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    made = _Parser(prog="python -m infra", description=__doc__)
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
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped before anything was begun.", file=sys.stderr)
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
