"""Which deployment is worked on: that of the environment's settings, or what `make run` serves on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.environment import STAGE, Engines, environment
from infra.local.folder import find_running
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    import argparse

    from chalicelib.service import Service

SETTINGS = ("SIGNOFF_RECIPIENTS_TABLE", "SIGNOFF_CONTROL_TABLE", "SIGNOFF_MASTER_KEYS", "SIGNOFF_PEPPER_KEY")
"""Where one of these is set, a deployment is meant, and its other settings must be there too."""
_HOW = """\
With the settings of a deployment in the environment (SIGNOFF_RECIPIENTS_TABLE and the others, AWS credentials) its
tables are worked on. Without them it is what `make run` serves, which has to be running."""


def add_to(parser: argparse.ArgumentParser) -> None:
    """The options that every command has which works on tables."""
    group = parser.add_argument_group("the deployment", _HOW)
    group.add_argument(
        "--data-dir", type=Path, metavar="FOLDER", help="that of `make run` (else SIGNOFF_LOCAL_DIR, else .local)"
    )


def service_of(options: argparse.Namespace) -> Service:
    """The service on the tables that are meant; makes no call. Raises CannotRun.

    For the local runner's tables it changes the environment of this process, so that AWS is never asked.
    """
    folder: Path | None = options.data_dir
    is_deployed = any(os.environ.get(name) for name in SETTINGS)
    if folder is not None or not is_deployed:
        _apply(folder or Path(os.environ.get("SIGNOFF_LOCAL_DIR") or ".local"))
    from chalicelib.domain.errors import SettingsError  # noqa: PLC0415 - not before the environment is what is meant
    from chalicelib.service import Service  # noqa: PLC0415 - as above
    from chalicelib.settings import settings_from  # noqa: PLC0415 - as above

    try:
        return Service(settings_from(os.environ))
    except SettingsError as error:
        raise CannotRun(f"The settings of the deployment are not whole: {error}.") from None


def where(service: Service) -> str:
    """What is asked, as the beginning of a sentence for who reads that it does not answer."""
    url = service.settings.dynamodb_url
    return f"DynamoDB in {service.settings.region}" if url is None else f"The engine of `make run`, at {url},"


def _apply(folder: Path) -> None:
    found = find_running(folder)
    if found is None:
        raise CannotRun(
            f"Nothing says which deployment is meant: start `make run`, for none serves from {folder}, or "
            f"set {SETTINGS[0]} and the other settings of a deployment."
        )
    running, secrets = found
    environment(secrets, Engines(running.tables_url, running.files_url), running.public_url, STAGE).apply()
