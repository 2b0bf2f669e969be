"""The environment of what stands in for AWS, which `make test` makes. Without it tests fail; nothing is skipped."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from infra.bootstrap import EMULATORS_FILES, EMULATORS_VENV, fingerprint

if TYPE_CHECKING:
    from pathlib import Path

MISSING = "The emulators of AWS are not installed: run `make emulators`."


class EmulatorsMissing(Exception):
    """The environment is not there, or not what its requirements say."""


def site_packages() -> Path:
    """Where they are installed. Raises EmulatorsMissing."""
    stamp = EMULATORS_VENV / "installed.sha256"
    wanted = fingerprint(EMULATORS_FILES, salt=f"{sys.version_info[:2]}")
    if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
        raise EmulatorsMissing(MISSING)
    return EMULATORS_VENV / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
