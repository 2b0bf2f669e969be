"""The end of a restore into new tables: what came to the old ones while the functions changed over, and their seal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from infra.client.shown import Shown, counted
from infra.local.problems import CannotRun
from infra.ops import deployment
from infra.ops.asked import is_wanted
from infra.ops.backup import secrets_of, tables_of
from infra.ops.deployed import deploying
from infra.ops.kept_keys import deployed_functions, has_settings
from infra.ops.restored import begun
from infra.ops.restored.again import Again, Both
from infra.ops.restored.control import close
from infra.ops.restored.mending import in_sentences, loader_of, tell_missing
from infra.ops.restored.missing import CONTROL, KINDS, RECIPIENTS
from infra.ops.restored.notes import Run, load_run, save_run
from infra.ops.restored.run import Pair
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
        self._taken = 0
        """Acts and changes that nobody was told of yet."""

    def run(self) -> int:
        """Take over, seal, take over what came last, hand out the jobs. Raises CannotRun."""
        with in_sentences(), begun.alone(self._options):
            service = deployment.service_of(self._options)
            new = Both(*tables_of(self._options, service))
            run = self._run_of(new)
            old = _still_there(new, run)
            load = loader_of(old.control or new.control, secrets_of(self._options))
            again = Again(service, new, old, run, load)
            if self._options.dry_run:
                return self._say_what_would_be_done(old)
            if not self._is_done(again):
                return 1
            jobs = again.take_up_jobs()
        begun.file_of(self._options).unlink(missing_ok=True)
        tell_missing(old.gone, self._shown)
        self._shown.note(f"Restored. {counted(jobs, 'import or export goes', 'imports and exports go')} on.")
        self._tell_of_the_old(old)
        self._tell_what_is_next()
        return 0

    def _run_of(self, new: Both) -> Run:
        run = load_run(new.control, new.recipients)
        if run is None or not run.is_begun:
            raise CannotRun(f"{new.recipients.name}, which the stage uses, is no restored table: nothing to finish.")
        return run

    def _say_what_would_be_done(self, old: Pair) -> int:
        tell_missing(old.gone, self._shown)
        for name in filter(None, old.names):
            self._shown.note(f"What came to {name} would be taken over.")
        for what in _seals(old):
            self._shown.note(what)
        self._shown.note("The imports and exports would go on. Nothing was changed (--dry-run).")
        return 0

    def _is_done(self, again: Again) -> bool:
        """Takes over, seals, takes over what came last; False where that is not wanted."""
        self._take(again)
        if not self._options.wait:
            self._refuse_before_the_deployment(again.new)
        if (seals := _seals(again.old)) and not is_wanted(self._options, self._shown, "\n".join(seals)):
            return False
        self._await_the_deployment(again)
        again.seal()
        self._take(again)
        if again.old.control is not None:
            close(again.old.control)
        if not again.run.is_sealed:
            again.run.is_sealed = True
            save_run(again.new.control, again.run)
        return True

    def _take(self, again: Again) -> None:
        if names := " and ".join(filter(None, again.old.names)):
            taken = counted(self._taken + again.take(), "act or change", "acts and changes")
            self._taken = 0
            self._shown.note(f"  {taken} taken over from {names}.")
        for what in dict.fromkeys(again.untaken):
            self._shown.note(f"  Not taken over: {what}.")
        again.untaken.clear()

    def _await_the_deployment(self, again: Again) -> None:
        """Takes over all along, so that the new tables know within seconds what comes to the old ones."""
        rounds = int(self._options.wait * 60 / _PAUSE)
        if rounds and (behind := self._behind(again.new)):
            self._shown.note(
                f"  Taking over all along, for {_use(behind)} the old tables: now run, in another terminal:\n"
                f"  {deploying(stage_of(self._options), self._options)}"
            )
        for _ in range(rounds):
            if not self._behind(again.new):
                break
            self._pause(_PAUSE)
            self._taken += again.take()
        self._refuse_before_the_deployment(again.new)

    def _refuse_before_the_deployment(self, new: Both) -> None:
        """Sealed, a table refuses whoever still uses it; and a worker that uses one that is gone fails its jobs."""
        behind = self._behind(new)
        if behind:
            raise CannotRun(
                f"The old tables are still used by {', '.join(behind)}. What came to them so far was taken over. Next, "
                f"left running, and in another terminal while that waits:\n  {begun.finish_command(self._options)}\n"
                f"  {deploying(stage_of(self._options), self._options)}"
            )

    def _behind(self, new: Both) -> list[str]:
        """The functions that use the old tables."""
        names = {"SIGNOFF_RECIPIENTS_TABLE": new.recipients.name, "SIGNOFF_CONTROL_TABLE": new.control.name}
        functions = deployed_functions(stage_of(self._options), self._options)
        if not functions and not self._is_told:
            self._is_told = True
            self._shown.note("  Nothing of this stage is found deployed: see yourself that it uses the new tables.")
        return [arn.rpartition(":")[2] for arn in functions if not has_settings(arn, names, self._options)]

    def _tell_of_the_old(self, old: Pair) -> None:
        stage = stage_of(self._options)
        for name in filter(None, old.names):
            self._shown.note(
                f"{name} stays as it is, protected from deletion. It holds personal data: delete it once nobody needs "
                f"it. {stage.storage_stack} goes on naming it; `provision` leaves the new name be."
            )

    def _tell_what_is_next(self) -> None:
        file, options = stage_of(self._options).file, self._options
        self._shown.note(
            f"Next: commit {file}; have the alarms look at the tables that are used now, and back up:\n"
            f"  {deployment.command(options, 'finish')}\n"
            f"  {deployment.command(options, 'backup', '--to PLACE', '--ops-key FILE')}"
        )


def _still_there(new: Both, run: Run) -> Pair:
    """The tables of before that are there. One that has gone since the restore was begun may take acts with it."""
    found: dict[str, Table] = {}
    gone = dict(run.gone)
    for kind, name in zip(KINDS, run.old, strict=True):
        if name is None:
            continue
        table = Table(new.control.client, name)
        if table.exists():
            found[kind] = table
        elif not run.is_sealed:
            gone[kind] = name, run.made
    return Pair(found.get(RECIPIENTS), found.get(CONTROL), gone)


def _seals(old: Pair) -> list[str]:
    """What would become of the tables of before that are there."""
    told = []
    if old.recipients is not None:
        told.append(f"{old.recipients.name} would be sealed: it takes no act any more.")
    if old.control is not None:
        told.append(f"{old.control.name} would be closed: nobody is answered from it any more.")
    return told


def _use(functions: list[str]) -> str:
    return f"{', '.join(functions)} still {'uses' if len(functions) == 1 else 'use'}"
