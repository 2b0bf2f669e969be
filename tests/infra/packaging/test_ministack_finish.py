"""`provision`, the packaged stack and `finish` on ministack: as a pipeline deploys, and tried for real."""

from __future__ import annotations

import json
import re
import shutil
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
import urllib3

from infra.__main__ import main
from infra.ops.first_secrets import first_master_keys, first_pepper_key
from tests.infra.packaging.cloud import SECONDS, running
from tests.infra.packaging.emulators import EmulatorsMissing
from tests.infra.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.infra.packaging.cloud import Ministack
    from tests.infra.packaging.projects import Package


@pytest.fixture(scope="module")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    try:
        with running(tmp_path_factory.mktemp("ministack")) as started:
            yield started
    except EmulatorsMissing as error:
        pytest.fail(str(error), pytrace=False)


def provisioned(ministack: Ministack, project: Path) -> dict[str, str]:
    """The stage's settings.

    Two things are put right: a `!Ref` of a secret is its ARN, and in ministack its name; and a secret that is made
    without a value has none, while ministack's has an empty one, which `provision` leaves alone.
    """
    shutil.copytree(ROOT / ".chalice", project / ".chalice", ignore=shutil.ignore_patterns("deploy*", "vendor.*"))
    assert main(["provision", *fixed_for(ministack, project)]) == 0
    file = project / ".chalice" / "config.json"
    told = json.loads(file.read_text("utf-8"))
    settings: dict[str, str] = told["stages"]["dev"]["environment_variables"]
    kept = ministack.client("secretsmanager")
    for name, value in (("SIGNOFF_MASTER_SECRET", first_master_keys), ("SIGNOFF_PEPPER_SECRET", first_pepper_key)):
        settings[name] = kept.put_secret_value(SecretId=settings[name], SecretString=value())["ARN"]
    file.write_text(json.dumps(told), "utf-8")
    return settings


def fixed_for(ministack: Ministack, project: Path) -> list[str]:
    return ["--stage", "dev", "--project", str(project), "--endpoint-url", ministack.url]


def test_what_a_pipeline_deployed_is_finished_and_tried_through_the_gateway(
    ministack: Ministack, package: Package, tmp_path: Path, capfd: pytest.CaptureFixture[str], local_aws: None
) -> None:
    settings = provisioned(ministack, tmp_path)
    engines = {f"SIGNOFF_{name}_URL": ministack.url for name in ("DYNAMODB", "S3", "SQS", "SECRETS")}
    api = ministack.deploy_package("signoff-dev", package, {**settings, **engines})
    url = ministack.gateway_url(api, "api")
    finish = ["finish", *fixed_for(ministack, tmp_path), "--public-url", url]
    capfd.readouterr()

    code = main(finish)

    said = "".join(capfd.readouterr())
    assert code == 0, said
    assert f"Deployed: API {api}, functions " in said
    assert re.search(r"from there to the first check that says no: [\d,]+ ms\n", said)
    check_unknown_paths(url)
    check_doctor(fixed_for(ministack, tmp_path), capfd)
    assert main(finish) == 0
    again = "".join(capfd.readouterr())
    assert "  ~ " not in again, again


def check_doctor(fixed: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """It finds what a pipeline deployed, under the names that CloudFormation gave it, and sends nobody to Chalice."""
    main(["doctor", *fixed, "--json"])
    told = json.loads(capfd.readouterr().out)["findings"]
    found = {(each["of"].rpartition("-")[0], each["what"]): each for each in told if each["group"] == "functions"}
    named = {name for name, what in found if what == "is there"}
    assert named == {
        "signoff-dev-APIHandler",
        "signoff-dev-Jobs",
        "role signoff-dev-ApiHandlerRole",
        "role signoff-dev-JobsRole",
    }
    # The engines' addresses are in the functions alone.
    assert {what for (_, what), each in found.items() if each["state"] != "ok"} == {"settings"}
    again = [each["text"] for each in found.values() if each["text"]]
    assert all(text.endswith("Have the pipeline deploy the stack signoff-dev again.") for text in again)
    main(["status", *fixed, "--json"])
    functions = json.loads(capfd.readouterr().out)["functions"]
    assert [bool(each) for each in functions.values()] == [True, True]


def check_unknown_paths(url: str) -> None:
    """API Gateway answers them by itself: in the service's words, to everybody in JSON, and without what was sent."""
    for headers in ({}, {"Accept": "text/html"}, {"Authorization": "Bearer sgn_invented"}):
        answer = urllib3.request("GET", f"{url}/invented/path", headers=headers, timeout=SECONDS)
        assert answer.status == HTTPStatus.NOT_FOUND, (headers, answer.data)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:signoff:nothing-here"
        assert b"invented" not in answer.data
