"""ministack: CloudFormation that makes stacks of what it reads, and an API Gateway and a Lambda that run the zip."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest

from infra.local.children import end, start_guarded
from infra.local.environment import LOCAL_AWS, REGION
from tests.infra.packaging.emulators import site_packages
from tests.infra.packaging.projects import SECRETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.infra.packaging.projects import Package

ACCOUNT = "000000000000"
SECONDS = 300
"""When a test gives up: a stack is made in one or two, and on a crowded machine in many."""
PORTS = 5
"""How many are tried."""
CODE_BUCKET = "code-of-the-packages"
_PLACES = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
_READY = b"Running on http"
_WAITER = {"Delay": 0.1, "MaxAttempts": SECONDS * 10}


@dataclass(frozen=True, slots=True)
class Ministack:
    """A running ministack."""

    url: str

    def client(self, service: str) -> Any:
        """A client that reaches it."""
        return botocore.session.get_session().create_client(service, region_name=REGION, endpoint_url=self.url)

    def deploy(self, stack: str, template: str, **parameters: str) -> dict[str, str]:
        """Make a stack of a template, as `aws cloudformation deploy` does; its outputs."""
        formation = self.client("cloudformation")
        # By URL: a template in the call itself has 51,200 octets at most, and Chalice's has twice as many.
        where = self._uploaded(template.encode(), f"{stack}/template")
        formation.create_stack(
            StackName=stack,
            TemplateURL=f"{self.url}/{where}",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        formation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=_WAITER)
        [described] = formation.describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", ())}

    def deploy_package(self, stack: str, package: Package, environment: Mapping[str, str]) -> str:
        """Deploy a package as `aws cloudformation package` and `deploy` do; the id of its API.

        `environment` is what .chalice/config.json would say; the package names secrets of nobody, which are left out.
        """
        template = json.loads(json.dumps(package.template))
        for name, resource in template["Resources"].items():
            properties = resource["Properties"]
            if (place := _PLACES.get(resource["Type"])) is not None:
                octets = (package.folder / properties[place]).read_bytes()
                properties[place] = f"s3://{self._uploaded(octets, f'{stack}/{name}.zip')}"
            if resource["Type"] == "AWS::Serverless::Function":
                variables = properties["Environment"]["Variables"]
                kept = {name: value for name, value in variables.items() if name not in SECRETS}
                properties["Environment"]["Variables"] = {**kept, **environment}
        return self.deploy(stack, json.dumps(template))["RestAPIId"]

    def functions(self, stack: str) -> list[str]:
        """The names of a stack's functions."""
        resources = self.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
        return [each["PhysicalResourceId"] for each in resources if each["ResourceType"] == "AWS::Lambda::Function"]

    def set_environment(self, function: str, **more: str) -> None:
        """Change some variables of a function."""
        functions = self.client("lambda")
        known = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": {**known, **more}})

    def gateway_url(self, api: str, stage: str) -> str:
        """Where the API is reached; under AWS its id is in the host's name."""
        return f"{self.url}/_aws/execute-api/{api}/{stage}"

    def _uploaded(self, octets: bytes, key: str) -> str:
        """The bucket and the key."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=CODE_BUCKET)
        s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=octets)
        return f"{CODE_BUCKET}/{key}"


@contextmanager
def running(folder: Path) -> Iterator[Ministack]:
    """ministack on a free port of this machine, for as long as the block lasts. Raises EmulatorsMissing."""
    said = ""
    # A free port can be taken by another program before ministack takes it, a second or two later: then another one.
    for _ in range(PORTS):
        started = _Started(folder, _free_port())
        try:
            if started.is_ready():
                yield Ministack(f"http://127.0.0.1:{started.port}")
                return
            said = started.log.read_text("utf-8", "replace")
        finally:
            started.end()
    pytest.fail(f"ministack did not start:\n{said}", pytrace=False)


class _Started:
    """One try to start it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.log = folder / "ministack.log"
        launcher = Path(__file__).with_name("launch_ministack.py")
        self._process = start_guarded(
            [sys.executable, "-P", "-S", str(launcher), str(site_packages()), str(_bare_python(folder / "python"))],
            env=_environment(port, folder),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._is_ready = threading.Event()
        self._has_said = threading.Event()
        self._reading = threading.Thread(target=self._keep, daemon=True)
        self._reading.start()

    def is_ready(self) -> bool:
        """Whether it came to serve; returns when it does, or has ended."""
        return self._has_said.wait(SECONDS) and self._is_ready.is_set()

    def end(self) -> None:
        end(self._process, 0)
        self._reading.join()

    def _keep(self) -> None:
        """What it says, into `log`, until its end."""
        assert self._process.stdout is not None
        with self._process.stdout as lines, self.log.open("wb", buffering=0) as kept:
            for line in lines:
                kept.write(line)
                if _READY in line:
                    self._is_ready.set()
                    self._has_said.set()
        self._has_said.set()


def _bare_python(file: Path) -> Path:
    """A Python in which nothing is installed, as a function's: with its own library alone on its path."""
    file.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S "$@"\n', "utf-8")
    file.chmod(0o700)
    return file


def _environment(port: int, folder: Path) -> dict[str, str]:
    return {
        **LOCAL_AWS.values,
        "PATH": os.defpath,
        "TMPDIR": str(folder),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        # Listeners besides the gateway, for services not used here.
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        # Functions find the engines by their settings, as they find AWS.
        "AWS_ENDPOINT_URL": "",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
