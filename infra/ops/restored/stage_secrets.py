"""A stage's secrets beside those of a backup: none that anything out there was made with is lost or taken back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.keyring import KeyState
from infra.local.problems import CannotRun
from infra.ops import aws, deployment
from infra.ops.restored.mending import PEPPER
from infra.ops.rotation import keys_from

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from infra.ops.backups.writing import Secrets
    from infra.ops.rotation import Told
    from infra.ops.stages import Stage

MASTER = "SIGNOFF_MASTER_KEYS"


class StageSecrets:
    """Both secrets of a stage, in Secrets Manager."""

    def __init__(self, stage: Stage, options: argparse.Namespace) -> None:
        self._arns = {name: stage.settings[setting] for setting, name in deployment.SECRETS.items()}
        self._client = aws.client("secretsmanager", options)

    def held(self) -> dict[str, str | None]:
        """What is in each; None where nothing is. Raises botocore's errors."""
        return {name: self._current(arn) for name, arn in self._arns.items()}

    def put(self, secrets: Secrets) -> None:
        """Each whose value is another one."""
        held = self.held()
        for name, value in secrets.items():
            if held[name] != value:
                self._client.put_secret_value(SecretId=self._arns[name], SecretString=value)

    def _current(self, arn: str) -> str | None:
        try:
            found: str = self._client.get_secret_value(SecretId=arn)["SecretString"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        return found


def agreed(held: Mapping[str, str | None], backup: Secrets) -> Secrets:
    """What the secrets of a stage are to be, whose tables are those of a backup. Raises CannotRun.

    With another pepper the stage never held what the backup holds, and takes its secrets. With the same one it is the
    backup's own deployment, later or earlier: then no version of the master keys is lost, for there are links of each,
    and none that was marked as compromised is trusted again.
    """
    keys = held[MASTER]
    if keys is None or held[PEPPER] not in {None, backup[PEPPER]}:
        return backup
    text = json.dumps(_united(json.loads(keys), json.loads(backup[MASTER])))
    return {**backup, MASTER: keys if json.loads(text) == json.loads(keys) else keys_from(text, 0).text}


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
