"""`python -m infra status`: one screen about a stage."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from infra.client.commands import stopping
from infra.client.shown import Shown
from infra.ops import aws, deployed, stages

if TYPE_CHECKING:
    from infra.ops.examined.outside import Outside

_LINE = "one screen: is a stage there, does it answer, and is anything waiting"
_DESCRIPTION = """\
Tells on one screen whether a stage is there and since when, where it answers and whether it does, which key version
mints, how many senders there are, what waits in the queue and what failed for good, which alarms sound, how large the
tables are and how far back they can be restored, and how many opted out in the last hour. Changes nothing; no address
and no secret is told. What cannot be told is "not known", with the reason.

`doctor` says whether all of it is as it should be.

Exits with 0: told, whatever it is; 1: it could not run; 130: stopped by Ctrl-C."""
_EXAMPLE = "  python -m infra status --stage prod --json | jq .dead_letters"


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = commands.add_parser(
        "status",
        help=_LINE,
        description=_DESCRIPTION,
        epilog=f"example:\n{_EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    stages.add_to(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object, on standard output")
    deployed.add_to(parser)
    aws.add_to(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, outside: Outside | None = None) -> int:
    """Look, and tell. Raises CannotRun."""
    shown = Shown()
    return stopping(shown, lambda: _run(options, shown, outside), lambda: "Nothing was changed.")


def _run(options: argparse.Namespace, shown: Shown, outside: Outside | None) -> int:
    from infra.ops.doctor import view_of  # noqa: PLC0415 - the other commands need not load it
    from infra.ops.examined.standing import rows, standing  # noqa: PLC0415 - as above

    view = view_of(options, outside)
    with aws.explaining():
        view.account  # noqa: B018 - the first call: without credentials nothing else needs to be tried
    told = standing(view)
    if options.json:
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    else:
        shown.summary(f"Stage {view.name}, in {view.region} of account {view.account}", rows(told))
    return 0
