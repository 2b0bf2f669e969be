"""`python -m infra engine`: where the local engine is, or what to install to have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.local.engine import find_dynoxide

if TYPE_CHECKING:
    import argparse


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = commands.add_parser(
        "engine", help="say where the local engine is, or what is missing", description=__doc__
    )
    parser.set_defaults(command=show)


def show(_options: argparse.Namespace) -> int:
    """Print the engine's path. Raises EngineMissing."""
    print(find_dynoxide())
    return 0
