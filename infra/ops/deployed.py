"""What was deployed of a stage: by Chalice's own note, by its names in the account, or by the stack of a pipeline."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.stacks import Stack

if TYPE_CHECKING:
    import argparse

    from infra.ops.stages import Stage

_API_OF = re.compile(r"arn:aws:execute-api:[a-z0-9-]+:\d{12}:(?P<api>[a-z0-9]+)/")
_LOGICAL = {"RestAPI": "api", "APIHandler": "api_function", "Jobs": "jobs_function"}
"""What `chalice package` calls them in its template."""
API_NOTE = ".chalice/deployed"
"""Where Chalice notes what it deployed: `chalice delete` goes by it."""
_MISSING = frozenset({"NotFoundException", "ResourceNotFoundException", "ValidationError"})


@dataclass(frozen=True, slots=True)
class Deployed:
    """An API and its two functions."""

    api: str
    """The REST API's id."""
    api_stage: str
    api_function: str
    """A function's name, and so is the next."""
    jobs_function: str

    @property
    def functions(self) -> tuple[str, str]:
        """Both."""
        return self.api_function, self.jobs_function


def add_to(parser: argparse.ArgumentParser) -> None:
    """The option of every command that looks for a deployment."""
    parser.add_argument(
        "--app-stack",
        metavar="NAME",
        help="the stack of `chalice package`, where a pipeline deployed it under another name than signoff-<stage>",
    )


def find_deployed(stage: Stage, options: argparse.Namespace) -> Deployed:
    """The deployment of a stage. Raises CannotRun where there is none, or half of one."""
    found = _noted(stage, options) or _named(stage, options) or _stacked(stage, options)
    if found is None:
        raise CannotRun(
            f"Nothing of the stage {stage.name} is deployed here: run `chalice deploy --stage {stage.name}` first."
        )
    _check_api(stage, found, options)
    return found


def find_functions(stage: Stage, options: argparse.Namespace) -> tuple[str, ...]:
    """The names of a deployment's functions, where it has left no note here; none where nothing is deployed."""
    names = stage.deployed_as, f"{stage.deployed_as}-jobs"
    functions = aws.client("lambda", options)
    if all(_exists(functions, name) for name in names):
        return names
    found = _stacked(stage, options)
    return () if found is None else found.functions


def deploying(stage: Stage, options: argparse.Namespace) -> str:
    """What is to be done for the functions to have the settings that are in the file now, as a line to follow."""
    functions = aws.client("lambda", options)
    is_named = any(_exists(functions, name) for name in (stage.deployed_as, f"{stage.deployed_as}-jobs"))
    if is_named or (options.project / API_NOTE / f"{stage.name}.json").exists() or _stacked(stage, options) is None:
        return stage.deploy
    name = getattr(options, "app_stack", None) or stage.deployed_as
    return f"commit {stage.file}, and have the pipeline deploy the stack {name}"


def any_function(stage: Stage, options: argparse.Namespace) -> str | None:
    """The name of a function of the stage that is there, by its name or by a pipeline's stack. Raises CannotRun."""
    functions = aws.client("lambda", options)
    names = stage.deployed_as, f"{stage.deployed_as}-jobs"
    found = next((name for name in names if _exists(functions, name)), None)
    if found is None and (stacked := _stacked(stage, options)) is not None:
        return stacked.api_function
    return found


def _noted(stage: Stage, options: argparse.Namespace) -> Deployed | None:
    """By .chalice/deployed/<stage>.json."""
    file = options.project / ".chalice" / "deployed" / f"{stage.name}.json"
    try:
        told = json.loads(file.read_text("utf-8"))
        resources = {each["name"]: each for each in told["resources"]}
        if not resources:  # what `chalice delete` leaves
            return None
        return Deployed(
            api=resources["rest_api"]["rest_api_id"],
            api_stage=stage.api_stage,
            api_function=_name_of(resources["api_handler"]["lambda_arn"]),
            jobs_function=_name_of(resources["jobs"]["lambda_arn"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        raise CannotRun(
            f"The note of `chalice deploy` in {file} is not whole: run `chalice deploy --stage {stage.name}` again."
        ) from None


def _name_of(arn: str) -> str:
    return arn.rpartition(":")[2]


def _named(stage: Stage, options: argparse.Namespace) -> Deployed | None:
    """By the function's name, and by who may call it: APIs of all stages have one name, and functions have not."""
    functions = aws.client("lambda", options)
    names = stage.deployed_as, f"{stage.deployed_as}-jobs"
    if not all(_exists(functions, name) for name in names):
        return None
    api = api_called_by(functions, names[0])
    return None if api is None else Deployed(api, stage.api_stage, *names)


def api_called_by(functions: Any, name: str) -> str | None:
    """The id of the REST API that may call a function. Raises CannotRun."""
    policy = _ask(functions.get_policy, FunctionName=name)
    found = _API_OF.search(policy["Policy"]) if policy else None
    return None if found is None else found["api"]


def _exists(functions: Any, name: str) -> bool:
    return _ask(functions.get_function_configuration, FunctionName=name) is not None


def _stacked(stage: Stage, options: argparse.Namespace) -> Deployed | None:
    """By the stack that a pipeline makes of the output of `chalice package`."""
    formation = aws.client("cloudformation", options)
    name = getattr(options, "app_stack", None) or stage.deployed_as
    if Stack(formation, name).status() is None:
        return None
    told = _ask(formation.describe_stack_resources, StackName=name)
    if told is None:
        return None
    found = {
        _LOGICAL[each["LogicalResourceId"]]: each.get("PhysicalResourceId", "")
        for each in told["StackResources"]
        if each["LogicalResourceId"] in _LOGICAL
    }
    if len(found) < len(_LOGICAL) or not all(found.values()):
        return None
    return Deployed(api_stage=stage.api_stage, **found)


def _check_api(stage: Stage, deployed: Deployed, options: argparse.Namespace) -> None:
    gateway = aws.client("apigateway", options)
    if _ask(gateway.get_stage, restApiId=deployed.api, stageName=deployed.api_stage) is None:
        raise CannotRun(
            f"The API {deployed.api} with its stage {deployed.api_stage} is not in this account and region (any more): "
            f"are these the right ones? Else run `chalice deploy --stage {stage.name}`."
        )


def _ask(call: Any, **asked: str) -> dict[str, Any] | None:
    """What is told; None where there is no such thing."""
    with aws.explaining():
        try:
            told: dict[str, Any] = call(**asked)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
    return told
