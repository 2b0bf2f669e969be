"""What `provision` does, step by step; each step leaves whole what comes before it, so that it can be run again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.domains import check_certificate, check_domain
from infra.ops.first_secrets import first_master_keys, first_pepper_key, put_where_empty
from infra.ops.restored.begun import base
from infra.ops.stacks import Event, Plan, Stack
from infra.ops.stages import Stage, stage_of
from infra.storage import TEMPLATE

if TYPE_CHECKING:
    import argparse

    from infra.client.shown import Shown

SETTINGS = {
    "SIGNOFF_RECIPIENTS_TABLE": "RecipientsTableName",
    "SIGNOFF_CONTROL_TABLE": "ControlTableName",
    "SIGNOFF_FILES_BUCKET": "FilesBucketName",
    "SIGNOFF_JOBS_QUEUE": "JobsQueueName",
    "SIGNOFF_JOBS_QUEUE_URL": "JobsQueueUrl",
    "SIGNOFF_MASTER_SECRET": "MasterKeysSecretArn",
    "SIGNOFF_PEPPER_SECRET": "PepperKeySecretArn",
}
"""Setting → the stack's output that it takes."""
_FIRST_VALUES = {
    "MasterKeysSecretArn": ("the master keys", first_master_keys),
    "PepperKeySecretArn": ("the pepper key", first_pepper_key),
}
_MARKS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "<", "Dynamic": "?"}


class Provisioning:
    """One run of the command."""

    def __init__(self, options: argparse.Namespace, shown: Shown) -> None:
        self.shown = shown
        self._options = options
        self._stage: Stage = stage_of(options)
        self._stack = Stack(None, self._stage.storage_stack, self._progress)

    def run(self) -> int:
        """Provision, or with --dry-run show what it would do. Raises CannotRun."""
        region = aws.session(self._options).region_name
        self._check(str(region))
        self._stack.client = aws.client("cloudformation", self._options)
        plan = self._plan()
        if self._options.dry_run:
            self._stack.drop(plan)
            self.shown.note("Nothing was changed (--dry-run).")
            return 0
        if plan.changes or plan.change_set:
            self._stack.carry_out(plan)
        outputs = self._stack.outputs()
        self._put_first_values(outputs)
        self._write(outputs)
        self._next(str(region))
        return 0

    def standing(self) -> str:
        """How things are after Ctrl-C."""
        return f"CloudFormation may still be at work on {self._stack.name}: the same command waits for it and goes on."

    def _check(self, region: str) -> None:
        options = self._options
        check_domain(self._stage, options.domain, options.certificate_arn, region)
        self._check_place(region)
        if options.domain:
            check_certificate(partial(aws.client, "acm", options), options.domain, options.certificate_arn)

    def _check_place(self, region: str) -> None:
        """That it is where it was. The first call: who is asking?"""
        with aws.explaining():
            account = aws.client("sts", self._options).get_caller_identity()["Account"]
        place = self._stage.place
        if place is None:
            return
        where = f"The stage {self._stage.name} is in"
        how = "To provision it anew there, take its settings out of .chalice/config.json."
        if place.region != region:
            raise CannotRun(f"{where} {place.region}, and this would be {region}: add --region {place.region}. {how}")
        if place.account != account:
            raise CannotRun(f"{where} account {place.account}, and the credentials are of {account}. {how}")

    def _plan(self) -> Plan:
        if self._options.dry_run:
            self._refuse_to_clear()
        else:
            self._stack.make_ready(self.shown.note)
        plan = self._stack.plan(TEMPLATE.read_text("utf-8"), {"Stage": self._stage.name})
        if not plan.changes:
            self.shown.note(f"{self._stack.name}: nothing to change.")
        for change in plan.changes:
            replaced = "  (made anew: the old one is kept)" if change.replaces else ""
            self.shown.note(f"  {_MARKS.get(change.action, '?')} {change.resource}  {change.type}{replaced}")
        return plan

    def _refuse_to_clear(self) -> None:
        """A dry run waits for nobody and clears nothing away."""
        status = self._stack.status()
        if (status is not None and not status.endswith("_COMPLETE")) or status == "ROLLBACK_COMPLETE":
            raise CannotRun(
                f"{self._stack.name} is half made ({status}), so there is nothing to compare with: "
                "the command without --dry-run says why, clears it away or waits for it, and makes it."
            )

    def _put_first_values(self, outputs: dict[str, str]) -> None:
        secretsmanager = aws.client("secretsmanager", self._options)
        dynamodb = aws.client("dynamodb", self._options)
        for output, (what, value) in _FIRST_VALUES.items():
            if put_where_empty(secretsmanager, dynamodb, outputs["ControlTableName"], outputs[output], value):
                self.shown.note(f"  Made {what}, in the secret alone.")

    def _write(self, outputs: dict[str, str]) -> None:
        stage = self._stage
        told = {setting: outputs[output] for setting, output in SETTINGS.items()}
        # Restored tables took the place of the stack's: these are sealed, and what they hold is old.
        stage.set({name: value for name, value in told.items() if base(stage.settings.get(name, "")) != value})
        if self._options.domain:
            stage.set_domain(self._options.domain, self._options.certificate_arn)
        self.shown.note(f"  {stage.file}: {'written' if stage.write() else 'as it was'}.")

    def _next(self, region: str) -> None:
        self.shown.note(
            f"{self._stack.name} is ready. Next: AWS_DEFAULT_REGION={region} chalice deploy --stage {self._stage.name}"
        )

    def _progress(self, event: Event) -> None:
        if event.resource != self._stack.name:
            self.shown.note(f"  {event.status.replace('_', ' ').lower():<20} {event.resource}  {event.type}")
