from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.local import guard
from infra.local.engine import Engine, find_dynoxide, start_dynoxide
from infra.local.memory import start_moto
from infra.local.problems import CannotRun, EngineMissing
from infra.storage import create_tables
from tests.engines import dynamodb_client
from tests.infra.processes import SECONDS, has_ended

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEM = {"pk": {"S": "sender#0"}, "sk": {"S": "head"}}


@pytest.fixture
def data_file(tmp_path: Path) -> Path:
    return tmp_path / "data.sqlite"


@pytest.fixture
def engine(data_file: Path) -> Iterator[Engine]:
    started = start_dynoxide(data_file)
    yield started
    started.kill()


def stored(engine: Engine) -> object:
    client = dynamodb_client(engine.url)
    names = create_tables(client, "test")
    return client.get_item(TableName=names.recipients, Key=ITEM, ConsistentRead=True).get("Item")


def store(engine: Engine) -> None:
    client = dynamodb_client(engine.url)
    names = create_tables(client, "test")
    client.put_item(TableName=names.recipients, Item=ITEM)


def test_what_was_acknowledged_survives_kill_9(engine: Engine, data_file: Path) -> None:
    store(engine)
    engine.kill()
    again = start_dynoxide(data_file)
    try:
        assert stored(again) == ITEM
    finally:
        again.stop()


def test_it_stops_when_told_and_can_be_told_twice(engine: Engine) -> None:
    engine.stop()
    engine.stop()
    assert engine.process.returncode == 0


def test_an_engine_that_does_not_listen_to_reason_is_killed(engine: Engine) -> None:
    engine.process.send_signal(signal.SIGSTOP)
    # Not before it stands: of two signals that wait, the one to end would come first.
    os.waitid(os.P_PID, engine.process.pid, os.WSTOPPED | os.WNOWAIT)
    engine.stop(seconds=0)
    assert engine.process.returncode == -signal.SIGKILL


def test_a_survivor_on_the_same_file_is_ended_first(engine: Engine, data_file: Path) -> None:
    store(engine)
    again = start_dynoxide(data_file)
    try:
        assert engine.process.wait(SECONDS) == -signal.SIGKILL
        assert stored(again) == ITEM
    finally:
        again.stop()


@pytest.mark.parametrize("record", ["own pid", "not a number"])
def test_a_recorded_number_that_is_somebody_elses_is_left_alone(data_file: Path, record: str) -> None:
    text = str(os.getpid()) if record == "own pid" else record
    data_file.with_name("engine.pid").write_text(text, "ascii")
    engine = start_dynoxide(data_file)
    engine.stop()
    assert data_file.with_name("engine.pid").read_text("ascii") == str(engine.process.pid)


def test_the_engine_ends_with_a_parent_that_is_killed(data_file: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from infra.local.engine import start_dynoxide;"
        "print(start_dynoxide(Path(sys.argv[1])).process.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(data_file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    engine_pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    assert has_ended(engine_pid)


def test_the_guard_does_not_start_what_nobody_waits_for() -> None:
    not_the_parent = os.getppid()
    command = [sys.executable, "-IS", guard.__file__, str(not_the_parent), "/bin/echo", "started"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 1
    assert done.stdout == ""


def test_a_file_that_cannot_be_opened_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data.sqlite").mkdir()
    with pytest.raises(CannotRun, match=r"^The local engine did not start: .*unable to open database file.*\.$"):
        start_dynoxide(tmp_path / "data.sqlite")


def test_a_port_in_use_is_told_in_one_sentence(data_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotRun, match=rf"^The local engine did not start: .*{port} is already in use"):
            start_dynoxide(data_file, port)


def test_a_program_that_says_nothing_is_told_too(data_file: Path) -> None:
    with pytest.raises(CannotRun, match="it said nothing"):
        start_dynoxide(data_file, program=Path("/bin/true"))


def test_an_engine_on_the_search_path_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "dynoxide"
    program.parent.mkdir()
    program.symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(program.parent))
    assert find_dynoxide(tmp_path) == program


def test_without_the_engine_one_sentence_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        EngineMissing, match=r"install Node\.js with npm and run `make install` \(npm package @dynoxide/"
    ):
        find_dynoxide(tmp_path)


def test_moto_serves_and_forgets() -> None:
    engine = start_moto("memory")
    client = dynamodb_client(engine.url)
    names = create_tables(client, "memory")
    client.put_item(TableName=names.control, Item=ITEM)
    assert client.get_item(TableName=names.control, Key=ITEM)["Item"] == ITEM
    engine.stop()
    engine.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(engine.url.rpartition(":")[2])), SECONDS)


def test_nobody_else_reads_the_tables_whatever_the_folder_allows(engine: Engine, data_file: Path) -> None:
    data_file.parent.chmod(0o755)
    store(engine)
    assert {file.stat().st_mode & 0o077 for file in data_file.parent.glob("data.sqlite*")} == {0}
