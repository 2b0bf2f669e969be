"""The tables, beside the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.local.problems import CannotRun
from infra.ops.asking import or_none
from infra.ops.examined.compared import Kind, Told, compare
from infra.ops.examined.finding import Finding, Of
from infra.ops.examined.view import View
from infra.ops.restored.control import refuse_closed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.ops.examined.view import View

GROUP = "tables"
TYPE = "AWS::DynamoDB::Table"
_UPDATE = "`aws dynamodb update-table --table-name {name}"
_REBUILD = (
    "A table's keys cannot be changed: see that the stage means this table, and restore one with the right keys from a "
    "backup (`python -m infra restore --help`)."
)
_KIND = Kind(
    GROUP,
    {
        "BillingMode": Told(
            "billing mode",
            f"A table with a fixed rate throttles clicks. Run {_UPDATE} --billing-mode PAY_PER_REQUEST`.",
        ),
        "AttributeDefinitions": Told("attributes of its keys", _REBUILD),
        "KeySchema": Told("keys", _REBUILD),
        "TimeToLiveSpecification": Told(
            "time to live",
            "Notes of repeated requests pile up without it, and with another attribute it could delete what must stay. "
            "Run `aws dynamodb update-time-to-live --table-name {name} "
            "--time-to-live-specification Enabled=true,AttributeName=expires`.",
        ),
        "PointInTimeRecoverySpecification": Told(
            "point-in-time recovery",
            "Without it what is lost is lost for good. Run `aws dynamodb update-continuous-backups --table-name {name} "
            "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true`.",
        ),
        "DeletionProtectionEnabled": Told(
            "deletion protection",
            f"One call could delete the table. Run {_UPDATE} --deletion-protection-enabled`.",
        ),
        "SSESpecification": Told(
            "encryption", f"Run {_UPDATE} --sse-specification Enabled=true,SSEType=KMS` (AWS's own key)."
        ),
    },
    frozenset({"TableName"}),
)


def tables(view: View) -> Iterator[Finding]:
    """All of them."""
    for resource in view.storage.of_type(TYPE):
        yield from _table(view, resource)


def _table(view: View, resource: str) -> Iterator[Finding]:
    # After a restore another than the stack made, and like it in all but its name.
    client, name = view.client("dynamodb"), view.table(resource)
    of = Of(GROUP, name)
    table = or_none(lambda: client.describe_table(TableName=name)["Table"])
    if table is None:
        yield of.differs(
            "is there",
            "The stack made it, and it is gone. Restore it from a backup (`python -m infra restore --help`); until "
            "then nothing is served.",
        )
        return
    yield of.ok("is there")
    yield of.same("status", table["TableStatus"], "ACTIVE", "Wait until AWS has done what it is at.", "a table at work")
    yield of.holds(
        "streams are off",
        is_so=not table.get("StreamSpecification", {}).get("StreamEnabled"),
        text="Somebody turned a stream on: who reads it reads addresses. Find out who, or turn it off: "
        f"`aws dynamodb update-table --table-name {name} --stream-specification StreamEnabled=false`.",
    )
    if resource == "ControlTable":
        yield _is_in_use(of, client, name)
    yield from compare(view, _KIND, resource, _found(client, name, table), called=name)


def _is_in_use(of: Of, client: Any, name: str) -> Finding:
    try:
        refuse_closed(row for page in client.get_paginator("scan").paginate(TableName=name) for row in page["Items"])
    except CannotRun as error:
        return of.differs("is the stage's newest", str(error))
    return of.ok("is the stage's newest")


def _found(client: Any, name: str, table: dict[str, Any]) -> dict[str, Any]:
    live = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    recovery = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    point = recovery.get("PointInTimeRecoveryDescription", {})
    encryption = table.get("SSEDescription", {})
    return {
        "BillingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "AttributeDefinitions": table["AttributeDefinitions"],
        "KeySchema": table["KeySchema"],
        "TimeToLiveSpecification": {
            **({"AttributeName": live["AttributeName"]} if "AttributeName" in live else {}),
            "Enabled": live["TimeToLiveStatus"] in {"ENABLED", "ENABLING"},
        },
        "PointInTimeRecoverySpecification": {
            "PointInTimeRecoveryEnabled": point.get("PointInTimeRecoveryStatus") == "ENABLED"
        },
        "DeletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
        "SSESpecification": {
            "SSEEnabled": encryption.get("Status") in {"ENABLED", "UPDATING"},
            **({"SSEType": encryption["SSEType"]} if "SSEType" in encryption else {}),
        },
    }
