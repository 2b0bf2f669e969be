"""A stack that takes its time, fails, or is found half made: told by a CloudFormation that follows a script."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from infra.local.problems import CannotRun
from infra.ops.stacks import Event, Plan, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "signoff-dev-storage"
TABLE = ("Table", "AWS::DynamoDB::Table")
ITSELF = (NAME, "AWS::CloudFormation::Stack")
NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."


def happened(number: int, resource: tuple[str, str], status: str, reason: str = "") -> dict[str, Any]:
    told = {"EventId": f"e{number}", "LogicalResourceId": resource[0], "ResourceType": resource[1]}
    return {**told, "ResourceStatus": status, **({"ResourceStatusReason": reason} if reason else {})}


@dataclass
class Scripted:
    """In the place of boto3's client. Each look at the stack is a step of the script: its status, what happened new."""

    script: list[tuple[str | None, list[dict[str, Any]]]]
    change_set: dict[str, Any] = field(default_factory=lambda: {"Status": "CREATE_COMPLETE"})
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - as boto3 calls it
        status, new = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.events.extend(each for each in new if each not in self.events)
        if status is None:
            said = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": said}}, "DescribeStacks")
        return {"Stacks": [{"StackStatus": status, "StackId": "arn", "Outputs": []}]}

    def describe_change_set(self, **asked: Any) -> dict[str, Any]:
        return self.change_set

    def describe_events(self, **asked: Any) -> dict[str, Any]:
        return {"OperationEvents": self.change_set.get("Problems", [])}

    def get_paginator(self, name: str) -> Any:
        return self if name == "describe_stack_events" else _Pages(self.change_set)

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        """The newest first, two on a page."""
        newest = self.events[::-1]
        for place in range(0, len(newest), 2):
            yield {"StackEvents": newest[place : place + 2]}

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> dict[str, Any]:
            self.asked.append((name, asked))
            return {}

        return call

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.asked]


@dataclass
class _Pages:
    change_set: dict[str, Any]

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        return [{"Changes": self.change_set.get("Changes", [])}]


@dataclass
class Heard:
    """A stack on a script, and what was heard of it."""

    client: Scripted
    events: list[str] = field(default_factory=list)
    pauses: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def stack(self) -> Stack:
        return Stack(self.client, NAME, self._told, self._paused)

    def _told(self, event: Event) -> None:
        self.events.append(f"{event.resource} {event.status}")

    def _paused(self, _seconds: float) -> None:
        self.pauses += 1


PLAN = Plan((), "set", is_new=True)
BEGUN, MADE = happened(1, TABLE, "CREATE_IN_PROGRESS"), happened(2, TABLE, "CREATE_COMPLETE")


def test_each_thing_is_told_once_and_in_order_while_the_stack_is_waited_for() -> None:
    client = Scripted(
        [("CREATE_IN_PROGRESS", [BEGUN]), ("CREATE_IN_PROGRESS", []), ("CREATE_COMPLETE", [MADE])],
        events=[happened(0, ITSELF, "REVIEW_IN_PROGRESS")],
    )
    heard = Heard(client)
    heard.stack.carry_out(PLAN)
    assert heard.events == ["Table CREATE_IN_PROGRESS", "Table CREATE_COMPLETE"]
    assert heard.pauses == 2


def test_a_failure_is_told_by_the_first_resource_and_not_by_what_was_cancelled_for_it() -> None:
    client = Scripted(
        [
            (
                "ROLLBACK_COMPLETE",
                [
                    happened(1, ("Bucket", "AWS::S3::Bucket"), "CREATE_FAILED", "Resource creation cancelled"),
                    happened(2, TABLE, "CREATE_FAILED", "Access denied\n for operation"),
                    happened(3, ITSELF, "ROLLBACK_COMPLETE"),
                ],
            )
        ]
    )
    with pytest.raises(CannotRun) as caught:
        Heard(client).stack.carry_out(PLAN)
    assert str(caught.value) == (
        f"The stack {NAME} could not be changed: Table (AWS::DynamoDB::Table): Access denied for operation."
    )


def test_a_failure_without_a_reason_is_told_too() -> None:
    with pytest.raises(CannotRun, match="CloudFormation does not say why"):
        Heard(Scripted([("UPDATE_ROLLBACK_COMPLETE", [])])).stack.carry_out(PLAN)


def test_a_plan_without_changes_is_none_and_leaves_nothing() -> None:
    client = Scripted([("CREATE_COMPLETE", [])], {"Status": "FAILED", "StatusReason": NOTHING})
    assert Heard(client).stack.plan("{}", {}) == Plan(())
    assert client.names == ["create_change_set", "delete_change_set"]


def test_a_plan_shows_what_it_would_replace() -> None:
    change = {"Action": "Modify", "LogicalResourceId": "Table", "ResourceType": TABLE[1], "Replacement": "Conditional"}
    client = Scripted([("UPDATE_COMPLETE", [])], {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": change}]})
    plan = Heard(client).stack.plan("{}", {"Stage": "dev"})
    [(_, asked)] = client.asked
    assert [(each.resource, each.replaces) for each in plan.changes] == [("Table", True)]
    assert asked["ChangeSetType"] == "UPDATE"
    assert asked["Parameters"] == [{"ParameterKey": "Stage", "ParameterValue": "dev"}]


def test_a_plan_that_cannot_be_is_told_with_what_cloudformation_found() -> None:
    problem = {"LogicalResourceId": "Queue", "ValidationStatusReason": "Resource of this name already exists"}
    client = Scripted(
        [(None, []), (None, [])],
        {"Status": "FAILED", "StatusReason": "AWS::EarlyValidation::ResourceExistenceCheck", "Problems": [problem]},
    )
    with pytest.raises(CannotRun, match=r"planned: Queue: Resource of this name already exists\. The name is"):
        Heard(client).stack.plan("{}", {})
    assert "delete_change_set" in client.names


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("UPDATE_ROLLBACK_FAILED", f"aws cloudformation continue-update-rollback --stack-name {NAME}"),
        ("DELETE_FAILED", f"aws cloudformation delete-stack --stack-name {NAME}"),
    ],
)
def test_a_stack_that_is_stuck_is_left_alone_and_the_way_out_told(status: str, says: str) -> None:
    client = Scripted([(status, [])], events=[happened(1, TABLE, status, "it is protected")])
    with pytest.raises(CannotRun) as caught:
        Heard(client).stack.make_ready(lambda _: None)
    assert says in str(caught.value)
    assert "Table (AWS::DynamoDB::Table): it is protected." in str(caught.value)
    assert client.names == []


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("REVIEW_IN_PROGRESS", "made nothing of it"),
        ("ROLLBACK_COMPLETE", "Table (AWS::DynamoDB::Table): no."),
        ("CREATE_FAILED", "Table (AWS::DynamoDB::Table): no."),
    ],
)
def test_a_stack_that_was_never_whole_is_cleared_away(status: str, says: str) -> None:
    client = Scripted([(status, []), (status, []), (None, [])], events=[happened(1, TABLE, "CREATE_FAILED", "no")])
    heard = Heard(client)
    heard.stack.make_ready(heard.notes.append)
    assert client.names == ["delete_stack"]
    assert says in heard.notes[0]


def test_one_that_cannot_be_cleared_away_is_told_with_the_reason() -> None:
    failed = happened(2, TABLE, "DELETE_FAILED", "it is protected")
    client = Scripted([("ROLLBACK_FAILED", []), ("ROLLBACK_FAILED", []), ("DELETE_FAILED", [failed])])
    with pytest.raises(CannotRun, match=r"could not be deleted: Table .*: it is protected"):
        Heard(client).stack.make_ready(lambda _: None)


def test_what_somebody_else_is_changing_is_waited_for() -> None:
    working = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    client = Scripted([(working, []), (working, []), ("UPDATE_COMPLETE", [])])
    heard = Heard(client)
    heard.stack.make_ready(heard.notes.append)
    assert (client.names, heard.pauses, len(heard.notes)) == ([], 1, 1)
    assert working in heard.notes[0]


@pytest.mark.parametrize("status", [None, "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_one_that_is_whole_or_not_there_is_ready(status: str | None) -> None:
    heard = Heard(Scripted([(status, [])]))
    heard.stack.make_ready(heard.notes.append)
    assert (heard.client.names, heard.notes) == ([], [])
