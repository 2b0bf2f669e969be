"""Where `chalice deploy` and `chalice package` meet the build: `app.py` calls this for Chalice's command line.

Chalice has no hook of its own, but it imports the app before it looks at `vendor/` and chalicelib.
"""

from __future__ import annotations

import argparse
import os
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
        if context.info_name == "deploy":
            _find_note(project, context)
    except CannotRun as error:
        raise click.ClickException(str(error)) from None


def _find_note(project: Path, context: click.Context) -> None:
    """What was deployed from elsewhere is to be changed, and not made once more. Raises CannotRun."""
    from infra.ops.chalice_note import restore_note  # noqa: PLC0415 - it loads boto3
    from infra.ops.stages import stage_of  # noqa: PLC0415 - as above

    if profile := context.params.get("profile"):
        os.environ["AWS_PROFILE"] = profile
    region = os.environ.get("AWS_DEFAULT_REGION")  # Chalice looks at no other
    options = argparse.Namespace(project=project, stage=context.params["stage"], region=region, endpoint_url=None)
    if restore_note(stage_of(options), options) is not None:
        # Chalice has looked for it already.
        raise CannotRun(
            f"The stage {options.stage} was deployed from elsewhere, or not to the end. What of it is there was "
            "noted just now, for Chalice to go by; nothing was changed: run the same command again."
        )
