"""A backup while a restore is under way, from a colleague's machine, where nothing is noted of that.

None lacks what was acknowledged before its beginning.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infra.ops.restored.stage import StageRestore
from infra.storage import create_tables
from tests.infra.deploying.restoring import KilledWhenMending, Stage
from tests.infra.ops.backups.drills import OpsKey

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.deploying.accounts import Said


def fetch(stage: Stage, there: Stage) -> None:
    """What was committed, and nothing that is not in git."""
    shutil.copy(stage.project / ".chalice" / "config.json", there.project / ".chalice")


@pytest.fixture
def ops(tmp_path: Path) -> OpsKey:
    return OpsKey.at(tmp_path)


@pytest.fixture
def colleague(stage: Stage, tmp_path: Path) -> Stage:
    """Whose settings are those of before, until `fetch`."""
    there = replace(stage, project=tmp_path / "colleague")
    (there.project / ".chalice").mkdir(parents=True)
    fetch(stage, there)
    return there


def back_up(colleague: Stage, ops: OpsKey) -> Said:
    return colleague.type("backup", "--to", str(colleague.project / "kept"), "--ops-key", str(ops.public))


def test_while_tables_are_made_it_copies_those_that_serve_and_says_so(
    stage: Stage, colleague: Stage, ops: OpsKey
) -> None:
    killed = stage.options(source=None, at=None, dry_run=False, yes=True)
    with pytest.raises(KeyboardInterrupt):
        StageRestore(killed, KilledWhenMending()).run()
    said = back_up(colleague, ops)
    assert "nothing is served from it yet: this copies signoff-dev-recipients," in said.text
    assert said.code == 0


def test_of_either_tables_it_is_refused_until_the_restore_is_finished(
    stage: Stage, colleague: Stage, ops: OpsKey
) -> None:
    stage.done("restore", "--yes")
    new = stage.names()[0]
    of_old = back_up(colleague, ops)
    assert (of_old.code, f"signoff-dev-recipients into {new}, which may hold" in of_old.text) == (1, True)
    fetch(stage, colleague)
    of_new = back_up(colleague, ops)
    assert (of_new.code, f"The restore into {new} was not ended" in of_new.text) == (1, True)
    assert not (colleague.project / "kept").exists()
    stage.done("restore", "--finish", "--yes")
    assert back_up(colleague, ops).code == 0


def test_of_a_restore_that_was_given_up_nothing_is_left_in_its_way(stage: Stage, colleague: Stage, ops: OpsKey) -> None:
    stage.done("restore", "--yes")
    recipients, control = stage.names()
    stage.delete(control)
    assert "nothing is served from it" in back_up(colleague, ops).text
    stage.delete(recipients)
    said = back_up(colleague, ops)
    assert (said.code, "A restore" in said.text) == (0, False)


def test_old_tables_that_are_gone_have_nothing_more_to_be_taken_over(
    stage: Stage, colleague: Stage, ops: OpsKey
) -> None:
    old = stage.names()
    stage.done("restore", "--yes")
    stage.delete(*old)
    fetch(stage, colleague)
    assert back_up(colleague, ops).code == 0


def test_a_restore_that_was_ended_is_in_no_other_ones_way(stage: Stage, ops: OpsKey, tmp_path: Path) -> None:
    """Whoever wants the stack's own names again restores a backup into tables of these names (docs/decisions/0019)."""
    old = stage.names()
    stage.done("restore", "--yes")
    new = stage.names()
    stage.deploy(*new)
    stage.done("restore", "--finish", "--yes")
    kept = tmp_path / "kept"
    stage.done("backup", "--to", str(kept), "--ops-key", str(ops.public))
    [later] = kept.iterdir()
    stage.delete(*old)
    create_tables(stage.account.client("dynamodb"), "dev")
    settings = stage.project / ".chalice" / "config.json"
    text = settings.read_text("utf-8")
    for before, after in zip(new, old, strict=True):
        text = text.replace(before, after)
    settings.write_text(text, "utf-8")
    stage.done("restore", "--from", str(later), "--identity", str(ops.private), "--yes")
    assert stage.type("backup", "--to", str(tmp_path / "again"), "--ops-key", str(ops.public)).code == 0
