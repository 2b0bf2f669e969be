"""A stack's template with everything in its place: what each resource is to be, in values and not in functions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

_NO_VALUE = "AWS::NoValue"
_NAMES = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")
_NAMED_BY = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
}
"""What tells a resource's name, where the template gives it one."""
_ARNS = {
    "AWS::DynamoDB::Table": "arn:{partition}:dynamodb:{region}:{account}:table/{name}",
    "AWS::KMS::Key": "arn:{partition}:kms:{region}:{account}:key/{id}",
    "AWS::S3::Bucket": "arn:{partition}:s3:::{name}",
    "AWS::SQS::Queue": "arn:{partition}:sqs:{region}:{account}:{name}",
    "AWS::Logs::LogGroup": "arn:{partition}:logs:{region}:{account}:log-group:{name}:*",
}


class _Loader(yaml.SafeLoader):
    """A SafeLoader that reads CloudFormation's short forms as their long ones."""


def _long_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = str(loader.construct_scalar(node))
        return {name: text.split(".", 1) if suffix == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 - there is no other kind
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _long_form)


def parsed(body: Any) -> dict[str, Any]:
    """A template as its file or CloudFormation tells it: YAML, JSON, or read already."""
    if isinstance(body, str):
        found: dict[str, Any] = yaml.load(body, Loader=_Loader)  # noqa: S506 - a SafeLoader
        return found
    told: dict[str, Any] = json.loads(json.dumps(body))
    return told


@dataclass(frozen=True, slots=True)
class Template:
    """A template, and what its functions come to.

    `values` has what `Ref` gives for parameters and AWS's own names (`AWS::Region`), `physical` for resources.
    """

    document: dict[str, Any]
    values: Mapping[str, Any]
    physical: Mapping[str, str] = field(default_factory=dict)

    def type(self, resource: str) -> str:
        """Such as AWS::SQS::Queue."""
        found: str = self.document["Resources"][resource]["Type"]
        return found

    def of_type(self, kind: str) -> list[str]:
        """The resources of one type that the template's conditions let be, by their logical names."""
        return [
            name for name, each in self.document["Resources"].items() if each["Type"] == kind and self.is_made(name)
        ]

    def is_made(self, resource: str) -> bool:
        """Whether the template's conditions let it be."""
        condition = self.document["Resources"][resource].get("Condition")
        return condition is None or self.holds(condition)

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template does."""
        return bool(self.resolved(self.document["Conditions"][condition]))

    def properties(self, resource: str) -> dict[str, Any]:
        """What the template says of a resource."""
        found: dict[str, Any] = self.resolved(self.document["Resources"][resource].get("Properties", {}))
        return found

    def name(self, resource: str) -> str:
        """The resource's name, as the service calls it."""
        told = self.document["Resources"][resource].get("Properties", {}).get(_NAMED_BY.get(self.type(resource), ""))
        return self.physical.get(resource, resource) if told is None else str(self.resolved(told))

    def arn(self, resource: str) -> str:
        """The resource's ARN."""
        if self.type(resource) == "AWS::SecretsManager::Secret":
            return self._physical(resource)
        return _ARNS[self.type(resource)].format(
            partition=self.values["AWS::Partition"],
            region=self.values["AWS::Region"],
            account=self.values["AWS::AccountId"],
            name=self.name(resource),
            id=self.physical.get(resource),
        )

    def resolved(self, told: Any) -> Any:
        """What a part of the template comes to; what only CloudFormation knows stays as it is written."""
        if isinstance(told, list):
            return [value for value in map(self.resolved, told) if value != {"Ref": _NO_VALUE}]
        if not isinstance(told, dict):
            return told
        if len(told) == 1:
            [(function, argument)] = told.items()
            if function == "Ref":
                return self._reference(argument)
            if (known := _FUNCTIONS.get(function)) is not None:
                return known(self, argument)
        return {
            name: value
            for name, value in ((name, self.resolved(each)) for name, each in told.items())
            if value != {"Ref": _NO_VALUE}
        }

    def _reference(self, name: str) -> Any:
        if name in self.values:
            return self.values[name]
        return {"Ref": name} if name == _NO_VALUE else self._physical(name)

    def _physical(self, resource: str) -> str:
        return self.physical.get(resource) or self.name(resource)

    def _attribute(self, argument: Any) -> Any:
        resource, _, attribute = (argument if isinstance(argument, str) else ".".join(argument)).partition(".")
        if attribute == "Arn" and self.type(resource) in {*_ARNS, "AWS::SecretsManager::Secret"}:
            return self.arn(resource)
        if attribute == _NAMED_BY.get(self.type(resource)):
            return self.name(resource)
        return {"Fn::GetAtt": argument}

    def _substituted(self, argument: Any) -> str:
        text, more = (argument, {}) if isinstance(argument, str) else argument

        def value(found: Any) -> str:
            name = found[1]
            if name in more:
                return str(self.resolved(more[name]))
            return str(self._attribute(name) if "." in name else self._reference(name))

        return _NAMES.sub(value, text)

    def _joined(self, argument: Any) -> str:
        between, parts = argument
        return str(between).join(str(part) for part in self.resolved(parts))

    def _chosen(self, argument: Any) -> Any:
        condition, then, otherwise = argument
        return self.resolved(then if self.holds(condition) else otherwise)

    def _compared(self, argument: Any) -> bool:
        one, other = self.resolved(argument)
        return bool(str(one) == str(other))


_FUNCTIONS: dict[str, Callable[[Template, Any], Any]] = {
    "Fn::GetAtt": Template._attribute,  # noqa: SLF001 - its own
    "Fn::Sub": Template._substituted,  # noqa: SLF001 - its own
    "Fn::Join": Template._joined,  # noqa: SLF001 - its own
    "Fn::If": Template._chosen,  # noqa: SLF001 - its own
    "Fn::Equals": Template._compared,  # noqa: SLF001 - its own
    "Fn::Not": lambda template, argument: not template.resolved(argument)[0],
    "Fn::And": lambda template, argument: all(template.resolved(argument)),
    "Fn::Or": lambda template, argument: any(template.resolved(argument)),
    "Condition": lambda template, argument: template.holds(argument),
}
