"""A stage's secrets beside those of a backup: none that anything out there was made with is lost or taken back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from chalicelib.keyring import KeyState
from infra.local.problems import CannotRun
from infra.ops import aws, deployment
from infra.ops.kept_keys import date_of
from infra.ops.restored.mending import PEPPER
from infra.ops.rotation import keys_from

if TYPE_CHECKING:
    import argparse

    from infra.ops.backups.writing import Secrets
    from infra.ops.rotation import Keys, Told
    from infra.ops.stages import Stage

MASTER = "SIGNOFF_MASTER_KEYS"
_NAMESPACE = uuid.UUID("0c2f7a3e-8d55-5c8e-9f0a-6f0c1d1e7b42")
Held = Mapping[str, str | None]


class StageSecrets:
    """Both secrets of a stage, in Secrets Manager."""

    def __init__(self, stage: Stage, options: argparse.Namespace) -> None:
        self._stage, self._options = stage, options
        self._arns = {name: stage.settings[setting] for setting, name in deployment.SECRETS.items()}
        self._client = aws.client("secretsmanager", options)
        self._read: dict[str, str] = {}
        self.now = 0
        """When they were asked for last, by the clock of AWS, in milliseconds since 1970 UTC."""

    def held(self) -> Held:
        """What is in each; None where nothing is. Raises CannotRun and botocore's errors."""
        return {name: self._current(arn) for name, arn in self._arns.items()}

    def take(self, backup: Secrets) -> Secrets:
        """What is `agreed` with a backup, put there: from what is there now, for a question may have taken its time.

        Raises CannotRun and botocore's errors.
        """
        held = self.held()
        wanted = agreed(held, backup, self.now)
        for name, value in wanted.items():
            if held[name] != value:
                self._put(self._arns[name], value)
        return wanted

    def _put(self, arn: str, value: str) -> None:
        """Of two that have read the same the second is refused, for it has another value under the same token."""
        token = str(uuid.uuid5(_NAMESPACE, f"{arn} {self._read.get(arn, '')}"))
        try:
            self._client.put_secret_value(SecretId=arn, SecretString=value, ClientRequestToken=token)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ResourceExistsException":
                raise CannotRun("Somebody else put back the secrets at the same time: repeat the command.") from None
            if code == "ResourceNotFoundException":
                raise CannotRun(_gone(self._stage, arn)) from None
            raise

    def _current(self, arn: str) -> str | None:
        try:
            answer: dict[str, Any] = self._client.get_secret_value(SecretId=arn)
        except ClientError as error:
            self.now = date_of(cast("dict[str, Any]", error.response))
            code = error.response["Error"]["Code"]
            if code == "InvalidRequestException":
                raise CannotRun(
                    "Somebody deleted a secret of this stage, and can still take that back, which is better than any "
                    f"backup: `aws secretsmanager restore-secret --secret-id {arn}`."
                ) from None
            if code == "ResourceNotFoundException":
                return None
            raise
        self.now, self._read[arn] = date_of(answer), answer["VersionId"]
        found: str = answer["SecretString"]
        return found


def _gone(stage: Stage, arn: str) -> str:
    """What makes a secret anew that is gone for good, by the stack that made it: this retains what holds data."""
    stack = f"--stack-name {stage.storage_stack}"
    if stage.place is not None:
        stack += f" --region {stage.place.region}"
    return (
        f"The secret {arn} is gone for good. These have it made anew, and leave whatever holds data as it is; then "
        f"repeat this:\n  aws cloudformation update-termination-protection --no-enable-termination-protection {stack}\n"
        f"  aws cloudformation delete-stack {stack}\n  aws cloudformation wait stack-delete-complete {stack}\n"
        f"  {stage.command('provision', '--adopt')}"
    )


def agreed(held: Held, backup: Secrets, now: int) -> Secrets:
    """What the secrets of a stage are to be, whose tables are those of a backup. Raises CannotRun.

    With another pepper, and no key that is the backup's, the stage never held what the backup holds, and takes its
    secrets; so it does where its own keys are lost. What was made after the backup is lost then, and its number is not
    given again. Else it is the backup's own deployment, later or earlier: then no version of the master keys is lost,
    for there are links of each, and none that was marked as compromised is trusted again.
    """
    keys = held[MASTER]
    if keys is None or not (held[PEPPER] in {None, backup[PEPPER]} or _have_one_in_common(keys, backup[MASTER])):
        return {**backup, MASTER: keys_from(backup[MASTER], now).come_back().text}
    text = json.dumps(_united(json.loads(keys), json.loads(backup[MASTER])))
    return {**backup, MASTER: keys if json.loads(text) == json.loads(keys) else keys_from(text, now).text}


def left_out_of(keys: Keys, backup: Secrets) -> list[int]:
    """The versions that may have been made after a backup and are in neither, where one was made behind them."""
    after = sorted({key.version for key in keys.ring} - {*map(int, json.loads(backup[MASTER]))})
    newest = max(map(int, json.loads(backup[MASTER])))
    return [*range(newest + 1, after[0])] if after else []


def lost_versions(left_out: list[int], options: argparse.Namespace) -> str:
    """What there is to be known and done of these, for people."""
    first, last = left_out[0], left_out[-1]
    numbers = f"Version {first} was" if first == last else f"Versions {first} to {last} were"
    again = deployment.command(options, "restore", "--secrets-only", "--from BACKUP", "--identity FILE")
    mark = deployment.command(options, "keys compromise", "--version N", "--yes")
    return (
        f"{numbers} left out: one that was made after the backup is lost, and its links do not open. Where a later "
        f"backup turns up, this adds what it has:\n  {again}\n"
        f"What was marked as compromised after the backup is not marked. This marks it again:\n  {mark}"
    )


def _have_one_in_common(held: str, backup: str) -> bool:
    """As where a restore was killed between the two secrets: the keys had come, and the pepper had not."""
    ours, theirs = ({key["secret"] for key in json.loads(text).values()} for text in (held, backup))
    return not ours.isdisjoint(theirs)


def _united(held: Told, backup: Told) -> Told:
    """Every version of both, as the later of the two has it; what one of them marks as compromised is marked."""
    later, earlier = (held, backup) if _age(held) >= _age(backup) else (backup, held)
    if any(later[version]["secret"] != key["secret"] for version, key in earlier.items() if version in later):
        raise CannotRun(
            "The master keys of the stage and of the backup are different ones under one version: they belong to two "
            "deployments, or the keys were rotated on from an older backup. Nothing was changed."
        )
    only = {version: _not_minting(key) for version, key in earlier.items() if version not in later}
    marked = {version for keys in (held, backup) for version, key in keys.items() if _is_compromised(key)}
    return {
        version: {**key, "state": str(KeyState.COMPROMISED)} if version in marked else key
        for version, key in {**later, **only}.items()
    }


def _age(keys: Told) -> tuple[int, int]:
    """What only grows: the newest version, and how many are marked."""
    return max(map(int, keys)), sum(map(_is_compromised, keys.values()))


def _not_minting(key: dict[str, Any]) -> dict[str, Any]:
    return key if _is_compromised(key) else {**key, "state": str(KeyState.VERIFYING)}


def _is_compromised(key: dict[str, Any]) -> bool:
    return bool(key["state"] == KeyState.COMPROMISED)
