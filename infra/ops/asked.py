"""What the commands on tables have in common: a question before what cannot be taken back, and trouble in sentences."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chalicelib.domain.errors import (
    ActRefused,
    CategoryRefused,
    InvalidRequest,
    PepperUnusable,
    StoreUnavailable,
    UnknownKey,
    UnknownSender,
)
from infra.client.commands import same_command
from infra.local.problems import CannotRun
from infra.ops.deployment import command, where

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from chalicelib.service import Service
    from infra.client.shown import Shown

_YES = "yes"


def is_wanted(options: argparse.Namespace, shown: Shown, what: str) -> bool:
    """Whether to go on, by --yes or by the word `yes` on a terminal; elsewhere it says how to say so."""
    if options.yes:
        return True
    shown.note(what)
    if not sys.stdin.isatty():
        shown.note(nobody_here(options, "--yes"))
        return False
    shown.err.print(f"Type {_YES} to do it: ", end="")
    if sys.stdin.readline().strip() == _YES:
        return True
    shown.note("Nothing was changed.")
    return False


def nobody_here(options: argparse.Namespace, say: str) -> str:
    """What to type where there is no terminal to ask at."""
    return f"Nothing was changed, because there is nobody here to ask. To do it:\n  {same_command(options, say)}"


@contextmanager
def told(service: Service, options: argparse.Namespace, code: str | None = None) -> Iterator[None]:
    """What the service refuses is a sentence. Raises CannotRun."""
    try:
        yield
    except UnknownSender:
        listing = command(options, "sender", "list")
        raise CannotRun(f"There is no sender {code}: `{listing}` lists those that there are.") from None
    except UnknownKey:
        listing = command(options, "key", "list", "--sender", str(code))
        raise CannotRun(f"The sender {code} has no such key: `{listing}` lists its keys.") from None
    except PepperUnusable as error:
        raise CannotRun(f"{error}: is the secret of the peppers that of these tables?".capitalize()) from None
    except (ActRefused, CategoryRefused, InvalidRequest) as error:
        raise CannotRun(f"This cannot be done: {error}.") from None
    except StoreUnavailable as error:
        raise CannotRun(f"{where(service)} did not answer as it should ({error}): perhaps it was done; look.") from None
