"""A backup into a new data folder, which `make run` then serves: a restore that needs no AWS, for drills."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import botocore.session

from infra.local.engine import start_dynoxide
from infra.local.environment import LOCAL_AWS, STAGE
from infra.local.folder import SECRETS, open_folder, read_secrets, write_privately
from infra.local.problems import CannotRun
from infra.ops.asked import is_wanted
from infra.ops.backups.folder import backup_at
from infra.ops.backups.keys import identity_in
from infra.ops.backups.loading import Loading
from infra.ops.backups.writing import Reading, open_backup
from infra.ops.restored.mending import in_sentences, mend_and_begin
from infra.ops.restored.missing import gone_both
from infra.ops.restored.run import Pair, Tables
from infra.ops.restored.tables import Table
from infra.storage import create_tables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from infra.client.shown import Shown
    from infra.local.folder import DataFolder
    from infra.ops.backups.writing import Secrets


def into_folder(options: argparse.Namespace, shown: Shown) -> int:
    """The command without a stage. Raises CannotRun."""
    with opened(options, shown) as reading:
        if options.dry_run:
            shown.note(f"It would be put into {options.data_dir}. Nothing was changed (--dry-run).")
            return 0
        if not is_wanted(options, shown, f"The backup would be put into {options.data_dir}."):
            return 1
        with in_sentences(), _engine_of(options.data_dir, reading.secrets()) as (recipients, control):
            loading = Loading(recipients, control, reading.manifest.id)
            if not loading.is_possible():
                raise CannotRun(f"{options.data_dir} holds data: name a new folder.")
            loading.begin()
            loading.load(reading, shown)
            tables = Tables(recipients, control, Pair(None, None, gone_both(reading.manifest.started)))
            mend_and_begin(tables, reading.secrets(), reading.manifest.started, shown)
    shown.note(f"Restored. To serve it: SIGNOFF_LOCAL_DIR={options.data_dir} make run")
    return 0


@contextmanager
def opened(options: argparse.Namespace, shown: Shown) -> Iterator[Reading]:
    """The backup that the options name, all of which was opened once: it is whole. Raises CannotRun."""
    with backup_at(options, options.source) as folder:
        manifest = open_backup(folder, options.source)
        reading = Reading(folder, manifest, identity_in(options.identity, options.passphrase_file))
        shown.note(f"Opening all of {options.source}, a backup of {manifest.stage}, to see that it is whole.")
        reading.check()
        yield reading


@contextmanager
def _engine_of(path: Path, secrets: Secrets) -> Iterator[tuple[Table, Table]]:
    LOCAL_AWS.apply()
    with open_folder(path) as folder:
        _put_secrets(folder, secrets)
        engine = start_dynoxide(folder.data_file)
        try:
            client = botocore.session.get_session().create_client("dynamodb", endpoint_url=engine.url)
            names = create_tables(client, STAGE)
            yield Table(client, names.recipients), Table(client, names.control)
        finally:
            engine.stop()


def _put_secrets(folder: DataFolder, secrets: Secrets) -> None:
    """Before there is any data; never over others."""
    file = folder.path / SECRETS
    if file.exists():
        if read_secrets(folder.path) != secrets:
            raise CannotRun(f"{folder.path} has secrets of its own: name a new folder.")
    elif folder.data_file.exists():
        raise CannotRun(f"{folder.path} holds data, and its secrets are missing: name a new folder.")
    else:
        write_privately(file, json.dumps(secrets, indent=2))
