"""The local engine: dynoxide, which speaks DynamoDB and keeps its tables in one SQLite file."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from infra.local.children import ROOT, SECONDS_TO_STOP, end, start_guarded
from infra.local.problems import CannotRun, EngineMissing

HOST = "127.0.0.1"
SECONDS_TO_START = 30
_PAUSE = 0.005
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine: where it answers, and its process."""

    url: str
    process: subprocess.Popen[bytes]

    def stop(self, seconds: float = SECONDS_TO_STOP) -> None:
        """End the engine, gently for some seconds, and return when it has ended. Stopping twice is no error."""
        end(self.process, seconds)

    def kill(self) -> None:
        """End the engine as `kill -9` does. What it acknowledged is in its file."""
        self.process.kill()
        self.process.wait()


def find_dynoxide(root: Path = ROOT) -> Path:
    """The engine's program: from npm's packages under `root`, else from the search path. Raises EngineMissing."""
    machine = platform.machine().lower()
    package = f"{sys.platform}-{_MACHINES.get(machine, machine)}"
    installed = root / "node_modules" / "@dynoxide" / package / "dynoxide"
    if installed.is_file():
        return installed
    elsewhere = shutil.which("dynoxide")
    if elsewhere is not None:
        return Path(elsewhere)
    raise EngineMissing(
        "The local engine dynoxide is missing: install Node.js with npm and run `make install` "
        f"(npm package @dynoxide/{package}), or put a `dynoxide` program on the search path."
    )


def start_dynoxide(data_file: Path, port: int = 0, *, program: Path | None = None) -> Engine:
    """Start the engine on `data_file` and return once it answers; port 0 takes a free one.

    The engine ends with this process, whatever ends it. Where the system says who started a process (Linux) that holds
    for the calling thread too: call this from one that lives as long as the engine is needed.
    Its output goes beside the data file, into `engine.log`. Raises EngineMissing and CannotRun.
    """
    program = program or find_dynoxide()
    end_survivor(data_file)
    # A free port can be taken by another process between asking for it and using it: then another one.
    for candidate in [port] if port else [_free_port() for _ in range(5)]:
        engine = _launch(program, data_file, candidate)
        if _answers(engine, data_file):
            _pid_file(data_file).write_text(str(engine.process.pid), "ascii")
            return engine
        engine.kill()
    said = _said(data_file).strip().splitlines()
    raise CannotRun(f"The local engine did not start: {said[-1] if said else 'it said nothing'}.")


def end_survivor(data_file: Path) -> None:
    """End the engine that an earlier runner may have left on `data_file`, and nothing else.

    The kernel ends an engine with its runner on Linux; elsewhere, or in the moment before it is done, one may be left.
    """
    record = _pid_file(data_file)
    try:
        pid = int(record.read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return
    if _serves(pid, data_file):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
        deadline = time.monotonic() + SECONDS_TO_STOP
        while _serves(pid, data_file) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
    record.unlink(missing_ok=True)


def _launch(program: Path, data_file: Path, port: int) -> Engine:
    arguments = [str(program), "--host", HOST, "--port", str(port), "--db-path", str(data_file.resolve())]
    with _log_file(data_file).open("wb") as log:
        process = start_guarded(arguments, stdout=log, stderr=log)
    return Engine(f"http://{HOST}:{port}", process)


def _answers(engine: Engine, data_file: Path) -> bool:
    """Whether the engine takes connections before its time is up; False at once where it has ended."""
    port = int(engine.url.rpartition(":")[2])
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and engine.process.poll() is None:
        # Its own word first: whatever else answers on that port would be taken for it.
        if "listening on" in _said(data_file):
            with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
                return True
        time.sleep(_PAUSE)
    return False


def _said(data_file: Path) -> str:
    return _log_file(data_file).read_text("utf-8", "replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _serves(pid: int, data_file: Path) -> bool:
    """Whether process `pid` is an engine on exactly this file: a number alone may belong to anybody by now."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"--db-path" in words and os.fsencode(data_file.resolve()) in words


def _pid_file(data_file: Path) -> Path:
    return data_file.with_name("engine.pid")


def _log_file(data_file: Path) -> Path:
    return data_file.with_name("engine.log")
