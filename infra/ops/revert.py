"""`python -m infra revert`: list, and reverse, the acts of one way and time window."""

from __future__ import annotations

import argparse
from typing import Any

from infra.client.commands import stopping
from infra.client.shown import Shown
from infra.ops import deployment, yes

_LINE = "list acts of one way and time window, and reverse them where they still stand"
_DESCRIPTION = """\
Lists the acts that came by one way within a time window, one line for each: when it was recorded, sender, recipient id
(never an address), what it did, and what reversing it would do; then it asks whether to reverse them. With --yes it
reverses them without a list. Ways are opt_out_form, one_click, unsubscribe_page, preference_page and mailto; and ops,
for taking reversals back.

Reversing puts each choice back to what it was before the act, and only where the act is still what it comes from: who
has chosen anew since, or had opted out before, stays opted out, and of who was erased nothing comes back. Each reversal
is an act of its own in the ledger; the recipient sees it in its history, the sender in the change feed.

After Ctrl-C or a failure the same command goes on; run again it reverses nothing twice.

Exits with 0: listed, or reversed; 1: failed; 130: stopped by Ctrl-C."""
_EXAMPLE = """\
  python -m infra revert --via opt_out_form --from 2026-11-21T08:00 --to 2026-11-21T09:00
  python -m infra revert --via one_click --key-version 2 --from 2026-11-01T00:00Z --to 2026-11-21T09:00+01:00 --yes"""


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = commands.add_parser(
        "revert",
        help=_LINE,
        description=_DESCRIPTION,
        epilog=f"examples:\n{_EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--via", required=True, metavar="WAY", help="the way by which the acts came")
    parser.add_argument("--from", required=True, dest="start", metavar="TIME", help="recorded at this time or later")
    parser.add_argument(
        "--to",
        required=True,
        dest="end",
        metavar="TIME",
        help="and before this one; without Z or an offset both are UTC",
    )
    parser.add_argument("--sender", metavar="CODE", help="of this sender alone; else of all senders")
    parser.add_argument("--key-version", type=int, metavar="N", help="that came by links of this key version alone")
    does = parser.add_mutually_exclusive_group()
    does.add_argument("--list", action="store_true", help="list alone: ask nothing, and change nothing")
    yes.add_to(does, "; nothing is listed before, then")
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each act; asks nothing")
    deployment.add_to(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Revert. Raises CannotRun."""
    service = deployment.service_of(options)
    from infra.ops.reverting import Reverting  # noqa: PLC0415 - the other commands need not load the service

    shown = Shown()
    # Where the lines pass by on the terminal, a bar would be torn by them.
    shown.quiet = shown.out.is_terminal and (options.json or not options.yes)
    reverting = Reverting(options, service, shown)
    return stopping(shown, reverting.run, reverting.standing)
