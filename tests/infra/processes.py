"""Starting programs and waiting for their ends: on the kernel's word, never by sleeping."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = (".moto_server", "worker", "/dynoxide")
"""What a runner starts, by how a word of its command line ends."""
SECONDS = 300
"""What is waited for comes in a fraction of a second, on a crowded machine in many; this is when a test gives up."""


def has_ended(pid: int) -> bool:
    """Whether a process, whosever child, ends within the deadline; True too where it has ended long ago."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(handle):
        ready, _, _ = select.select([handle], [], [], SECONDS)
        return bool(ready)


def children_of(pid: int) -> dict[str, int]:
    """What a process has started and still runs: which of `PROGRAMS` → its process id."""
    found: dict[str, int] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        # Threads and processes may end while they are looked at.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in (task / "children").read_text("ascii").split():
                words = Path(f"/proc/{child}/cmdline").read_text("utf-8").split("\0")
                found |= {program: int(child) for program in PROGRAMS for word in words if word.endswith(program)}
    return found


@dataclass(frozen=True, slots=True)
class Runner:
    """A started `python -m infra run`, and where it said that it serves."""

    process: subprocess.Popen[str]
    url: str
    said: str

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])


def infra_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "infra", *arguments]


@contextmanager
def runner(folder: Path, data: Path, *arguments: str, root: Path = ROOT, seconds: float = SECONDS) -> Iterator[Runner]:
    """The runner on a free port, with the `app.py` of `folder`; ended when the block ends, or after so many seconds."""
    process = subprocess.Popen(
        infra_command("run", "--port", "0", "--data-dir", str(data), *arguments),
        cwd=folder,
        env=environment_for(root),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    give_up = threading.Timer(seconds, process.kill)
    give_up.start()
    try:
        said = _read_until_url(process)
        url = re.search(r"http://127\.0\.0\.1:\d+(/[a-z]+)?", said)
        assert url is not None, f"the runner ended: {said}{process.stderr.read() if process.stderr else ''}"
        yield Runner(process, url[0], said)
    finally:
        give_up.cancel()
        process.kill()
        process.communicate()


def environment_for(root: Path) -> Mapping[str, str]:
    # The folder that a process is started in comes first on its path, and so that folder's app.py.
    return os.environ | {"PYTHONPATH": str(root)}


def _read_until_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "http://" in line:
            break
    return said
