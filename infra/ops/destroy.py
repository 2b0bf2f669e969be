"""`python -m infra destroy`: take a stage's stacks away. What holds data or secrets stays."""

from __future__ import annotations

import argparse
from typing import Any

from infra.client.commands import stopping
from infra.client.shown import Shown
from infra.ops import aws, deployed, stages, yes

_LINE = "take a stage's stacks away; what holds data or secrets stays"
_DESCRIPTION = """\
Deletes the stacks signoff-<stage>-edge and signoff-<stage>-storage, after `chalice delete --stage <stage>`. Tables,
bucket, queues, the key and both secrets are retained: they only leave the stack, with all that is in them, and
`python -m infra provision --stage <stage> --adopt` takes them over again, so that every link that is out opens as
before. It tells what stays, and the commands that remove it for good; none here does that, because without its secrets
no suppression is found again, whatever backup of the tables there is.

It refuses while the functions are deployed, and while anything is protected from deletion: the stack (prod is), or a
table (all are). Taking the protection off is a decision of its own, by the commands that it then tells.

It asks for the name of the stage to be typed. --yes answers for dev and staging; prod needs --confirm prod.

Exits with 0: done, or nothing to do; 1: refused, not confirmed, or failed; 130: stopped by Ctrl-C, while CloudFormation
goes on."""
_EXAMPLE = """\
  python -m infra destroy --stage dev --dry-run
  chalice delete --stage dev && python -m infra destroy --stage dev"""


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = commands.add_parser(
        "destroy",
        help=_LINE,
        description=_DESCRIPTION,
        epilog=f"examples:\n{_EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    stages.add_to(parser)
    parser.add_argument("--dry-run", action="store_true", help="tell what would go, what stays and what is in the way")
    yes.add_to(parser, "; for prod it is not enough")
    parser.add_argument("--confirm", metavar="NAME", help="the stage's name, as --yes, and enough for prod")
    deployed.add_to(parser)
    aws.add_to(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Destroy. Raises CannotRun."""
    from infra.ops.destroying import Destroying  # noqa: PLC0415 - the other commands need not load it

    destroying = Destroying(options, Shown())
    return stopping(destroying.shown, destroying.run, destroying.standing)
