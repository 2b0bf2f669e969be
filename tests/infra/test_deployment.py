"""What `chalice deploy` and `chalice package` are told. What each policy says is in `deploying/test_policies.py`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import cfnlint
import pytest
from cfnlint.config import ManualArgs

from infra.files import file_names
from infra.storage import load_template, table_names
from tests.infra.deploying.recording import API, JOBS
from tests.infra.deploying.stages import CONFIG, FUNCTIONS, STAGES, policy_file, policy_of
from tests.infra.processes import ROOT, SECONDS

if TYPE_CHECKING:
    from pathlib import Path


def test_policies_are_written_by_hand_for_a_regional_gateway_within_its_time() -> None:
    assert CONFIG["autogen_policy"] is False
    assert CONFIG["api_gateway_endpoint_type"] == "REGIONAL"
    assert CONFIG["lambda_timeout"] <= 25
    assert CONFIG["xray"] is False, "a trace would hold paths, and those hold tokens"
    assert "reserved_concurrency" not in json.dumps(CONFIG), "a new account has ten in all"


def test_a_message_is_hidden_for_six_times_the_longest_run() -> None:
    queue = load_template()["Resources"]["JobsQueue"]["Properties"]
    assert queue["VisibilityTimeout"] == 6 * CONFIG["lambda_functions"]["jobs"]["lambda_timeout"] == 6 * 900


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_names_its_stores(stage: str) -> None:
    """Those that `provision` finds out, such as the bucket with its account, it writes there."""
    names = table_names(stage)
    assert CONFIG["stages"][stage]["environment_variables"] == {
        "SIGNOFF_RECIPIENTS_TABLE": names.recipients,
        "SIGNOFF_CONTROL_TABLE": names.control,
        "SIGNOFF_JOBS_QUEUE": file_names(stage).jobs,
    }


def test_every_policy_belongs_to_a_function_of_a_stage() -> None:
    files = {file.name for file in (ROOT / ".chalice").glob("policy-*.json")}
    assert files == {policy_file(stage, function) for stage, function in FUNCTIONS}


@pytest.fixture(scope="module", params=STAGES)
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    """A stage and its template, as `chalice package` writes it for a copy of the project that requires nothing."""
    project: Path = tmp_path_factory.mktemp("package")
    for folder in ("chalicelib", ".chalice"):
        shutil.copytree(ROOT / folder, project / folder, ignore=shutil.ignore_patterns("deployments", "__pycache__"))
    shutil.copy(ROOT / "app.py", project)
    (project / "requirements.txt").touch()
    command = [sys.executable, "-c", "from chalice.cli import main; main()", "package", "--stage", request.param, "out"]
    done = subprocess.run(
        command, cwd=project, env=os.environ, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return request.param, json.loads((project / "out" / "sam.json").read_text("utf-8"))


def test_cfn_lint_finds_nothing_in_a_package(package: tuple[str, Any], tmp_path: Path) -> None:
    _, template = package
    file = tmp_path / "sam.json"
    file.write_text(json.dumps(template))
    assert cfnlint.lint_file(file, ManualArgs(include_checks=["I"])) == []


def test_the_package_has_a_function_for_requests_and_one_for_jobs(package: tuple[str, Any]) -> None:
    _, template = package
    resources = template["Resources"]
    functions = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Serverless::Function"]
    assert {(each["Handler"], each["Timeout"]) for each in functions} == {("app.app", 25), ("app.jobs", 900)}


def test_the_jobs_of_a_package_come_one_by_one_from_the_queue_of_its_stage(package: tuple[str, Any]) -> None:
    stage, template = package
    resources = template["Resources"]
    [event] = resources["Jobs"]["Properties"]["Events"].values()
    queue = f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{file_names(stage).jobs}"
    assert event["Type"] == "SQS"
    assert event["Properties"]["Queue"] == {"Fn::Sub": queue}
    assert event["Properties"]["BatchSize"] == 1
    assert event["Properties"]["ScalingConfig"] == {"MaximumConcurrency": 10}


@pytest.mark.parametrize(("function", "role"), [(API, "ApiHandlerRole"), (JOBS, "JobsRole")])
def test_each_function_of_a_package_has_its_own_policy(package: tuple[str, Any], function: str, role: str) -> None:
    stage, template = package
    resources = template["Resources"]
    [policy] = resources[role]["Properties"]["Policies"]
    assert policy["PolicyDocument"]["Statement"] == policy_of(stage, function)
