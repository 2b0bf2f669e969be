"""What `chalice deploy` and `chalice package` are told. What each policy says is in `deploying/test_policies.py`."""

from __future__ import annotations

import json
from typing import Any

import cfnlint
import pytest
from cfnlint.config import ManualArgs

from infra.files import file_names
from infra.storage import load_template, table_names
from tests.infra.deploying.recording import API, JOBS
from tests.infra.deploying.stages import CONFIG, FUNCTIONS, STAGES, policy_file, policy_of
from tests.infra.packaging.projects import Package, make_package
from tests.infra.processes import ROOT


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
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Package]:
    """A stage and what `chalice package` makes of it."""
    return request.param, make_package(tmp_path_factory.mktemp("package"), request.param)


@pytest.fixture
def package(made: tuple[str, Package]) -> tuple[str, Any]:
    """A stage and the resources of its template."""
    stage, package = made
    return stage, package.template["Resources"]


def test_a_packaged_template_has_no_findings(made: tuple[str, Package]) -> None:
    _, package = made
    assert cfnlint.lint_file(package.template_file, ManualArgs(include_checks=["I"])) == []


def test_both_functions_have_the_layer_and_nothing_else_does(package: tuple[str, Any]) -> None:
    _, resources = package
    [layer] = [name for name, each in resources.items() if each["Type"] == "AWS::Serverless::LayerVersion"]
    with_layers = {
        name: each["Properties"]["Layers"] for name, each in resources.items() if "Layers" in each["Properties"]
    }
    functions = {name for name, each in resources.items() if each["Type"] == "AWS::Serverless::Function"}
    assert with_layers == {name: [{"Ref": layer}] for name in functions}


def test_the_package_has_a_function_for_requests_and_one_for_jobs(package: tuple[str, Any]) -> None:
    _, resources = package
    functions = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Serverless::Function"]
    assert {(each["Handler"], each["Timeout"]) for each in functions} == {("app.app", 25), ("app.jobs", 900)}


def test_the_jobs_of_a_package_come_one_by_one_from_the_queue_of_its_stage(package: tuple[str, Any]) -> None:
    stage, resources = package
    [event] = resources["Jobs"]["Properties"]["Events"].values()
    queue = f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{file_names(stage).jobs}"
    assert event["Type"] == "SQS"
    assert event["Properties"]["Queue"] == {"Fn::Sub": queue}
    assert event["Properties"]["BatchSize"] == 1
    assert event["Properties"]["ScalingConfig"] == {"MaximumConcurrency": 5}


@pytest.mark.parametrize(("function", "role"), [(API, "ApiHandlerRole"), (JOBS, "JobsRole")])
def test_each_function_of_a_package_has_its_own_policy(package: tuple[str, Any], function: str, role: str) -> None:
    stage, resources = package
    [policy] = resources[role]["Properties"]["Policies"]
    assert policy["PolicyDocument"]["Statement"] == policy_of(stage, function)
