"""Brings `vendor/` and the compiled chalicelib to what the sources and pins say, before Chalice makes its zips of them.

`vendor/` is what Chalice puts into the layer as it lies there: the pinned packages without what the functions never
open, Chalice's own runtime, all of it compiled.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import chalice
import chalice.app

from infra.local.problems import CannotRun
from infra.packaging.compiling import CHECKED, UNCHECKED, compile_folder
from infra.packaging.contents import is_needed
from infra.packaging.wheels import install

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIREMENTS = "requirements-lambda.txt"
NEWEST_IS_OLD = 315_532_800
"""1980-01-01 UTC, the first day that a zip can tell: times of files must not differ between two builds."""
_RUNTIME = (chalice.__file__, chalice.app.__file__)
"""What Chalice puts into the zip of itself, too; but not compiled."""
_SUFFIXES = frozenset({".py", ".json", ".css", ".po"})
"""Of what chalicelib is made of."""


def prepare(project: Path) -> bool:
    """Make what is missing or no longer true. True where `vendor/` was made anew. Raises CannotRun."""
    with _alone(project):
        _require_nothing_besides(project / "requirements.txt")
        is_stale = (reason := why_stale(project)) is not None
        if is_stale:
            print(f"Building vendor/ ({reason}).", file=sys.stderr, flush=True)
            _build(project)
        _tidy(project / "chalicelib")
        _compiled(project / "chalicelib", "/var/task/chalicelib", CHECKED)
    return is_stale


def why_stale(project: Path) -> str | None:
    """Why `vendor/` is not what would be made now, in a few words; None where it is."""
    vendor, stamp = project / "vendor", _stamp(project)
    if not vendor.is_dir() or not stamp.is_file():
        return "it was not made yet"
    made_from, _, holds = stamp.read_text("utf-8").partition("\n")
    if made_from != _made_from(project):
        return "what it is made from has changed"
    return None if holds == _digest(vendor) else "its files are not those that were made"


def architecture(project: Path) -> str:
    """That of the functions, in Lambda's words."""
    config = json.loads((project / ".chalice" / "config.json").read_text("utf-8"))
    return str(config.get("lambda_architecture", "x86_64"))


def _stamp(project: Path) -> Path:
    return project / ".chalice" / "vendor.sha256"


@contextlib.contextmanager
def _alone(project: Path) -> Iterator[None]:
    """One build at a time: tests, for one, package from several processes."""
    with (project / ".chalice" / "vendor.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _require_nothing_besides(requirements: Path) -> None:
    """Chalice would install what stands there beside what is prepared here, and not compile it."""
    lines = [line.strip() for line in requirements.read_text("utf-8").splitlines()] if requirements.is_file() else []
    if any(line and not line.startswith("#") for line in lines):
        raise CannotRun(f"requirements.txt must name no package: what the functions need is pinned in {REQUIREMENTS}.")


def _build(project: Path) -> None:
    with TemporaryDirectory(dir=project, prefix="vendor.new.") as name:
        whole, chosen = Path(name) / "whole", Path(name) / "chosen"
        install(project / REQUIREMENTS, whole, sys.version_info[:2], architecture(project))
        chosen.mkdir()
        for file in (path for path in sorted(whole.rglob("*")) if path.is_file()):
            if is_needed(below := PurePosixPath(file.relative_to(whole).as_posix())):
                (chosen / below).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(file, chosen / below)
        (chosen / "chalice").mkdir()
        for own in _RUNTIME:
            shutil.copyfile(own, chosen / "chalice" / Path(own).name)
        _compiled(chosen, _layer_folder(), UNCHECKED)
        _level(chosen)
        _stamp(project).unlink(missing_ok=True)
        shutil.rmtree(project / "vendor", ignore_errors=True)
        chosen.rename(project / "vendor")
    _stamp(project).write_text(f"{_made_from(project)}\n{_digest(project / 'vendor')}", "utf-8")


def _layer_folder() -> str:
    """Where Lambda has the layer's packages."""
    return f"/opt/python/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


def _compiled(folder: Path, place: str, mode: str) -> None:
    try:
        compile_folder(folder, place, mode)
    except subprocess.CalledProcessError:
        raise CannotRun(f"{folder.name}/ could not be compiled, for the reason that stands above.") from None


def _level(folder: Path) -> None:
    """The same modes and times for every file, whoever built it and when; Lambda reads them as another user."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (NEWEST_IS_OLD, NEWEST_IS_OLD))


def _tidy(folder: Path) -> None:
    """Take away what Python once compiled of other sources or for another Python, and refuse what is none of ours."""
    for file in (path for path in sorted(folder.rglob("*")) if path.is_file()):
        if file.parent.name == "__pycache__":
            if not _is_compiled_now(file):
                file.unlink(missing_ok=True)
        elif file.suffix not in _SUFFIXES:
            name = file.relative_to(folder.parent)
            raise CannotRun(f"{name} would be deployed, and is nothing that the service is made of: take it away.")


def _is_compiled_now(file: Path) -> bool:
    stem, _, rest = file.name.partition(".")
    return rest == f"{sys.implementation.cache_tag}.pyc" and (file.parent.parent / f"{stem}.py").is_file()


def _made_from(project: Path) -> str:
    files = [project / REQUIREMENTS, *map(Path, _RUNTIME), *sorted(Path(__file__).parent.glob("*.py"))]
    contents = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    told = "\n".join([f"{sys.version_info[:2]} {architecture(project)}", *contents])
    return hashlib.sha256(told.encode()).hexdigest()


def _digest(folder: Path) -> str:
    """A hash of the names and contents of all files."""
    whole = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        octets = file.read_bytes()
        whole.update(f"{file.relative_to(folder).as_posix()} {len(octets)}\n".encode() + octets)
    return whole.hexdigest()
