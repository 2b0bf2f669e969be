"""The restore drill: backed up while everybody writes, destroyed, restored into an empty engine: 0 opt-outs lost."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.client.shown import Shown
from infra.ops.backups.contents import line_of
from infra.ops.backups.folder import RECIPIENTS, SECRETS, note_file, write_manifest
from infra.ops.backups.keys import identity_in, recipients_in
from infra.ops.backups.loading import Loading
from infra.ops.backups.sealed import seal
from infra.ops.backups.writing import Reading, open_backup
from infra.ops.restored.mending import mend_and_begin
from infra.ops.restored.run import Pair, Tables
from tests.campaigns.restore_copies import tables_with
from tests.campaigns.restores import restoring_of
from tests.infra.ops.backups.drills import CODE, Drill, OpsKey, backed_up
from tests.infra.ops.test_restored import again_of, begun_lives, lost_in, pair_of, tables_of, writers_on
from tests.infra.ops.typed import Typist
from tests.site import environment_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.engine import Engine
    from infra.ops.restored.tables import Item


@pytest.fixture
def drill(
    dynoxide: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Drill:
    return backed_up(dynoxide, tmp_path, Typist(capsys), monkeypatch)


def test_no_opt_out_is_lost_and_all_that_was_handed_out_works(drill: Drill) -> None:
    assert len(drill.before.acked) > 20
    assert drill.prove(drill.restore()) == []


def test_with_the_tables_of_before_every_opt_out_is_there(
    dynoxide: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backup in new tables beside them, writers all along, up to the seal: not one is lost."""
    lives = begun_lives(dynoxide, 2)
    old, ops, typist = tables_of(lives), OpsKey.at(tmp_path), Typist(capsys)
    for name, value in environment_for(old).items():
        monkeypatch.setenv(name, value)
    with writers_on(old) as writers:
        writers.hear(10)
        said = typist.done("backup", "--to", str(tmp_path / "kept"), "--ops-key", str(ops.public))
        writers.hear(5)
        place = Path(said.out.strip())
        reading = Reading(place, open_backup(place, place), identity_in(ops.private, None))
        restored = tables_with(old, [], [])
        new, before = pair_of(restored), pair_of(old)
        Loading(new.recipients, new.control, reading.manifest.id).load_new(reading, Shown())
        tables = Tables(new.recipients, new.control, Pair(before.recipients, before.control))
        mend_and_begin(tables, reading.secrets(), 1, Shown())
        writers.hear(5)
        again = again_of(restored, old, restoring_of(restored, old))
        again.take()
        again.seal()
        again.take()
        writers.hear_refusal()
    assert len(writers.acked) > 20
    assert lost_in(restored, writers.acked) == []


def everything(_: list[Item]) -> Callable[[Item], bool]:
    return lambda _item: True


def without_a_shard(items: list[Item]) -> Callable[[Item], bool]:
    gone = next(item["pk"]["S"] for item in items if is_reader(item))
    return lambda item: item["pk"]["S"] != gone


def without_the_last_page(items: list[Item]) -> Callable[[Item], bool]:
    """Of each shard: what comes from the middle of its recipients on."""
    pages: dict[str, list[str]] = {}
    for item in items:
        pages.setdefault(item["pk"]["S"], []).append(item["sk"]["S"])
    kept = {(pk, sk) for pk, found in pages.items() for sk in found[: len(found) // 4]}
    return lambda item: (item["pk"]["S"], item["sk"]["S"]) in kept


def without_somebody(items: list[Item]) -> Callable[[Item], bool]:
    """One person, whose opt-out was acknowledged: neither its state nor its line is there."""
    gone = next(item["sk"]["S"].partition("#")[2] for item in items if is_reader(item))
    return lambda item: gone not in json.dumps(item)


def is_reader(item: Item) -> bool:
    return str(item["pk"]["S"]).startswith(f"{CODE}#") and str(item["sk"]["S"]).startswith("recipient#")


def without_states(_: list[Item]) -> Callable[[Item], bool]:
    return lambda item: not item["sk"]["S"].startswith("recipient#")


BUGS = {
    "a shard is skipped": without_a_shard,
    "the last page is dropped": without_the_last_page,
    "somebody is passed over": without_somebody,
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_backup_that_leaves_something_out_is_noticed(drill: Drill, bug: str) -> None:
    made_anew(drill, BUGS[bug])
    assert [line for line in drill.prove(drill.restore()) if line.startswith(("lost", "the check"))]


def test_states_that_are_left_out_are_made_of_the_ledger(drill: Drill) -> None:
    made_anew(drill, without_states)
    assert drill.prove(drill.restore()) == []


def test_made_anew_with_nothing_left_out_it_is_as_good(drill: Drill) -> None:
    made_anew(drill, everything)
    assert drill.prove(drill.restore()) == []


def test_a_backup_with_another_pepper_is_noticed_before_anything_is_restored(drill: Drill) -> None:
    """And so is one without: it would say yes to every check."""
    made_anew(drill, everything, pepper=bytes(64))
    path = drill.folder / "never"
    said = drill.typist.refused(
        "restore", "--from", drill.backup, "--identity", str(drill.ops.private), "--data-dir", str(path), "--yes"
    )
    assert "The pepper key does not open the pepper of sender" in said
    assert not path.exists()


def test_a_restore_that_forgets_the_pepper_is_noticed(drill: Drill) -> None:
    path = drill.restore()
    file = path / "secrets.json"
    told = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**told, "SIGNOFF_PEPPER_KEY": base64.b64encode(bytes(64)).decode()}), "utf-8")
    assert [line for line in drill.prove(path) if line.startswith("the check")]


def made_anew(drill: Drill, keep: Callable[[list[Item]], Callable[[Item], bool]], pepper: bytes | None = None) -> None:
    """The same backup by a program with a bug: whole and well sealed, and not all is in it."""
    folder = Path(drill.backup)
    manifest = open_backup(folder, folder)
    reading, items = Reading(folder, manifest, identity_in(drill.ops.private, None)), list["Item"]()
    reading.each(RECIPIENTS, items.append)
    is_kept = keep(items)
    kept = [line_of(item) for item in items if is_kept(item)]
    assert len(kept) < len(items) or keep is everything
    secrets = reading.secrets()
    if pepper is not None:
        secrets["SIGNOFF_PEPPER_KEY"] = base64.b64encode(pepper).decode()
    for name, lines in ((RECIPIENTS, kept), (SECRETS, [json.dumps(secrets).encode()])):
        (folder / name).unlink()
        seal(folder / name, lines, recipients_in(drill.ops.public))
        note_file(manifest, folder, name, len(lines))
    write_manifest(manifest, folder)
