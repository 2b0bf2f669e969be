"""`python -m infra backup` and `backup-key`: what is in a backup, who opens it, and what is noticed."""

from __future__ import annotations

import getpass
import json
import random
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra.client.shown import Shown
from infra.local.problems import CannotRun
from infra.ops.backups.contents import control_items, item_of, line_of, shard_items, shards_in
from infra.ops.backups.folder import CONTROL, FILES, MANIFEST, RECIPIENTS, read_manifest
from infra.ops.backups.keys import identity_in, new_passphrase, recipients_in
from infra.ops.backups.loading import Loading
from infra.ops.backups.sealed import seal, unseal
from infra.ops.backups.writing import Reading
from infra.ops.restored.mending import mend_and_begin
from infra.ops.restored.run import Pair, Tables
from infra.ops.restored.tables import Table
from tests.campaigns.restore_copies import snapshot, tables_with
from tests.engines import LocalTables
from tests.infra.ops.backups.drills import OpsKey
from tests.infra.ops.test_restored import Torn, begun_lives, mended, pair_of, tables_of, without_times
from tests.infra.ops.typed import Typist
from tests.infra.processes import ROOT, infra_command
from tests.lives import AFTER, BEFORE, Killed, Life, _Client
from tests.site import environment_for

if TYPE_CHECKING:
    from infra.local.engine import Engine

PASSPHRASE = "a long one, of a test"


@dataclass
class Made:
    """Tables that nobody writes to any more, and their backup."""

    tables: LocalTables
    typist: Typist
    ops: OpsKey
    place: Path

    def reading(self) -> Reading:
        return Reading(self.place, read_manifest(self.place, ""), identity_in(self.ops.private, None))

    def check(self, *words: str) -> str:
        return self.typist.refused("backup", "--check", str(self.place), *words)

    @property
    def identity(self) -> tuple[str, str]:
        return "--identity", str(self.ops.private)


@pytest.fixture
def made(dynoxide: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Made:
    lives = begun_lives(dynoxide, 8)
    for _ in range(150):
        lives.step()
    return backup_of(tables_of(lives), tmp_path, Typist(capsys), monkeypatch)


def backup_of(tables: LocalTables, folder: Path, typist: Typist, patch: pytest.MonkeyPatch) -> Made:
    for name, value in environment_for(tables).items():
        patch.setenv(name, value)
    ops = OpsKey.at(folder)
    said = typist.done("backup", "--to", str(folder / "kept"), "--ops-key", str(ops.public))
    return Made(tables, typist, ops, Path(said.out.strip()))


def test_everything_is_in_it_but_counts_of_an_hour_and_notes_of_restores(made: Made) -> None:
    """So a new kind of item cannot be forgotten: the lives meet all that a store has to hold."""
    held: list[dict[str, Any]] = []
    for name in (CONTROL, RECIPIENTS):
        made.reading().each(name, held.append)
    kept = {(item["pk"]["S"], item["sk"]["S"]): item for item in held}
    names = made.tables.names
    there = {**snapshot(made.tables, names.recipients), **snapshot(made.tables, names.control)}
    assert len(kept) == len(held)
    assert kept == {key: item for key, item in there.items() if not key[0].startswith("limit#")}
    kinds = {key[1].partition("#")[0] for key in kept}
    assert kinds >= {"recipient", "log", "head", "op", "evidence", "job", "sender", "key", "keys", "import", "export"}


def test_octets_come_back_as_they_were(made: Made) -> None:
    item = {"pk": {"S": "sender#x"}, "sk": {"S": "logo"}, "image": {"B": bytes(range(256))}}
    made.tables.client.put_item(TableName=made.tables.names.control, Item=item)
    control = Table(made.tables.client, made.tables.names.control)
    assert line_of(next(one for one in control_items(control) if one["sk"]["S"] == "logo"))
    assert item_of(line_of(item)) == item


def test_what_is_read_last_is_what_tells_of_the_rest(made: Made) -> None:
    """The ledger after the states, the evidence after the ledger, the notes before both."""
    recipients, control = pair_of(made.tables).recipients, pair_of(made.tables).control
    for code, shard in shards_in(control_items(control)):
        kinds = [item["sk"]["S"].partition("#")[0] for item in shard_items(recipients, code, shard)]
        order = ["head", "op", "job", "recipient", "log", "evidence"]
        assert kinds == sorted(kinds, key=order.index)


def test_no_address_no_secret_and_nobody_else_s(made: Made) -> None:
    secrets = [made.reading().secrets()[name] for name in ("SIGNOFF_MASTER_KEYS", "SIGNOFF_PEPPER_KEY")]
    for file in made.place.iterdir():
        content = file.read_bytes()
        assert b"@" not in content or file.name != MANIFEST
        assert not [secret for secret in [*secrets, "example.com"] if secret.encode() in content]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.place.stat().st_mode) == 0o700
    assert {file.name for file in made.place.iterdir()} == {*FILES, MANIFEST}
    assert json.loads(made.reading().secrets()["SIGNOFF_MASTER_KEYS"])["1"]["state"] == "minting"


def test_a_whole_one_is_found_whole_with_its_key_and_without(made: Made) -> None:
    without = made.typist.done("backup", "--check", str(made.place))
    assert "not opened (--identity)" in without.out
    assert "opened, counted: whole" in made.typist.done("backup", "--check", str(made.place), *made.identity).out


def cut(content: bytes) -> bytes:
    return content[:-1]


def turned(content: bytes) -> bytes:
    return content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("change", [cut, turned])
def test_what_was_cut_off_or_changed_is_noticed(made: Made, name: str, change: Any) -> None:
    """By its digest, and where that was changed too, by the key."""
    file = made.place / name
    file.write_bytes(change(file.read_bytes()))
    assert made.check() == f"The backup is damaged: {name} is not what was written."
    reading = made.reading()
    with pytest.raises(CannotRun, match=f"^{name} does not open"):
        unseal(file, reading.identity, lambda _: None)


def test_a_file_or_the_manifest_that_is_missing_is_noticed(made: Made) -> None:
    (made.place / CONTROL).unlink()
    assert made.check() == f"The backup is not whole: {CONTROL} is missing."
    (made.place / MANIFEST).unlink()
    assert "There is no backup in" in made.check()


def test_a_folder_of_backups_is_none_and_its_newest_is_named(made: Made) -> None:
    """As at three in the morning: the place of all of them was given."""
    for name in ("signoff-local-20010101T000000Z", "signoff-staging-20250101T000000Z-1f3a"):
        shutil.copytree(made.place, made.place.with_name(name))
    said = made.typist.refused("backup", "--check", str(made.place.parent))
    assert said.endswith(f"The newest in it is {made.place}.")


def test_fewer_items_than_were_written_are_noticed(made: Made) -> None:
    """A well sealed file that is not the one."""
    file = made.place / RECIPIENTS
    file.unlink()
    seal(file, [line_of({"pk": {"S": "a#0"}, "sk": {"S": "head"}})], recipients_in(made.ops.public))
    with pytest.raises(CannotRun, match=r"^The backup is damaged: \S+ holds 1 item and should hold \d+"):
        made.reading().check()


def test_another_format_is_refused(made: Made) -> None:
    file = made.place / MANIFEST
    file.write_text(file.read_text().replace('"format": 1', '"format": 2'))
    assert "is of format 2; this Signoff reads format 1" in made.check()
    file.write_text("[]")
    assert "cannot be read" in made.check()


def test_another_key_opens_nothing(made: Made, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stranger = OpsKey.at(other)
    assert "encrypted to another key" in made.check("--identity", str(stranger.private))


def test_what_fails_leaves_nothing(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNOFF_PEPPER_KEY", "AAAA" * 21 + "AA==")
    kept = tmp_path / "elsewhere"
    said = made.typist.refused("backup", "--to", str(kept), "--ops-key", str(made.ops.public))
    assert said
    assert [*kept.iterdir()] == []


class TestKeys:
    """The pair, and what is taken for one."""

    def test_a_pair_with_its_passphrase_opens_what_is_sealed(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        phrase, key, file = tmp_path / "phrase", tmp_path / "ops.key", tmp_path / "file"
        phrase.write_text(f"{PASSPHRASE}\n")
        said = Typist(capsys).done("backup-key", "--out", str(key), "--passphrase-file", str(phrase))
        assert PASSPHRASE not in said.out + said.err
        assert b"AGE-SECRET-KEY" not in key.read_bytes()
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        seal(file, [b"one", b"two"], recipients_in(key.with_name("ops.key.pub")))
        lines: list[bytes] = []
        unseal(file, identity_in(key, phrase), lines.append)
        assert lines == [b"one", b"two"]
        phrase.write_text("another one, as long\n")
        with pytest.raises(CannotRun, match="is not opened by this passphrase"):
            identity_in(key, phrase)
        said_again = Typist(capsys).refused("backup-key", "--out", str(key), "--passphrase-file", str(phrase))
        assert "a key is never written over" in said_again

    def test_without_anybody_to_ask_it_is_a_sentence(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def ended(_: str) -> str:
            raise EOFError  # as where neither a terminal nor an input is there

        monkeypatch.setattr(getpass, "getpass", ended)
        said = Typist(capsys).refused("backup-key", "--out", str(tmp_path / "k"))
        assert said.endswith("name a file by --passphrase-file.")

    def test_a_private_half_is_never_written_alone(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        phrase = tmp_path / "phrase"
        phrase.write_text(f"{PASSPHRASE}\n")
        (tmp_path / "k.pub").touch()
        said = Typist(capsys).refused("backup-key", "--out", str(tmp_path / "k"), "--passphrase-file", str(phrase))
        assert "k.pub is there already" in said
        assert not (tmp_path / "k").exists()

    def test_where_there_is_no_room_no_half_of_a_pair_is_left(self, tmp_path: Path) -> None:
        phrase = tmp_path / "phrase"
        phrase.write_text(f"{PASSPHRASE}\n")
        command = infra_command("backup-key", "--out", str(tmp_path / "k"), "--passphrase-file", str(phrase))
        no_room = ["bash", "-c", 'ulimit -f 0; exec "$@"', "bash", *command]
        done = subprocess.run(no_room, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"{tmp_path / 'k'} cannot be written: File too large. Nothing was made.\n"
        assert [file.name for file in tmp_path.iterdir()] == ["phrase"]

    def test_a_short_passphrase_is_refused(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        phrase = tmp_path / "phrase"
        phrase.write_text("short\n")
        said = Typist(capsys).refused("backup-key", "--out", str(tmp_path / "k"), "--passphrase-file", str(phrase))
        assert said == "A passphrase has at least 12 characters."

    def test_without_a_terminal_a_passphrase_comes_from_a_file(self, tmp_path: Path) -> None:
        """As from cron: no traceback, and nothing that was typed is echoed."""
        done = subprocess.run(
            infra_command("backup-key", "--out", str(tmp_path / "k")),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )
        said = "Nobody typed a passphrase on a terminal: name a file by --passphrase-file.\n"
        assert (done.returncode, done.stdout, done.stderr) == (1, "", said)

    @pytest.mark.parametrize("text", ["", "# nothing\n", "age1nothing\n", "ssh-rsa AAAA\n"])
    def test_what_is_no_public_key_is_refused(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "key"
        file.write_text(text)
        with pytest.raises(CannotRun, match=r"is no public key of age"):
            recipients_in(file)

    def test_the_private_half_is_neither_taken_for_the_public_one_nor_shown(self, tmp_path: Path) -> None:
        ops = OpsKey.at(tmp_path)
        with pytest.raises(CannotRun) as refused:
            recipients_in(ops.private)
        assert "AGE-SECRET" not in str(refused.value)
        with pytest.raises(CannotRun, match="is no private key of age"):
            identity_in(ops.public, None)


def test_whenever_a_restore_of_it_is_killed_the_next_run_comes_to_the_same(
    dynoxide: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its calls to the tables, before and after they were carried out; of items that are of different moments."""
    made = backup_of(Torn.of(dynoxide, 3).copy(), tmp_path, Typist(capsys), monkeypatch)
    reading, life = made.reading(), Life()
    whole = tables_with(made.tables, [], [])
    restore(reading, whole, life)
    expected = without_times(mended(whole))
    assert life.calls > 40
    for number in range(1, life.calls, 7):
        tables, moment = tables_with(made.tables, [], []), (BEFORE, AFTER)[number % 2]
        with pytest.raises(Killed):
            restore(reading, tables, Life(number, moment))
        restore(reading, tables, Life())
        assert without_times(mended(tables)) == expected, f"killed {moment} call {number}"


def restore(reading: Reading, tables: LocalTables, life: Life) -> None:
    recipients, control = (
        Table(_Client(life, tables.client), name) for name in (tables.names.recipients, tables.names.control)
    )
    loading = Loading(recipients, control, reading.manifest.id)
    assert loading.is_possible()
    loading.load_new(reading, Shown())
    mend_and_begin(Tables(recipients, control, Pair(None, None)), reading.secrets(), 1, Shown())


def test_a_backup_does_not_go_into_tables_that_hold_something_else(made: Made) -> None:
    chance = random.Random(1)  # noqa: S311 - seeded on purpose
    item = chance.choice([*snapshot(made.tables, made.tables.names.recipients).values()])
    held = tables_with(made.tables, [item], [])
    before = pair_of(held)
    assert not Loading(before.recipients, before.control, made.reading().manifest.id).is_possible()
    other = tables_with(made.tables, [], [])
    pair = pair_of(other)
    Loading(pair.recipients, pair.control, "another").begin()
    assert not Loading(pair.recipients, pair.control, made.reading().manifest.id).is_possible()


@pytest.mark.parametrize(("typed", "said"), [([PASSPHRASE] * 2, ""), ([PASSPHRASE, "no"], "differ: nothing was made")])
def test_a_new_passphrase_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch, typed: list[str], said: str) -> None:
    answers = iter(typed)
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: next(answers))
    if not said:
        assert new_passphrase(None) == PASSPHRASE
        return
    with pytest.raises(CannotRun, match=said):
        new_passphrase(None)
