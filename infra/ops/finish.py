"""`python -m infra finish`: what must follow a deployment, and a smoke test through the public URL."""

from __future__ import annotations

import argparse
from typing import Any

from infra.client.commands import stopping
from infra.client.shown import Shown
from infra.ops import aws, deployed, edge_parameters, stages

_LONGEST = 24 * 60
"""Minutes."""
_LINE = "set up what must follow a deployment, and try it through the public URL"
_DESCRIPTION = """\
After `chalice deploy`, each time: brings what stands around the API to what it should be, and then takes a made-up
recipient through the service as everybody else comes in. It sets the public URL of a stage without a domain; how long
logs are kept; the stack signoff-<stage>-edge (the domain's DNS records, rates for each source by AWS WAF, a log of
requests without addresses and tokens, alarms); what API Gateway answers by itself, which each deployment puts back; and
throttles. It shows what would change, and changes that. Run again it changes nothing that is as it should be.

One-clicks are counted by no rule, and throttled by no limit but the account's own: mailbox providers send them in
bursts.

What is chosen by an option stays chosen until another is. The smoke test works with a sender of its own (smokerun), and
needs to read the stage's secrets; it tells the time from an accepted opt-out to the first check that says no.

Exits with 0: done and tried; 1: failed; 130: stopped by Ctrl-C, while CloudFormation goes on."""
_EXAMPLE = """\
  python -m infra finish --stage dev --dry-run
  python -m infra finish --stage prod --alarm-email ops@example.com --set OptOutsMost=1000"""


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = commands.add_parser(
        "finish",
        help=_LINE,
        description=_DESCRIPTION,
        epilog=f"examples:\n{_EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    stages.add_to(parser)
    deployed.add_to(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")
    parser.add_argument(
        "--public-url",
        metavar="URL",
        help="where links begin for a stage without a domain, if not at API Gateway's own address: a proxy, an engine",
    )
    edge_parameters.add_to(parser)
    trying = parser.add_argument_group("trying it")
    trying.add_argument(
        "--no-smoke", action="store_true", help="leave the smoke test out, where this machine may not read the secrets"
    )
    trying.add_argument(
        "--wait",
        type=_minutes,
        metavar="MINUTES",
        help="how long to wait for the domain to be known in DNS (else 5 where its record is made here, else 0)",
    )
    aws.add_to(parser)
    parser.set_defaults(command=run)


def _minutes(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1
    if not 0 <= found <= _LONGEST:  # nor what is not a number
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes from 0 to {_LONGEST}")
    return found


def run(options: argparse.Namespace) -> int:
    """Finish. Raises CannotRun."""
    from infra.ops.finishing import Finishing  # noqa: PLC0415 - the other commands need not load it

    finishing = Finishing(options, Shown())
    return stopping(finishing.shown, finishing.run, finishing.standing)
