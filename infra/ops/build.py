"""`python -m infra build`: makes what `chalice deploy` zips, or says whether it is made."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from infra.local.children import ROOT

_LINE = "make what `chalice deploy` puts into the layer and the zip (it does so by itself)"
_DESCRIPTION = """\
Makes vendor/, the packages that the functions need, trimmed and compiled for the Python that runs this, and compiles
chalicelib. `chalice deploy` and `chalice package` do the same by themselves before they zip; this is for seeing it, and
for pipelines that fetch packages in a step of their own. What is made already is not made again.

Exits with 0: made; 1: it could not be made, or with --check: it is not made, or stale."""


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = commands.add_parser(
        "build", help=_LINE, description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="only say whether vendor/ is what would be made now")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Build, or check. Raises CannotRun."""
    from infra.packaging.build import prepare, why_stale  # noqa: PLC0415 - it imports Chalice, which no other command needs

    if not options.check:
        print("vendor/ was made." if prepare(ROOT) else "vendor/ was up to date; chalicelib is compiled.")
        return 0
    reason = why_stale(ROOT)
    if reason is None:
        print("vendor/ is up to date.")
        return 0
    print(f"vendor/ has to be built: {reason}.", file=sys.stderr)
    return 1
