"""The end of a restore into new tables: what came to the old ones while the functions changed over, and their seal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from infra.client.shown import Shown, count
from infra.local.problems import CannotRun
from infra.ops import aws, deployment
from infra.ops.asked import is_wanted
from infra.ops.backup import secrets_of, tables_of
from infra.ops.kept_keys import deployed_functions
from infra.ops.restored import begun
from infra.ops.restored.again import Again, Before
from infra.ops.restored.control import close
from infra.ops.restored.mending import in_sentences, loader_of
from infra.ops.restored.notes import Run, load_run
from infra.ops.restored.tables import Table
from infra.ops.stages import stage_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_PAUSE = 1.0
"""Seconds between two looks at the old tables: for so long what comes to them may not be known to the new ones."""


class Finishing:
    """One run of `restore --finish`. Run again it takes over what there is, and changes nothing else.

    `pause` takes seconds.
    """

    def __init__(self, options: argparse.Namespace, shown: Shown, pause: Callable[[float], None] = time.sleep) -> None:
        self._options = options
        self._shown = shown
        self._pause = pause
        self._is_told = False

    def run(self) -> int:
        """Take over, seal, take over what came last, hand out the jobs. Raises CannotRun."""
        with in_sentences(), begun.alone(self._options):
            service = deployment.service_of(self._options)
            new = Before(*tables_of(self._options, service))
            run = self._run_of(new)
            load = loader_of(new.control, secrets_of(self._options))
            names = [name for name in run.old if name is not None]
            old = Before(*(Table(new.control.client, name) for name in names)) if len(names) == len(run.old) else None
            if old is not None:
                load = loader_of(old.control, secrets_of(self._options))
            again = Again(service, new, old or new, run, load)
            if old is not None and not self._is_done(again, new):
                return 0 if self._options.dry_run else 1
            if self._options.dry_run:
                self._shown.note("The imports and exports would go on. Nothing was changed.")
                return 0
            jobs = again.take_up_jobs()
        begun.file_of(self._options).unlink(missing_ok=True)
        self._shown.note(f"Restored. {count(jobs)} imports and exports go on.{self._left(names)}")
        return 0

    def _run_of(self, new: Before) -> Run:
        run = load_run(new.control, new.recipients)
        if run is None or not run.is_begun:
            raise CannotRun(f"{new.recipients.name}, which the stage uses, is no restored table: nothing to finish.")
        return run

    def _is_done(self, again: Again, new: Before) -> bool:
        old = again.old.recipients.name
        if self._options.dry_run:
            self._shown.note(f"What came to {old} would be taken over, and it would be sealed. Nothing was changed.")
            return False
        self._take(again)
        if not self._options.wait:
            self._refuse_before_the_deployment(new)
        if not is_wanted(self._options, self._shown, f"{old} would be sealed: it takes no act any more."):
            return False
        self._await_the_deployment(again, new)
        again.seal()
        self._take(again)
        close(again.old.control)
        for what in again.untaken:
            self._shown.note(f"  Not taken over, for the restored tables have another of that number: {what}.")
        return True

    def _take(self, again: Again) -> None:
        self._shown.note(f"  {count(again.take())} acts and changes taken over from {again.old.recipients.name}.")

    def _await_the_deployment(self, again: Again, new: Before) -> None:
        """Takes over all along, so that the new tables know within seconds what comes to the old ones."""
        rounds = int(self._options.wait * 60 / _PAUSE)
        if rounds and (behind := self._behind(new)):
            self._shown.note(
                f"  Taking over all along, for {', '.join(behind)} still uses the old tables: now run chalice deploy "
                f"--stage {self._options.stage} in another terminal."
            )
        for _ in range(rounds):
            if not self._behind(new):
                break
            self._pause(_PAUSE)
            again.take()
        self._refuse_before_the_deployment(new)

    def _refuse_before_the_deployment(self, new: Before) -> None:
        """Sealed, a table refuses whoever still uses it."""
        behind = self._behind(new)
        if behind:
            raise CannotRun(
                f"The old tables are still used by {', '.join(behind)}: run chalice deploy --stage "
                f"{self._options.stage}, and this again. What came to them so far was taken over."
            )

    def _behind(self, new: Before) -> list[str]:
        """The functions that use the old tables."""
        names = {"SIGNOFF_RECIPIENTS_TABLE": new.recipients.name, "SIGNOFF_CONTROL_TABLE": new.control.name}
        functions = deployed_functions(stage_of(self._options), self._options)
        if not functions and not self._is_told:
            self._is_told = True
            self._shown.note("  Nothing of this stage is found deployed: see yourself that it uses the new tables.")
        return [arn.rpartition(":")[2] for arn in functions if not names.items() <= self._settings_of(arn).items()]

    def _settings_of(self, arn: str) -> dict[str, Any]:
        told = aws.client("lambda", self._options).get_function_configuration(FunctionName=arn)
        found: dict[str, Any] = told.get("Environment", {}).get("Variables", {})
        return found

    def _left(self, names: list[str]) -> str:
        if not names:
            return ""
        stage = stage_of(self._options)
        return (
            f" {' and '.join(names)} stay as they are, protected from deletion: they hold personal data: delete them "
            f"once nobody needs them. {stage.storage_stack} goes on naming them; `provision` leaves the new names be."
        )
