"""What the project's own `.chalice/config.json` says, and the policies it names."""

from __future__ import annotations

import json
from typing import Any

from tests.infra.deploying.recording import API, JOBS
from tests.infra.processes import ROOT

CONFIG: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
STAGES = ["dev", "staging", "prod"]
FUNCTIONS = [(stage, function) for stage in STAGES for function in (API, JOBS)]


def policy_file(stage: str, function: str) -> str:
    of_stage: dict[str, Any] = CONFIG["stages"][stage]
    named: str = (of_stage if function == API else of_stage["lambda_functions"][function])["iam_policy_file"]
    return named


def policy_of(stage: str, function: str, service: str = "") -> list[dict[str, Any]]:
    """Its statements; with `service` those that say something of it."""
    file = ROOT / ".chalice" / policy_file(stage, function)
    found: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["Statement"]
    return [each for each in found if any(action.startswith(service) for action in each["Action"])]
