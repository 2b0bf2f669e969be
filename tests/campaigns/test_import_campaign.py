"""The campaign of imports, at a thousandth of its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.campaigns import imports

if TYPE_CHECKING:
    from pathlib import Path


def test_a_killed_worker_loses_no_row_of_a_file(tmp_path: Path) -> None:
    """One is killed for certain, and as a rule two more in the middle of the work."""
    campaign = imports.run(tmp_path, 1_000, 3)

    assert campaign.lost == 0
    assert 1 <= campaign.kills <= 3
    assert campaign.in_the_middle == campaign.kills - 1
