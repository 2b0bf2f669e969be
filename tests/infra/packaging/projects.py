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

from infra.ops.provisioning import SETTINGS
from infra.packaging.build import prepare
from tests.infra.processes import ROOT

SECONDS = 600
"""When a test gives up; packaging takes two, and more where the packages are fetched first."""
CHALICE = [sys.executable, "-c", "from chalice.cli import main; raise SystemExit(main())"]
LAYER = Path("python", "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
"""Where the packages lie in the layer."""
SECRETS = ("SIGNOFF_MASTER_SECRET", "SIGNOFF_PEPPER_SECRET")
DOMAIN = {
    "domain_name": "choices.example.com",
    "tls_version": "TLS_1_2",
    "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/0f0cab12-0000-4000-8000-000000000000",
}
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


def provisioned(project: Path, stage: str) -> dict[str, Any]:
    """Has the file say what `provision` writes there: what was not provisioned is not packaged. The file's content."""
    file = project / ".chalice" / "config.json"
    config: dict[str, Any] = json.loads(file.read_text("utf-8"))
    told = config["stages"][stage]
    told["environment_variables"] = {
        **dict.fromkeys(SETTINGS, "x"),
        **dict.fromkeys(SECRETS, "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"),
        **told["environment_variables"],
    }
    if stage == "prod":
        told["api_gateway_custom_domain"] = DOMAIN
    file.write_text(json.dumps(config), "utf-8")
    return config


def merged_into(stage: str) -> str:
    """The template that `chalice package` is to merge, as docs/operate.md says."""
    return "infra/merge-domain.json" if stage == "prod" else "infra/merge.json"


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
    provisioned(copy_project(project), stage)
    done = chalice(project, "package", "--stage", stage, "--merge-template", merged_into(stage), str(out))
    assert done.returncode == 0, done.stderr
    package = Package(out, json.loads((out / "sam.json").read_text("utf-8")))
    for file, where in ((package.zip_file, "task"), (package.layer_file, "layer")):
        with ZipFile(file) as zipped:
            zipped.extractall(out / where)
    return package
