"""provision → `chalice deploy` → again → `chalice delete`, as they stand, on an account with nothing in it."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.deploying.accounts import DOMAIN
from tests.infra.deploying.recording import API, JOBS
from tests.infra.deploying.stages import policy_of
from tests.infra.packaging.projects import CHALICE, copy_project
from tests.infra.processes import SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.deploying.accounts import Account, Provision
    from tests.infra.deploying.finishes import Finish


def run(command: str, stage: str, project: Path, account: Account) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CHALICE, command, "--stage", stage],
        cwd=project,
        env=os.environ | {"AWS_ENDPOINT_URL": account.url},
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
        check=False,
    )


def chalice(command: str, stage: str, project: Path, account: Account) -> str:
    done = run(command, stage, project, account)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(command: str, stage: str, project: Path, account: Account) -> str:
    done = run(command, stage, project, account)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


@pytest.fixture
def program(project: Path) -> Path:
    """The project whole, with the layer that is built once for all tests."""
    return copy_project(project)


def function(account: Account, name: str) -> dict[str, Any]:
    told: dict[str, Any] = account.client("lambda").get_function_configuration(FunctionName=name)
    return told


def policies(account: Account, role: str) -> list[dict[str, Any]]:
    iam = account.client("iam")
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    found: list[dict[str, Any]] = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    return found


def by_name(note: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in note["resources"]}


def test_a_stage_is_deployed_deployed_again_and_deleted(account: Account, program: Path, provision: Provision) -> None:
    assert provision().code == 0
    settings = json.loads((program / ".chalice" / "config.json").read_text("utf-8"))["stages"]["dev"]
    first = chalice("deploy", "dev", program, account)
    [api] = account.client("apigateway").get_rest_apis()["items"]
    assert api["endpointConfiguration"]["types"] == ["REGIONAL"]

    for name, role, timeout, whose in (
        ("signoff-dev", "signoff-dev-api_handler", 25, API),
        ("signoff-dev-jobs", "signoff-dev-jobs", 900, JOBS),
    ):
        told = function(account, name)
        assert told["Environment"]["Variables"] == settings["environment_variables"]
        assert told["Timeout"] == timeout
        assert told.get("TracingConfig", {}).get("Mode") != "Active"
        assert policies(account, role) == policy_of("dev", whose)
    [source] = account.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert source["FunctionArn"].endswith(":function:signoff-dev-jobs")
    assert source["EventSourceArn"] == "arn:aws:sqs:us-east-1:123456789012:signoff-dev-jobs"
    assert source["BatchSize"] == 1

    again = chalice("deploy", "dev", program, account)
    assert [each["id"] for each in account.client("apigateway").get_rest_apis()["items"]] == [api["id"]]
    assert "Rest API URL" in first
    assert "Updating rest API" in again
    assert provision().code == 0, "what `chalice` leaves beside the file is no change of the stage"

    chalice("delete", "dev", program, account)
    assert account.client("apigateway").get_rest_apis()["items"] == []
    assert account.client("lambda").list_functions()["Functions"] == []
    assert account.client("iam").list_roles()["Roles"] == []
    assert account.stack("signoff-dev-storage") == "CREATE_COMPLETE", "the stores stay"


def test_prod_has_its_domain_from_the_first_deployment_on(
    account: Account, program: Path, provision: Provision
) -> None:
    """Deployed again, the domain leads where it led: a mapping that was taken away meanwhile would lose clicks."""
    assert provision("--domain", DOMAIN, "--certificate-arn", account.certificate(), stage="prod").code == 0
    assert "Creating custom domain name" in chalice("deploy", "prod", program, account)
    gateway = account.client("apigateway")
    before = gateway.get_base_path_mappings(domainName=DOMAIN)["items"]
    note = program / ".chalice" / "deployed" / "prod.json"
    noted = json.loads(note.read_text("utf-8"))
    note.unlink()  # as on a colleague's machine, or where the deployment broke off at its end
    assert "nothing was changed: run the same command again" in refused("deploy", "prod", program, account)
    assert by_name(json.loads(note.read_text("utf-8"))) == by_name(noted)
    note.unlink()
    assert f"{note}: made of what is deployed" in provision(stage="prod").text

    again = chalice("deploy", "prod", program, account)

    assert [(each["basePath"], each["stage"]) for each in before] == [("(none)", "api")]
    assert gateway.get_base_path_mappings(domainName=DOMAIN)["items"] == before
    assert "Deleting" not in again
    assert len(gateway.get_rest_apis()["items"]) == 1, "no second one beside the first"
    assert gateway.get_domain_name(domainName=DOMAIN)["securityPolicy"] == "TLS_1_2"
    chalice("delete", "prod", program, account)
    assert gateway.get_domain_names()["items"] == []


def test_a_deployment_is_finished_deployed_again_and_finished_again(
    account: Account, program: Path, provision: Provision, finish: Finish
) -> None:
    """By Chalice itself: its note is read, and what its second deployment took away is put back."""
    assert provision().code == 0
    chalice("deploy", "dev", program, account)
    gateway = account.client("apigateway")
    [api] = [each["id"] for each in gateway.get_rest_apis()["items"]]

    first = finish()
    assert first.code == 0, first.text
    assert f"Deployed: API {api}, functions signoff-dev and signoff-dev-jobs." in first.text
    assert "queue to function: nothing to change." in first.text, "as Chalice sets it"
    url = function(account, "signoff-dev")["Environment"]["Variables"]["SIGNOFF_PUBLIC_URL"]
    chalice("deploy", "dev", program, account)
    assert gateway.get_gateway_responses(restApiId=api)["items"] == []
    again = finish()

    assert again.code == 0, again.text
    assert "~ MISSING_AUTHENTICATION_TOKEN" in again.text
    for what in ("public URL", "functions' logs", "signoff-dev-edge", "API stage", "queue to function"):
        assert f"{what}: nothing to change." in again.text
    assert function(account, "signoff-dev")["Environment"]["Variables"]["SIGNOFF_PUBLIC_URL"] == url
