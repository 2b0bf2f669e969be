"""A stage that is provisioned and deployed, once for a module: its tests break something and mend it."""

from __future__ import annotations

import argparse
import os
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.__main__ import main
from infra.ops.examined.examining import CHECKS, examine
from infra.ops.examined.view import View
from infra.ops.stages import stage_of
from tests.infra.deploying.accounts import DOMAIN, Account
from tests.infra.deploying.moto_stores import complete
from tests.infra.packaging.projects import CHALICE, copy_project
from tests.infra.processes import SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.ops.examined.examining import Named
    from infra.ops.examined.finding import Finding

STAGE = "prod"
SERVICES = (
    "acm",
    "apigateway",
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "iam",
    "kms",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "sts",
    "wafv2",
)
TARGET = "192.0.2.7"
HEALTHY = b'{"status": "ok"}'


@dataclass
class World:
    """What can be seen of the stage from outside: every name resolves, and the service answers."""

    unknown: set[str] = field(default_factory=set)
    answer: tuple[int, bytes] = (200, HEALTHY)

    def addresses(self, name: str) -> frozenset[str]:
        return frozenset() if name in self.unknown else frozenset({TARGET})

    def get(self, url: str) -> tuple[int, bytes]:
        assert url.startswith("https://")
        return self.answer


@dataclass
class Deployed:
    """The account, the project it was deployed from, and the world around."""

    account: Account
    project: Path
    world: World = field(default_factory=World)
    stack: dict[str, Any] = field(default_factory=dict)
    """What is told of the storage stack instead of the truth: moto's never fail."""
    edge: dict[str, Any] = field(default_factory=dict)
    """The same of the edge stack."""

    clients: dict[str, Any] = field(default_factory=dict)
    """Kept, for making them takes longer than all they are asked."""

    def _client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.account.client(service)
        return self.clients[service]

    def options(self, *, stage: str = STAGE) -> argparse.Namespace:
        return argparse.Namespace(
            stage=stage, project=self.project, region=None, endpoint_url=self.account.url, app_stack=None
        )

    def view(self, stage: str = STAGE) -> View:
        options = self.options(stage=stage)
        view = View(options, stage_of(options), self.world)
        for service in SERVICES:
            view.put(("client", service), self._client(service))
        for name, told in ((view.stage.storage_stack, self.stack), (view.stage.edge_stack, self.edge)):
            if told:
                found = view.stack(name)
                assert found is not None
                view.put(("stack", name), replace(found, **told))
        return view

    def look(self, checks: Sequence[Named] = CHECKS, stage: str = STAGE) -> list[Finding]:
        return examine(self.view(stage), checks)


def deploy(url: str, folder: Path) -> Deployed:
    """Provision and deploy the stage `prod` on an empty account."""
    account, project = Account(url), copy_project(folder)
    arguments = ["--domain", DOMAIN, "--certificate-arn", account.certificate()]
    assert main(["provision", "--stage", STAGE, "--project", str(project), "--endpoint-url", url, *arguments]) == 0
    complete(account, STAGE)
    chalice(account, project, "deploy")
    fixed = ["--stage", STAGE, "--project", str(project), "--endpoint-url", url]
    mail = ["--alarm-email", "ops@example.com"]
    assert main(["finish", *fixed, "--no-dns", "--no-smoke", *mail]) == 0
    queue = account.client("sqs").get_queue_url(QueueName=f"signoff-{STAGE}-jobs")["QueueUrl"]
    account.client("sqs").purge_queue(QueueUrl=queue)  # of the notice that S3 sends when it is told to send notices
    return Deployed(account, project)


def chalice(account: Account, project: Path, command: str) -> None:
    """As somebody would use it in the project's folder."""
    done = subprocess.run(
        [*CHALICE, command, "--stage", STAGE],
        cwd=project,
        env=os.environ | {"AWS_ENDPOINT_URL": account.url},
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
