"""The way of a pipeline: docs/operate.md's own line packages a provisioned stage, and what comes of it is whole."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from cfnlint.config import ManualArgs

from tests.documents import commands
from tests.infra.deploying.recording import API, JOBS
from tests.infra.deploying.stages import policy_of
from tests.infra.packaging.emulators import EmulatorsMissing, site_packages
from tests.infra.packaging.projects import DOMAIN, SECONDS, chalice, copy_project, merged_into, provisioned
from tests.infra.processes import ROOT

TRANSLATING = ROOT / "tests" / "infra" / "packaging" / "translating.py"
MOST_IN_A_CALL = 51_200
"""Octets of a template that a call of CloudFormation takes."""
FUNCTIONS = {"APIHandler": (API, "ApiHandlerRole"), "Jobs": (JOBS, "JobsRole")}


@dataclass(frozen=True, slots=True)
class Packaged:
    """A stage, what the file says of it, and what was made: the template, and CloudFormation's reading of it."""

    stage: str
    config: dict[str, Any]
    file: Path
    resources: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, Any]:
        return {name: each["Properties"] for name, each in self.resources.items() if each["Type"] == kind}

    @property
    def told(self) -> dict[str, Any]:
        """What the file says of the stage."""
        told: dict[str, Any] = self.config["stages"][self.stage]
        return told


def line_of(merged: str) -> tuple[str, ...]:
    """The document's `chalice package`, for a stage with a domain; without one the other file is merged."""
    [words] = {each.words for each in commands("chalice") if each.whole and each.words[0] == "package"}
    return tuple(merged if word.startswith("infra/merge") else word for word in words)


def configured(project: Path, stage: str) -> dict[str, Any]:
    """What `provision` writes into the file, and a setting that somebody chose."""
    config = provisioned(project, stage)
    config["stages"][stage]["reserved_concurrency"] = 7
    (project / ".chalice" / "config.json").write_text(json.dumps(config), "utf-8")
    return config


@pytest.fixture(scope="module", params=["prod", "dev"])
def packaged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    stage, project = request.param, tmp_path_factory.mktemp("pipeline")
    config = configured(copy_project(project), stage)
    line = line_of(merged_into(stage))
    done = chalice(project, *(stage if word == "prod" else word for word in line))
    assert done.returncode == 0, done.stderr
    file = project / line[-1] / "sam.json"
    return Packaged(stage, config, file, translated(file))


def translated(file: Path) -> dict[str, Any]:
    try:
        words = [sys.executable, "-S", str(TRANSLATING), str(site_packages()), str(file)]
    except EmulatorsMissing as error:
        pytest.fail(str(error), pytrace=False)
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    resources: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return resources


def test_a_package_has_no_findings(packaged: Packaged) -> None:
    assert cfnlint.lint_file(packaged.file, ManualArgs(include_checks=["I"])) == []


def test_both_functions_have_all_that_chalice_deploy_gives_them(packaged: Packaged) -> None:
    functions, config, told = packaged.of_type("AWS::Lambda::Function"), packaged.config, packaged.told
    [layer] = packaged.of_type("AWS::Lambda::LayerVersion")
    assert set(functions) == set(FUNCTIONS)
    for name, (whose, role) in FUNCTIONS.items():
        made, own = functions[name], config if whose == API else config["lambda_functions"][whose]
        assert made["Environment"]["Variables"] == told["environment_variables"]
        assert (made["MemorySize"], made["Timeout"]) == (own["lambda_memory_size"], own["lambda_timeout"])
        assert made["Layers"] == [{"Ref": layer}]
        assert made["Role"] == {"Fn::GetAtt": [role, "Arn"]}
        assert made["ReservedConcurrentExecutions"] == 7, "a setting, which is not set by default"


def test_each_role_has_the_policy_that_was_written_for_it_and_no_other(packaged: Packaged) -> None:
    roles = packaged.of_type("AWS::IAM::Role")
    assert set(roles) == {role for _, role in FUNCTIONS.values()}
    assert packaged.of_type("AWS::IAM::Policy") == {}
    for whose, role in FUNCTIONS.values():
        assert "ManagedPolicyArns" not in roles[role]
        [policy] = roles[role]["Policies"]
        assert policy["PolicyDocument"]["Statement"] == policy_of(packaged.stage, whose)


def test_the_api_has_one_stage_and_no_other_door(packaged: Packaged) -> None:
    """By itself SAM makes a second stage, which no firewall, limit or log of `finish` is on."""
    [stage] = packaged.of_type("AWS::ApiGateway::Stage").values()
    assert stage["StageName"] == packaged.config["api_gateway_stage"]
    assert all("StageName" not in each for each in packaged.of_type("AWS::ApiGateway::Deployment").values())
    [api] = packaged.of_type("AWS::ApiGateway::RestApi").values()
    assert api["EndpointConfiguration"]["Types"] == ["REGIONAL"]


def test_the_domain_leads_to_that_stage_and_not_before_it_is_there(packaged: Packaged) -> None:
    domains, mappings = (packaged.of_type(f"AWS::ApiGateway::{kind}") for kind in ("DomainName", "BasePathMapping"))
    if packaged.stage != "prod":
        assert (domains, mappings) == ({}, {})
        return
    [domain], [mapping], [stage] = domains.values(), mappings.values(), packaged.of_type("AWS::ApiGateway::Stage")
    assert domain["DomainName"] == DOMAIN["domain_name"]
    assert domain["RegionalCertificateArn"] == DOMAIN["certificate_arn"]
    assert (domain["SecurityPolicy"], domain["EndpointConfiguration"]) == ("TLS_1_2", {"Types": ["REGIONAL"]})
    assert (mapping["Stage"], mapping["BasePath"]) == ({"Ref": stage}, "(none)")


def test_nothing_traces_or_logs_a_path(packaged: Packaged) -> None:
    """Tokens are in paths. What `finish` sets, a log without them, is tested there."""
    [stage] = packaged.of_type("AWS::ApiGateway::Stage").values()
    assert not {"TracingEnabled", "AccessLogSetting", "MethodSettings", "CanarySetting"} & set(stage)
    for function in packaged.of_type("AWS::Lambda::Function").values():
        assert function.get("TracingConfig", {"Mode": "PassThrough"}) == {"Mode": "PassThrough"}
    assert "xray" not in json.dumps(packaged.of_type("AWS::IAM::Role")).lower(), "so that nothing could be sent"


def test_the_document_uploads_what_is_too_large_for_a_call(packaged: Packaged) -> None:
    assert packaged.file.stat().st_size > MOST_IN_A_CALL
    found = [each.words for each in commands("aws", "cloudformation") if each.whole]
    deploying = [words for words in found if words[0] in {"deploy", "package"}]
    assert {words[0] for words in deploying} == {"deploy", "package"}
    assert all("--s3-bucket" in words for words in deploying)


def test_the_document_s_stack_may_write_its_logs() -> None:
    """CloudFormation names a function by stack, resource and a random part."""
    [words] = [each.words for each in commands("aws", "cloudformation", "deploy") if each.whole]
    stack = words[words.index("--stack-name") + 1]
    for whose in (API, JOBS):
        [logs] = policy_of("prod", whose, "logs:")
        assert any(each.endswith(f"/aws/lambda/{stack}-*") for each in logs["Resource"])
