"""What `chalice deploy` and `chalice package` are told: nothing deployed can send mail, and each function reaches what
is its own."""

from __future__ import annotations

import json
from typing import Any

import cfnlint
import pytest
from cfnlint.config import ManualArgs

from infra.files import file_names
from infra.storage import load_template, table_names
from tests.infra.packaging.projects import Package, make_package
from tests.infra.processes import ROOT

CONFIG: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
STAGES = sorted(CONFIG["stages"])
API, JOBS = "api", "jobs"
FUNCTIONS = [(stage, function) for stage in STAGES for function in (API, JOBS)]
ALLOWED = {
    API: {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "sqs:SendMessage"},
    JOBS: {
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    },
}


def policy_file(stage: str, function: str) -> str:
    of_stage: dict[str, Any] = CONFIG["stages"][stage]
    named: str = (of_stage if function == API else of_stage["lambda_functions"][function])["iam_policy_file"]
    return named


def statements(stage: str, function: str, service: str = "") -> list[dict[str, Any]]:
    """Those of a function's policy; with `service` those that say something of it."""
    file = ROOT / ".chalice" / policy_file(stage, function)
    found: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["Statement"]
    return [each for each in found if any(action.startswith(service) for action in each["Action"])]


def test_policies_are_written_by_hand_for_a_regional_gateway_within_its_time() -> None:
    assert CONFIG["autogen_policy"] is False
    assert CONFIG["api_gateway_endpoint_type"] == "REGIONAL"
    assert CONFIG["lambda_timeout"] <= 25


def test_a_message_is_hidden_for_six_times_the_longest_run() -> None:
    queue = load_template()["Resources"]["JobsQueue"]["Properties"]
    assert queue["VisibilityTimeout"] == 6 * CONFIG["lambda_functions"]["jobs"]["lambda_timeout"] == 6 * 900


@pytest.mark.parametrize(("stage", "function"), FUNCTIONS)
def test_a_function_may_use_its_stores_and_its_log_and_nothing_else(stage: str, function: str) -> None:
    assert {statement["Effect"] for statement in statements(stage, function)} == {"Allow"}
    actions = [action for statement in statements(stage, function) for action in statement["Action"]]
    assert not [action for action in actions if "*" in action]
    others = {action for action in actions if not action.startswith(("dynamodb:", "logs:"))}
    assert others == ALLOWED[function]


@pytest.mark.parametrize(("stage", "function"), FUNCTIONS)
def test_a_function_reaches_the_files_and_the_queue_of_its_stage_alone(stage: str, function: str) -> None:
    names = file_names(stage, "*")
    *files, bucket = statements(stage, function, "s3:")
    reached = [resource for statement in files for resource in statement["Resource"]]
    prefixes = ("imports", "rejects", "exports")
    assert reached == [f"arn:aws:s3:::{names.bucket}/{prefix}/*" for prefix in prefixes]
    assert (bucket["Action"], bucket["Resource"]) == (["s3:ListBucket"], [f"arn:aws:s3:::{names.bucket}"])
    # A bucket's ARN has no account, and anybody may have taken a name that begins as ours does.
    own = {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}
    assert all(statement["Condition"] == own for statement in (*files, bucket))
    [queue] = statements(stage, function, "sqs:")
    assert queue["Resource"] == [f"arn:aws:sqs:*:*:{names.jobs}"]


@pytest.mark.parametrize(("stage", "function"), FUNCTIONS)
def test_a_function_reaches_the_tables_of_its_stage_alone(stage: str, function: str) -> None:
    names = table_names(stage)
    environment = CONFIG["stages"][stage]["environment_variables"]
    assert environment["SIGNOFF_RECIPIENTS_TABLE"] == names.recipients
    assert environment["SIGNOFF_CONTROL_TABLE"] == names.control
    reached = [resource for statement in statements(stage, function, "dynamodb:") for resource in statement["Resource"]]
    assert reached == [f"arn:aws:dynamodb:*:*:table/{name}" for name in (names.recipients, names.control)]


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
    assert event["Properties"]["ScalingConfig"] == {"MaximumConcurrency": 10}


@pytest.mark.parametrize(("function", "role"), [(API, "ApiHandlerRole"), (JOBS, "JobsRole")])
def test_each_function_of_a_package_has_its_own_policy(package: tuple[str, Any], function: str, role: str) -> None:
    stage, resources = package
    [policy] = resources[role]["Properties"]["Policies"]
    assert policy["PolicyDocument"]["Statement"] == statements(stage, function)
