from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.client.fake import FakeSignoff, serving
from tests.infra.client.persons import Person

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def fake() -> Iterator[FakeSignoff]:
    with serving() as service:
        yield service


@pytest.fixture
def person(fake: FakeSignoff) -> Person:
    return Person(fake.url)
