"""--yes, which means the same to every command that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

MEANS = "do it without asking. Without it the command asks on a terminal; elsewhere it changes nothing and says how"


def add_to(parser: argparse.ArgumentParser | argparse._MutuallyExclusiveGroup, more: str = "") -> None:
    """The option. `more` is what is special to the command."""
    parser.add_argument("--yes", action="store_true", help=MEANS + more)
