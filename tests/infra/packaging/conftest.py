"""What these tests share: one package for each process that runs tests, and AWS's runtime client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.packaging.emulators import EmulatorsMissing
from tests.infra.packaging.projects import Package, make_package
from tests.infra.packaging.runtime import runtime_client

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The project as `chalice package` makes it, unpacked."""
    return make_package(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AWS's runtime client, alone in a folder."""
    try:
        return runtime_client(tmp_path_factory.mktemp("client"))
    except EmulatorsMissing as error:
        pytest.fail(str(error), pytrace=False)
