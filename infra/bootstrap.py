"""Makes the virtual environment and installs what requirements-dev.txt and package.json name.

Started by the Makefile with whatever Python there is, before anything is installed: it imports the standard library
alone. It does nothing, and takes no time, while the files that it installs from are as they were.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
EMULATORS_VENV = ROOT / ".venv-emulators"
NODE_MODULES = ROOT / "node_modules"
PYTHON_FILES = ("requirements-lambda.txt", "requirements-dev.txt", "constraints.txt")
EMULATORS_FILES = ("requirements-emulators.txt",)
ENGINE_FILES = ("package.json", "package-lock.json")
OLDEST, NEWEST = (3, 11), (3, 13)


class CannotInstall(Exception):
    """Something that only the person at the keyboard can put right; the message says how, in one sentence."""


def main(arguments: list[str] | None = None) -> int:
    """Install, and answer with the exit code: 1 where the environment could not be made."""
    parser = argparse.ArgumentParser(prog="bootstrap", description=__doc__)
    parser.add_argument("--again", action="store_true", help="install even if nothing changed")
    parser.add_argument("--emulators", action="store_true", help="install what stands in for AWS in the tests, alone")
    options = parser.parse_args(arguments)
    try:
        if options.emulators:
            install_emulators(again=options.again)
            return 0
        install_python_packages(again=options.again)
    except CannotInstall as error:
        print(error, file=sys.stderr)
        return 1
    # Without the engine `make run` still works, on moto, and `make test` says itself what is missing.
    install_engine(again=options.again)
    return 0


def install_python_packages(*, again: bool) -> None:
    """Bring .venv to what the requirements say. Raises CannotInstall."""
    _make_environment(VENV, PYTHON_FILES, "requirements-dev.txt", "the Python packages", again=again)


def install_emulators(*, again: bool) -> None:
    """Bring .venv-emulators to what its requirements say. Raises CannotInstall."""
    what = "the emulators of AWS"
    _make_environment(EMULATORS_VENV, EMULATORS_FILES, "requirements-emulators.txt", what, again=again)


def _make_environment(venv: Path, files: tuple[str, ...], requirements: str, what: str, *, again: bool) -> None:
    require_python()
    stamp = venv / "installed.sha256"
    wanted = fingerprint(files, salt=f"{sys.version_info[:2]}")
    if not again and stamp.is_file() and stamp.read_text("utf-8") == wanted:
        return
    print(f"Installing {what} into {venv.name} (once, under a minute).", flush=True)
    call([sys.executable, "-m", "venv", str(venv)], f"The virtual environment could not be made in {venv.name}.")
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    call(
        [*pip, "install", "--quiet", "--requirement", str(ROOT / requirements)],
        f"{what[0].upper()}{what[1:]} could not be installed: what pip said stands above.",
    )
    stamp.write_text(wanted, "utf-8")


def require_python() -> None:
    """Raise CannotInstall where this Python is too old, too new, or cannot make environments."""
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        raise CannotInstall(
            f"Signoff needs Python 3.11, 3.12 or 3.13, and this is {version[0]}.{version[1]}: "
            "install one of them, or name it with `make PYTHON=python3.12 …`."
        )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise CannotInstall(
            "This Python cannot make virtual environments: "
            f"install python3-venv (Debian, Ubuntu: `apt-get install python{version[0]}.{version[1]}-venv`)."
        )


def install_engine(*, again: bool) -> None:
    """Bring node_modules to what package-lock.json says; a failure is told and is not the end."""
    stamp = NODE_MODULES / ".installed.sha256"
    wanted = fingerprint(ENGINE_FILES)
    if not again and stamp.is_file() and stamp.read_text("utf-8") == wanted:
        return
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not installed, so the local engine is not either: install Node.js with npm.", file=sys.stderr)
        return
    quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    try:
        call([npm, "ci", *quiet], "The local engine could not be installed: what npm said stands above.")
    except CannotInstall as error:
        print(error, file=sys.stderr)
        return
    # On a platform that the engine's package does not serve, npm succeeds without making the folder.
    NODE_MODULES.mkdir(exist_ok=True)
    stamp.write_text(wanted, "utf-8")


def fingerprint(names: tuple[str, ...], *, salt: str = "") -> str:
    """A hash of these files' contents; other files, another hash."""
    contents = (hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in names)
    return hashlib.sha256("\n".join((salt, *contents)).encode()).hexdigest()


def call(command: list[str], complaint: str) -> None:
    """Run a command at the project's root. Raises CannotInstall with `complaint` where it fails."""
    try:
        subprocess.run(command, cwd=ROOT, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotInstall(complaint) from error


if __name__ == "__main__":
    sys.exit(main())
