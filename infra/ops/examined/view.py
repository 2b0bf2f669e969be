"""What the checks look through: clients of AWS, the stage's files, and its stacks as they are deployed."""

from __future__ import annotations

import argparse
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.asking import or_none
from infra.ops.examined.finding import NotChecked
from infra.ops.examined.outside import Outside
from infra.ops.examined.templates import Template, parsed
from infra.ops.restored.begun import base
from infra.ops.stages import Stage
from infra.storage import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_Told = TypeVar("_Told")


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack as CloudFormation has it."""

    name: str
    status: str
    is_protected: bool
    changed: Any
    """When it was made or last changed: an aware time."""
    outputs: dict[str, str]
    parameters: dict[str, str]
    template: dict[str, Any]
    physical: dict[str, str]


@dataclass(slots=True)
class View:
    """One look at one stage. Each thing is asked for once, by whichever thread comes first."""

    options: argparse.Namespace
    stage: Stage
    outside: Outside
    _kept: dict[Any, Any] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def client(self, service: str) -> Any:
        """boto3's. Raises CannotRun."""
        return self.once(("client", service), lambda: aws.client(service, self.options))

    def once(self, key: Any, ask: Callable[[], _Told]) -> _Told:
        """What `ask` answered the first time under this key. Raises what it raises."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = ask()
            found: _Told = self._kept[key]
            return found

    def put(self, key: Any, value: Any) -> None:
        """Answer this under the key from now on, in the place of what would be asked."""
        with self._lock:
            self._kept[key] = value

    def command(self, *words: str) -> str:
        """What is to be typed next for this stage: `python -m infra … --stage …`."""
        return self.stage.command(*words)

    @property
    def name(self) -> str:
        """The stage's."""
        return self.stage.name

    @property
    def region(self) -> str:
        """Where it is."""
        return str(self.client("sts").meta.region_name)

    @property
    def account(self) -> str:
        """Whose it is. Raises ClientError."""
        return self.once("account", lambda: str(self.client("sts").get_caller_identity()["Account"]))

    @property
    def is_local(self) -> bool:
        """Whether a local engine stands in for AWS."""
        return aws.is_local(self.options)

    def stack(self, name: str) -> Deployed | None:
        """A stack; None where there is none. Raises ClientError."""
        return self.once(("stack", name), lambda: self._stack(name))

    def _stack(self, name: str) -> Deployed | None:
        client = self.client("cloudformation")
        found = or_none(lambda: client.describe_stacks(StackName=name)["Stacks"][0])
        if found is None or found["StackStatus"] == "DELETE_COMPLETE":
            return None
        told = client.describe_stack_resources(StackName=name)["StackResources"]
        return Deployed(
            name,
            found["StackStatus"],
            found.get("EnableTerminationProtection", False),
            found.get("LastUpdatedTime") or found.get("CreationTime"),
            {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())},
            {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", ())},
            parsed(client.get_template(StackName=name)["TemplateBody"]),
            {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in told if each.get("PhysicalResourceId")},
        )

    @property
    def storage(self) -> Template:
        """What the stores are to be, as the stack was told. Raises NotChecked where there is no stack."""
        return self.template_of(self.stage.storage_stack)

    def template_of(self, name: str) -> Template:
        """What a stack was told. Raises NotChecked where there is none."""
        stack = self.stack(name)
        if stack is None:
            raise NotChecked(f"There is no stack {name}.")
        return Template(stack.template, self._values(name, stack.template, stack.parameters), stack.physical)

    def _values(self, name: str, document: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
        defaults = {key: each["Default"] for key, each in document.get("Parameters", {}).items() if "Default" in each}
        return {
            **defaults,
            **parameters,
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::Partition": "aws",
            "AWS::StackName": name,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def table(self, resource: str) -> str:
        """The table that the settings name: after a restore another than the stack made. Raises NotChecked."""
        made = self.storage.name(resource)
        return next((told for told in self.stage.settings.values() if base(told) == made), made)

    @property
    def by_pipeline(self) -> dict[str, str] | None:
        """What a pipeline's stack made, by its names for it; None where `chalice deploy` did. Raises ClientError."""
        if self.resources:
            return None
        stack = self.stack(self.app_stack)
        return stack.physical if stack is not None and stack.physical.keys() >= {"APIHandler", "Jobs"} else None

    @property
    def app_stack(self) -> str:
        """What a pipeline's stack is called, where there is one."""
        return str(getattr(self.options, "app_stack", None) or self.stage.deployed_as)

    @property
    def redeploying(self) -> str:
        """What brings the functions and the API to what they should be, as a sentence. Raises ClientError."""
        if self.by_pipeline is None:
            return f"Run `chalice deploy --stage {self.name}`."
        return f"Have the pipeline deploy the stack {self.app_stack} again."

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """What `chalice deploy` noted here of what it made, by its names for it; empty where there is no note."""
        return self.once("note", lambda: _note(self.options.project, self.name))


def _note(project: Path, stage: str) -> dict[str, dict[str, Any]]:
    try:
        told = json.loads((project / ".chalice" / "deployed" / f"{stage}.json").read_text("utf-8"))
        return {each["name"]: each for each in told["resources"]}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError):
        raise CannotRun(f"The note of `chalice deploy` on stage {stage} in {project} cannot be read.") from None


def here() -> dict[str, Any]:
    """infra/storage.yaml as it is in this folder."""
    return parsed(TEMPLATE.read_text("utf-8"))
