"""Tables made from point-in-time recovery, beside those that they are of.

A table that was deleted has no points in time any more, but the backup that DynamoDB made of it by itself when it went.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.local.problems import CannotRun
from infra.storage import TableNames, complete

if TYPE_CHECKING:
    from infra.client.shown import Shown

PAUSE = 10.0
"""Seconds between two looks at a table that is being restored."""
_LIKE_THE_TEMPLATE = {
    "BillingModeOverride": "PAY_PER_REQUEST",
    "SSESpecificationOverride": {"Enabled": True, "SSEType": "KMS"},
}
_TAG = {"Key": "application", "Value": "signoff"}


@dataclass(frozen=True, slots=True)
class Points:
    """Both tables of before, through a client of DynamoDB."""

    client: Any
    before: TableNames
    pause: Callable[[float], None] = time.sleep

    def exists(self, name: str) -> bool:
        """Whether there is such a table."""
        return self._status(name) is not None

    def choose(self, wanted: int | None) -> int:
        """The moment to restore to, in milliseconds since 1970 UTC: what is wanted, else the latest of both tables.

        Raises CannotRun where the tables cannot be restored to it.
        """
        spans = [self._span(name) for name in _both(self.before) if self.exists(name)]
        if not spans and wanted is not None:
            raise CannotRun("Both tables are gone, and come back as they were when they went: leave out --at.")
        if not spans:
            return min(_milliseconds(self._last_of(name)["BackupCreationDateTime"]) for name in _both(self.before))
        first, last = max(span[0] for span in spans), min(span[1] for span in spans)
        if wanted is not None and not first <= wanted <= last:
            raise CannotRun(
                f"--at is not between {_told(first)} and {_told(last)}, to which both tables can be restored."
            )
        return last if wanted is None else wanted

    def since(self, gone: str, at: int) -> int:
        """From when on acts of a table that is gone may be missing: since `at`, or since it went, if that was before.

        Whether it went before its new table was made of it, or since, nothing tells. In milliseconds since 1970 UTC.
        """
        went = [_milliseconds(backup["BackupCreationDateTime"]) for backup in self._backups_of(gone)]
        return min(at, max(went, default=at))

    def restore(self, after: TableNames, at: int, shown: Shown) -> None:
        """Makes the tables of `after`, as those of before were, and comes back when they can be worked on."""
        pairs = [*zip(_both(self.before), _both(after), strict=True)]
        for source, target in pairs:
            if not self.exists(target):
                self._begin(source, target, at)
                shown.note(f"  {target} is being made of {source}.")
        with shown.work("Waiting for DynamoDB") as bar:
            while waiting := [target for _, target in pairs if self._status(target) != "ACTIVE"]:
                bar.to(0, None, f"for {', '.join(waiting)}")
                self.pause(PAUSE)
        for source, target in pairs:
            self.tag(source, target)
        complete(self.client, after)

    def _begin(self, source: str, target: str, at: int) -> None:
        if self.exists(source):
            self.client.restore_table_to_point_in_time(
                SourceTableName=source,
                TargetTableName=target,
                RestoreDateTime=datetime.fromtimestamp(at / 1000, UTC),
                **_LIKE_THE_TEMPLATE,
            )
            return
        self.client.restore_table_from_backup(
            TargetTableName=target, BackupArn=self._last_of(source)["BackupArn"], **_LIKE_THE_TEMPLATE
        )

    def _last_of(self, gone: str) -> dict[str, Any]:
        """What DynamoDB kept of a table that was deleted. Raises CannotRun."""
        found = self._backups_of(gone)
        if not found:
            raise CannotRun(f"The table {gone} is gone, and DynamoDB has no backup of it: restore by --from BACKUP.")
        return max(found, key=lambda backup: backup["BackupCreationDateTime"])

    def _backups_of(self, gone: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.list_backups(TableName=gone, BackupType="SYSTEM")["BackupSummaries"]
        return found

    def _span(self, name: str) -> tuple[int, int]:
        told = self.client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        points = told.get("PointInTimeRecoveryDescription", {})
        if points.get("PointInTimeRecoveryStatus") != "ENABLED":
            raise CannotRun(f"Point-in-time recovery is off for the table {name}: restore by --from BACKUP.")
        return _milliseconds(points["EarliestRestorableDateTime"]), _milliseconds(points["LatestRestorableDateTime"])

    def _status(self, name: str) -> str | None:
        try:
            return str(self.client.describe_table(TableName=name)["Table"]["TableStatus"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise

    def tag(self, source: str, target: str) -> None:
        """With what the table of before has; where that is gone, with the one that says whose it is."""
        tags = [_TAG]
        if self.exists(source):
            arn = self.client.describe_table(TableName=source)["Table"]["TableArn"]
            told = self.client.list_tags_of_resource(ResourceArn=arn).get("Tags", [])
            tags = [tag for tag in told if not tag["Key"].startswith("aws:")] or tags
        arn = self.client.describe_table(TableName=target)["Table"]["TableArn"]
        self.client.tag_resource(ResourceArn=arn, Tags=tags)


def _both(names: TableNames) -> tuple[str, str]:
    return names.recipients, names.control


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _told(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
