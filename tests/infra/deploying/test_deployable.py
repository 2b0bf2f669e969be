"""`chalice deploy` and `package` of what cannot be deployed: one sentence and exit code 1, before anything is made."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.deploying.accounts import DOMAIN
from tests.infra.packaging.projects import CHALICE, copy_project, provisioned
from tests.infra.processes import SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.deploying.accounts import Account, Provision

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def program(project: Path) -> Path:
    """The project whole, with the layer that is built once for all tests."""
    return copy_project(project)


def refused(account: Account, program: Path, *arguments: str, **environment: str | None) -> str:
    """The one sentence of `chalice deploy`; nothing is in the account that a deployment makes."""
    told = os.environ | {"AWS_ENDPOINT_URL": account.url} | environment
    said = one_sentence(program, "deploy", *arguments, **told)
    assert account.client("lambda").list_functions()["Functions"] == []
    assert account.client("iam").list_roles()["Roles"] == []
    return said


def not_packaged(program: Path, *arguments: str) -> str:
    """The one sentence of `chalice package`, typed where nobody has credentials; nothing is made."""
    told = os.environ | dict.fromkeys((*KEYS, "AWS_DEFAULT_REGION"))
    said = one_sentence(program, "package", *arguments, "out", **told)
    assert not (program / "out").exists()
    return said


def one_sentence(program: Path, *words: str, **told: str | None) -> str:
    done = subprocess.run(
        [*CHALICE, *words],
        cwd=program,
        env={name: value for name, value in told.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def change(program: Path, stage: str, **settings: Any) -> None:
    """Settings of its stage; None takes one away."""
    file = program / ".chalice" / "config.json"
    document = json.loads(file.read_text("utf-8"))
    for name, value in settings.items():
        of_stage = document["stages"][stage]
        (of_stage["environment_variables"] if name.isupper() else of_stage).pop(name, None)
        if value is not None:
            of_stage["environment_variables"][name] = value
    file.write_text(json.dumps(document), "utf-8")


def test_what_was_not_provisioned_is_not_deployed(account: Account, program: Path) -> None:
    assert "run `python -m infra provision --stage dev` first" in refused(account, program)
    assert "There is no stage 'stging'" in refused(account, program, "--stage", "stging")


def test_what_was_not_provisioned_is_not_packaged_either(program: Path) -> None:
    """A pipeline would take settings and domain away from functions that serve."""
    assert "run `python -m infra provision --stage dev` first" in not_packaged(program)
    assert "There is no stage 'stging'" in not_packaged(program, "--stage", "stging")
    provisioned(program, "prod")
    change(program, "prod", api_gateway_custom_domain=None)
    assert "tells no domain of the stage prod" in not_packaged(program, "--stage", "prod")


@pytest.mark.parametrize("setting", ["SIGNOFF_PEPPER_SECRET", "SIGNOFF_FILES_BUCKET"])
def test_a_config_that_was_not_committed_takes_nothing_away(
    setting: str, account: Account, program: Path, provision: Provision
) -> None:
    assert provision().code == 0
    change(program, "dev", **{setting: None})
    assert "does not tell all of what the stage dev has" in refused(account, program, "--stage", "dev")


def test_prod_is_not_deployed_without_its_domain(account: Account, program: Path, provision: Provision) -> None:
    assert provision("--domain", DOMAIN, "--certificate-arn", account.certificate(), stage="prod").code == 0
    change(program, "prod", api_gateway_custom_domain=None)
    assert "tells no domain of the stage prod" in refused(account, program, "--stage", "prod")


def test_a_stage_is_deployed_where_it_is_and_by_who_may(account: Account, program: Path, provision: Provision) -> None:
    assert provision().code == 0
    again = "AWS_DEFAULT_REGION=us-east-1 chalice deploy --stage dev"

    assert f"this would be eu-west-1: {again}" in refused(account, program, AWS_DEFAULT_REGION="eu-west-1")
    assert f"no region is named: {again}" in refused(account, program, AWS_DEFAULT_REGION=None)
    assert "There are no AWS credentials" in refused(account, program, **dict.fromkeys(KEYS))
    assert "Invalid endpoint: nonsense" in refused(account, program, AWS_ENDPOINT_URL="nonsense")
    change(program, "dev", SIGNOFF_MASTER_SECRET="arn:aws:secretsmanager:us-east-1:999999999999:secret:signoff")
    assert "is in account 999999999999, and the credentials are of 123456789012" in refused(account, program)
