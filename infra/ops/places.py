"""That a stage is worked on where it is: its region, and the account of these credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.problems import CannotRun
from infra.ops import aws

if TYPE_CHECKING:
    import argparse

    from infra.ops.stages import Stage

_ANEW = "To provision it anew there, take its settings out of .chalice/config.json."


def go_there(stage: Stage, options: argparse.Namespace) -> None:
    """Has the options mean the stage's own region where they name none, and checks the place of one that has one.

    Raises CannotRun: in another region or account the stage's tables and secrets would seem to be lost.
    """
    if stage.place is None:
        return
    options.region = options.region or stage.place.region
    check_place(stage, options.region, options)


def check_place(stage: Stage, region: str, options: argparse.Namespace) -> str:
    """The account. The first call: who is asking? Raises CannotRun where the stage is in another one, or elsewhere."""
    with aws.explaining():
        account = str(aws.client("sts", options).get_caller_identity()["Account"])
    place = stage.place
    if place is None:
        return account
    where = f"The stage {stage.name} is in"
    if place.region != region:
        raise CannotRun(f"{where} {place.region}, and this would be {region}: add --region {place.region}. {_ANEW}")
    if place.account != account:
        raise CannotRun(f"{where} account {place.account}, and the credentials are of {account}. {_ANEW}")
    return account
