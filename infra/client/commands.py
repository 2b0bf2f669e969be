"""What the commands have in common: how each is declared, begun and stopped."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

from infra.client import connecting
from infra.client.api import Api
from infra.client.retrying import Patience
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.client.shown import Shown

STOPPED = 130
"""The exit code after Ctrl-C, as shells have it: 128 and the number of the signal."""

_READER_LEFT = 141
"""The same for SIGPIPE."""


def declare(commands: Any, name: str, text: tuple[str, str, str]) -> argparse.ArgumentParser:
    """A parser with one line of help, a description and an example."""
    line, description, example = text
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=line,
        description=description,
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # Otherwise `--key` would be taken for `--key-file`, and a key for the name of a file.
        allow_abbrev=False,
    )
    connecting.add_to(parser)
    return parser


def connect(options: argparse.Namespace, shown: Shown) -> Api:
    """The service that the options name. Raises CannotRun."""
    return Api(connecting.connection_of(options), lambda: Patience(shown.note))


def same_command(options: argparse.Namespace, *more: str) -> str:
    """What was typed, and perhaps more, to be typed again."""
    words = [word for word in more if word not in options.words]
    return shlex.join([*_program(), *options.words, *words])


def _program() -> list[str]:
    """`python -m infra`, by the name that Python was called by."""
    return [sys.orig_argv[0], "-m", "infra"]


def stopping(shown: Shown, work: Callable[[], int], standing: Callable[[], str]) -> int:
    """What `work` answers; after Ctrl-C `standing` says how things are, and how to go on."""
    try:
        return work()
    except KeyboardInterrupt:
        shown.note(f"Stopped. {standing()}")
        return STOPPED
    except BrokenPipeError:
        # Who read our output has read enough; what Python still holds for them goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _READER_LEFT
    except OSError as error:
        # Files and connections have sentences of their own: what is left is standard output.
        raise CannotRun(f"The output cannot be written: {error.strerror}.") from None
