"""What is built before Chalice zips: made once, made again when it is no longer true, the same for everybody."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import click
import pytest

from infra.local.problems import CannotRun
from infra.packaging.build import NEWEST_IS_OLD, prepare, why_stale
from infra.packaging.contents import CLIENTS, is_needed
from infra.packaging.hook import before_zipping
from infra.packaging.wheels import platforms
from tests.infra.packaging.projects import LAYER, chalice, copy_project, provisioned
from tests.infra.processes import ROOT, infra_command

UNCHECKED_HASH, CHECKED_HASH = 1, 3
"""The flags of a .pyc (PEP 552)."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy in which everything is built, and may be changed."""
    copied = copy_project(tmp_path)
    (copied / "vendor").unlink()
    shutil.copytree(ROOT / "vendor", copied / "vendor")
    provisioned(copied, "dev")
    return copied


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def flags_of(file: Path) -> int:
    return int.from_bytes(file.read_bytes()[4:8], "little")


def compiled_of(source: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(source)))


def test_two_builds_of_one_commit_have_the_same_octets(project: Path) -> None:
    before, sources = contents(project / "vendor"), contents(project / "chalicelib")
    shutil.rmtree(project / "vendor")
    (project / "chalicelib" / "__pycache__").mkdir(exist_ok=True)

    assert prepare(project)

    assert contents(project / "vendor") == before
    told = {(file.stat().st_mode & 0o777, file.stat().st_mtime) for file in (project / "vendor").rglob("*.*")}
    assert told <= {(0o644, NEWEST_IS_OLD), (0o755, NEWEST_IS_OLD)}, "a zip keeps them"
    compiled = contents(project / "chalicelib")
    assert compiled.items() >= sources.items()
    assert not prepare(project)
    assert contents(project / "chalicelib") == compiled


def test_every_source_is_compiled_by_its_hash(project: Path) -> None:
    prepare(project)
    for folder, flags in (("vendor", UNCHECKED_HASH), ("chalicelib", CHECKED_HASH)):
        sources = sorted((project / folder).rglob("*.py"))
        assert len(sources) > 100
        assert {flags_of(compiled_of(source)) for source in sources} == {flags}


def test_a_changed_source_is_not_hidden_by_what_was_compiled_of_it(project: Path) -> None:
    """On the machine of somebody who goes on working after a deployment."""
    prepare(project)
    (project / "chalicelib" / "routing.py").write_text("changed = True\n", "utf-8")
    program = "import chalicelib.routing; print(chalicelib.routing.changed)"
    done = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda project: (project / ".chalice" / "vendor.sha256").unlink(), "it was not made yet"),
        (lambda project: (project / "vendor" / "six.py").unlink(), "its files are not those that were made"),
        (lambda project: (project / "vendor" / "six.py").write_text("", "utf-8"), "its files are not those that were"),
        (lambda project: (project / "vendor" / "more.py").touch(), "its files are not those that were made"),
        (lambda project: (project / "requirements-lambda.txt").write_text("idna==3.20\n"), "what it is made from has"),
        (
            lambda project: (project / ".chalice" / "config.json").write_text('{"lambda_architecture": "arm64"}'),
            "what it is made from has changed",
        ),
    ],
    ids=["no stamp", "a file less", "a file changed", "a file more", "other pins", "another architecture"],
)
def test_what_is_no_longer_true_is_stale(project: Path, change: object, reason: str) -> None:
    assert why_stale(project) is None
    change(project)  # type: ignore[operator] # parametrized
    assert str(why_stale(project)).startswith(reason)


def test_what_another_python_compiled_and_what_has_no_source_is_taken_away(project: Path) -> None:
    left = project / "chalicelib" / "__pycache__"
    left.mkdir(exist_ok=True)
    old = [left / "gone.cpython-311.pyc", left / "settings.cpython-39.pyc", left / "settings.cpython-311.pyc.1234"]
    for file in old:
        file.touch()
    prepare(project)
    assert not [file for file in old if file.exists()]


def test_a_file_that_is_none_of_the_service_is_not_deployed(project: Path) -> None:
    (project / "chalicelib" / "settings.py.orig").touch()
    with pytest.raises(CannotRun, match=r"^chalicelib/settings\.py\.orig would be deployed"):
        prepare(project)


def test_chalice_says_in_a_sentence_what_is_wrong_and_makes_nothing(project: Path) -> None:
    (project / "requirements.txt").write_text("requests\n", "utf-8")
    done = chalice(project, "package", "--stage", "dev", "out")
    assert done.returncode == 1
    assert done.stderr == (
        "Error: requirements.txt must name no package: what the functions need is pinned in requirements-lambda.txt.\n"
    )
    assert not (project / "out").exists()


def test_packages_that_cannot_be_installed_are_told_and_leave_what_was_built(project: Path) -> None:
    (project / "requirements-lambda.txt").write_text("./nowhere\n", "utf-8")
    before = contents(project / "vendor")
    done = chalice(project, "package", "--stage", "dev", "out")
    assert done.returncode == 1
    assert "pip could not install what requirements-lambda.txt pins" in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(project / "vendor") == before
    assert not (project / "out").exists()


def test_a_plain_chalice_package_builds_what_is_stale(project: Path) -> None:
    (project / "vendor" / "six.py").write_text("raise SystemExit\n", "utf-8")
    done = chalice(project, "package", "--stage", "dev", "out")
    assert (done.returncode, done.stderr) == (0, "Building vendor/ (its files are not those that were made).\n")
    with ZipFile(project / "out" / "layer-deployment.zip") as zipped:
        assert zipped.read(str(LAYER / "six.py")) == (ROOT / "vendor" / "six.py").read_bytes()


@pytest.mark.parametrize(("command", "prepares"), [("deploy", True), ("package", True), ("local", False)])
def test_the_commands_that_zip_are_prepared_for(tmp_path: Path, command: str, prepares: bool) -> None:
    (tmp_path / ".chalice").mkdir()
    (tmp_path / "requirements.txt").write_text("requests\n", "utf-8")
    refused = pytest.raises(click.ClickException, match=r"^requirements\.txt must name no package")
    with click.Context(click.Command(command), info_name=command), refused if prepares else nullcontext():
        before_zipping(tmp_path)


def test_the_command_builds_and_checks(project: Path) -> None:
    def build(*options: str) -> tuple[int, str]:
        command = infra_command("build", *options)
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    assert build("--check") == (0, "vendor/ is up to date.\n")
    (project / "vendor" / "six.py").unlink()
    assert build("--check") == (1, "vendor/ has to be built: its files are not those that were made.\n")
    code, said = build()
    assert (code, "vendor/ was made." in said) == (0, True)
    assert build("--check") == (0, "vendor/ is up to date.\n")


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("botocore/data/s3/2006-03-01/service-2.json.gz", True),
        ("botocore/data/endpoints.json", True),
        ("botocore/data/dynamodb/2012-08-10/service-2.json.gz", False),
        ("botocore/data/s3/2006-03-01/examples-1.json", False),
        ("botocore/session.py", True),
        ("idna-3.20.dist-info/METADATA", False),
        ("pynamodb/models.pyi", False),
        ("six.py", True),
    ],
)
def test_what_is_needed(path: str, needed: bool) -> None:
    assert is_needed(PurePosixPath(path)) is needed


def test_the_descriptions_that_are_kept_are_those_of_the_clients_that_are_made() -> None:
    sources = (ROOT / "chalicelib").rglob("*.py")
    made = {name for source in sources for name in re.findall(r'make_client\(\s*"(\w+)"', source.read_text("utf-8"))}
    assert made == set(CLIENTS)


def test_wheels_are_those_that_the_runtime_can_load() -> None:
    assert platforms((3, 11), "x86_64")[0] == "manylinux_2_26_x86_64"  # Amazon Linux 2
    assert platforms((3, 13), "arm64")[0] == "manylinux_2_34_aarch64"  # Amazon Linux 2023
    assert platforms((3, 12), "x86_64")[-1] == "manylinux2014_x86_64"


def test_chalice_takes_the_layer_from_what_was_built() -> None:
    assert json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))["automatic_layer"] is True
