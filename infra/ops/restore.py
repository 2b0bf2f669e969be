"""`python -m infra restore`: tables of before, made whole, with what is newer; from points in time or from a backup."""

from __future__ import annotations

import argparse
from typing import Any

from infra.client.commands import stopping
from infra.client.shown import Shown
from infra.local.problems import CannotRun
from infra.ops import backup, deployed, deployment, yes

_LONGEST = 24 * 60
"""Minutes."""
_LINE = "bring back the tables of a stage, from points in time or from a backup"
_DESCRIPTION = """\
Makes tables as they were, mends them (of a transaction that they hold by half the rest is made again), takes over what
the stage's own tables have that is newer, where they are still there, and begins a new epoch: whoever follows the
change feed gets 410 and reads it anew. Where a table of before is gone it says which interval of it may be missing.

  1. restore --stage NAME            new tables from point-in-time recovery, as of --at or the latest moment;
     restore --stage NAME --from …   from a backup: into the stage's own tables where they are empty, else into new ones
  2. restore --stage NAME --finish --wait 30
                                     begun now, and left running: what comes to the old ones is taken over each second;
                                     once no function uses them any more they are sealed, and jobs go on
  3. chalice deploy --stage NAME     in another terminal: the functions change over; both tables take acts meanwhile

Steps 2 and 3 belong to new tables alone. No act that was acknowledged is lost between them, and the new tables know
within seconds what came to the old ones. (Without --wait, --finish comes after the deployment, and until it has run a
check on the new tables does not know that.) The old tables stay. In an empty account run `provision` first: a backup's
secrets go into its secrets while its tables are empty.

Without --stage a backup is restored into a new --data-dir, and `make run` serves it there: a drill that needs no AWS.

Killed or failed, the same command goes on. Exits with 0: done; 1: failed; 130: stopped by Ctrl-C."""
_EXAMPLE = """\
  python -m infra restore --stage prod --at 2026-11-21T08:00Z --dry-run
  python -m infra restore --stage prod --from s3://backups.example.com/signoff/signoff-prod-20261121T080000Z-1f3a \\
      --identity ops.key
  python -m infra restore --stage prod --secrets-only --from backups/signoff-prod-20261121T080000Z-1f3a \\
      --identity ops.key
  python -m infra restore --from backups/signoff-prod-20261121T080000Z-1f3a --identity ops.key --data-dir .drill"""


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = commands.add_parser(
        "restore",
        help=_LINE,
        description=_DESCRIPTION,
        epilog=f"examples:\n{_EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--at", metavar="TIME", help="the moment to restore to (else the latest); UTC without a zone")
    source.add_argument("--from", dest="source", metavar="BACKUP", help="a backup: its folder, or s3://BUCKET/PREFIX")
    source.add_argument("--finish", action="store_true", help="after the deployment: take over the rest, seal, go on")
    parser.add_argument(
        "--wait",
        type=_minutes,
        default=0,
        metavar="MINUTES",
        help="with --finish: wait so long for the deployment, and take over all along",
    )
    parser.add_argument(
        "--secrets-only", action="store_true", help="with --from: put back a stage's secrets that are lost, no item"
    )
    backup.add_identity_to(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    yes.add_to(parser)
    deployed.add_to(parser)
    deployment.add_to(parser)
    parser.set_defaults(command=run)


def _minutes(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes from 1 to {_LONGEST}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Restore. Raises CannotRun."""
    if options.wait and not options.finish:
        raise CannotRun("--wait goes with --finish.")
    if options.source is not None and options.identity is None:
        raise CannotRun("--identity is missing: the private half of the ops key that the backup is encrypted to.")
    if options.stage is None and (options.source is None or options.data_dir is None):
        raise CannotRun("Name a stage by --stage; or a backup by --from, and a new folder for it by --data-dir.")
    if options.secrets_only and (options.source is None or options.stage is None):
        raise CannotRun("--secrets-only goes with --stage and --from.")
    if options.stage is not None and options.data_dir is not None:
        raise CannotRun("--stage and --data-dir mean two deployments: use one of them.")
    from infra.ops.restored.finishing import Finishing  # noqa: PLC0415 - the other commands need not load it
    from infra.ops.restored.local import into_folder  # noqa: PLC0415 - as above
    from infra.ops.restored.stage import StageRestore  # noqa: PLC0415 - as above

    shown = Shown()
    if options.finish:
        work = Finishing(options, shown).run
    elif options.stage is None:

        def work() -> int:
            return into_folder(options, shown)
    else:
        work = StageRestore(options, shown).run
    return stopping(shown, work, lambda: "The same command goes on from here.")
