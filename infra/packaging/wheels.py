"""Installs what requirements-lambda.txt pins, as it has to be for the Lambda runtime and not for this machine."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from pathlib import Path

_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Lambda's name of an architecture → that of wheels."""
_OLDEST_GLIBC = 17
_GLIBC = {(3, 11): 26}
"""The glibc 2.x of the runtimes: Amazon Linux 2 for Python 3.11, and 2023 for those after it."""
_GLIBC_2023 = 34


def platforms(version: tuple[int, int], architecture: str) -> list[str]:
    """The tags of wheels that run there, newest first: pip takes each as it is written."""
    machine, newest = _MACHINES[architecture], _GLIBC.get(version, _GLIBC_2023)
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, _OLDEST_GLIBC - 1, -1)]
    return [*tags, f"manylinux2014_{machine}"]


def install(requirements: Path, folder: Path, version: tuple[int, int], architecture: str) -> None:
    """Install the pinned packages, and nothing that they ask for besides, into `folder`. Raises CannotRun."""
    tags = [word for tag in platforms(version, architecture) for word in ("--platform", tag)]
    python = ["--implementation", "cp", "--python-version", f"{version[0]}.{version[1]}", "--only-binary", ":all:"]
    what = ["--no-deps", "--no-compile", "--target", str(folder), "--requirement", str(requirements)]
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-warn-conflicts"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *quiet, *python, *tags, *what],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stderr.strip(), file=sys.stderr)
        raise CannotRun(f"pip could not install what {requirements.name} pins, for the reason it gives above.")
