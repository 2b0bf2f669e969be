"""`python -m infra run`, started as `make run` starts it, with a small application in the place of Signoff's."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.processes import (
    PROGRAMS,
    ROOT,
    SECONDS,
    children_of,
    environment_for,
    has_ended,
    infra_command,
    runner,
)

if TYPE_CHECKING:
    from pathlib import Path

APP = """
import json
import os

import botocore.session
from chalice.app import Chalice

app = Chalice("tiny", configure_logs=False)
client = botocore.session.get_session().create_client("dynamodb", endpoint_url=os.environ["SIGNOFF_DYNAMODB_URL"])
TABLE = os.environ["SIGNOFF_RECIPIENTS_TABLE"]
KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}


@app.route("/item", methods=["GET"])
def read():
    return {"item": client.get_item(TableName=TABLE, Key=KEY, ConsistentRead=True).get("Item")}


@app.route("/item", methods=["POST"], content_types=["*/*"])
def write():
    client.put_item(TableName=TABLE, Item=KEY)


@app.on_sqs_message(queue="jobs", name="jobs")
def jobs(event):
    pass


@app.route("/settings")
def settings():
    return {name: value for name, value in os.environ.items() if name.startswith(("SIGNOFF_", "AWS_"))}
"""


NOT_COPIED = shutil.ignore_patterns("__pycache__", "deployed", "deployments", "vendor.*")
"""What other tests make and take away meanwhile."""
NOTHING = {"item": None}
STORED = {"item": {"pk": {"S": "a"}, "sk": {"S": "b"}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose `app.py` is the small application."""
    (tmp_path / "app.py").write_text(APP, "utf-8")
    return tmp_path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def ask(port: int, method: str, path: str) -> Any:
    """What the application answers, out of its JSON."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    client.request(method, path)
    answer = client.getresponse()
    body = answer.read()
    client.close()
    assert answer.status == 200, body
    return json.loads(body)


def engine_pid(data: Path) -> int:
    return int((data / "engine.pid").read_text("ascii"))


def all_started(pid: int) -> dict[str, int]:
    """What a runner has started, once the last of it has: the worker starts after the address was told."""
    while (started := children_of(pid)).keys() != set(PROGRAMS):
        pass
    return started


def fails(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """What a command that cannot run says on standard error."""
    done = subprocess.run(
        infra_command(*arguments),
        cwd=folder,
        env={**environment_for(ROOT), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr


def test_what_was_acknowledged_survives_kill_9_and_no_engine_stays(folder: Path, data: Path) -> None:
    with runner(folder, data) as running:
        assert ask(running.port, "GET", "/item") == NOTHING
        ask(running.port, "POST", "/item")
        started = all_started(running.process.pid)
        assert started["/dynoxide"] == engine_pid(data)
        running.process.kill()
        assert all(has_ended(pid) for pid in started.values())
    with runner(folder, data) as running:
        assert ask(running.port, "GET", "/item") == STORED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_that_was_started(folder: Path, data: Path, number: signal.Signals) -> None:
    with runner(folder, data) as running:
        started = all_started(running.process.pid)
        running.process.send_signal(number)
        _, said = running.process.communicate(timeout=SECONDS)
        assert (running.process.returncode, said) == (0, "")
        assert all(has_ended(pid) for pid in started.values())
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", running.port), SECONDS)


def test_the_service_gets_its_settings_and_nothing_of_the_developers(
    folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    monkeypatch.setenv("SIGNOFF_MASTER_SECRET", "of a deployment")
    with runner(folder, data, "--prefix", "/api") as running:
        assert running.url == f"http://127.0.0.1:{running.port}/api"
        settings = ask(running.port, "GET", "/api/settings")
    assert settings["SIGNOFF_PUBLIC_URL"] == running.url
    assert settings["SIGNOFF_CONTROL_TABLE"] == "signoff-local-control"
    assert settings["SIGNOFF_RECIPIENTS_TABLE"] == "signoff-local-recipients"
    assert settings["SIGNOFF_FILES_BUCKET"] == "signoff-local-files-123456789012"
    assert settings["SIGNOFF_JOBS_QUEUE_URL"] == f"{settings['SIGNOFF_SQS_URL']}/123456789012/signoff-local-jobs"
    assert settings["SIGNOFF_S3_URL"] == settings["SIGNOFF_SQS_URL"] != settings["SIGNOFF_DYNAMODB_URL"]
    assert settings["SIGNOFF_DYNAMODB_URL"].startswith("http://127.0.0.1:")
    assert settings.keys() >= {"SIGNOFF_MASTER_KEYS", "SIGNOFF_PEPPER_KEY", "AWS_REGION"}
    assert settings.keys().isdisjoint({"AWS_PROFILE", "AWS_SESSION_TOKEN", "SIGNOFF_MASTER_SECRET"})


def test_without_the_engine_it_serves_from_memory_and_says_so(folder: Path, data: Path) -> None:
    # A copy of the project without node_modules, which looks for the engine beside itself.
    for name in ("infra", "chalicelib", ".chalice"):
        shutil.copytree(ROOT / name, folder / name, ignore=NOT_COPIED)
    with runner(folder, data, root=folder) as running:
        ask(running.port, "POST", "/item")
        assert ask(running.port, "GET", "/item") == STORED
        running.process.terminate()
        _, said = running.process.communicate(timeout=SECONDS)
    assert "dynoxide is missing: install Node.js with npm" in said
    assert "moto serves from memory: nothing is kept when it stops." in said
    assert len(said.splitlines()) == 1


def test_without_the_engine_make_test_is_told_what_to_install(folder: Path) -> None:
    shutil.copytree(ROOT / "infra", folder / "infra", ignore=NOT_COPIED)
    said = fails(folder, "engine", environment={"PYTHONPATH": str(folder), "PATH": str(folder)})
    assert said.startswith("The local engine dynoxide is missing: install Node.js with npm and run `make install`")
    assert len(said.splitlines()) == 1


def test_a_busy_port_is_told_in_one_sentence(folder: Path, data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = fails(folder, "run", "--data-dir", str(data), environment={"PORT": str(port)})
    assert said == f"Port {port} is in use: stop what uses it, or choose another as in `make run PORT=8001`.\n"
    assert not data.exists()


def test_a_second_runner_on_the_folder_is_told_in_one_sentence(folder: Path, data: Path) -> None:
    with runner(folder, data) as running:
        said = fails(folder, "run", "--port", "0", environment={"SIGNOFF_LOCAL_DIR": str(data)})
        assert said.startswith(f"Another runner uses the data folder {data}: stop it")
        assert len(said.splitlines()) == 1
        assert ask(running.port, "GET", "/item") == NOTHING


def test_a_folder_of_another_version_is_told_in_one_sentence(folder: Path, data: Path) -> None:
    data.mkdir()
    (data / "signoff-local.json").write_text('{"format": 99}', "utf-8")
    said = fails(folder, "run", "--port", "0", "--data-dir", str(data))
    assert said.startswith(f"The data folder {data} is of version 99 and this Signoff reads version 2: move it away")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("port", ["x", "-1", "65536", "", "9" * 9000])
def test_a_port_that_is_none_is_told_in_one_sentence(folder: Path, data: Path, port: str) -> None:
    said = fails(folder, "run", f"--port={port}", "--data-dir", str(data))
    assert said.endswith("it should be a number from 0 to 65535.\n")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("prefix", ["api", "/", "/api/", "/a b", "//x"])
def test_a_prefix_that_is_none_is_told_in_one_sentence(folder: Path, data: Path, prefix: str) -> None:
    said = fails(folder, "run", "--port", "0", "--data-dir", str(data), "--prefix", prefix)
    assert said.startswith(f"The prefix is {prefix!r}; it should be like /api")


def test_the_command_line_lists_its_commands() -> None:
    done = subprocess.run(
        infra_command("--help"), cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert "serve Signoff with a demo sender" in done.stdout
    assert "say where the local engine is" in done.stdout
