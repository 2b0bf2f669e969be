"""The restore drill: backed up while everybody writes, destroyed, restored into an empty engine: 0 opt-outs lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.ops.backups.drills import Drill, backed_up
from tests.infra.ops.typed import Typist

if TYPE_CHECKING:
    from pathlib import Path

    from infra.local.engine import Engine


@pytest.fixture
def drill(
    dynoxide: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Drill:
    return backed_up(dynoxide, tmp_path, Typist(capsys), monkeypatch)


def test_no_opt_out_is_lost_and_all_that_was_handed_out_works(drill: Drill) -> None:
    assert len(drill.before.acked) > 20
    assert drill.prove(drill.restore()) == []
