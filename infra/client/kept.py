"""What a command keeps beside the user's file, so that it can go on where it was."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.folder import write_privately
from infra.local.problems import CannotRun

_FORMAT = 1


def beside(file: Path, ending: str) -> Path:
    """`people.csv` and `rejected.csv` → `people.csv.rejected.csv`."""
    return file.with_name(f"{file.name}.{ending}")


@dataclass(frozen=True, slots=True)
class Kept:
    """A small JSON file; it holds no key and no presigned URL."""

    path: Path

    def load(self) -> dict[str, Any] | None:
        """What was kept, or None. Raises CannotRun where the file holds something else."""
        try:
            found = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            found = None
        if not isinstance(found, dict) or found.pop("format", None) != _FORMAT:
            raise CannotRun(f"{self.path} is none of the files that this command keeps: move it away.")
        return found

    def save(self, content: dict[str, Any]) -> None:
        """Write it whole or not at all. Raises CannotRun."""
        try:
            write_privately(self.path, json.dumps({"format": _FORMAT, **content}, indent=2) + "\n")
        except OSError as error:
            raise CannotRun(f"{self.path} cannot be written: {error.strerror}.") from None

    def drop(self) -> None:
        """It is needed no more."""
        self.path.unlink(missing_ok=True)
