"""A restore into new tables that was begun: which these are, so that the same command goes on with them."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from infra.local.folder import write_privately
from infra.local.problems import CannotRun
from infra.ops.deployment import command
from infra.ops.restored.notes import load_run
from infra.ops.restored.tables import Table
from infra.storage import TableNames

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from infra.ops.stages import Stage

POINTS = "points in time"
_SETTINGS = ("SIGNOFF_RECIPIENTS_TABLE", "SIGNOFF_CONTROL_TABLE")
_SUFFIX = re.compile(r"-r\d{14}\Z")
"""The functions' policies allow these names: signoff-<stage>-recipients-r and fourteen characters."""


@dataclass(frozen=True, slots=True)
class Begun:
    """`source` is POINTS or a backup's id; `at` the moment of which the tables are, in milliseconds since 1970 UTC."""

    source: str
    at: int
    before: TableNames
    after: TableNames


def begin(source: str, at: int, before: TableNames) -> Begun:
    """New names, by the time."""
    suffix = time.strftime("-r%Y%m%d%H%M%S", time.gmtime())
    return Begun(source, at, before, TableNames(base(before.recipients) + suffix, base(before.control) + suffix))


def base(name: str) -> str:
    """The name that the stack gave to the table that this one was restored from."""
    return _SUFFIX.sub("", name)


def names_of(stage: Stage) -> TableNames:
    """The tables that the stage's settings name."""
    return TableNames(*(stage.settings[name] for name in _SETTINGS))


def switch(stage: Stage, names: TableNames) -> None:
    """Has the stage's settings name these. Raises CannotRun."""
    stage.set(dict(zip(_SETTINGS, (names.recipients, names.control), strict=True)))
    stage.write()


def file_of(options: argparse.Namespace) -> Path:
    """Where it is noted."""
    file: Path = options.project / ".chalice" / f"restore-{options.stage}.json"
    return file


def finish_command(options: argparse.Namespace) -> str:
    """What ends a restore into new tables, to be typed."""
    return command(options, "restore", "--finish", "--wait 30")


def refuse_unended(recipients: Table, control: Table, options: argparse.Namespace) -> None:
    """Raises CannotRun where these were restored, and what came to the tables of before may be there alone.

    The tables themselves say so, on a machine too that knows nothing of the restore.
    """
    run = load_run(control, recipients)
    if run is None or run.is_sealed or not run.is_begun:
        return
    left = [name for name in run.old if name is not None and Table(control.client, name).exists()]
    if left:
        raise CannotRun(
            f"The restore into {recipients.name} was not ended: some of what was acknowledged may be in "
            f"{' and '.join(left)} alone. End it, and repeat this then:\n  {finish_command(options)}"
        )


@contextmanager
def alone(options: argparse.Namespace) -> Iterator[None]:
    """Holds the folder of the stages: of two restores at once the slower would put items of before over newer ones.

    It goes with the process, however that ends. Raises CannotRun.
    """
    folder = os.open(options.project / ".chalice", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise CannotRun("Another restore runs from this folder: see it through, or end it, and repeat this.") from None
    finally:
        os.close(folder)


def load(file: Path) -> Begun | None:
    """The one that was begun and is not finished. Raises CannotRun."""
    try:
        told = json.loads(file.read_text("utf-8"))
        return Begun(told["source"], told["at"], TableNames(**told["before"]), TableNames(**told["after"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        raise CannotRun(f"{file} cannot be read: it says which restore is under way. Delete it to begin one.") from None


def save(file: Path, begun: Begun) -> None:
    """So that the same command goes on with these tables. Raises CannotRun."""
    try:
        write_privately(file, json.dumps(asdict(begun), indent=2) + "\n")
    except OSError as error:
        raise CannotRun(f"{file} cannot be written: {error.strerror}.") from None
