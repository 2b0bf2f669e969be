"""The campaign of the feed notices followers that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chalicelib.use_cases.following import Rules
from tests.campaigns import feeds
from tests.web.conftest import site

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.use_cases.following import Found
    from tests.site import Site

__all__ = ["site"]


def skips_gaps(_after: int, lines: Iterable[Found]) -> list[Found]:
    """What is missing is never asked for again: the cursor stands behind it."""
    return list(lines)


BUGS = {
    "a line after a gap counts as readable": Rules(readable=skips_gaps),
    "a line counts before its recipient is as new": Rules(is_settled=lambda *_: True),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(site: Site, bug: str) -> None:
    report = feeds.run(site, 150, 1, BUGS[bug])

    assert report.failures > 0
