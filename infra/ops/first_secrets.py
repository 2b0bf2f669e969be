"""The first value of each secret, put where there is none; what is there is never read and never replaced."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.keyring import SECRET_OCTETS
from chalicelib.settings import PEPPER_KEY_OCTETS
from infra.local.problems import CannotRun
from infra.ops.aws import explaining

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NAMESPACE = uuid.UUID("3e1f6c0a-5b0e-5e0c-9a53-4a3c0f8c7d11")


class SecretLost(CannotRun):
    """A secret holds nothing, and what was made with it is there."""


def first_master_keys() -> str:
    """One master key, which mints from now on."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"1": {"secret": _random(SECRET_OCTETS), "state": "minting", "from": now}})


def first_pepper_key() -> str:
    """What senders' peppers are wrapped under, for as long as the deployment lives."""
    return _random(PEPPER_KEY_OCTETS)


def put_where_empty(
    secretsmanager: Any, dynamodb: Any, tables: Iterable[str], secret: str, value: Callable[[], str]
) -> bool:
    """Gives the secret its first value; False where it has one.

    It refuses to where one of `tables` (of senders; a restore makes others) has items: whatever they were made with is
    lost, and a new value would hide that. Raises SecretLost, CannotRun.
    """
    with explaining():
        if _has_value(secretsmanager, secret):
            return False
        for table in tables:
            if dynamodb.scan(TableName=table, Limit=1, ConsistentRead=True, Select="COUNT")["Count"]:
                raise SecretLost(
                    f"The secret {secret} is empty, and the table {table} is not: restore the secret from a backup. "
                    "With a new one no link would open and no suppression be found."
                )
        try:
            # Of two runs at once the second is refused, for it has another value under the same token.
            secretsmanager.put_secret_value(
                SecretId=secret, SecretString=value(), ClientRequestToken=str(uuid.uuid5(_NAMESPACE, secret))
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceExistsException":
                return False
            raise
    return True


def _has_value(secretsmanager: Any, secret: str) -> bool:
    try:
        told = secretsmanager.describe_secret(SecretId=secret)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise CannotRun(f"The secret {secret}, which the stack made, is gone: restore it from a backup.") from None
    if told.get("DeletedDate"):
        command = f"aws secretsmanager restore-secret --secret-id {secret}"
        raise CannotRun(f"Somebody deleted the secret {secret}, and can still take that back: `{command}`.")
    return bool(told.get("VersionIdsToStages"))


def _random(octets: int) -> str:
    return base64.b64encode(secrets.token_bytes(octets)).decode("ascii")
