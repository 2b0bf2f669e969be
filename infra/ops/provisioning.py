"""What `provision` does, step by step; each step leaves whole what comes before it, so that it can be run again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.adopting import take_over
from infra.ops.chalice_note import restore_note
from infra.ops.deployment import command
from infra.ops.domains import PROD, check_certificate, check_domain
from infra.ops.first_secrets import SecretLost, first_master_keys, first_pepper_key, put_where_empty
from infra.ops.places import check_place
from infra.ops.restored.begun import base
from infra.ops.stack_told import event_told, plan_told
from infra.ops.stacks import Plan, Stack
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


class Provisioning:
    """One run of the command."""

    def __init__(self, options: argparse.Namespace, shown: Shown) -> None:
        self.shown = shown
        self._options = options
        self._stage: Stage = stage_of(options)
        self._stack = Stack(None, self._stage.storage_stack, event_told(self._stage.storage_stack, shown.note))

    def run(self) -> int:
        """Provision, or with --dry-run show what it would do. Raises CannotRun."""
        region = aws.session(self._options).region_name
        self._check(str(region))
        self._stack.client = aws.client("cloudformation", self._options)
        if self._adopt() and self._options.dry_run:
            self.shown.note("What is missing is made after that. Nothing was changed (--dry-run).")
            return 0
        plan = self._plan()
        if self._options.dry_run:
            self._stack.drop(plan)
            self.shown.note("Nothing was changed (--dry-run).")
            return 0
        if plan.changes or plan.change_set:
            self._stack.carry_out(plan)
        if self._stage.name == PROD and self._stack.protect():
            self.shown.note(f"  {self._stack.name} is protected from deletion.")
        outputs = self._stack.outputs()
        try:
            self._put_first_values(outputs)
        except SecretLost as error:
            self._write(outputs)  # so that a restore knows where the secret is now
            restore = command(self._options, "restore", "--secrets-only", "--from BACKUP", "--identity FILE")
            raise CannotRun(f"{error} Next:\n  {restore}\n  {self._stage.deploy}") from None
        self._write(outputs)
        self._next()
        return 0

    def standing(self) -> str:
        """How things are after Ctrl-C."""
        return f"CloudFormation may still be at work on {self._stack.name}: the same command waits for it and goes on."

    def _check(self, region: str) -> None:
        options = self._options
        check_domain(self._stage, options.domain, options.certificate_arn, region)
        check_place(self._stage, region, options)
        if options.domain:
            check_certificate(partial(aws.client, "acm", options), options.domain, options.certificate_arn)

    def _adopt(self) -> bool:
        """Whether there was something to take over of an earlier stack."""
        options, told = self._options, {"Stage": self._stage.name}
        if not options.dry_run:
            self._stack.make_ready(self.shown.note)
        text = TEMPLATE.read_text("utf-8")
        return take_over(self._stack, text, told, options, self.shown.note, is_wanted=options.adopt)

    def _plan(self) -> Plan:
        return plan_told(
            self._stack,
            TEMPLATE.read_text("utf-8"),
            {"Stage": self._stage.name},
            self.shown.note,
            dry_run=self._options.dry_run,
        )

    def _put_first_values(self, outputs: dict[str, str]) -> None:
        secretsmanager = aws.client("secretsmanager", self._options)
        dynamodb = aws.client("dynamodb", self._options)
        tables = {
            outputs["ControlTableName"],
            self._stage.settings.get("SIGNOFF_CONTROL_TABLE") or outputs["ControlTableName"],
        }
        for output, (what, value) in _FIRST_VALUES.items():
            if put_where_empty(secretsmanager, dynamodb, tables, outputs[output], value):
                self.shown.note(f"  Made {what}, in the secret alone.")

    def _write(self, outputs: dict[str, str]) -> None:
        stage = self._stage
        told = {setting: outputs[output] for setting, output in SETTINGS.items()}
        # Restored tables took the place of the stack's: these are sealed, and what they hold is old.
        stage.set({name: value for name, value in told.items() if base(stage.settings.get(name, "")) != value})
        if self._options.domain:
            stage.set_domain(self._options.domain, self._options.certificate_arn)
        self.shown.note(f"  {stage.file}: {'written' if stage.write() else 'as it was'}.")

    def _next(self) -> None:
        if (note := restore_note(self._stage, self._options)) is not None:
            self.shown.note(f"  {note}: made of what is deployed, for `chalice deploy` to go by.")
        self.shown.note(f"{self._stack.name} is ready. Next: {self._stage.deploy}")
