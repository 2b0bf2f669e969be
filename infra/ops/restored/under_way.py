"""Whether a restore into new tables is under way, by what stands in the account: whoever began it, on which machine.

Until a restore is finished what was acknowledged may be in the old tables alone, or in the new ones alone. A backup of
either would lack it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.local.problems import CannotRun
from infra.ops.restored import begun
from infra.ops.restored.begun import base
from infra.ops.restored.control import refuse_closed
from infra.ops.restored.notes import Run, load_run
from infra.ops.restored.tables import Table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from infra.client.shown import Shown

_NOT_THERE = frozenset({"ResourceInUseException", "ResourceNotFoundException"})
"""Of a table that is gone, or that is being made."""


def refuse_under_way(recipients: Table, control: Table, options: argparse.Namespace, shown: Shown) -> None:
    """Raises CannotRun where these tables may lack what was acknowledged by now; else tells of what was begun."""
    refuse_closed(control.scan())
    for name in _made_of(recipients):
        newer = base(control.name) + name.removeprefix(base(recipients.name))
        run = _run_of(Table(control.client, name), Table(control.client, newer))
        if run is not None and run.is_sealed:
            continue  # it was ended, and closed its tables of before: these, which are open, are others
        if run is not None and run.is_begun:
            raise CannotRun(
                f"A restore is under way, from {recipients.name} into {name}, which may hold alone what is "
                "acknowledged by now. Where it was given up and nothing ever used them, delete them. Else end it, with "
                f"the .chalice/config.json that names them, and back up then:\n  {begun.finish_command(options)}"
            )
        shown.note(
            f"A restore into {name} was begun, and nothing is served from it yet: this copies {recipients.name}, "
            "which has all that was acknowledged."
        )
    begun.refuse_unended(recipients, control, options)


def _made_of(table: Table) -> Iterator[str]:
    """The names of the tables that later restores made, or make, of this one or of what it was made of."""
    for page in table.client.get_paginator("list_tables").paginate():
        yield from (name for name in page["TableNames"] if name > table.name and base(name) == base(table.name))


def _run_of(recipients: Table, control: Table) -> Run | None:
    """The restore into a pair; None where there is none that may be served."""
    try:
        return load_run(control, recipients)
    except ClientError as error:
        if _code(error) in _NOT_THERE:
            return None
        raise


def _code(error: ClientError) -> Any:
    return error.response["Error"]["Code"]
