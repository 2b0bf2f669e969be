"""Where master keys are kept: in a stage's secret in Secrets Manager, or in the data folder of `make run`.

Both are changed by comparing and swapping: of two who change the same keys at once, one is told to look again.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import time
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from chalicelib.settings import MASTER_KEYS
from infra.local.folder import SECRETS, changing_secrets, read_secrets
from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.deployed import find_functions
from infra.ops.hints import command_on
from infra.ops.rotation import Keys, keys_from, time_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from infra.ops.stages import Stage

CHANGED = "SIGNOFF_KEYS_CHANGED"
"""The setting of a function whose change makes all its containers begin anew."""
_PENDING = "SIGNOFF-PENDING"
_NOBODY_TOLD = (
    "No function was told: nothing of this stage is deployed, or by a stack of another name (--app-stack). Containers "
    "that run learn a new version from the first link made under it, and a compromised one when they begin anew."
)
_OVERTAKEN = (
    "Somebody else changed the keys at the same time, and nothing was changed here: look at them with "
    "`{listing}`, and repeat the command where it is still needed."
)


class Kept(Protocol):
    """Master keys at their place."""

    @property
    def name(self) -> str:
        """Whose they are, for people."""
        ...

    def read(self) -> Keys:
        """The keys as they are. Raises CannotRun."""
        ...

    def write(self, keys: Keys) -> None:
        """Puts these in the place of those that were read. Raises CannotRun where they are others by now."""
        ...

    def begin_anew(self, keys: Keys) -> list[str]:
        """Has those who use the keys read them again; what came of it, in sentences. Raises CannotRun."""
        ...


class StageKeys:
    """The keys of a deployed stage."""

    def __init__(self, stage: Stage, options: argparse.Namespace) -> None:
        self._stage = stage
        self._options = options
        self._read: str | None = None

    @property
    def name(self) -> str:
        """The stage."""
        return f"stage {self._stage.name}"

    @cached_property
    def _secrets(self) -> Any:
        return aws.client("secretsmanager", self._options)

    @cached_property
    def _secret(self) -> str:
        try:
            return self._stage.settings["SIGNOFF_MASTER_SECRET"]
        except KeyError:
            raise CannotRun(
                f"The stage {self._stage.name} has no secret yet: run `{self._stage.command('provision')}`."
            ) from None

    def read(self) -> Keys:
        """By the clock of AWS: this machine's may be wrong."""
        with _explaining(self._stage):
            answer = self._secrets.get_secret_value(SecretId=self._secret, VersionStage="AWSCURRENT")
        self._read = answer["VersionId"]
        return keys_from(answer.get("SecretString", ""), date_of(answer))

    def write(self, keys: Keys) -> None:
        """A new version of the secret, which becomes the current one if the one that was read still is.

        ours:    put (pending)             move the label `current` from what was read to ours: done
        theirs:          put (pending)                             move `current` from what was read: refused
        """
        with _explaining(self._stage):
            put = self._secrets.put_secret_value(
                SecretId=self._secret, SecretString=keys.text, VersionStages=[_PENDING]
            )
            try:
                self._swap(put["VersionId"])
            finally:
                self._unlabel(put["VersionId"])

    def _swap(self, version: str) -> None:
        try:
            self._secrets.update_secret_version_stage(
                SecretId=self._secret,
                VersionStage="AWSCURRENT",
                MoveToVersionId=version,
                RemoveFromVersionId=self._read,
            )
        except ClientError:
            # boto3 asks again where an answer was lost, and what was done then cannot be done once more.
            current = self._secrets.get_secret_value(SecretId=self._secret, VersionStage="AWSCURRENT")
            if current["VersionId"] != version:
                raise

    def _unlabel(self, version: str) -> None:
        """A version that nobody labels goes by itself."""
        with contextlib.suppress(ClientError):  # another op's version may have the label by now
            self._secrets.update_secret_version_stage(
                SecretId=self._secret, VersionStage=_PENDING, RemoveFromVersionId=version
            )

    def begin_anew(self, keys: Keys) -> list[str]:
        """By a setting of each function: Lambda then starts new containers, and lets the old ones end their work."""
        functions = deployed_functions(self._stage, self._options)
        if not functions:
            return [_NOBODY_TOLD]
        with _explaining(self._stage):
            return [self._told(arn, keys) for arn in functions]

    def _told(self, arn: str, keys: Keys) -> str:
        functions = aws.client("lambda", self._options)
        known = functions.get_function_configuration(FunctionName=arn)
        if "Variables" not in known.get("Environment", {}):
            # What is set takes the place of all that was: never an environment that could not be read.
            raise CannotRun(f"The settings of {known['FunctionName']} cannot be read, so none of them is changed.")
        settings = {**known["Environment"]["Variables"], CHANGED: time_of(keys.now)}
        # So that a deployment at the same time is not undone; moto knows no revisions.
        unless_changed = {name: known[name] for name in ("RevisionId",) if name in known}
        functions.update_function_configuration(FunctionName=arn, Environment={"Variables": settings}, **unless_changed)
        functions.get_waiter("function_updated_v2").wait(FunctionName=arn)
        return f"{known['FunctionName']} begins anew with the new keys."


class FolderKeys:
    """The keys of `make run`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = ""

    @property
    def name(self) -> str:
        """The folder."""
        return f"the data folder {self._path}"

    def read(self) -> Keys:
        """By this machine's clock."""
        if not (self._path / SECRETS).exists():
            raise CannotRun(f"There are no keys in {self._path}: start `make run` once, or name a stage by --stage.")
        self._read = read_secrets(self._path)[MASTER_KEYS]
        return keys_from(self._read, time.time_ns() // 1_000_000)

    def write(self, keys: Keys) -> None:
        """Under a lock."""
        with changing_secrets(self._path) as secrets:
            if secrets[MASTER_KEYS] != self._read:
                listing = command_on(None, (), "keys", "list", "--data-dir", shlex.quote(str(self._path)))
                raise CannotRun(_OVERTAKEN.format(listing=listing))
            secrets[MASTER_KEYS] = keys.text

    def begin_anew(self, keys: Keys) -> list[str]:  # noqa: ARG002 - as the keys of a stage have it
        """There is nobody to tell."""
        return ["A running `make run` goes on with the keys that it has read: start it again."]


def deployed_functions(stage: Stage, options: argparse.Namespace) -> list[str]:
    """The functions that are deployed, by name or ARN. Raises CannotRun.

    Those that `chalice deploy` noted in this folder, else those that a colleague or a pipeline deployed.
    """
    return _noted(options.project, stage.name) or list(find_functions(stage, options))


def has_settings(function: str, settings: Mapping[str, str], options: argparse.Namespace) -> bool:
    """Whether a function is deployed with these. Raises botocore's errors."""
    told = aws.client("lambda", options).get_function_configuration(FunctionName=function)
    return bool(settings.items() <= told.get("Environment", {}).get("Variables", {}).items())


def _noted(project: Path, stage: str) -> list[str]:
    """Their ARNs; none where nothing was deployed from this folder."""
    try:
        told = json.loads((project / ".chalice" / "deployed" / f"{stage}.json").read_text("utf-8"))
        resources = told["resources"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError):
        raise CannotRun(f"The note of `chalice deploy` on stage {stage} in {project} cannot be read.") from None
    return [each["lambda_arn"] for each in resources if each.get("resource_type") == "lambda_function"]


@contextmanager
def _explaining(stage: Stage) -> Iterator[None]:
    """What is special to secrets and functions; everything else as `aws.explained` has it."""
    try:
        with aws.explaining():
            yield
    except CannotRun as error:
        cause = error.__cause__
        if not isinstance(cause, ClientError):
            raise
        sentence = _SENTENCES.get(_what(cause))
        if sentence is None:
            raise CannotRun(str(error)) from None
        hints = {"stage": stage.name, "provision": stage.command("provision"), "listing": stage.command("keys", "list")}
        raise CannotRun(sentence.format(**hints)) from None


def _what(error: ClientError) -> tuple[str, str]:
    return error.operation_name, error.response["Error"].get("Code", "")


_SENTENCES = {
    ("GetSecretValue", "InvalidRequestException"): "Somebody deleted the secret of the master keys, and can still take "
    "that back: `aws secretsmanager restore-secret --secret-id signoff/{stage}/master-keys`.",
    ("GetSecretValue", "ResourceNotFoundException"): "The secret of the master keys is not there, or has no value: run "
    "`{provision}`, or restore it from a backup.",
    ("UpdateSecretVersionStage", "InvalidParameterException"): _OVERTAKEN,
    ("UpdateSecretVersionStage", "InvalidRequestException"): _OVERTAKEN,
}


def date_of(answer: dict[str, Any]) -> int:
    """When it was answered, in milliseconds since 1970 UTC; by this machine's clock where that is not told."""
    text = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return int(parsedate_to_datetime(text).timestamp()) * 1000
    except (TypeError, ValueError):
        return time.time_ns() // 1_000_000
