"""The stages of `.chalice/config.json`: what is deployed, and where its stores are."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from infra.local.children import ROOT
from infra.local.problems import CannotRun
from infra.ops.hints import Typed, command_on, typed_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

DOMAIN_SETTING = "api_gateway_custom_domain"
CONFIG = Path(".chalice") / "config.json"
_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stage was provisioned."""

    region: str
    account: str


class _Settings(dict[str, str]):
    """The environment of a stage's functions; one that is not there is a sentence."""

    def __init__(self, told: Mapping[str, str], stage: Stage) -> None:
        super().__init__(told)
        self._stage = stage

    def __missing__(self, name: str) -> NoReturn:
        """Raises CannotRun."""
        stage = self._stage
        raise CannotRun(
            f"{stage.file} does not tell {name} of the stage {stage.name}: run `{stage.command('provision')}` first."
        )


@dataclass(slots=True)
class Stage:
    """One stage of the file. Changes are on disk after `write`."""

    name: str
    file: Path
    _document: dict[str, Any]
    typed: Typed = ()
    """The options that said where it is."""

    @property
    def told(self) -> dict[str, Any]:
        """What the file says of the stage."""
        found: dict[str, Any] = self._document["stages"][self.name]
        return found

    @property
    def document(self) -> dict[str, Any]:
        """The file whole, for who reads it as Chalice does."""
        return self._document

    @property
    def settings(self) -> dict[str, str]:
        """The environment of its functions."""
        found = self.told.get("environment_variables", {})
        if not isinstance(found, _Settings):
            found = self.told["environment_variables"] = _Settings(found, self)
        return found

    @property
    def storage_stack(self) -> str:
        """The name of its stack of stores."""
        return f"{self._document['app_name']}-{self.name}-storage"

    @property
    def edge_stack(self) -> str:
        """The name of its stack of what stands around the API."""
        return f"{self.deployed_as}-edge"

    @property
    def deployed_as(self) -> str:
        """What Chalice names the function of its API, and what the names of the others begin with."""
        return f"{self._document['app_name']}-{self.name}"

    @property
    def api_stage(self) -> str:
        """The stage of its REST API, with which paths begin at the address that API Gateway gives."""
        whole = self._document.get("api_gateway_stage", "api")
        return str(self.told.get("api_gateway_stage", whole))

    @property
    def place(self) -> Place | None:
        """Where it was provisioned, by its secrets' ARN; None where it was not."""
        found = _ARN.match(self.settings.get("SIGNOFF_MASTER_SECRET", ""))
        return None if found is None else Place(found["region"], found["account"])

    @property
    def deploy(self) -> str:
        """The command that deploys it, from wherever it is typed."""
        region = "" if self.place is None else f"AWS_DEFAULT_REGION={self.place.region} "
        return f"{region}chalice deploy --stage {self.name}"

    @property
    def domain(self) -> str | None:
        """Its own domain, where it has one."""
        told = self.told.get(DOMAIN_SETTING)
        return None if told is None else str(told["domain_name"])

    def command(self, *words: str) -> str:
        """What is to be typed to have a command work on it: `python -m infra … --stage …`."""
        return command_on(self.name, self.typed, *words)

    def set(self, settings: Mapping[str, str]) -> None:
        """Puts settings into the environment of its functions, those that are there where they stand."""
        self.settings.update(settings)

    def set_domain(self, domain: str, certificate: str) -> None:
        """The domain that its API answers at, and every link begins with."""
        self.told[DOMAIN_SETTING] = {
            "domain_name": domain,
            "tls_version": "TLS_1_2",
            "certificate_arn": certificate,
        }
        self.set({"SIGNOFF_PUBLIC_URL": f"https://{domain}"})

    def write(self) -> bool:
        """Writes the file, whole or not at all; whether anything in it is new. Raises CannotRun."""
        text = json.dumps(self._document, indent=2, ensure_ascii=False) + "\n"
        try:
            if self.file.read_text("utf-8") == text:
                return False
            beside = self.file.with_suffix(".json.new")
            beside.write_text(text, "utf-8")
            beside.chmod(self.file.stat().st_mode & 0o777)
            beside.replace(self.file)
        except OSError as error:
            raise CannotRun(f"{self.file} cannot be written: {error.strerror}.") from None
        return True


def add_to(parser: argparse.ArgumentParser) -> None:
    """The options that every command has which works on a stage."""
    parser.add_argument("--stage", required=True, metavar="NAME", help="which of the stages in .chalice/config.json")
    parser.add_argument(
        "--project", type=Path, default=ROOT, metavar="FOLDER", help="where .chalice is (else this project)"
    )


def stage_of(options: argparse.Namespace) -> Stage:
    """The stage that the options name. Raises CannotRun."""
    found = read_stage(options.project / CONFIG, options.stage)
    found.typed = typed_of(options)
    return found


def read_stage(file: Path, name: str) -> Stage:
    """A stage of `file`. Raises CannotRun."""
    try:
        document = json.loads(file.read_text("utf-8"))
        stages = list(document["stages"])
    except OSError as error:
        raise CannotRun(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, KeyError):
        raise CannotRun(f"{file} is not JSON with stages, as `chalice` wants it.") from None
    if name not in stages:
        raise CannotRun(f"There is no stage {name!r} in {file}: there are {', '.join(stages)}.")
    for what, is_right in _shape(document, name):
        if not is_right:
            raise CannotRun(f"{file} is not as `chalice` wants it: {what}.")
    return Stage(name, file, document)


def _shape(document: dict[str, Any], name: str) -> Iterator[tuple[str, bool]]:
    """What has to be so in the file for the commands to go on, each with whether it is; each needs those before it."""
    yield "app_name should be a text", isinstance(document.get("app_name"), str)
    told: Any = document["stages"][name] if isinstance(document["stages"], dict) else None
    yield f"the stage {name} should be an object", isinstance(told, dict)
    settings = told.get("environment_variables", {})
    texts = isinstance(settings, dict) and all(isinstance(each, str) for each in settings.values())
    yield f"environment_variables of the stage {name} should be texts by their names", texts
    domain = told.get(DOMAIN_SETTING, {"domain_name": ""})
    is_named = isinstance(domain, dict) and isinstance(domain.get("domain_name"), str)
    yield f"{DOMAIN_SETTING} of the stage {name} should have a domain_name", is_named
