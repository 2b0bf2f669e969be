"""The key and the two secrets: there, readable, and of use to the service. What is in a secret is never told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.domain.errors import SettingsError
from chalicelib.settings import pepper_key_from
from chalicelib.store.models import SENDER
from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.asking import or_none
from infra.ops.backups.writing import check_peppers
from infra.ops.examined.compared import Kind, Told, compare
from infra.ops.examined.finding import Finding, Of
from infra.ops.restored.control import opened
from infra.ops.rotation import keys_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.ops.examined.view import View

GROUP = "key and secrets"
KEY, ALIAS, SECRET = "AWS::KMS::Key", "AWS::KMS::Alias", "AWS::SecretsManager::Secret"
_READS = "can be read and used"
_KEY = Kind(
    GROUP,
    {
        "Description": Told("description", "Run `aws kms update-key-description`."),
        "EnableKeyRotation": Told("rotation", "Run `aws kms enable-key-rotation --key-id {id}`."),
        "KeyPolicy": Told(
            "policy",
            "Somebody changed who may use the key, and with it the secrets: see who is in it, and put back the "
            "template's with `aws kms put-key-policy --key-id {id} --policy-name default`.",
        ),
    },
    # How long a deletion waits is told when it begins.
    frozenset({"PendingWindowInDays"}),
)
_SECRET = Kind(
    GROUP,
    {
        "Description": Told(
            "description", "Run `aws secretsmanager update-secret --secret-id {name} --description …`."
        ),
        "KmsKeyId": Told(
            "is encrypted by the stage's key",
            "The functions may use that key alone. Run `aws secretsmanager update-secret --secret-id {name} "
            "--kms-key-id …`.",
        ),
    },
    frozenset({"Name"}),
)


def keys(view: View) -> Iterator[Finding]:
    """The key, by the stack's own record of it."""
    client = view.client("kms")
    for resource in view.storage.of_type(KEY):
        key = view.storage.physical.get(resource)
        of = Of(GROUP, view.storage.name(resource))
        told = or_none(lambda key=key: client.describe_key(KeyId=key)["KeyMetadata"])  # type: ignore[misc]
        if told is None:
            yield of.differs("is there", "The key is gone: no secret can be read. Restore the secrets from a backup.")
            return
        yield of.ok("is there")
        yield _state(of, told)
        yield from compare(view, _KEY, resource, _key(client, told), {"id": str(key)})


def _state(of: Of, told: dict[str, Any]) -> Finding:
    key, state = told["KeyId"], told["KeyState"]
    todo = f"`aws kms enable-key --key-id {key}`"
    if state == "PendingDeletion":
        todo = f"`aws kms cancel-key-deletion --key-id {key}`, then {todo}: once it is gone, so are all links"
    return of.holds(
        "is enabled",
        is_so=state == "Enabled",
        text=f"It is {state}: containers that begin now cannot read the secrets, and serve nothing. Run {todo}.",
    )


def _key(client: Any, told: dict[str, Any]) -> dict[str, Any]:
    found = {"Description": told.get("Description")}
    if told["KeyState"] == "Enabled":  # of others KMS does not say
        found["EnableKeyRotation"] = client.get_key_rotation_status(KeyId=told["KeyId"])["KeyRotationEnabled"]
    policy = client.get_key_policy(KeyId=told["KeyId"], PolicyName="default")["Policy"]
    return {**found, "KeyPolicy": json.loads(policy)}


def aliases(view: View) -> Iterator[Finding]:
    """The name by which the functions' policies know the key."""
    client = view.client("kms")
    for resource in view.storage.of_type(ALIAS):
        expected = view.storage.properties(resource)
        name = expected["AliasName"]
        told = or_none(lambda name=name: client.describe_key(KeyId=name)["KeyMetadata"]["KeyId"])  # type: ignore[misc]
        command = "update-alias" if told else "create-alias"
        yield Of(GROUP, name).same(
            "is a name of the stage's key",
            told,
            expected["TargetKeyId"],
            "The functions' policies name the key by it, so they cannot read the secrets. Run "
            f"`aws kms {command} --alias-name {name} --target-key-id {expected['TargetKeyId']}`.",
        )


def secrets(view: View) -> Iterator[Finding]:
    """Both secrets."""
    for resource in view.storage.of_type(SECRET):
        yield from _secret(view, resource)


def _secret(view: View, resource: str) -> Iterator[Finding]:
    client, name = view.client("secretsmanager"), view.storage.name(resource)
    of, arn = Of(GROUP, name), view.storage.arn(resource)
    told = or_none(lambda: client.describe_secret(SecretId=arn))
    if told is None:
        yield of.differs("is there", f"It is gone. {_from_backup(view)}")
        return
    yield of.ok("is there")
    yield of.holds(
        "is not being deleted",
        is_so="DeletedDate" not in told,
        text=f"Somebody deleted it, and this can still be taken back: run `aws secretsmanager restore-secret "
        f"--secret-id {name}`. Containers that begin now serve nothing.",
    )
    found = {"Description": told.get("Description"), "KmsKeyId": _arn_of_key(view, told.get("KmsKeyId"))}
    yield from compare(view, _SECRET, resource, found)
    if "DeletedDate" in told:
        yield of.unknown(_READS, "It is being deleted, and cannot be read meanwhile.")
        return
    yield _value(view, of, arn, is_keys=resource == "MasterKeysSecret")


def _senders(view: View) -> list[dict[str, Any]]:
    """The rows of all senders in the table in use, as they were before a restore closed it."""
    pages = view.client("dynamodb").get_paginator("scan")
    asked = {"FilterExpression": "sk = :sender", "ExpressionAttributeValues": {":sender": {"S": SENDER}}}
    name = view.table("ControlTable")
    rows = or_none(lambda: [row for page in pages.paginate(TableName=name, **asked) for row in page["Items"]])
    return [*map(opened, rows or [])]


def _first_or_from_backup(view: View) -> str:
    return f"Where the tables are empty `{view.command('provision')}` makes the first one. {_from_backup(view)}"


def _from_backup(view: View) -> str:
    again = view.command("restore", "--secrets-only", "--from …", "--identity …")
    return f"Restore it from a backup (`{again}`): without it no link opens and no suppression is found."


def _arn_of_key(view: View, key: str | None) -> str | None:
    """A secret names its key as it was told to: by ARN or id."""
    if key is None or key.startswith("arn:"):
        return key
    return f"arn:aws:kms:{view.region}:{view.account}:key/{key}"


def _value(view: View, of: Of, arn: str, *, is_keys: bool) -> Finding:
    """Whether the service could use what is in it."""
    client = view.client("secretsmanager")
    try:
        text = client.get_secret_value(SecretId=arn, VersionStage="AWSCURRENT").get("SecretString", "")
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        if code == "ResourceNotFoundException":
            return of.differs(_READS, f"It has no value. {_first_or_from_backup(view)}")
        if "KMS" in code or code in {"DecryptionFailure", "InvalidRequestException"}:
            return of.unknown(_READS, "Its key cannot be used at the moment.")
        return of.unknown(_READS, str(aws.explained(error)))
    try:
        if is_keys:
            keys_from(text, 0)
        else:
            pepper_key_from(text, of.of)
            rows = _senders(view)
            check_peppers(rows, {"SIGNOFF_PEPPER_KEY": text})
    except (CannotRun, SettingsError) as error:
        return of.differs(_READS, f"{str(error).rstrip('.')}. {_from_backup(view)}")
    return of.ok(_READS)
