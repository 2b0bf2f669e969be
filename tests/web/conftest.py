"""Fixtures of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.site import Site, make_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engines import LocalTables


@pytest.fixture
def site(dynoxide_tables: LocalTables) -> Iterator[Site]:
    """An empty site of this test's own."""
    with make_site(dynoxide_tables) as made:
        yield made
