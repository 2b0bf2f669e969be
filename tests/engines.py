"""The engines that tests run on: dynoxide for what needs threads, crashes or a disk, moto for the rest.

`tests/conftest.py` imports the fixtures. Every test gets tables of its own, made from `infra/storage.yaml`.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from moto import mock_aws

from infra.files import FileNames, create_files
from infra.local.engine import Engine, start_dynoxide
from infra.local.environment import LOCAL_AWS, REGION
from infra.local.memory import MemoryEngine, start_moto
from infra.local.problems import EngineMissing
from infra.storage import TableNames, create_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_TERMINALS = ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LINES", "PYTHONWARNINGS")
"""Variables by which programs write other than into a file; a CI may set them for its log."""
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
ROOM = 1 << 30
"""Octets; the tests of one process fill a tenth of it."""


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


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """The bucket and the queues of one test, with clients that reach them; `url` as in `LocalTables`."""

    names: FileNames
    s3: Any
    sqs: Any
    url: str | None

    @property
    def queue_url(self) -> str:
        return self.names.queue_url(self.url or f"https://sqs.{REGION}.amazonaws.com")

    def receive(self) -> dict[str, Any] | None:
        """The next message of the queue of jobs, as SQS tells it; None where there is none."""
        answer = self.sqs.receive_message(QueueUrl=self.queue_url, MessageSystemAttributeNames=["All"])
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages[0] if messages else None

    def messages(self) -> list[dict[str, Any]]:
        """Everything that the queue of jobs hands out now, read."""
        return [json.loads(message["Body"]) for message in iter(self.receive, None)]


def dynamodb_client(url: str | None = None) -> Any:
    """A botocore client of DynamoDB for the engine at `url`."""
    return _client("dynamodb", url)


def _client(service: str, url: str | None) -> Any:
    return _session().create_client(service, region_name=REGION, endpoint_url=url)


@cache
def _session() -> Any:
    """One for all tests: what it has read of a service it need not read again."""
    return botocore.session.get_session()


def make_files(stage: str, url: str | None = None) -> LocalFiles:
    """A new bucket and new queues at `url`, or at the moto of this process."""
    s3, sqs = _client("s3", url), _client("sqs", url)
    return LocalFiles(create_files(s3, sqs, stage), s3, sqs, url)


@pytest.fixture(scope="session", autouse=True)
def local_aws() -> Iterator[None]:
    """No test uses a developer's credentials, reaches AWS by accident, or writes as a developer's terminal wants it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (*LOCAL_AWS.absent, *OF_TERMINALS):
            patch.delenv(name, raising=False)
        for name, value in {**LOCAL_AWS.values, "COLUMNS": "80"}.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def dynoxide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for all tests of this process. Without it they fail, and say what to install: nothing is skipped."""
    with TemporaryDirectory(prefix="signoff-tests-", dir=_quick_folder(tmp_path_factory)) as folder:
        try:
            engine = start_dynoxide(Path(folder) / "data.sqlite")
        except EngineMissing as error:
            pytest.fail(str(error), pytrace=False)
        yield engine
        engine.stop()


def _quick_folder(otherwise: pytest.TempPathFactory) -> Path:
    """In memory where there is room: on a disk that others write to, too, a write can take longer than a call waits."""
    is_roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if is_roomy else otherwise.mktemp("dynoxide")


def make_tables(url: str) -> LocalTables:
    """New tables on the engine at `url`."""
    client = dynamodb_client(url)
    return LocalTables(create_tables(client, f"t{secrets.token_hex(8)}"), client, url)


@pytest.fixture
def dynoxide_tables(dynoxide: Engine) -> LocalTables:
    """Empty tables of this test's own, on dynoxide."""
    return make_tables(dynoxide.url)


@pytest.fixture(scope="session")
def moto_server(local_aws: None) -> Iterator[MemoryEngine]:
    """One moto in a process of its own for all tests of this process: a real HTTP server, and threads do it no harm."""
    engine = start_moto("session")
    yield engine
    engine.stop()


@pytest.fixture
def local_files(moto_server: MemoryEngine) -> LocalFiles:
    """An empty bucket and empty queues of this test's own, over HTTP; one test event of S3 waits in the queue."""
    return make_files(f"t{secrets.token_hex(8)}", moto_server.url)


@pytest.fixture(scope="session")
def shared_files(moto_server: MemoryEngine) -> LocalFiles:
    """One bucket and queues for all tests of this process that need some and do not look what is in them."""
    return make_files("shared", moto_server.url)


@pytest.fixture
def moto_files(moto_dynamodb: LocalTables) -> LocalFiles:
    """The bucket and the queues that belong to `moto_dynamodb`, inside this process."""
    return make_files("test")


@pytest.fixture
def moto_dynamodb() -> Iterator[LocalTables]:
    """Empty tables on moto, inside this process: for one thread and few items."""
    with mock_aws():
        client = dynamodb_client()
        yield LocalTables(create_tables(client, "test"), client, None)
