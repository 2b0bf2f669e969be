"""Where `chalice deploy` and `chalice package` meet the build: `app.py` calls this for Chalice's command line.

Chalice has no hook of its own, but it imports the app before it looks at `vendor/` and chalicelib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from infra.local.problems import CannotRun
from infra.packaging.build import prepare

if TYPE_CHECKING:
    from pathlib import Path

ZIPPING = frozenset({"deploy", "package"})
"""The commands of Chalice that make zips."""


def before_zipping(project: Path) -> None:
    """Prepare what the command that runs is about to zip; nothing for other commands.

    Raises `ClickException`: the command line ends with its sentence, and 1, before anything was changed.
    """
    context = click.get_current_context(silent=True)
    if context is None or context.info_name not in ZIPPING:
        return
    try:
        prepare(project)
    except CannotRun as error:
        raise click.ClickException(str(error)) from None
