"""How the queue's messages reach the function `jobs`: one at a time, five at once, hidden long enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.local.problems import CannotRun
from infra.ops import aws

if TYPE_CHECKING:
    import argparse

    from infra.ops.deployed import Deployed
    from infra.ops.stages import Stage

SETTINGS: dict[str, Any] = {
    "BatchSize": 1,
    "MaximumBatchingWindowInSeconds": 0,
    "ScalingConfig": {"MaximumConcurrency": 5},
}
"""As chalicelib/jobs.py has Chalice set them; each deployment does. They are put right where somebody changed them."""
_TIMES = 6
"""How many of a function's longest runs Lambda wants a message to be hidden for."""


class EventSource:
    """Of one function, on one queue."""

    what = "queue to function"

    def __init__(self, stage: Stage, deployed: Deployed, options: argparse.Namespace) -> None:
        self._function = deployed.jobs_function
        self._queue = stage.settings["SIGNOFF_JOBS_QUEUE"]
        self._url = stage.settings["SIGNOFF_JOBS_QUEUE_URL"]
        self._stage = stage
        self._lambda = aws.client("lambda", options)
        self._sqs = aws.client("sqs", options)

    def differences(self) -> list[str]:
        """Settings that are others. Raises CannotRun where the source is not there, or the queue is not made for it."""
        known = self._known()
        self._check_queue()
        found = [f"{name} = {value}" for name, value in SETTINGS.items() if known.get(name, 0) != value]
        return [*found, *([] if _is_on(known) else ["enabled"])]

    def put_right(self) -> None:
        """All of them."""
        with aws.explaining():
            self._lambda.update_event_source_mapping(UUID=self._known()["UUID"], Enabled=True, **SETTINGS)

    def _known(self) -> dict[str, Any]:
        with aws.explaining():
            told = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
            sources = self._lambda.list_event_source_mappings(EventSourceArn=told["Attributes"]["QueueArn"])
        found = sources["EventSourceMappings"]
        ours: list[dict[str, Any]] = [each for each in found if each["FunctionArn"].endswith(f":{self._function}")]
        if len(ours) != 1:
            raise CannotRun(
                f"The function {self._function} has {len(ours)} sources on the queue {self._queue}, and should have "
                f"one: run `chalice deploy --stage {self._stage.name}` again."
            )
        return ours[0]

    def _check_queue(self) -> None:
        with aws.explaining():
            told = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["VisibilityTimeout"])
            longest = self._lambda.get_function_configuration(FunctionName=self._function)["Timeout"]
        hidden = int(told["Attributes"]["VisibilityTimeout"])
        if hidden < _TIMES * longest:
            raise CannotRun(
                f"The queue {self._queue} hides a message for {hidden} s, and {self._function} may run for "
                f"{longest} s: it must be {_TIMES} times that. Run `{self._stage.command('provision')}`."
            )


def _is_on(known: dict[str, Any]) -> bool:
    """Whether it is enabled, or on its way there."""
    return known.get("State", "Enabled") in {"Enabled", "Enabling", "Creating", "Updating"}
