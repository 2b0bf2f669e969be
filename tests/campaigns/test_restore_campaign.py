"""The campaign of restores, small, and proof that it notices a restore that leaves something out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.ops.restored.shards import Rules
from tests.campaigns import restores
from tests.web.conftest import site

if TYPE_CHECKING:
    from tests.site import Site

__all__ = ["site"]

MET = {
    "choose",
    "consent",
    "describe",
    "erase",
    "folded with the old tables",
    "folded without the old tables",
    "forgotten with the old tables",
    "holes without the old tables",
    "imported",
    "job",
    "key",
    "note",
    "opt_out",
    "rebuilt without the old tables",
    "rename",
    "taken with the old tables",
    "told",
    "undo",
}


def test_no_restore_loses_what_was_acknowledged(site: Site) -> None:
    report = restores.run(site, 5, 1)

    assert report.wrong == []
    assert report.cases == 10
    assert set(report.notes) >= MET, "a campaign that meets nothing proves nothing"


BUGS = {
    "the newer acts are not taken over": Rules(takes_over=False),
    "the ledger is not folded into the states": Rules(folds=False),
    "evidence of who was erased comes back": Rules(forgets=False),
    "lines that are lost are left out": Rules(rebuilds=False),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(site: Site, bug: str) -> None:
    report = restores.run(site, 10, 1, BUGS[bug])

    assert report.failures > 0
