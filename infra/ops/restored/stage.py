"""Restoring a stage: into its own tables where these are empty, else into new ones that its settings then name."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from infra.local.problems import CannotRun
from infra.ops import aws, deployment
from infra.ops.asked import is_wanted
from infra.ops.backups.contents import control_items
from infra.ops.backups.loading import Loading
from infra.ops.backups.writing import check_peppers
from infra.ops.deployed import deploying
from infra.ops.deployment import command
from infra.ops.kept_keys import StageKeys, deployed_functions, has_settings
from infra.ops.places import go_there
from infra.ops.restored import begun
from infra.ops.restored.begun import POINTS, Begun
from infra.ops.restored.control import refuse_closed
from infra.ops.restored.local import opened
from infra.ops.restored.mending import PEPPER, in_sentences, mend_and_begin
from infra.ops.restored.missing import CONTROL, KINDS, RECIPIENTS, Gone, gone_both
from infra.ops.restored.points import Points
from infra.ops.restored.run import Pair, Tables
from infra.ops.restored.stage_secrets import MASTER, Held, StageSecrets, agreed, left_out_of, lost_versions
from infra.ops.restored.tables import Table
from infra.ops.rotation import keys_from, time_of
from infra.ops.stages import stage_of
from infra.ops.times import taken
from infra.storage import create_tables

if TYPE_CHECKING:
    import argparse

    from infra.client.shown import Shown
    from infra.ops.backups.writing import Reading, Secrets
    from infra.storage import TableNames


class StageRestore:
    """One run of the command, up to the deployment."""

    def __init__(self, options: argparse.Namespace, shown: Shown) -> None:
        self._options = options
        self._shown = shown
        self._stage = stage_of(options)
        if self._stage.place is None:
            name = self._stage.name
            raise CannotRun(f"The stage {name} has no stores yet: `{command(options, 'provision')}` makes them.")
        go_there(self._stage, options)
        self._file = begun.file_of(options)
        self._client = aws.client("dynamodb", options)

    def run(self) -> int:
        """Restore, up to the deployment. Raises CannotRun."""
        with in_sentences(), begun.alone(self._options):
            under_way = begun.load(self._file)
            if self._options.source is None:
                return self._from_points(under_way)
            with opened(self._options, self._shown) as reading:
                if self._options.secrets_only:
                    return self._secrets_alone(reading)
                return self._from_backup(reading, under_way)

    def _secrets_alone(self, reading: Reading) -> int:
        """The tables are there, and what they were made with is lost: put back where nothing is."""
        kept, secrets = StageSecrets(self._stage, self._options), reading.secrets()
        held = kept.held()
        lost = [name for name, value in held.items() if value is None]
        if not lost and held[PEPPER] != secrets[PEPPER]:
            self._shown.note(
                "Both secrets of the stage have a value, and are left as they are. The pepper key is not that of the "
                "backup."
            )
            return 0
        self._refuse_of_others(held[PEPPER], secrets)
        if agreed(held, secrets, kept.now) == held:
            self._shown.note(
                "Both secrets of the stage have a value, which has all of the backup's, and are left as they are."
            )
            # A run that was killed may have told nobody.
            return 0 if self._options.dry_run else self._begin_anew(kept, secrets, held)
        what = f"{' and '.join(lost)} would be put back" if lost else "The master keys would be added that are lost"
        if not self._is_wanted(f"{what}, as in the backup of the stage."):
            return 0 if self._options.dry_run else 1
        wanted = kept.take(secrets)
        self._shown.note("Put back.")
        return self._begin_anew(kept, secrets, wanted)

    def _refuse_of_others(self, pepper: str | None, secrets: Secrets) -> None:
        """A backup of another deployment, under whose keys nothing here was made."""
        _, control = self._tables(begun.names_of(self._stage))
        if control.exists():
            check_peppers(control_items(control), secrets)
        else:
            self._shown.note(f"{control.name} is gone, too: whether these are its secrets is seen when it is restored.")
        if pepper not in {None, secrets[PEPPER]}:
            raise CannotRun(
                f"The pepper key of the stage {self._stage.name} is not that of the backup: they belong to two "
                "deployments. Nothing was changed."
            )

    def _from_points(self, under_way: Begun | None) -> int:
        wanted = None if self._options.at is None else taken("--at", self._options.at)
        self._refuse_another(under_way, POINTS, wanted)
        if self._is_used(under_way):
            return self._next()
        points = Points(self._client, begun.names_of(self._stage))
        if under_way is None:
            under_way = self._new(points, POINTS, points.choose(wanted))
        if not self._is_to_be_done(under_way, f"as they were at {time_of(under_way.at)}"):
            return 0 if self._options.dry_run else 1
        begun.save(self._file, under_way)
        points.restore(under_way.after, under_way.at, self._shown)
        return self._serve(under_way, self._secrets())

    def _from_backup(self, reading: Reading, under_way: Begun | None) -> int:
        points, backup = Points(self._client, begun.names_of(self._stage)), reading.manifest
        self._refuse_another(under_way, backup.id, None)
        if self._is_used(under_way):
            return self._next()
        if under_way is None and self._is_own_possible(points, backup.id):
            return self._into_own(reading, points.before)
        self._refuse_other_secrets(reading.secrets())
        under_way = under_way or self._new(points, backup.id, backup.started)
        if not self._is_to_be_done(under_way, f"from a backup that was begun at {time_of(backup.started)}"):
            return 0 if self._options.dry_run else 1
        begun.save(self._file, under_way)
        suffix = under_way.after.control.removeprefix(begun.base(under_way.after.control))
        create_tables(self._client, self._stage.name, suffix)
        for source, target in zip(asdict(points.before).values(), asdict(under_way.after).values(), strict=True):
            points.tag(source, target)
        Loading(*self._tables(under_way.after), backup.id).load_new(reading, self._shown)
        return self._serve(under_way, self._secrets())

    def _is_used(self, under_way: Begun | None) -> bool:
        """Whether the settings name the restored tables: nothing is left to be done here."""
        return under_way is not None and begun.names_of(self._stage) == under_way.after

    def _new(self, points: Points, source: str, at: int) -> Begun:
        if points.exists(points.before.control):
            recipients, control = self._tables(points.before)
            refuse_closed(control.scan())
            begun.refuse_unended(recipients, control, self._options)
        new = begun.begin(source, at, points.before)
        if points.exists(new.after.recipients) or points.exists(new.after.control):
            raise CannotRun("A restore was begun in this very second: wait for one, and repeat it.")
        return new

    def _is_own_possible(self, points: Points, backup: str) -> bool:
        """Whether the stage's own tables are there, and hold nothing else."""
        if not (points.exists(points.before.recipients) and points.exists(points.before.control)):
            return False
        return Loading(*self._tables(points.before), backup).is_possible()

    def _into_own(self, reading: Reading, names: TableNames) -> int:
        what = f"The backup would be put into {names.recipients} and {names.control}, which are empty, and its secrets "
        if not self._is_wanted(f"{what}into those of the stage."):
            return 0 if self._options.dry_run else 1
        loading, secrets = Loading(*self._tables(names), reading.manifest.id), reading.secrets()
        kept = StageSecrets(self._stage, self._options)
        agreed(kept.held(), secrets, kept.now)  # or it says why not, before anything is done
        loading.begin()  # from now on another backup is refused
        loading.load(reading, self._shown)
        tables = Tables(*self._tables(names), Pair(None, None, gone_both(reading.manifest.started)))
        mend_and_begin(tables, secrets, reading.manifest.started, self._shown)
        # Last: functions that are deployed answer 503 with another pepper, and never from half of the backup.
        wanted = kept.take(secrets)
        self._shown.note("Restored. Uploads and exports are in no backup: unfinished imports need their file anew.")
        return self._begin_anew(kept, secrets, wanted)

    def _begin_anew(self, kept: StageSecrets, backup: Secrets, wanted: Held) -> int:
        """Functions that are deployed have read other secrets, or none."""
        keys = keys_from(wanted[MASTER] or "", kept.now)
        self._shown.summary(f"Master keys of stage {self._stage.name}", keys.rows(), beside_results=True)
        if left_out := left_out_of(keys, backup):
            self._shown.note(lost_versions(left_out, self._options))
        for line in StageKeys(self._stage, self._options).begin_anew(keys):
            self._shown.note(f"  {line}")
        functions = deployed_functions(self._stage, self._options)
        named = {setting: self._stage.settings[setting] for setting in deployment.SECRETS}
        if not all(has_settings(arn, named, self._options) for arn in functions):
            self._shown.note(
                "The functions name other secrets than these, and have to be deployed:\n"
                f"  {deploying(self._stage, self._options)}"
            )
        return 0

    def _serve(self, under_way: Begun, secrets: Secrets) -> int:
        """Whole, begun, and named by the settings."""
        recipients, control = self._tables(under_way.before)
        gone = self._gone(under_way)
        old = Pair(None if RECIPIENTS in gone else recipients, None if CONTROL in gone else control, gone)
        tables = Tables(*self._tables(under_way.after), old)
        mend_and_begin(tables, secrets, under_way.at, self._shown)
        begun.switch(self._stage, under_way.after)
        return self._next()

    def _gone(self, under_way: Begun) -> Gone:
        """Those of the tables of before that are not there any more."""
        points, is_of_points = Points(self._client, under_way.before), under_way.source == POINTS
        return {
            kind: (name, points.since(name, under_way.at) if is_of_points else under_way.at)
            for kind, name in zip(KINDS, asdict(under_way.before).values(), strict=True)
            if not points.exists(name)
        }

    def _next(self) -> int:
        self._shown.note(
            f"{self._stage.file} names the restored tables. Next, begun now and left running:\n"
            f"  {begun.finish_command(self._options)}\n"
            f"and in another terminal, while that waits:\n  {deploying(self._stage, self._options)}"
        )
        return 0

    def _is_to_be_done(self, under_way: Begun, how: str) -> bool:
        after, before = under_way.after, under_way.before
        return self._is_wanted(
            f"{after.recipients} and {after.control} would be made, {how}; what is newer in {before.recipients} and "
            f"{before.control} would be taken over, as far as these are there; and the stage would use the new ones."
        )

    def _is_wanted(self, what: str) -> bool:
        if self._options.dry_run:
            self._shown.note(f"{what}\nNothing was changed (--dry-run).")
            return False
        return is_wanted(self._options, self._shown, what)

    def _refuse_another(self, under_way: Begun | None, source: str, at: int | None) -> None:
        if under_way is None or (under_way.source == source and at in {None, under_way.at}):
            return
        told = POINTS if under_way.source == POINTS else "a backup"
        what = f"A restore from {told} to {time_of(under_way.at)} is under way, into {under_way.after.recipients}: "
        if self._is_used(under_way):
            raise CannotRun(f"{what}end it before another is begun:\n  {begun.finish_command(self._options)}")
        raise CannotRun(f"{what}repeat that command, or delete {self._file} to begin another.")

    def _tables(self, names: TableNames) -> tuple[Table, Table]:
        return Table(self._client, names.recipients), Table(self._client, names.control)

    def _secrets(self) -> Secrets:
        """As they are. Raises CannotRun where one is lost."""
        held = StageSecrets(self._stage, self._options).held()
        found = {name: value for name, value in held.items() if value is not None}
        if len(found) < len(held):
            first = command(self._options, "restore", "--secrets-only", "--from BACKUP", "--identity FILE")
            raise CannotRun(
                f"A secret of the stage {self._stage.name} is lost. Put it back first, and repeat this:\n  {first}\n"
                "Where its tables are gone, too, and DynamoDB keeps nothing of them, make the stage anew: see Restore "
                "in docs/operate.md."
            )
        return found

    def _refuse_other_secrets(self, wanted: Secrets) -> None:
        """What the stage's tables hold is bound to its secrets: they are never replaced."""
        held = self._secrets()
        keys = json.loads(held[MASTER])
        are_there = all(
            keys.get(version, {}).get("secret") == key["secret"] for version, key in json.loads(wanted[MASTER]).items()
        )
        if held[PEPPER] != wanted[PEPPER] or not are_there:
            raise CannotRun(
                f"The tables of the stage {self._stage.name} are not empty, and its secrets are not those of the "
                "backup: they belong to two deployments. Restore into an account of its own, or a stage that is empty."
            )
