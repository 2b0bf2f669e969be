"""CloudFormation stacks: planned as a change set, looked at, executed, followed resource by resource, explained."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.local.problems import CannotRun
from infra.ops.aws import explaining, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAUSE = 3.0
"""Seconds between two looks at what CloudFormation is doing."""
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")
"""How CloudFormation says that there is nothing to do: of a change set, and where it made none at all."""
_NEVER_MADE = frozenset(
    {"CREATE_FAILED", "IMPORT_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
)
"""Such a stack cannot be updated: it is to be deleted before it can be made."""
_CANCELLED = ("Resource creation cancelled", "Resource update cancelled")
_TAKEN = ("already exists", "AlreadyExists", "already scheduled for deletion", "ResourceExistenceCheck")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one resource, or to the stack itself."""

    id: str
    resource: str
    type: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a change set would do to one resource; `replaces` where that would make another in its place."""

    action: str
    resource: str
    type: str
    replaces: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A change set that waits to be executed. Without changes it has none."""

    changes: tuple[Change, ...]
    change_set: str = ""
    is_new: bool = False


@dataclass(slots=True)
class Stack:
    """One stack. Every function raises CannotRun."""

    client: Any
    """boto3's, of CloudFormation."""
    name: str
    told: Callable[[Event], None] = lambda _event: None
    """Hears what happens, as it happens."""
    pause: Callable[[float], None] = time.sleep
    _seen: set[str] = field(default_factory=set)

    def status(self) -> str | None:
        """As CloudFormation calls it; None where there is no such stack."""
        found = self._find()
        return None if found is None else str(found["StackStatus"])

    def outputs(self) -> dict[str, str]:
        """What the stack tells of itself."""
        found = self._find() or {}
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}

    def parameters(self) -> dict[str, str]:
        """What the stack was made with; none where there is no such stack."""
        found = self._find() or {}
        return {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", ())}

    def make_ready(self, note: Callable[[str], None]) -> None:
        """Whatever is under way is waited for, and what was never whole is cleared away, so that a plan can be made.

        Nothing that holds data goes with it: that is retained.
        """
        while (status := self.status()) is not None:
            if status == "REVIEW_IN_PROGRESS":
                note(f"An earlier run planned {self.name} and made nothing of it: that plan is dropped.")
            elif status.endswith("_IN_PROGRESS"):
                note(f"{self.name} is being changed by somebody else ({status}): waiting for that.")
                self._skip_events()
                self._wait()
                continue
            elif status in _NEVER_MADE:
                note(f"An earlier run could not make {self.name}{self._why()} It is cleared away, and made again.")
            else:
                self._refuse_what_is_stuck(status)
                return
            self.delete()

    def plan(self, template: str, parameters: Mapping[str, str], *, capabilities: tuple[str, ...] = ()) -> Plan:
        """What it takes to have the stack as `template` says."""
        is_new, name = self.status() is None, f"signoff-{secrets.token_hex(8)}"
        asked = {
            "StackName": self.name,
            "ChangeSetName": name,
            "ChangeSetType": "CREATE" if is_new else "UPDATE",
            "TemplateBody": template,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            "Capabilities": list(capabilities),
            "Tags": [{"Key": "application", "Value": "signoff"}],
        }
        if not self._asked_for(asked):
            return Plan(())
        return self._planned(name, is_new=is_new)

    def plan_import(self, template: str, parameters: Mapping[str, str], resources: list[dict[str, Any]]) -> Plan:
        """What it takes to have a new stack take over `resources` that are there, which `template` has alone."""
        name = f"signoff-{secrets.token_hex(8)}"
        self._asked_for(
            {
                "StackName": self.name,
                "ChangeSetName": name,
                "ChangeSetType": "IMPORT",
                "TemplateBody": template,
                "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
                "ResourcesToImport": resources,
                # No tags: an engine that is measured against AWS refuses them in an import. The next change sets them.
            }
        )
        return self._planned(name, is_new=True)

    def drop(self, plan: Plan) -> None:
        """Forgets a plan, and the empty stack that CloudFormation made to hold it."""
        if not plan.change_set:
            return
        with explaining():
            self.client.delete_change_set(StackName=self.name, ChangeSetName=plan.change_set)
        if plan.is_new:
            self.delete()

    def carry_out(self, plan: Plan) -> None:
        """Executes a plan, and comes back when it is done. A failure is told by its resource and reason."""
        self._skip_events()
        with explaining():
            self.client.execute_change_set(StackName=self.name, ChangeSetName=plan.change_set)
        self.follow()

    def follow(self) -> None:
        """Waits until nothing is under way. A failure is told by its resource and reason."""
        status, events = self._wait()
        if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}:
            raise CannotRun(f"The stack {self.name} could not be changed{_reason(events)}")

    def delete(self) -> None:
        """Deletes the stack, and comes back when it is gone. What it retains stays."""
        found = self._find()
        if found is None:
            return
        self._skip_events()
        with explaining():
            self.client.delete_stack(StackName=self.name)
        status, events = self._wait(found["StackId"])
        if status != "DELETE_COMPLETE":
            raise CannotRun(f"The stack {self.name} could not be deleted{_reason(events)}")

    def is_protected(self) -> bool:
        """Whether CloudFormation refuses to delete it."""
        return bool((self._find() or {}).get("EnableTerminationProtection"))

    def protect(self) -> bool:
        """Has CloudFormation refuse to delete it; False where it does already."""
        if self.is_protected():
            return False
        with explaining():
            self.client.update_termination_protection(StackName=self.name, EnableTerminationProtection=True)
        return True

    def events(self, stack: str = "") -> Iterator[Event]:
        """What happened, the newest first."""
        for page in self.client.get_paginator("describe_stack_events").paginate(StackName=stack or self.name):
            for event in page["StackEvents"]:
                yield Event(
                    event["EventId"],
                    event["LogicalResourceId"],
                    event["ResourceType"],
                    event["ResourceStatus"],
                    event.get("ResourceStatusReason") or "",
                )

    def _find(self, name: str = "") -> dict[str, Any] | None:
        with explaining():
            try:
                found: dict[str, Any] = self.client.describe_stacks(StackName=name or self.name)["Stacks"][0]
            except ClientError as error:
                if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
                    return None
                raise
        return None if found["StackStatus"] == "DELETE_COMPLETE" and not name else found

    def _wait(self, stack: str = "") -> tuple[str, list[Event]]:
        """The status that is left when nothing is under way, and what happened until then, oldest first."""
        heard: list[Event] = []
        while True:
            found = self._find(stack)
            with explaining():
                new = [event for event in self.events(stack) if event.id not in self._seen] if found else []
            for event in reversed(new):
                self._seen.add(event.id)
                heard.append(event)
                self.told(event)
            status = "DELETE_COMPLETE" if found is None else str(found["StackStatus"])
            if not status.endswith("_IN_PROGRESS"):
                return status, heard
            self.pause(PAUSE)

    def _skip_events(self) -> None:
        with explaining():
            self._seen |= {event.id for event in self.events()}

    def _why(self) -> str:
        with explaining():
            return _reason(list(self.events())[::-1])

    def _refuse_what_is_stuck(self, status: str) -> None:
        if status == "UPDATE_ROLLBACK_FAILED":
            command = f"aws cloudformation continue-update-rollback --stack-name {self.name}"
            raise CannotRun(f"The stack {self.name} is half changed back{self._why()} Mend that, then run `{command}`.")
        if status == "DELETE_FAILED":
            command = f"aws cloudformation delete-stack --stack-name {self.name}"
            raise CannotRun(f"The stack {self.name} is half deleted{self._why()} Mend that, then run `{command}`.")

    def _asked_for(self, asked: dict[str, Any]) -> bool:
        """Whether CloudFormation makes a change set; False where it says at once that nothing would change."""
        with explaining():
            try:
                self.client.create_change_set(**asked)
            except ClientError as error:
                if _UNCHANGED[1] in str(error):
                    return False
                raise
        return True

    def _planned(self, name: str, *, is_new: bool) -> Plan:
        while True:
            with explaining():
                told = self.client.describe_change_set(StackName=self.name, ChangeSetName=name)
            if told["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
                break
            self.pause(PAUSE)
        plan = Plan(tuple(self._changes(name)), name, is_new)
        if told["Status"] == "CREATE_COMPLETE" and told.get("ExecutionStatus") != "UNAVAILABLE":
            return plan
        reason = told.get("StatusReason") or told["Status"]
        problems = self._problems(name)
        self.drop(plan)
        if any(words in reason for words in _UNCHANGED):
            return Plan(())
        raise CannotRun(f"The stack {self.name} cannot be planned: {sentence(problems or reason)}{_hint(reason)}")

    def _changes(self, name: str) -> Iterator[Change]:
        with explaining():
            pages = self.client.get_paginator("describe_change_set").paginate(StackName=self.name, ChangeSetName=name)
            for page in pages:
                for each in page.get("Changes", ()):
                    told = each["ResourceChange"]
                    replaces = told.get("Replacement") in {"True", "Conditional"}
                    yield Change(told["Action"], told["LogicalResourceId"], told["ResourceType"], replaces)

    def _problems(self, name: str) -> str:
        """What CloudFormation found before it began, such as names that are taken; "" where it does not say."""
        try:
            told = self.client.describe_events(StackName=self.name, ChangeSetName=name, Filters={"FailedEvents": True})
        except ClientError:  # an engine without it, or a role that may not ask: the change set has a reason of its own
            return ""
        found = [event for event in told.get("OperationEvents", ()) if event.get("ValidationStatusReason")]
        return "; ".join(f"{event.get('LogicalResourceId')}: {event['ValidationStatusReason']}" for event in found)


def _reason(events: list[Event]) -> str:
    """The first thing that went wrong, as the end of a sentence; what was cancelled for it is no cause."""
    for event in events:
        if event.status.endswith("_FAILED") and not event.reason.startswith(_CANCELLED):
            return f": {event.resource} ({event.type}): {sentence(event.reason)}{_hint(event.reason)}"
    return ", and CloudFormation does not say why."


def _hint(reason: str) -> str:
    if any(word in reason for word in _TAKEN):
        return (
            " The name is taken, perhaps by what an earlier stack left: look at it, and delete it; or, where this is "
            "provision, repeat the command with --adopt, which takes it over."
        )
    return ""
