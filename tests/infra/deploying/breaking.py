"""What cases of things that are broken are made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from infra.ops.examined.finding import State
from tests.infra.deploying.deployed import Deployed

STACK = "signoff-prod-storage"
RECIPIENTS, CONTROL = "signoff-prod-recipients", "signoff-prod-control"
BUCKET = "signoff-prod-files-123456789012"
JOBS, DEAD_JOBS = "signoff-prod-jobs", "signoff-prod-dead-jobs"
MASTER, PEPPER = "signoff/prod/master-keys", "signoff/prod/pepper-key"
ALIAS = "alias/signoff-prod"
CONFIG = ".chalice/config.json"
API = "signoff-prod"
API_ROLE, JOBS_ROLE = "role signoff-prod-api_handler", "role signoff-prod-jobs"
SOURCE = "event source of signoff-prod-jobs"


@dataclass(frozen=True)
class Case:
    """What is broken (`of`, `what`), what the doctor says to do, and how it is broken."""

    of: str
    what: str
    says: str
    broken: Callable[[Deployed], AbstractContextManager[None]]
    module: str
    also: tuple[tuple[str, str], ...] = ()
    """What is broken by it too, and rightly told."""
    state: State = State.DIFFERS
    """As what it is told."""

    @property
    def id(self) -> str:
        return f"{self.of}: {self.what}"


CASES: list[Case] = []


def case(
    of: str, what: str, says: str, also: tuple[tuple[str, str], ...] = (), state: State = State.DIFFERS
) -> Callable[[Any], Any]:
    """A generator function that breaks, yields, and mends."""

    def taken(broken: Any) -> Any:
        CASES.append(Case(of, what, says, contextmanager(broken), broken.__module__, also, state))
        return broken

    return taken


def table(at: Deployed, name: str, broken: dict[str, Any], mended: dict[str, Any]) -> Iterator[None]:
    client = at.account.client("dynamodb")
    client.update_table(TableName=name, **broken)
    yield
    client.update_table(TableName=name, **mended)


def queue(at: Deployed, name: str, **attributes: str) -> Iterator[None]:
    sqs = at.account.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    # moto forgets a queue's policy whenever anything else is set.
    policy = {"Policy": told["Policy"]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=policy | attributes)
    yield
    sqs.set_queue_attributes(QueueUrl=url, Attributes=policy | {key: told[key] for key in attributes})


def secret(at: Deployed, name: str, text: str) -> Iterator[None]:
    secrets = at.account.client("secretsmanager")
    before = secrets.get_secret_value(SecretId=name)["SecretString"]
    secrets.put_secret_value(SecretId=name, SecretString=text)
    yield
    secrets.put_secret_value(SecretId=name, SecretString=before)


def key_of(at: Deployed) -> str:
    told = at.account.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    return next(str(each["PhysicalResourceId"]) for each in told if each.get("LogicalResourceId") == "SecretsKey")


def config(at: Deployed, change: Callable[[dict[str, Any]], Any]) -> Iterator[None]:
    file = at.project / ".chalice" / "config.json"
    before = file.read_text("utf-8")
    told = json.loads(before)
    change(told)
    file.write_text(json.dumps(told), "utf-8")
    yield
    file.write_text(before, "utf-8")
