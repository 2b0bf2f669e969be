"""Which deployment is worked on: a stage, that of the environment's settings, or what `make run` serves here."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.children import ROOT
from infra.local.environment import STAGE, Engines, environment
from infra.local.folder import find_running
from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.hints import command_on, typed_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.service import Service

SETTINGS = ("SIGNOFF_RECIPIENTS_TABLE", "SIGNOFF_CONTROL_TABLE", "SIGNOFF_MASTER_KEYS", "SIGNOFF_PEPPER_KEY")
"""Where one of these is set, a deployment is meant, and its other settings must be there too."""
SECRETS = {"SIGNOFF_MASTER_SECRET": "SIGNOFF_MASTER_KEYS", "SIGNOFF_PEPPER_SECRET": "SIGNOFF_PEPPER_KEY"}
"""The setting that has a secret's ARN → the one that has what is in it."""
_PUBLIC_URL = "SIGNOFF_PUBLIC_URL"
_UNFINISHED = "https://not-finished.example.com"
"""What stands for the public URL until `finish` has written it: no command on tables makes a link."""
_HOW = """\
With --stage the stage's tables are worked on, as .chalice/config.json names them. Without it those of the settings in
the environment (SIGNOFF_RECIPIENTS_TABLE and the others, AWS credentials); and without these it is what `make run`
serves, which has to be running."""


def add_to(parser: argparse.ArgumentParser) -> None:
    """The options that every command has which works on tables."""
    group = parser.add_argument_group("the deployment", _HOW)
    group.add_argument("--stage", metavar="NAME", help="one of the stages in .chalice/config.json")
    group.add_argument(
        "--project", type=Path, default=ROOT, metavar="FOLDER", help="where .chalice is (else this project)"
    )
    group.add_argument(
        "--data-dir", type=Path, metavar="FOLDER", help="that of `make run` (else SIGNOFF_LOCAL_DIR, else .local)"
    )
    aws.add_to(parser)


def add_act(acts: Any, name: str, text: str, command: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    """A command beneath another, such as `sender create`; the first words of `text` are its line of help."""
    parser: argparse.ArgumentParser = acts.add_parser(
        name,
        help=text.partition(":")[0].partition(",")[0].rstrip("."),
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_to(parser)
    parser.set_defaults(command=command)
    return parser


def service_of(options: argparse.Namespace) -> Service:
    """The service on the tables that are meant. Raises CannotRun.

    It makes no call but for a stage, whose secrets are read. For the local runner's tables it changes the environment
    of this process, so that AWS is never asked.
    """
    folder: Path | None = options.data_dir
    if options.stage is not None:
        if folder is not None:
            raise CannotRun("--stage and --data-dir mean two deployments: use one of them.")
        return _service(os.environ | stage_environment(options))
    is_deployed = any(os.environ.get(name) for name in SETTINGS)
    if folder is not None or not is_deployed:
        _apply(folder or Path(os.environ.get("SIGNOFF_LOCAL_DIR") or ".local"))
    return _service(os.environ)


def command(options: argparse.Namespace, *words: str) -> str:
    """What is to be typed to have another command work on the same deployment: `python -m infra …`."""
    data_dir = getattr(options, "data_dir", None)  # `provision` has none
    folder = () if data_dir is None else ("--data-dir", shlex.quote(str(data_dir)))
    return command_on(options.stage, typed_of(options), *words, *folder)


def where(service: Service) -> str:
    """What is asked, as the beginning of a sentence for who reads that it does not answer."""
    url = service.settings.dynamodb_url
    return f"DynamoDB in {service.settings.region}" if url is None else f"The engine of `make run`, at {url},"


def stage_environment(options: argparse.Namespace) -> dict[str, str]:
    """The settings of the stage that the options name, secrets included. Raises CannotRun."""
    from infra.ops.places import go_there  # noqa: PLC0415 - the other commands need not load it
    from infra.ops.stages import stage_of  # noqa: PLC0415 - as above

    stage = stage_of(options)
    if stage.place is None:
        raise CannotRun(f"The stage {stage.name} has no secrets yet: run `{stage.command('provision')}` first.")
    go_there(stage, options)
    url = options.endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or ""
    client = aws.client("secretsmanager", options)
    found = {setting: _secret(client, stage.settings[arn]) for arn, setting in SECRETS.items()}
    kept = {name: value for name, value in stage.settings.items() if name not in SECRETS}
    engines = {f"SIGNOFF_{name}_URL": url for name in ("DYNAMODB", "S3", "SQS")}
    return {_PUBLIC_URL: _UNFINISHED, "AWS_REGION": options.region, **kept, **engines, **found}


def _secret(client: object, arn: str) -> str:
    with aws.explaining():
        found: str = client.get_secret_value(SecretId=arn)["SecretString"]  # type: ignore[attr-defined] # boto3 has no types
    return found


def _service(settings: Mapping[str, str]) -> Service:
    from chalicelib.domain.errors import SettingsError  # noqa: PLC0415 - not before the environment is what is meant
    from chalicelib.service import Service  # noqa: PLC0415 - as above
    from chalicelib.settings import settings_from  # noqa: PLC0415 - as above

    try:
        return Service(settings_from(settings))
    except SettingsError as error:
        raise CannotRun(f"The settings of the deployment are not whole: {error}.") from None


def _apply(folder: Path) -> None:
    found = find_running(folder)
    if found is None:
        raise CannotRun(
            f"Nothing says which deployment is meant: start `make run`, for none serves from {folder}, or name a stage "
            f"by --stage, or set {SETTINGS[0]} and the other settings of a deployment."
        )
    running, secrets = found
    environment(secrets, Engines(running.tables_url, running.files_url), running.public_url, STAGE).apply()
