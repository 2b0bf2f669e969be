"""The campaigns of requests, at a hundredth to a thousandth of their size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chalicelib.api.openapi import document
from tests.campaigns import feeds, hostile, kills, one_clicks, pairs, scanners, schemas
from tests.campaigns.worlds import Report
from tests.web.conftest import site

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.site import Site

__all__ = ["site"]

CAMPAIGNS: dict[str, tuple[Callable[[Site, int, int], Report], int, set[str]]] = {
    "pairs": (pairs.run, 100, {"opt-outs", "opt-ins"}),
    "scanners": (scanners.run, 1_000, {"GET", "HEAD", "OPTIONS"}),
    "one_clicks": (one_clicks.run, 320, set()),
    "kills": (kills.run, 120, {"killed", "recipients"}),
    "feeds": (feeds.run, 200, {"items seen late", "recipients compared", "restarts", "stalls", "writers killed"}),
    "hostile": (hostile.run, 1_000, {f"answered {status}" for status in (200, 400, 401, 404, 405, 415)}),
}


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_nothing_goes_wrong(site: Site, name: str) -> None:
    run, cases, met = CAMPAIGNS[name]

    report = run(site, cases, 1)

    assert report.wrong == []
    assert report.failures == 0
    assert report.cases >= cases
    assert met <= set(report.notes), "a campaign that meets nothing proves nothing"


def test_every_answer_is_one_that_the_description_tells() -> None:
    """G5: schemathesis, with good, bad and nearly good requests for every operation."""
    told = document("https://choices.example.com")["paths"]

    report = schemas.run(10, 1)

    assert report.wrong == []
    assert report.notes["operations"] == sum(len(methods) for methods in told.values())
    assert {f"answered {status}" for status in (200, 201, 400, 404, 405, 422)} <= set(report.notes)
    assert report.cases > 20 * len(told), "those for the edges of each schema, too"


def test_what_went_wrong_is_told() -> None:
    report = Report("something")
    for number in range(20):
        report.case()
        report.fail(f"case {number}")
    assert (report.failures, len(report.wrong)) == (20, 10)
    assert str(report) == "something: 20 cases, 20 wrong"
