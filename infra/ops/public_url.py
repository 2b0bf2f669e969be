"""Where a stage's links begin: its domain, or else the address that API Gateway gave its API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import SettingsError
from chalicelib.settings import public_url_from
from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.domains import PROD

if TYPE_CHECKING:
    import argparse

    from infra.ops.deployed import Deployed
    from infra.ops.stages import Stage

SETTING = "SIGNOFF_PUBLIC_URL"
_GIVEN = re.compile(r"https://[a-z0-9]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com(/.*)?")
"""What API Gateway gives, which dies with its API."""


class PublicUrl:
    """The setting, in .chalice/config.json and in the environment of both functions."""

    what = "public URL"

    def __init__(self, stage: Stage, deployed: Deployed, region: str, options: argparse.Namespace) -> None:
        self._stage = stage
        self._deployed = deployed
        self._options = options
        self.url = _url_of(stage, deployed, region, options.public_url)
        self._functions = aws.client("lambda", options)
        self._known: dict[str, dict[str, Any]] = {}

    def differences(self) -> list[str]:
        """Where another URL, or none, is set."""
        found = []
        if self._stage.settings.get(SETTING) != self.url:
            found.append(f"{SETTING} = {self.url} in {self._stage.file.name}")
        others = (each for each in self._deployed.functions if self._settings_of(each).get(SETTING) != self.url)
        return [*found, *(f"{SETTING} = {self.url} of {function}" for function in others)]

    def put_right(self) -> None:
        """The file first: what is deployed next takes it from there."""
        if self._stage.settings.get(SETTING) != self.url:
            self._stage.set({SETTING: self.url})
            self._stage.write()
        for function in self._deployed.functions:
            settings = self._settings_of(function)
            if settings.get(SETTING) != self.url:
                self._set(function, {**settings, SETTING: self.url})

    def _settings_of(self, function: str) -> dict[str, str]:
        with aws.explaining():
            known = self._known[function] = self._functions.get_function_configuration(FunctionName=function)
        if "Variables" not in known.get("Environment", {}):
            # What is set takes the place of all that was: never an environment that could not be read.
            raise CannotRun(f"The settings of {function} cannot be read, so none of them is changed.")
        settings: dict[str, str] = known["Environment"]["Variables"]
        return settings

    def _set(self, function: str, settings: dict[str, str]) -> None:
        # So that a change at the same time is not undone; moto knows no revisions.
        unless_changed = {
            name: self._known[function][name] for name in ("RevisionId",) if name in self._known[function]
        }
        with aws.explaining():
            self._functions.update_function_configuration(
                FunctionName=function, Environment={"Variables": settings}, **unless_changed
            )
            self._functions.get_waiter("function_updated_v2").wait(FunctionName=function)


def check_wanted(stage: Stage, wanted: str) -> str:
    """The URL as links begin with it. Makes no call. Raises CannotRun where it cannot be that of the stage."""
    if stage.domain is not None and wanted != f"https://{stage.domain}":
        raise CannotRun(
            f"The links of the stage {stage.name} lead to its domain, {stage.domain}: it has no --public-url."
        )
    try:
        return public_url_from({SETTING: wanted})
    except SettingsError as error:
        said = str(error).replace(SETTING, "it")
        raise CannotRun(f"--public-url cannot be used: {said}.") from None


def _url_of(stage: Stage, deployed: Deployed, region: str, wanted: str | None) -> str:
    if stage.domain is not None:
        return f"https://{stage.domain}"
    if stage.name == PROD:
        raise CannotRun(
            "The stage prod has no domain, and API Gateway's address dies with its API: run "
            f"`{stage.command('provision', '--domain …', '--certificate-arn …')}`, then `chalice deploy --stage prod`."
        )
    given = f"https://{deployed.api}.execute-api.{region}.amazonaws.com/{deployed.api_stage}"
    if wanted is None:
        kept = stage.settings.get(SETTING, given)
        return given if _GIVEN.fullmatch(kept) else kept
    return check_wanted(stage, wanted)
