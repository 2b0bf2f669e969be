"""What moto 5.2.5 lacks of CloudFormation: change sets that import, which it takes for such that create."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import ChangeSet
from moto.cloudformation.responses import CloudFormationResponse
from moto.dynamodb.models import dynamodb_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from tests.infra.deploying.moto_stacks import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

_IMPORTED: dict[str, dict[str, str]] = {}
"""Logical name → identifier, of the change set that is being executed; the server does one thing at a time."""


def mend() -> None:
    """Put all of it in place."""
    CloudFormationResponse.create_change_set = _noting(CloudFormationResponse.create_change_set)  # type: ignore[assignment, method-assign]
    ChangeSet.importing = None  # type: ignore[attr-defined] # of those that import nothing
    parsing.parse_and_create_resource = _importing(parsing.parse_and_create_resource)
    CloudFormationResponse.execute_change_set = _executing(CloudFormationResponse.execute_change_set)  # type: ignore[assignment, method-assign]


def _noting(create: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """moto does not keep what is to be imported, and takes tags with it, which ministack refuses as AWS would."""

    def noting(self: Any) -> Any:
        told = self._get_param("ResourcesToImport") or []
        if told and self._get_param("Tags"):
            raise ValidationError(message="As part of the import operation, you cannot modify or add [Tags]")
        answer = create(self)
        change_set = self.cloudformation_backend.describe_change_set(self._get_param("ChangeSetName"))
        change_set.importing = {each["LogicalResourceId"]: each["ResourceIdentifier"] for each in told}
        return answer

    return noting


def _executing(execute: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def executing(self: Any) -> Any:
        change_set = self.cloudformation_backend.describe_change_set(self._get_param("ChangeSetName"))
        _IMPORTED.update(change_set.importing or {})
        try:
            return execute(self)
        finally:
            _IMPORTED.clear()

    return executing


def _importing(create: Callable[..., Any]) -> Callable[..., Any]:
    """Finds what is there, by the identifier alone; what is not there fails the change set, as in AWS."""

    def importing(logical: str, told: dict[str, Any], resources: Any, **where: str) -> Any:
        if logical not in _IMPORTED:
            return create(logical, told, resources, **where)
        [(_, value)] = _IMPORTED[logical].items()
        found = _FOUND[told["Type"]](where["account_id"], where["region_name"], value)
        found.cf_resource_type, found.logical_resource_id = told["Type"], logical
        return found

    return importing


def _alias(account: str, region: str, name: str) -> Any:
    keys = kms_backends[account][region].keys.values()
    return next(key.aliases[name] for key in keys if name in key.aliases)


def _secret(_account: str, _region: str, arn: str) -> Any:
    made: Any = Secret
    return made(arn)


_FOUND: dict[str, Callable[[str, str, str], Any]] = {
    "AWS::DynamoDB::Table": lambda account, region, name: dynamodb_backends[account][region].tables[name],
    "AWS::KMS::Alias": _alias,
    "AWS::KMS::Key": lambda account, region, key: kms_backends[account][region].keys[key],
    "AWS::Logs::LogGroup": lambda account, region, name: logs_backends[account][region].groups[name],
    "AWS::S3::Bucket": lambda account, _, name: s3_backends[account]["aws"].buckets[name],
    "AWS::SQS::Queue": lambda account, region, url: sqs_backends[account][region].queues[url.rpartition("/")[2]],
    "AWS::SecretsManager::Secret": _secret,
}
