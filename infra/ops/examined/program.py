"""What `chalice deploy` is told to make of a stage, as Chalice itself reads `.chalice/config.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalice.constants import DEFAULT_LAMBDA_MEMORY_SIZE, DEFAULT_LAMBDA_TIMEOUT

from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalice.config import Config

    from infra.ops.examined.view import View

API, JOBS = "api_handler", "jobs"
"""The functions, as Chalice calls them."""
LAYER = "managed-layer"
_LOGICAL = {API: ("APIHandler", "ApiHandlerRole"), JOBS: ("Jobs", "JobsRole")}
"""A function and its role, as `chalice package` calls them in its template."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function as it is to be. `timeout` in seconds, `memory` in MB."""

    key: str
    name: str
    role: str
    timeout: int
    memory: int
    environment: dict[str, str]
    concurrency: int | None
    policy: Path
    role_policy: str
    """What the role calls its one policy."""

    def statements(self) -> Any:
        """The policy in its file. Raises CannotRun."""
        try:
            return json.loads(self.policy.read_text("utf-8"))
        except (OSError, ValueError):
            raise CannotRun(f"{self.policy} cannot be read, or is not JSON.") from None


@dataclass(frozen=True, slots=True)
class Program:
    """All functions, and what is in front of them."""

    app: str
    stage: str
    api_stage: str
    endpoint: str
    xray: bool
    has_layer: bool
    functions: tuple[Function, ...]

    def function(self, key: str) -> Function:
        """One of them, by Chalice's name for it."""
        return next(each for each in self.functions if each.key == key)

    @property
    def layer(self) -> str:
        """The name of the layer that Chalice makes."""
        return f"{self.app}-{self.stage}-{LAYER}"


def program(view: View) -> Program:
    """Of the stage that is looked at, by the names that it was deployed under. Raises ClientError and CannotRun."""
    return view.once("program", lambda: _as_deployed(view))


def _as_deployed(view: View) -> Program:
    """A pipeline's functions and roles have the names that CloudFormation gave them."""
    told = program_of(view.stage.document, view.name, view.options.project)
    names = view.by_pipeline
    if names is None:
        return told
    return replace(told, functions=tuple(_renamed(each, *_LOGICAL[each.key], names) for each in told.functions))


def _renamed(function: Function, logical: str, role: str, names: Mapping[str, str]) -> Function:
    return replace(function, name=names[logical], role=names.get(role, role), role_policy=f"{role}Policy")


def program_of(document: dict[str, Any], stage: str, project: Path) -> Program:
    """What a configuration makes of a stage."""
    from chalice.config import Config  # noqa: PLC0415 - the other commands need not load it

    whole = Config(chalice_stage=stage, config_from_disk=document, default_params={"project_dir": str(project)})
    return Program(
        whole.app_name,
        stage,
        whole.api_gateway_stage,
        whole.api_gateway_endpoint_type,
        bool(whole.xray_enabled),
        bool(whole.automatic_layer),
        tuple(_function(whole.scope(stage, key), key) for key in (API, JOBS)),
    )


def _function(config: Config, key: str) -> Function:
    """Named as chalice/deploy/appgraph.py (1.34) does it."""
    whole = f"{config.app_name}-{config.chalice_stage}"
    file = config.iam_policy_file or f"policy-{config.chalice_stage}.json"
    return Function(
        key,
        whole if key == API else f"{whole}-{key}",
        f"{whole}-{key}",
        config.lambda_timeout or DEFAULT_LAMBDA_TIMEOUT,
        config.lambda_memory_size or DEFAULT_LAMBDA_MEMORY_SIZE,
        dict(config.environment_variables),
        config.reserved_concurrency,
        Path(config.project_dir) / ".chalice" / file,
        f"{whole}-{key}",
    )
