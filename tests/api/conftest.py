"""Fixtures of the sender API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.callers import Caller
from tests.web.conftest import site

if TYPE_CHECKING:
    from tests.site import Site

__all__ = ["site"]


@pytest.fixture
def caller(site: Site) -> Caller:
    """One who asks this site."""
    return Caller(site)
