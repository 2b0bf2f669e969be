"""What `chalice deploy` is told: nothing deployed can send mail, and it reaches its own tables alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.storage import table_names
from tests.infra.processes import ROOT

CONFIG: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
STAGES = sorted(CONFIG["stages"])


def statements(stage: str) -> list[dict[str, Any]]:
    file = ROOT / ".chalice" / CONFIG["stages"][stage]["iam_policy_file"]
    found: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["Statement"]
    return found


def test_policies_are_written_by_hand_for_a_regional_gateway_within_its_time() -> None:
    assert CONFIG["autogen_policy"] is False
    assert CONFIG["api_gateway_endpoint_type"] == "REGIONAL"
    assert CONFIG["lambda_timeout"] <= 25


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_may_use_dynamodb_and_its_log_and_nothing_else(stage: str) -> None:
    assert {statement["Effect"] for statement in statements(stage)} == {"Allow"}
    actions = [action for statement in statements(stage) for action in statement["Action"]]
    assert {action.split(":")[0] for action in actions} == {"dynamodb", "logs"}
    assert not [action for action in actions if "*" in action]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reaches_its_own_tables_alone(stage: str) -> None:
    names = table_names(stage)
    environment = CONFIG["stages"][stage]["environment_variables"]
    assert environment["SIGNOFF_RECIPIENTS_TABLE"] == names.recipients
    assert environment["SIGNOFF_CONTROL_TABLE"] == names.control
    reached = {
        resource.rpartition("/")[2]
        for statement in statements(stage)
        if any(action.startswith("dynamodb:") for action in statement["Action"])
        for resource in statement["Resource"]
    }
    assert reached == {names.recipients, names.control}


def test_every_policy_belongs_to_a_stage() -> None:
    files = {file.name for file in (ROOT / ".chalice").glob("policy-*.json")}
    assert files == {CONFIG["stages"][stage]["iam_policy_file"] for stage in STAGES}
