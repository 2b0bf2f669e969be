"""What the Makefile starts before anything is installed, on a copy of it with next to nothing to install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from infra.bootstrap import ENGINE_FILES, PYTHON_FILES
from tests.infra.processes import ROOT, SECONDS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "infra").mkdir()
    shutil.copy(ROOT / "infra" / "bootstrap.py", tmp_path / "infra")
    for name in (*PYTHON_FILES, *ENGINE_FILES):
        (tmp_path / name).touch()
    return tmp_path


def bootstrap(project: Path) -> subprocess.CompletedProcess[str]:
    """Run it where npm is not to be found."""
    return subprocess.run(
        [sys.executable, "infra/bootstrap.py"],
        cwd=project,
        env=os.environ | {"PATH": str(project), "PIP_NO_CACHE_DIR": "1"},  # a cache that cannot be written is told
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
        check=False,
    )


def test_it_installs_once_and_again_when_the_requirements_change(project: Path) -> None:
    first = bootstrap(project)
    assert first.returncode == 0
    assert first.stdout.startswith("Installing the Python packages into .venv")
    assert first.stderr.endswith("npm is not installed, so the local engine is not either: install Node.js with npm.\n")
    assert "Traceback" not in first.stderr

    second = bootstrap(project)
    assert (second.returncode, second.stdout) == (0, "")

    (project / "requirements-dev.txt").write_text("./nowhere\n", "utf-8")
    third = bootstrap(project)
    assert third.returncode == 1
    assert third.stderr.endswith("The Python packages could not be installed: what pip said stands above.\n")
    assert "Traceback" not in third.stderr
