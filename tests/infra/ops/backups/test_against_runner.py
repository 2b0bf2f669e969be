"""A backup of what `make run` serves, and another runner that serves what was restored from it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from tests.infra.ops.backups.drills import OpsKey
from tests.infra.ops.test_revert_against_runner import service_beside, strangers
from tests.infra.processes import ROOT, SECONDS, infra_command, runner

if TYPE_CHECKING:
    from pathlib import Path


def done(*words: str) -> str:
    asked = infra_command(*words)
    said = subprocess.run(asked, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert said.returncode == 0, said.stderr
    return said.stdout


def test_what_one_runner_served_another_serves(tmp_path: Path) -> None:
    ops, first, second = OpsKey.at(tmp_path), tmp_path / "first", tmp_path / "second"
    with runner(ROOT, first):
        service = service_beside(first)
        strangers(service, service.senders.get("demosend"), 3)
        backup = done(
            "backup", "--data-dir", str(first), "--to", str(tmp_path / "kept"), "--ops-key", str(ops.public)
        ).strip()

    done("restore", "--from", backup, "--identity", str(ops.private), "--data-dir", str(second), "--yes")

    with runner(ROOT, second):
        service = service_beside(second)
        sender = service.senders.get("demosend")
        for number in range(3):
            place = sender.place_of(parse_address(f"reader{number}@example.com"))
            assert ALL in service.reader.recipient(place).state.choice
