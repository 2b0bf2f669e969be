"""Signoff's tables as `storage.yaml` defines them, for engines that do not read CloudFormation.

In AWS the stack makes the tables. Tests and the local runner make theirs here, from the same file, so that there is
no second definition that could differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

TEMPLATE = Path(__file__).with_name("storage.yaml")
_UNCHANGED = ("AttributeDefinitions", "KeySchema", "BillingMode", "DeletionProtectionEnabled")


@dataclass(frozen=True, slots=True)
class TableNames:
    """The names of one stage's two tables."""

    recipients: str
    control: str


def table_names(stage: str) -> TableNames:
    """The names that the stack gives to the tables of `stage`."""
    resources = _tables()
    return TableNames(
        recipients=_resolve(resources["RecipientsTable"]["TableName"], stage),
        control=_resolve(resources["ControlTable"]["TableName"], stage),
    )


def table_definitions(stage: str) -> list[dict[str, Any]]:
    """The arguments of one CreateTable call for each table.

    What CreateTable does not take, time to live and point-in-time recovery, `create_tables` sets after it.
    """
    return [_definition(properties, stage) for properties in _tables().values()]


def create_tables(client: Any, stage: str, suffix: str = "") -> TableNames:
    """Create the tables of `stage` that do not exist yet, through a botocore client of DynamoDB; answer their names.

    With a suffix to their names they are others, made beside those of the stack.
    """
    for properties in _tables().values():
        definition = _definition(properties, stage)
        definition["TableName"] += suffix
        try:
            client.create_table(**definition)
        except client.exceptions.ResourceInUseException:
            continue
        client.get_waiter("table_exists").wait(TableName=definition["TableName"], WaiterConfig={"Delay": 1})
        _set_what_create_table_does_not_take(client, definition["TableName"], properties)
    names = table_names(stage)
    return TableNames(names.recipients + suffix, names.control + suffix)


def complete(client: Any, names: TableNames) -> None:
    """Set what the template says and no restored table has: time to live, recovery, protection from deletion."""
    for name, properties in zip((names.recipients, names.control), _tables().values(), strict=True):
        described = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if described["TimeToLiveStatus"] == "DISABLED":
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"])
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"]
        )
        if not client.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            client.update_table(TableName=name, DeletionProtectionEnabled=properties["DeletionProtectionEnabled"])


def _set_what_create_table_does_not_take(client: Any, table: str, properties: dict[str, Any]) -> None:
    client.update_time_to_live(TableName=table, TimeToLiveSpecification=properties["TimeToLiveSpecification"])
    try:
        client.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"]
        )
    except ClientError as error:
        # dynoxide has no backups, and says so; the copy of a local data folder is its backup.
        if error.response["Error"]["Code"] != "UnknownOperationException":
            raise


def _definition(properties: dict[str, Any], stage: str) -> dict[str, Any]:
    encryption = properties["SSESpecification"]
    return {
        "TableName": _resolve(properties["TableName"], stage),
        **{name: properties[name] for name in _UNCHANGED},
        "SSESpecification": {"Enabled": encryption["SSEEnabled"], "SSEType": encryption["SSEType"]},
    }


def _resolve(value: dict[str, str], stage: str) -> str:
    return value["Fn::Sub"].replace("${Stage}", stage)


@cache
def _tables() -> dict[str, dict[str, Any]]:
    """The properties of each table, by its logical name."""
    resources = load_template()["Resources"]
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::DynamoDB::Table"
    }


def load_template() -> dict[str, Any]:
    """The template, with CloudFormation's short forms (`!Sub x`) as their long ones (`{"Fn::Sub": "x"}`)."""
    template: dict[str, Any] = yaml.load(TEMPLATE.read_text("utf-8"), Loader=_TemplateLoader)  # noqa: S506 - a SafeLoader
    return template


class _TemplateLoader(yaml.SafeLoader):
    """A SafeLoader that reads the short forms which the template uses."""


def _long_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if not isinstance(node, yaml.ScalarNode):
        raise TypeError(f"!{suffix} of anything but a text is not used in {TEMPLATE.name}")
    text = loader.construct_scalar(node)
    return {suffix if suffix == "Ref" else f"Fn::{suffix}": text}


_TemplateLoader.add_multi_constructor("!", _long_form)
