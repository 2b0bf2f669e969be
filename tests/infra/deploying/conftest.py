"""Fixtures: an account with nothing in it, and a copy of what `chalice` is told."""

from __future__ import annotations

import shutil
import urllib.request
from typing import TYPE_CHECKING

import pytest

from infra.__main__ import main
from tests.infra.deploying.accounts import Account, Said, empty_account
from tests.infra.deploying.finishes import deploy
from tests.infra.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.infra.deploying.accounts import Provision
    from tests.infra.deploying.finishes import Deployment, Finish


@pytest.fixture(scope="session")
def account_server(local_aws: None) -> Iterator[str]:
    with empty_account() as url:
        yield url


@pytest.fixture
def account(account_server: str) -> Account:
    """Empty, whatever a test before this one left in it."""
    asked = urllib.request.Request(f"{account_server}/moto-api/reset", method="POST")  # noqa: S310 - our own server
    with urllib.request.urlopen(asked) as answer:  # noqa: S310 - as above
        assert answer.status == 200
    return Account(account_server)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the project's own `.chalice`, as it is in the repository."""
    shutil.copytree(ROOT / ".chalice", tmp_path / ".chalice", ignore=shutil.ignore_patterns("deploy*", "vendor.*"))
    return tmp_path


@pytest.fixture
def provision(account: Account, project: Path, capfd: pytest.CaptureFixture[str]) -> Provision:
    """The command, on this account and this project."""

    def run(*arguments: str, stage: str = "dev") -> Said:
        fixed = ["provision", "--stage", stage, "--project", str(project), "--endpoint-url", account.url]
        code = main([*fixed, *arguments])
        out, err = capfd.readouterr()
        return Said(code, out + err)

    return run


@pytest.fixture
def finish(account: Account, project: Path, capfd: pytest.CaptureFixture[str]) -> Finish:
    """The command, on this account and this project, without its smoke test where nothing else is said."""

    def run(*arguments: str, stage: str = "dev", smoke: bool = False) -> Said:
        fixed = ["finish", "--stage", stage, "--project", str(project), "--endpoint-url", account.url]
        code = main([*fixed, *([] if smoke else ["--no-smoke"]), *arguments])
        out, err = capfd.readouterr()
        return Said(code, out + err)

    return run


@pytest.fixture
def deployment(account: Account, project: Path, provision: Provision) -> Deployment:
    assert provision().code == 0
    return deploy(account, project)
