"""What moto 5.2.5 lacks of DynamoDB's backups: the one that a deletion leaves, and what a restore is to be like.

It restores to the present, whatever time is asked for: what comes after a restore was begun a test writes after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.table import Backup, Table
from moto.dynamodb.responses import DynamoHandler

if TYPE_CHECKING:
    from collections.abc import Callable


def mend() -> None:
    """Put all of it in place."""
    DynamoDBBackend.delete_table = _leaving_a_backup(DynamoDBBackend.delete_table)  # type: ignore[method-assign]
    Table.create_from_cloudformation_json = classmethod(_recoverable(Table.create_from_cloudformation_json))  # type: ignore[assignment, method-assign]
    for name in ("restore_table_to_point_in_time", "restore_table_from_backup"):
        setattr(DynamoHandler, name, _with_overrides(getattr(DynamoHandler, name)))


def _recoverable(create: Callable[..., Any]) -> Callable[..., Any]:
    """CloudFormation turns recovery on where the template says so; moto passes over that."""

    def recoverable(_class: Any, name: str, told: Any, account_id: str, region_name: str, **more: Any) -> Any:
        table = create(name, told, account_id, region_name, **more)
        wanted = told["Properties"].get("PointInTimeRecoverySpecification")
        if wanted:
            dynamodb_backends[account_id][region_name].update_continuous_backups(table.name, wanted)
        return table

    return recoverable


def _leaving_a_backup(delete: Callable[..., Any]) -> Callable[..., Any]:
    """DynamoDB backs up a table with point-in-time recovery by itself when it is deleted; moto forgets it."""

    def leaving(self: Any, name: str) -> Any:
        table = delete(self, name)
        if table.continuous_backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED":
            name = f"{table.name}$DeletedTableBackup"
            backup = Backup(self.account_id, self.region_name, name, table, type_="SYSTEM")
            self.backups[backup.arn] = backup
        return table

    return leaving


def _with_overrides(restore: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """How the new table is paid for and encrypted; moto makes it as if nothing was said."""

    def overriding(self: Any) -> Any:
        answer = restore(self)
        made = self.dynamodb_backend.tables[self.body["TargetTableName"]]
        made.billing_mode = self.body.get("BillingModeOverride", made.billing_mode)
        told = self.body.get("SSESpecificationOverride", {})
        if told.get("Enabled"):
            made.sse_specification = {**told, "KMSMasterKeyId": "alias/aws/dynamodb"}
        return answer

    return overriding
