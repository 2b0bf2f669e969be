"""Programs that the local runner starts and that must not outlive it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS_TO_STOP = 5
SHORTEST_PAUSE = 0.2
"""In seconds, before a program that ended is started again; it doubles while the program ends early."""
LONGEST_PAUSE = 5.0
LONG_ENOUGH = 10.0
"""Seconds of running after which a program counts as one that works."""
_GUARD = Path(__file__).with_name("guard.py")


def start_guarded(command: list[str], **more: Any) -> subprocess.Popen[bytes]:
    """Start a program that ends with this process, whatever ends it.

    Where the system says who started a process (Linux) that holds for the calling thread too: call this from one that
    lives as long as the program is needed.
    """
    guarded = [sys.executable, "-IS", str(_GUARD), str(os.getpid()), *command]
    # A session of its own: Ctrl-C reaches the runner alone, and what it started stops after it, not under it. What it
    # writes (the engine its tables, with addresses in them) is for nobody else, whatever folder it is told.
    return subprocess.Popen(guarded, stdin=subprocess.DEVNULL, start_new_session=True, umask=0o077, **more)


def python_module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of this project, with this Python."""
    return [sys.executable, "-m", name, *arguments]


def project_environment() -> dict[str, str]:
    """This process's environment, in which a Python finds this project's modules too."""
    paths = (os.environ.get("PYTHONPATH"), str(ROOT))
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def end(process: subprocess.Popen[bytes], seconds: float = SECONDS_TO_STOP) -> None:
    """End a program, gently for some seconds, and return when it has ended. Ending it twice is no error."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Kept:
    """A program that is started again whenever it ends, until it is told to stop."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start it, and come back at once."""
        self._thread.start()

    def stop(self) -> None:
        """End it for good, and return when it has ended."""
        with self._lock:
            self._stopping.set()
            process = self._process
        if process is not None:
            end(process)
        self._thread.join()

    def _keep(self) -> None:
        pause = SHORTEST_PAUSE
        while (process := self._begin()) is not None:
            began = time.monotonic()
            process.wait()
            pause = SHORTEST_PAUSE if time.monotonic() - began > LONG_ENOUGH else min(2 * pause, LONGEST_PAUSE)
            self._stopping.wait(pause)

    def _begin(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            self._process = start_guarded(self._command, env=project_environment())
            return self._process
