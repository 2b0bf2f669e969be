"""`python -m infra provision`: make or change what a stage keeps its data and secrets in, and tell the deployment."""

from __future__ import annotations

import argparse
from typing import Any

from infra.client.commands import stopping
from infra.client.shown import Shown
from infra.ops import aws, stages

_LINE = "make or change a stage's tables, bucket, queues, key and secrets"
_DESCRIPTION = """\
Brings the stack signoff-<stage>-storage to what infra/storage.yaml says: two tables, a bucket, the queue of jobs with
its dead letters, and two secrets under a key of their own. It shows what would change, does it, tells each resource as
it goes, gives the secrets their first value where they have none, and writes the stage's settings into
.chalice/config.json: names and addresses, no secret. Run again it changes nothing that is as it should be.

Everything that holds data or secrets outlives the stack; --adopt has a new stack take it over, with all that is in it.
The stage prod is protected from deletion. It needs its own domain and a certificate for it in the same region, because
the address that API Gateway gives dies with its API, and links never expire.

Exits with 0: done, or nothing to change; 1: failed; 130: stopped by Ctrl-C, while CloudFormation goes on."""
_EXAMPLE = """\
  python -m infra provision --stage dev --dry-run
  python -m infra provision --stage prod --region eu-central-1 --domain choices.example.com \\
      --certificate-arn arn:aws:acm:eu-central-1:123456789012:certificate/0f0c…"""


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = commands.add_parser(
        "provision",
        help=_LINE,
        description=_DESCRIPTION,
        epilog=f"examples:\n{_EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    stages.add_to(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")
    parser.add_argument(
        "--adopt", action="store_true", help="take over the tables, secrets and the like that `destroy` left"
    )
    domain = parser.add_argument_group("the domain", "Where all links lead. Once links are out it cannot change.")
    domain.add_argument("--domain", metavar="NAME", help="such as choices.example.com; needed for prod, once")
    domain.add_argument("--certificate-arn", metavar="ARN", help="its certificate, of ACM in the stage's region")
    aws.add_to(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Provision. Raises CannotRun."""
    from infra.ops.provisioning import Provisioning  # noqa: PLC0415 - the other commands need not load it

    provisioning = Provisioning(options, Shown())
    return stopping(provisioning.shown, provisioning.run, provisioning.standing)
