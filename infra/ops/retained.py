"""What of a stage outlives its stack: found by its name, whether a stack has it or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from infra.edge import TEMPLATE as EDGE
from infra.ops import aws
from infra.ops.asking import or_none
from infra.ops.examined.templates import Template, parsed
from infra.ops.hints import aws_at
from infra.ops.restored.begun import base
from infra.storage import TEMPLATE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from infra.ops.stages import Stage

_TABLE = "AWS::DynamoDB::Table"
_RETAINED = frozenset({"Retain", "RetainExceptOnCreate"})


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that is there."""

    resource: str
    """What the template calls it; "" where it does not."""
    type: str
    name: str
    identifier: tuple[str, str]
    """By which property CloudFormation knows it, and the value of that."""
    removal: str
    """The commands that remove it for good."""
    is_protected: bool = False
    is_going: bool = False
    """Somebody has deleted it, and it is there for some days more."""

    @property
    def what(self) -> str:
        """For people."""
        return f"{_WORDS[self.type]} {self.name}"


_WORDS = {
    "AWS::DynamoDB::Table": "the table",
    "AWS::KMS::Alias": "the key's name",
    "AWS::KMS::Key": "the key",
    "AWS::Logs::LogGroup": "the log",
    "AWS::S3::Bucket": "the bucket",
    "AWS::SQS::Queue": "the queue",
    "AWS::SecretsManager::Secret": "the secret",
}


def kept_of(stage: Stage, options: argparse.Namespace) -> list[Kept]:
    """What both templates retain and is there, in their order, and the restored tables in use. Raises CannotRun."""
    texts = (TEMPLATE.read_text("utf-8"), EDGE.read_text("utf-8"))
    kept = [each for text in texts for each in kept_of_template(text, {"Stage": stage.name}, options)]
    used = [name for name in stage.settings.values() if base(name) != name]  # no stack has them
    with aws.explaining():
        restored = [_table_called(options, "", name) for name in used]
    return [*kept, *(each for each in restored if each is not None)]


def kept_of_template(text: str, parameters: Mapping[str, str], options: argparse.Namespace) -> list[Kept]:
    """What a template retains and is there, whether a stack has it or not. Raises CannotRun."""
    with aws.explaining():
        values = {
            **parameters,
            "AWS::AccountId": str(aws.client("sts", options).get_caller_identity()["Account"]),
            "AWS::Partition": "aws",
            "AWS::Region": str(aws.session(options).region_name),
        }
        template = Template(parsed(text), values)
        told = template.document["Resources"]
        names = [name for name in told if told[name].get("DeletionPolicy") in _RETAINED and template.is_made(name)]
        found = (_FINDERS[template.type(name)](options, template, name) for name in names)
        return [each for each in found if each is not None]


def _table(options: argparse.Namespace, template: Template, resource: str) -> Kept | None:
    return _table_called(options, resource, template.name(resource))


def _table_called(options: argparse.Namespace, resource: str, name: str) -> Kept | None:
    client, at = aws.client("dynamodb", options), aws_at(options)
    told = or_none(partial(client.describe_table, TableName=name))
    if told is None:
        return None
    off = f"aws dynamodb update-table --table-name {name} --no-deletion-protection-enabled{at}; "
    is_protected = bool(told["Table"].get("DeletionProtectionEnabled"))
    gone = f"{off if is_protected else ''}aws dynamodb delete-table --table-name {name}{at}"
    return Kept(resource, _TABLE, name, ("TableName", name), gone, is_protected)


def _bucket(options: argparse.Namespace, template: Template, resource: str) -> Kept | None:
    name = template.name(resource)
    if or_none(partial(aws.client("s3", options).get_bucket_location, Bucket=name)) is None:
        return None
    gone = f"aws s3 rb s3://{name} --force{aws_at(options)}"
    return Kept(resource, template.type(resource), name, ("BucketName", name), gone)


def _queue(options: argparse.Namespace, template: Template, resource: str) -> Kept | None:
    name = template.name(resource)
    told = or_none(partial(aws.client("sqs", options).get_queue_url, QueueName=name))
    if told is None:
        return None
    url = str(told["QueueUrl"])
    gone = f"aws sqs delete-queue --queue-url {url}{aws_at(options)}"
    return Kept(resource, template.type(resource), name, ("QueueUrl", url), gone)


def _key(options: argparse.Namespace, template: Template, resource: str) -> Kept | None:
    """By its name, else by the secrets that it encrypts."""
    client = aws.client("kms", options)
    told = or_none(partial(client.describe_key, KeyId=f"alias/signoff-{template.values['Stage']}"))
    if told is None:
        secrets = aws.client("secretsmanager", options)
        arns = {_key_of(secrets, template.name(name)) for name in template.of_type("AWS::SecretsManager::Secret")}
        [arn] = (arns - {None}) if len(arns - {None}) == 1 else [None]
        told = arn and or_none(partial(client.describe_key, KeyId=arn))
    if not told:
        return None
    key, state = str(told["KeyMetadata"]["KeyId"]), told["KeyMetadata"]["KeyState"]
    gone = f"aws kms schedule-key-deletion --key-id {key} --pending-window-in-days 30{aws_at(options)}"
    return Kept(resource, template.type(resource), key, ("KeyId", key), gone, is_going=state == "PendingDeletion")


def _key_of(secrets: Any, name: str) -> str | None:
    told = or_none(partial(secrets.describe_secret, SecretId=name))
    return None if told is None else told.get("KmsKeyId")


def _alias(options: argparse.Namespace, template: Template, resource: str) -> Kept | None:
    name = template.name(resource)
    if or_none(partial(aws.client("kms", options).describe_key, KeyId=name)) is None:
        return None
    gone = f"aws kms delete-alias --alias-name {name}{aws_at(options)}"
    return Kept(resource, template.type(resource), name, ("AliasName", name), gone)


def _secret(options: argparse.Namespace, template: Template, resource: str) -> Kept | None:
    name = template.name(resource)
    told = or_none(partial(aws.client("secretsmanager", options).describe_secret, SecretId=name))
    if told is None:
        return None
    gone = f"aws secretsmanager delete-secret --secret-id {name} --recovery-window-in-days 30{aws_at(options)}"
    is_going = "DeletedDate" in told
    return Kept(resource, template.type(resource), name, ("Id", str(told["ARN"])), gone, is_going=is_going)


def _log(options: argparse.Namespace, template: Template, resource: str) -> Kept | None:
    name, client = template.name(resource), aws.client("logs", options)
    told = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    if name not in {each["logGroupName"] for each in told}:
        return None
    gone = f"aws logs delete-log-group --log-group-name {name}{aws_at(options)}"
    return Kept(resource, template.type(resource), name, ("LogGroupName", name), gone)


_FINDERS: dict[str, Callable[[argparse.Namespace, Template, str], Kept | None]] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::KMS::Alias": _alias,
    "AWS::KMS::Key": _key,
    "AWS::Logs::LogGroup": _log,
    "AWS::S3::Bucket": _bucket,
    "AWS::SQS::Queue": _queue,
    "AWS::SecretsManager::Secret": _secret,
}
