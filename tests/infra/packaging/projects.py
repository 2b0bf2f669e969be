"""Copies of the project that Chalice can package, with what was built once for all of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from infra.packaging.build import prepare
from tests.infra.processes import ROOT

SECONDS = 600
"""When a test gives up; packaging takes two, and more where the packages are fetched first."""
CHALICE = [sys.executable, "-c", "from chalice.cli import main; raise SystemExit(main())"]
LAYER = Path("python", "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
"""Where the packages lie in the layer."""
_NOT_COPIED = shutil.ignore_patterns("deployments", "deployed", "__pycache__", "vendor.*")


def copy_project(folder: Path) -> Path:
    """All that `chalice package` and `chalice deploy` read. `vendor/` is that of the project, built where it is not."""
    prepare(ROOT)
    for name in ("chalicelib", "infra", ".chalice"):
        shutil.copytree(ROOT / name, folder / name, ignore=_NOT_COPIED, dirs_exist_ok=True)
    for file in ("app.py", "requirements.txt", "requirements-lambda.txt"):
        shutil.copy(ROOT / file, folder)
    shutil.copy(ROOT / ".chalice" / "vendor.sha256", folder / ".chalice")
    (folder / "vendor").symlink_to(ROOT / "vendor")
    return folder


def chalice(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Chalice's command line, as somebody would use it in the project's folder."""
    return subprocess.run(
        [*CHALICE, *arguments],
        cwd=project,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@dataclass(frozen=True, slots=True)
class Package:
    """What `chalice package` made: the template, and the two zips as Lambda unpacks them."""

    folder: Path
    template: dict[str, Any]

    @property
    def template_file(self) -> Path:
        return self.folder / "sam.json"

    @property
    def zip_file(self) -> Path:
        return self.folder / "deployment.zip"

    @property
    def layer_file(self) -> Path:
        return self.folder / "layer-deployment.zip"

    @property
    def task(self) -> Path:
        """As /var/task."""
        return self.folder / "task"

    @property
    def layer(self) -> Path:
        """As /opt/python/lib/python3.x/site-packages."""
        return self.folder / "layer" / LAYER


def make_package(folder: Path, stage: str = "dev") -> Package:
    """Package a copy of the project into `folder`, as docs/operate.md has it, and unpack what came of it."""
    project = folder / "project"
    project.mkdir()
    out = folder / "out"
    done = chalice(copy_project(project), "package", "--stage", stage, "--merge-template", "infra/merge.json", str(out))
    assert done.returncode == 0, done.stderr
    package = Package(out, json.loads((out / "sam.json").read_text("utf-8")))
    for file, where in ((package.zip_file, "task"), (package.layer_file, "layer")):
        with ZipFile(file) as zipped:
            zipped.extractall(out / where)
    return package
