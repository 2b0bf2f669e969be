"""Before `chalice deploy` changes anything, or `chalice package` makes anything: can this stage be deployed?

By `deploy` here, with these credentials; a package is carried elsewhere, so for it the file alone is looked at.

Chalice asks nothing of it. It takes any name for a stage, and any account and region; where nothing was provisioned it
makes half a deployment and ends with a traceback, and where `.chalice/config.json` is not the committed one it takes
settings and domain away from functions that serve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.domains import PROD
from infra.ops.provisioning import SETTINGS
from infra.ops.stages import CONFIG, read_stage

if TYPE_CHECKING:
    from pathlib import Path

    from botocore.session import Session

    from infra.ops.stages import Place, Stage

COMMANDS = frozenset({"deploy", "package"})
"""Those of Chalice that make a deployment, or what will be one."""


def before_deploying(project: Path) -> None:
    """Look whether it can go well; nothing for other commands than `chalice deploy` and `chalice package`.

    Raises `ClickException`: the command line ends with its sentence, and 1, before anything was changed.
    """
    context = click.get_current_context(silent=True)
    if context is None or context.info_name not in COMMANDS:
        return
    try:
        stage = read_stage(project / CONFIG, context.params["stage"])
        place = _check_settings(stage)
        if context.info_name == "deploy":
            _check_place(stage, place, context.obj["factory"].create_botocore_session())
    except CannotRun as error:
        raise click.ClickException(str(error)) from None


def _check_settings(stage: Stage) -> Place:
    provision = stage.command("provision")
    place = stage.place
    if place is None or any(not stage.settings.get(setting) for setting in SETTINGS):
        raise CannotRun(f"{stage.file} does not tell all of what the stage {stage.name} has: run `{provision}` first.")
    if stage.name == PROD and stage.domain is None:
        raise CannotRun(
            f"{stage.file} tells no domain of the stage prod: run `{provision} --domain … --certificate-arn …` first."
        )
    return place


def _check_place(stage: Stage, place: Place, session: Session) -> None:
    with aws.explaining():
        region = session.get_config_variable("region")
    if region != place.region:
        here = "no region is named" if region is None else f"this would be {region}"
        again = f"AWS_DEFAULT_REGION={place.region} chalice deploy --stage {stage.name}"
        raise CannotRun(f"The stage {stage.name} is in {place.region}, and {here}: {again}.")
    with aws.explaining():
        sts: Any = session.create_client("sts", region_name=region)
        account = str(sts.get_caller_identity()["Account"])
    if account != place.account:
        raise CannotRun(
            f"The stage {stage.name} is in account {place.account}, and the credentials are of {account}: use those of "
            f"{place.account}."
        )
