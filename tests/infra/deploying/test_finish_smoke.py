"""The last step of `finish`: its smoke test, on the stage's tables and through the URL that its links begin with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from chalicelib.service import Service
from chalicelib.settings import settings_from
from infra.ops.smoke_sender import CODE
from tests.infra.deploying.finishes import Deployment, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.infra.deploying.finishes import Finish


@pytest.fixture
def url(deployment: Deployment, tmp_path: Path) -> Iterator[str]:
    """Where the stage answers: moto cannot run its functions."""
    with served(deployment, tmp_path) as found:
        yield found


def service_of(deployment: Deployment) -> Service:
    url = deployment.account.url
    engines = {f"SIGNOFF_{name}_URL": url for name in ("DYNAMODB", "S3", "SQS", "SECRETS")}
    settings = {"SIGNOFF_PUBLIC_URL": "https://choices.example.com", **deployment.settings, **engines}
    return Service(settings_from({**settings, "AWS_REGION": "us-east-1"}))


def items(deployment: Deployment, table: str) -> list[dict[str, dict[str, str]]]:
    found: list[dict[str, dict[str, str]]] = deployment.account.client("dynamodb").scan(TableName=table)["Items"]
    return found


def test_it_goes_through_and_tells_how_long_it_took(deployment: Deployment, finish: Finish, url: str) -> None:
    said = finish("--public-url", url, smoke=True)

    assert said.code == 0, said.text
    assert f"Smoke test through {url}" in said.text
    assert re.search(r"from there to the first check that says no: [\d,]+ ms\n", said.text)
    assert "sgn_" not in said.text
    assert "@" not in said.text
    service = service_of(deployment)
    sender = service.senders.get(CODE)
    assert (sender.form_open, sender.hashed, sender.shards) == (False, True, 1)
    assert [key.is_live for key in service.keys.list(CODE)] == [False]
    assert "@" not in str(items(deployment, "signoff-dev-recipients")), "nothing stays of whom it was tried with"


def test_the_next_run_takes_the_same_sender_and_revokes_what_was_left(
    deployment: Deployment, finish: Finish, url: str
) -> None:
    from chalicelib.use_cases.keys import create_key  # noqa: PLC0415 - the service is loaded in these tests alone
    from chalicelib.use_cases.repeating import Request  # noqa: PLC0415 - as above

    finish("--public-url", url, smoke=True)
    service = service_of(deployment)
    create_key(service, service.senders.get(CODE), frozenset({"read"}), Request(None, ""))

    said = finish("--public-url", url, smoke=True)

    assert said.code == 0, said.text
    assert [key.is_live for key in service.keys.list(CODE)] == [False] * 3
    assert list(service.senders.codes()) == [CODE]


def test_one_that_fails_is_told_and_its_key_revoked(deployment: Deployment, finish: Finish) -> None:
    said = finish("--public-url", "http://127.0.0.1:1", smoke=True)
    assert said.code == 1
    assert said.text.splitlines()[-1] == "The smoke test broke off: nothing listens at 127.0.0.1:1."
    service = service_of(deployment)
    assert [key.is_live for key in service.keys.list(CODE)] == [False]


def test_it_does_not_take_another_sender_s_code(deployment: Deployment, finish: Finish, url: str) -> None:
    from infra.__main__ import main  # noqa: PLC0415 - as above

    fixed = ["--stage", "dev", "--project", str(deployment.project), "--endpoint-url", deployment.account.url]
    assert main(["sender", "create", *fixed, "--code", CODE, "--name", "Smoke & Sons"]) == 0
    said = finish("--public-url", url, smoke=True)
    assert said.code == 1
    assert said.text.splitlines()[-1].startswith(f"The code {CODE} belongs to the sender Smoke & Sons")
