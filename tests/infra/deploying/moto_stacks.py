"""What moto 5.2.5 lacks of CloudFormation: secrets, RetainExceptOnCreate, and change sets that tell what they did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.cloudformation.models import ChangeSet, CloudFormationBackend, Event, Stack
from moto.cloudformation.parsing import OutputMap, ResourceMap, resource_class_from_type
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.common_models import CloudFormationModel
from moto.core.responses import ActionResult
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.kms.models import Key
from moto.secretsmanager.models import secretsmanager_backends

if TYPE_CHECKING:
    from collections.abc import Callable


class Secret(CloudFormationModel):
    """CloudFormation makes secrets; moto passes over them without a word. It knows every model that is derived."""

    def __init__(self, arn: str) -> None:
        self.physical_resource_id = arn

    @staticmethod
    def cloudformation_name_type() -> str:
        return "Name"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::SecretsManager::Secret"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_more: Any
    ) -> Secret:
        backend = secretsmanager_backends[account_id][region_name]
        backend.create_secret(
            name=resource_name,
            secret_string=None,
            secret_binary=None,
            description=cloudformation_json["Properties"]["Description"],
            tags=None,
            kms_key_id=cloudformation_json["Properties"]["KmsKeyId"],
            client_request_token=None,
            replica_regions=[],
            force_overwrite=False,
        )
        return cls(backend.secrets[resource_name].arn)

    def delete(self, account_id: str, region_name: str) -> None:
        secretsmanager_backends[account_id][region_name].secrets.pop(self.physical_resource_id)


def mend() -> None:
    """Put all of it in place."""
    ResourceMap.delete = _retaining(ResourceMap.delete)  # type: ignore[assignment, method-assign]
    ResourceMap.build_resource_diff = _comparing(ResourceMap.build_resource_diff)  # type: ignore[method-assign]
    CloudFormationBackend.execute_change_set = _execute  # type: ignore[method-assign]
    DynamoHandler.update_table = _encrypting(DynamoHandler.update_table)  # type: ignore[assignment, method-assign]
    Key.create_from_cloudformation_json = classmethod(_readable(Key.create_from_cloudformation_json))  # type: ignore[assignment, method-assign]
    CloudFormationResponse.update_termination_protection = _protect  # type: ignore[attr-defined]
    Table.create_from_cloudformation_json = classmethod(_encrypted(Table.create_from_cloudformation_json))  # type: ignore[assignment, method-assign]


def _encrypting(update: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """UpdateTable's SSESpecification, which moto passes over."""

    def encrypting(self: Any) -> Any:
        if "SSESpecification" in self.body:
            self.dynamodb_backend.describe_table(self.body["TableName"])
            self.dynamodb_backend.tables[self.body["TableName"]].sse_specification = self.body["SSESpecification"]
        return update(self)

    return encrypting


def _readable(create: Callable[..., Any]) -> Callable[..., Any]:
    """moto keeps a key's policy as the template has it, and cannot read it then."""

    def readable(_class: Any, name: str, told: Any, account_id: str, region_name: str, **more: Any) -> Any:
        key = create(name, told, account_id, region_name, **more)
        key.policy = json.dumps(key.policy)
        return key

    return readable


def _protect(self: Any) -> ActionResult:
    """UpdateTerminationProtection, which moto does not know."""
    stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
    stack.enable_termination_protection = self._get_bool_param("EnableTerminationProtection")
    return ActionResult({"StackId": stack.stack_id})


def _retaining(delete: Callable[[Any], None]) -> Callable[[Any], None]:
    """CloudFormation's RetainExceptOnCreate, which moto takes for Delete."""

    def retaining(self: Any) -> None:
        for resource in self._resource_json_map.values():
            if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
                resource["DeletionPolicy"] = "Retain"
        delete(self)

    return retaining


def _comparing(diff: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """What changes: a parameter that is named with its default has not, though moto takes it for new.

    What a condition left out is added when it is not left out any more; moto would modify what is not there.
    """

    def comparing(self: Any, template: dict[str, Any], parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        told = template.get("Parameters", {})
        defaults = {name: str(each["Default"]) for name, each in told.items() if "Default" in each}
        self.input_parameters = {**defaults, **self.input_parameters}
        found = diff(self, template, None if parameters is None else {**defaults, **parameters})
        absent = [name for name in found["Modify"] if self._parsed_resources.get(name) is None]
        found["Modify"] = [name for name in found["Modify"] if name not in absent]
        found["Add"] += [name for name in absent if name in self._resource_json_map]
        return found

    return comparing


def _encrypted(create: Callable[..., Any]) -> Callable[..., Any]:
    """A template says SSEEnabled where the API says Enabled; moto looks for the latter alone."""

    def encrypted(_class: Any, name: str, told: Any, account_id: str, region_name: str, **more: Any) -> Any:
        table = create(name, told, account_id, region_name, **more)
        if table.sse_specification:
            table.sse_specification["Enabled"] = table.sse_specification.pop("SSEEnabled")
        return table

    return encrypted


def _execute(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
    """As moto does it, but that there are outputs and an event for each resource, and that a failure is undone."""
    change_set: ChangeSet = self.describe_change_set(change_set_name)
    stack, kind = self.stacks[change_set.stack_id], change_set.change_set_type
    _tell(stack, stack.name, "AWS::CloudFormation::Stack", f"{kind}_IN_PROGRESS")
    try:
        stack.resource_map.update(change_set.template_dict, change_set.parameters)
    except Exception as error:  # noqa: BLE001 - whatever a service refuses makes a creation fail
        _undo(stack, change_set, str(error))
        return
    wanted = _wanted(stack, change_set)
    for change in (each for each in change_set.changes if each.logical_resource_id in wanted):
        _tell(stack, change.logical_resource_id, change.resource_type, f"{kind}_COMPLETE")
    stack.template, stack.template_dict = change_set.template, change_set.template_dict
    stack.parameters = change_set.parameters
    stack.output_map = OutputMap(stack.resource_map, change_set.template_dict, stack.stack_id)
    stack.status, change_set.execution_status = f"{kind}_COMPLETE", "EXECUTE_COMPLETE"
    _tell(stack, stack.name, "AWS::CloudFormation::Stack", stack.status)


def _undo(stack: Stack, change_set: ChangeSet, reason: str) -> None:
    """Takes back what was made, but for what is always retained."""
    resources, made = change_set.template_dict["Resources"], stack.resource_map._parsed_resources
    known = [
        name for name in _wanted(stack, change_set) if resource_class_from_type(resources[name]["Type"]) is not None
    ]
    failed = next(name for name in known if name not in made)
    _tell(stack, failed, resources[failed]["Type"], "CREATE_FAILED", reason)
    for name in known:
        if name in made and resources[name].get("DeletionPolicy") != "Retain":
            stack.resource_map._delete_resource(made.pop(name), resources[name])
    stack.status = "ROLLBACK_COMPLETE"
    _tell(stack, stack.name, "AWS::CloudFormation::Stack", stack.status)


def _wanted(stack: Stack, change_set: ChangeSet) -> list[str]:
    """The names of the resources that no condition leaves out; moto tells of the others, too, and makes none."""
    conditions = stack.resource_map.lazy_condition_map
    resources = change_set.template_dict["Resources"]
    return [name for name, told in resources.items() if "Condition" not in told or conditions[told["Condition"]]]


def _tell(stack: Stack, resource: str, kind: str, status: str, reason: str | None = None) -> None:
    stack.events.append(Event(stack.stack_id, stack.name, resource, resource, kind, status, reason, None))
