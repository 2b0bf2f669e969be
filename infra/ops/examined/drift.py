"""CloudFormation's own drift detection: it knows properties that no check here looks at."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from infra.ops.examined.finding import Finding, NotChecked, Of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GROUP = "stacks"
WHAT = "CloudFormation finds no drift"
PAUSE = 2.0
"""Seconds between two looks."""
MOST = 90
"""Looks, after which it is given up."""
_NOT_OURS = frozenset({"DELETED", "MODIFIED"})


def drifted(client: Any, name: str, pause: Callable[[float], None] = time.sleep) -> Iterator[Finding]:
    """Each resource that drifted. Raises NotChecked where CloudFormation cannot say, and ClientError."""
    of, detection = Of(GROUP, name), client.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    told = _wait(client, detection, pause)
    if told.get("DetectionStatus") != "DETECTION_COMPLETE":
        raise NotChecked(f"CloudFormation could not say: {told.get('DetectionStatusReason', 'it takes too long')}")
    if told.get("StackDriftStatus") == "IN_SYNC":
        yield of.ok(WHAT)
        return
    answer = client.describe_stack_resource_drifts(StackName=name, StackResourceDriftStatusFilters=sorted(_NOT_OURS))
    for drift in answer["StackResourceDrifts"]:
        yield of.differs(f"drift of {drift['LogicalResourceId']}", _sentence(drift))


def _wait(client: Any, detection: str, pause: Callable[[float], None]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for _ in range(MOST):
        told = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if told["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            break
        pause(PAUSE)
    return told


def _sentence(drift: dict[str, Any]) -> str:
    if drift["StackResourceDriftStatus"] == "DELETED":
        return "It is gone. What this means and what to do, its own line says."
    paths = ", ".join(each["PropertyPath"] for each in drift.get("PropertyDifferences", ())) or "its properties"
    return f"Somebody changed {paths} by hand: change it back, or change the template and provision."
