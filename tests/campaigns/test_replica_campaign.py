"""The campaign of replicas, small, and proof that it notices replicas that miss something."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.campaigns import replicas
from tests.campaigns.replicas import Plan, position_of_now
from tests.web.conftest import site

if TYPE_CHECKING:
    from tests.site import Site

__all__ = ["site"]

MET = {
    "changes of categories",
    "changes of the order",
    "changes of the sender",
    "erasures",
    "exports with writes in between",
    "imports",
    "items seen late",
    "recipients compared",
    "runs handed over",
    "runs killed",
}


def test_an_export_and_the_feed_after_it_make_a_replica(site: Site) -> None:
    report = replicas.run(site, 8, 1)

    assert report.wrong == []
    assert report.cases == 8
    assert set(report.notes) >= MET, "a campaign that meets nothing proves nothing"


BUGS = {
    "the cursor is taken after the scan": Plan(is_taken_after=True),
    "the cursor is of the heads, without what may be under way": Plan(position_of_now),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(site: Site, bug: str) -> None:
    report = replicas.run(site, 40, 1, BUGS[bug])

    assert report.failures > 0
