"""The data folder of the local runner: one runner at a time, one format, secrets that nobody else can read."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import secrets
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 2
"""Grows when a folder of before cannot be read any more."""

SECRETS = "secrets.json"
RUNNING = "running.json"
"""Where a runner serves, for as long as it does: commands for ops work on its tables."""

_MASTER_KEY_OCTETS = 32
_PEPPER_KEY_OCTETS = 64


@dataclass(frozen=True, slots=True)
class Running:
    """Where a runner serves, and where its engines answer: that of the tables, and that of the files and the queue."""

    public_url: str
    tables_url: str
    files_url: str


@dataclass(frozen=True, slots=True)
class DataFolder:
    """An opened data folder, held by this process alone."""

    path: Path

    @property
    def data_file(self) -> Path:
        """The engine's SQLite file."""
        return self.path / "data.sqlite"

    def secrets(self) -> dict[str, str]:
        """The local secrets, as the environment variables that hand them over; made at random on the first call.

        Raises CannotRun where they are gone and data made under them is not: every check would fail closed.
        """
        file = self.path / SECRETS
        if file.exists():
            return read_secrets(self.path)
        if self.data_file.exists():
            raise CannotRun(f"{file} is missing, and without it the data beside it cannot be used: restore it.")
        made = _make_secrets()
        write_privately(file, json.dumps(made, indent=2))
        return made

    @contextmanager
    def telling(self, running: Running) -> Iterator[None]:
        """Tell where this runner serves, as long as the block lasts. What a killed one has left is written over."""
        file = self.path / RUNNING
        write_privately(file, json.dumps(asdict(running)))
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


@contextmanager
def open_folder(path: Path) -> Iterator[DataFolder]:
    """Make the folder where there is none, and hold it. Raises CannotRun: in use, of another version, not usable."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (path / "lock").open("wb")
    except OSError as error:
        raise CannotRun(f"The data folder {path} cannot be used: {error.strerror}.") from error
    with lock:
        try:
            # The lock goes with the process, however that ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotRun(
                f"Another runner uses the data folder {path}: stop it, or set SIGNOFF_LOCAL_DIR to another folder."
            ) from None
        folder = DataFolder(path)
        _check_version(folder)
        yield folder


def find_running(path: Path) -> tuple[Running, dict[str, str]] | None:
    """Where the runner of this folder serves, and its secrets; None where none does, as far as is told here.

    One that was killed could not take back what it told: then its engines do not answer. Raises CannotRun.
    """
    try:
        found = Running(**json.loads((path / RUNNING).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found, read_secrets(path)


def _check_version(folder: DataFolder) -> None:
    file = folder.path / "signoff-local.json"
    if not file.exists() and not folder.data_file.exists():
        write_privately(file, json.dumps({"format": FORMAT}))
    found = None
    # A file that is gone or is not ours is one of another version.
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads(file.read_text("utf-8"))["format"]
    if found != FORMAT:
        raise CannotRun(
            f"The data folder {folder.path} is of version {found or 'unknown'} and this Signoff reads version {FORMAT}"
            ": move it away, or set SIGNOFF_LOCAL_DIR to another folder."
        )


def _make_secrets() -> dict[str, str]:
    return {
        "SIGNOFF_MASTER_KEYS": json.dumps({"1": {"secret": _random_key(_MASTER_KEY_OCTETS), "state": "minting"}}),
        "SIGNOFF_PEPPER_KEY": _random_key(_PEPPER_KEY_OCTETS),
    }


def read_secrets(path: Path) -> dict[str, str]:
    """The secrets of a data folder, as the environment variables that hand them over. Raises CannotRun."""
    file = path / SECRETS
    try:
        found = json.loads(file.read_text("utf-8"))
        return {name: found[name] for name in ("SIGNOFF_MASTER_KEYS", "SIGNOFF_PEPPER_KEY")}
    except (OSError, ValueError, TypeError, KeyError):
        raise CannotRun(f"{file} cannot be read as the secrets of this data folder: restore it.") from None


@contextmanager
def changing_secrets(path: Path) -> Iterator[dict[str, str]]:
    """The secrets of a data folder, which are kept as the block leaves them; nobody else changes them meanwhile.

    A runner may run: it goes on with what it has read. Raises CannotRun.
    """
    found = read_secrets(path)
    with (path / "secrets.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = read_secrets(path)
        yield found
        write_privately(path / SECRETS, json.dumps(found, indent=2))


def _random_key(octets: int) -> str:
    return base64.b64encode(secrets.token_bytes(octets)).decode("ascii")


def write_privately(file: Path, text: str) -> None:
    """Write a file whole or not at all, readable by its owner alone."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)
