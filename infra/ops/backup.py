"""`python -m infra backup` and `backup-key`: copy what a deployment holds to where its account does not reach."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from infra.client.commands import stopping
from infra.client.shown import Shown, counted
from infra.local.problems import CannotRun
from infra.ops import aws, deployment

if TYPE_CHECKING:
    from chalicelib.service import Service
    from infra.ops.backups.folder import Manifest
    from infra.ops.backups.writing import Secrets
    from infra.ops.restored.tables import Table

_LINE = "copy the tables and the secrets, encrypted to an ops key; or check a copy"
_DESCRIPTION = """\
Copies both tables and the two secrets into a new folder of --to, which is a folder or s3://BUCKET/PREFIX. Everything in
it is encrypted to the ops key, whose private half is not needed and best not here; manifest.json alone is in clear,
with counts, times and digests. Everybody may write meanwhile: every act that was acknowledged before the beginning is
in the backup. The name of the backup is printed on standard output.

While a restore into new tables is under way it is refused, whoever began that: either pair may lack what was
acknowledged. Before they are served the old ones are copied, which have all of it.

A backup that is broken off has no manifest and is none; begin it anew. For one in S3 the encrypted files lie in the
system's temporary folder first (TMPDIR).

--check looks whether a backup is whole; with --identity it also opens and counts all of it.

Exits with 0: done; 1: failed; 130: stopped by Ctrl-C."""
_EXAMPLE = """\
  python -m infra backup-key --out ops.key
  python -m infra backup --stage prod --to s3://backups.example.com/signoff --ops-key ops.key.pub
  python -m infra backup --check s3://backups.example.com/signoff/signoff-prod-20261121T080000Z-1f3a \\
      --identity ops.key"""
_KEY_LINE = "make the pair of keys that backups are encrypted to"
_KEY_DESCRIPTION = """\
Makes an age key pair: the private half in FILE, encrypted with a passphrase, and the public half in FILE.pub. Keep the
private half and its passphrase where nobody of this account reaches them, twice: without them no backup opens."""


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = _parser(commands, "backup", _LINE, _DESCRIPTION, epilog=f"examples:\n{_EXAMPLE}")
    does = parser.add_mutually_exclusive_group(required=True)
    does.add_argument("--to", metavar="PLACE", help="the folder, or s3://BUCKET/PREFIX, that gets a new backup")
    does.add_argument("--check", metavar="BACKUP", help="look whether this backup is whole")
    parser.add_argument("--ops-key", type=Path, metavar="FILE", help="public keys (age1…), one on each line")
    add_identity_to(parser)
    deployment.add_to(parser)
    parser.set_defaults(command=run)
    pair = _parser(commands, "backup-key", _KEY_LINE, _KEY_DESCRIPTION)
    pair.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the private half is written")
    _add_passphrase_to(pair)
    pair.set_defaults(command=make_key)


def add_identity_to(parser: argparse.ArgumentParser) -> None:
    """The options of whoever opens a backup."""
    parser.add_argument("--identity", type=Path, metavar="FILE", help="the private half of the ops key")
    _add_passphrase_to(parser)


def _add_passphrase_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="its first line is the passphrase (else it is asked for)"
    )


def _parser(commands: Any, name: str, line: str, text: str, **more: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=line,
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        **more,
    )
    return parser


def make_key(options: argparse.Namespace) -> int:
    """Make a pair. Raises CannotRun."""
    from infra.ops.backups.keys import make_pair, new_passphrase  # noqa: PLC0415 - the other commands need not load it

    public = make_pair(options.out, new_passphrase(options.passphrase_file))
    Shown().note(f"{options.out} is the private half: keep it and its passphrase elsewhere. {public} is for --ops-key.")
    return 0


def run(options: argparse.Namespace) -> int:
    """Back up, or check. Raises CannotRun."""
    shown = Shown()
    if options.check is not None:
        return stopping(shown, lambda: _check(options, shown), lambda: "Nothing was changed.")
    return stopping(
        shown, lambda: _back_up(options, shown), lambda: "What was written has no manifest, and is no backup."
    )


def _back_up(options: argparse.Namespace, shown: Shown) -> int:
    if options.ops_key is None:
        raise CannotRun("--ops-key is missing: `python -m infra backup-key --out FILE` makes a pair of keys.")
    service = deployment.service_of(options)
    from infra.ops.backups.folder import new_backup  # noqa: PLC0415 - not before the settings are what is meant
    from infra.ops.backups.keys import recipients_in  # noqa: PLC0415 - as above
    from infra.ops.backups.loading import refuse_half  # noqa: PLC0415 - as above
    from infra.ops.backups.writing import Source, write_backup  # noqa: PLC0415 - as above
    from infra.ops.restored.mending import in_sentences  # noqa: PLC0415 - as above
    from infra.ops.restored.under_way import refuse_under_way  # noqa: PLC0415 - as above

    keys = recipients_in(options.ops_key)
    if service.settings.dynamodb_url is not None and options.stage is None and options.to.startswith("s3://"):
        raise CannotRun("The tables of a local engine are backed up into a folder: name one by --to.")
    recipients, control = tables_of(options, service)
    if options.stage is not None:
        with in_sentences():
            refuse_half(recipients, control)
            refuse_under_way(recipients, control, options, shown)
    name = options.stage or "local"
    source = Source(name, recipients, control, lambda: secrets_of(options), lambda: time.time_ns() // 1_000_000)
    # Two that are made in the same second have two names, on two machines, too.
    called = f"signoff-{name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{token_hex(2)}"
    with in_sentences(), new_backup(options, options.to, called) as folder:
        manifest = write_backup(source, folder, keys, shown)
    place = f"{options.to.rstrip('/')}/{called}"
    shown.summary(f"Backup of {name}", _rows(manifest), beside_results=True)
    print(place)
    return 0


def _check(options: argparse.Namespace, shown: Shown) -> int:
    from infra.ops.backups.folder import backup_at  # noqa: PLC0415 - the other commands need not load it
    from infra.ops.backups.keys import identity_in  # noqa: PLC0415 - as above
    from infra.ops.backups.writing import Reading, open_backup  # noqa: PLC0415 - as above

    with backup_at(options, options.check) as folder:
        manifest = open_backup(folder, options.check)
        if options.identity is not None:
            Reading(folder, manifest, identity_in(options.identity, options.passphrase_file)).check()
    opened = "opened, counted: whole" if options.identity else "digests are right; not opened (--identity)"
    shown.summary(f"Backup of {manifest.stage}", [*_rows(manifest), ("state", opened)])
    return 0


def _rows(manifest: Manifest) -> list[tuple[str, str]]:
    from chalicelib.api.times import tell  # noqa: PLC0415 - the other commands need not load it

    files = [
        (name, f"{counted(file.items, 'item', 'items')}, {counted(file.octets, 'octet', 'octets')}")
        for name, file in manifest.files.items()
    ]
    return [("begun", str(tell(manifest.started))), ("ended", str(tell(manifest.ended))), *files]


def tables_of(options: argparse.Namespace, service: Service) -> tuple[Table, Table]:
    """The tables of recipients and of control that the service works on."""
    from infra.ops.restored.tables import Table  # noqa: PLC0415 - the other commands need not load it

    settings = service.settings
    meant = {"region": settings.region, "endpoint_url": settings.dynamodb_url or options.endpoint_url}
    client = aws.client("dynamodb", argparse.Namespace(**{**vars(options), **meant}))
    return Table(client, settings.recipients_table), Table(client, settings.control_table)


def secrets_of(options: argparse.Namespace) -> Secrets:
    """Both secrets as they are now, of the deployment that `service_of` found. Raises CannotRun."""
    held = deployment.stage_environment(options) if options.stage is not None else os.environ
    names = deployment.SECRETS.values()
    if any(not held.get(name) for name in names):
        raise CannotRun("The settings of the environment name secrets and do not hold them: name the stage by --stage.")
    return {name: held[name] for name in names}
