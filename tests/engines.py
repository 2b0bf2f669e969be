"""The engines that tests run on: dynoxide for what needs threads, crashes or a disk, moto for the rest.

`tests/conftest.py` imports the fixtures. Every test gets tables of its own, made from `infra/storage.yaml`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from moto import mock_aws

from infra.local.engine import Engine, start_dynoxide
from infra.local.environment import LOCAL_AWS, REGION
from infra.local.problems import EngineMissing
from infra.storage import TableNames, create_tables

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class LocalTables:
    """The tables of one test: their names, a client that reaches them, and the engine's address.

    `url` is None under moto, which answers inside this process to whatever address a client calls.
    """

    names: TableNames
    client: Any
    url: str | None

    def items(self, table: str) -> list[dict[str, Any]]:
        """Everything in a table, in DynamoDB's own form: to see what was stored, and what was not."""
        pages = self.client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]


def dynamodb_client(url: str | None = None) -> Any:
    """A botocore client of DynamoDB for the engine at `url`."""
    return botocore.session.get_session().create_client("dynamodb", region_name=REGION, endpoint_url=url)


@pytest.fixture(scope="session", autouse=True)
def local_aws() -> Iterator[None]:
    """No test uses a developer's credentials, or reaches AWS by accident."""
    with pytest.MonkeyPatch.context() as patch:
        for name in LOCAL_AWS.absent:
            patch.delenv(name, raising=False)
        for name, value in LOCAL_AWS.values.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def dynoxide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for all tests of this process. Without it they fail, and say what to install: nothing is skipped."""
    try:
        engine = start_dynoxide(tmp_path_factory.mktemp("dynoxide") / "data.sqlite")
    except EngineMissing as error:
        pytest.fail(str(error), pytrace=False)
    yield engine
    engine.stop()


@pytest.fixture
def dynoxide_tables(dynoxide: Engine) -> LocalTables:
    """Empty tables of this test's own, on dynoxide."""
    client = dynamodb_client(dynoxide.url)
    return LocalTables(create_tables(client, f"t{secrets.token_hex(8)}"), client, dynoxide.url)


@pytest.fixture
def moto_dynamodb() -> Iterator[LocalTables]:
    """Empty tables on moto, inside this process: for one thread and few items."""
    with mock_aws():
        client = dynamodb_client()
        yield LocalTables(create_tables(client, "test"), client, None)
