"""A stage deployed on moto by hand, as `chalice deploy` leaves it but in a second, and the API that it would answer."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from infra.local.children import end, python_module, start_guarded
from infra.local.environment import REGION
from infra.local.server import HOST, listen
from tests.infra.deploying.accounts import DOMAIN, Account
from tests.infra.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.infra.deploying.accounts import Said

    Finish = Callable[..., Said]

PATHS = {"/u/{token}": ("get", "post"), "/u/{token}/all": ("post",), "/o/{sender}": ("get", "post")}
RULE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@dataclass(frozen=True)
class Deployment:
    """What there is of it, and how to look at it."""

    account: Account
    project: Path
    stage: str
    api: str

    @property
    def functions(self) -> tuple[str, str]:
        return f"signoff-{self.stage}", f"signoff-{self.stage}-jobs"

    @property
    def settings(self) -> dict[str, str]:
        """Those of .chalice/config.json."""
        told = json.loads((self.project / ".chalice" / "config.json").read_text("utf-8"))
        found: dict[str, str] = told["stages"][self.stage]["environment_variables"]
        return found

    def settings_of(self, function: str) -> dict[str, str]:
        told = self.account.client("lambda").get_function_configuration(FunctionName=function)
        found: dict[str, str] = told["Environment"]["Variables"]
        return found

    def api_stage(self) -> dict[str, Any]:
        told: dict[str, Any] = self.account.client("apigateway").get_stage(restApiId=self.api, stageName="api")
        told.pop("ResponseMetadata")
        return told

    def answers(self) -> dict[str, Any]:
        told = self.account.client("apigateway").get_gateway_responses(restApiId=self.api)["items"]
        return {each["responseType"]: each for each in told}

    def alarms(self) -> dict[str, Any]:
        told = self.account.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"signoff-{self.stage}-")
        return {each["AlarmName"].removeprefix(f"signoff-{self.stage}-"): each for each in told["MetricAlarms"]}


def deploy(
    account: Account, project: Path, stage: str = "dev", *, note: bool = True, domain: bool = False
) -> Deployment:
    """What `chalice deploy` makes, with a note of it or, as on a colleague's machine, without."""
    found = Deployment(account, project, stage, _api(account, stage))
    role = account.client("iam").create_role(RoleName=f"signoff-{stage}", AssumeRolePolicyDocument=json.dumps(RULE))
    functions = account.client("lambda")
    for name, seconds in zip(found.functions, (25, 900), strict=True):
        functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=role["Role"]["Arn"],
            Handler="app.app",
            Code={"ZipFile": _zip()},
            Timeout=seconds,
            Environment={"Variables": found.settings},
        )
    functions.add_permission(
        FunctionName=found.functions[0],
        StatementId="gateway",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{REGION}:123456789012:{found.api}/*",
    )
    functions.create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:{REGION}:123456789012:{found.settings['SIGNOFF_JOBS_QUEUE']}",
        FunctionName=found.functions[1],
        BatchSize=1,
        MaximumBatchingWindowInSeconds=0,
        ScalingConfig={"MaximumConcurrency": 5},
    )
    if domain:
        _domain(account, found.api)
    if note:
        write_note(found)
    return found


def deploy_again(deployment: Deployment) -> None:
    """As far as the API is concerned: it is put anew, and its stage deployed."""
    gateway = deployment.account.client("apigateway")
    gateway.put_rest_api(restApiId=deployment.api, mode="overwrite", body=json.dumps(_document(deployment.stage)))
    gateway.create_deployment(restApiId=deployment.api, stageName="api", tracingEnabled=False)


def write_note(deployment: Deployment, **more: Any) -> None:
    """.chalice/deployed/<stage>.json, as Chalice writes it."""
    arn = f"arn:aws:lambda:{REGION}:123456789012:function:"
    resources = [
        {"name": "api_handler", "resource_type": "lambda_function", "lambda_arn": arn + deployment.functions[0]},
        {"name": "jobs", "resource_type": "lambda_function", "lambda_arn": arn + deployment.functions[1]},
        {"name": "rest_api", "resource_type": "rest_api", "rest_api_id": deployment.api, **more},
    ]
    file = deployment.project / ".chalice" / "deployed" / f"{deployment.stage}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"resources": resources, "schema_version": "2.0", "backend": "api"}), "utf-8")


@contextmanager
def served(deployment: Deployment, folder: Path) -> Iterator[str]:
    """The URL of a server that answers as the deployed function would: with its settings, on moto's tables."""
    url = deployment.account.url
    clock = folder / "clock"
    clock.write_bytes(struct.pack("<q", 0))
    with listen(0) as listening:
        port = listening.getsockname()[1]
        engines = {f"SIGNOFF_{name}_URL": url for name in ("DYNAMODB", "S3", "SQS", "SECRETS")}
        public = f"http://{HOST}:{port}"
        settings = deployment.settings_of(deployment.functions[0])
        process = start_guarded(
            python_module("tests.rotating.container", str(listening.fileno()), str(clock)),
            pass_fds=(listening.fileno(),),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **settings, **engines, "SIGNOFF_PUBLIC_URL": public, "PYTHONPATH": str(ROOT)},
        )
    try:
        yield public
    finally:
        end(process)


def _api(account: Account, stage: str) -> str:
    gateway = account.client("apigateway")
    made = gateway.import_rest_api(
        body=json.dumps(_document(stage)), parameters={"endpointConfigurationTypes": "REGIONAL"}
    )
    gateway.create_deployment(restApiId=made["id"], stageName="api")
    return str(made["id"])


def _document(stage: str) -> dict[str, Any]:
    arn = f"arn:aws:lambda:{REGION}:123456789012:function:signoff-{stage}"
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
    called = {"x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": uri}}
    paths = {path: {method: {"responses": {}, **called} for method in methods} for path, methods in PATHS.items()}
    return {"swagger": "2.0", "info": {"title": "signoff", "version": "1.0"}, "paths": paths}


def _domain(account: Account, api: str) -> None:
    gateway = account.client("apigateway")
    gateway.create_domain_name(
        domainName=DOMAIN,
        regionalCertificateArn=account.client("acm").list_certificates()["CertificateSummaryList"][0]["CertificateArn"],
        endpointConfiguration={"types": ["REGIONAL"]},
    )
    gateway.create_base_path_mapping(domainName=DOMAIN, restApiId=api, stage="api")


def _zip() -> bytes:
    octets = io.BytesIO()
    with ZipFile(octets, "w") as zipped:
        zipped.writestr("app.py", "")
    return octets.getvalue()
