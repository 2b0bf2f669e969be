"""`python -m infra revert` against what `make run` serves, in processes of their own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from chalicelib.domain.acts import Act, OptedOut, Undone, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.service import Service
from chalicelib.settings import settings_from
from chalicelib.use_cases.scanning import ledger_of
from chalicelib.use_cases.sending import new_act_id
from infra.local.environment import STAGE, Engines, environment
from infra.local.folder import find_running
from tests.infra.ops.test_revert import BY_FORM, EVER, Said
from tests.infra.processes import ROOT, SECONDS, infra_command, runner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chalicelib.domain.recipients import Entry
    from chalicelib.domain.senders import Sender

ACTS = 400
SMALL_PIPE = 4_096
"""Octets: some thirty acts, told as JSON."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    """The data folder of a runner that serves."""
    with runner(ROOT, tmp_path, seconds=10 * SECONDS):
        yield tmp_path


def reversals(service: Service, sender: Sender) -> list[Entry]:
    return list(ledger_of(service, sender).entries(lambda entry: entry.act.via is Via.OPS, lambda _: None))


def undone_by(entry: Entry) -> list[str]:
    return [act for part in entry.act.parts if isinstance(part, Undone) for act in part.acts]


def service_beside(data: Path) -> Service:
    """A service beside the one that runs."""
    found = find_running(data)
    assert found is not None
    running, secrets = found
    engines = Engines(running.tables_url, running.files_url)
    return Service(settings_from(environment(secrets, engines, running.public_url, STAGE).values))


def command(data: Path, *words: str) -> list[str]:
    return infra_command("revert", *BY_FORM, *EVER, "--data-dir", str(data), *words)


def run(data: Path, *words: str) -> Said:
    done = subprocess.run(command(data, *words), cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


def strangers(service: Service, sender: Sender, count: int) -> None:
    for number in range(count):
        place = sender.place_of(parse_address(f"reader{number}@example.com"))
        service.ledger.record(place, Act(new_act_id(Via.OPT_OUT_FORM), Via.OPT_OUT_FORM, (OptedOut(ALL),)))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_ended_half_way_it_goes_on_and_reverses_nothing_twice(served: Path, number: signal.Signals) -> None:
    """It cannot come to its end before the signal: the pipe that it tells its acts to is full before."""
    service = service_beside(served)
    sender = service.senders.get("demosend")
    strangers(service, sender, ACTS)
    ended = command(served, "--yes", "--json")
    with subprocess.Popen(
        ended, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pipesize=SMALL_PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(number)
        _, said = process.communicate(timeout=SECONDS)
    assert {one["fate"] for one in told} == {"reversed"}
    assert 0 < len(reversals(service, sender)) < ACTS
    if number is signal.SIGINT:
        assert process.returncode == 130
        assert re.search(r"Stopped\. Reversed so far: \d+ acts, perhaps some more; that stays\. Go on with:\n  ", said)

    done = run(served, "--yes")

    assert done.code == 0, done.err
    counts = dict(line.split(": ") for line in done.out.splitlines()[1:])
    assert int(counts["reversed"]) + int(counts["already reversed"]) == ACTS
    undone = [act for entry in reversals(service, sender) for act in undone_by(entry)]
    assert len(undone) == len({*undone}) == ACTS
    assert run(served, "--yes").out.endswith(f"\nreversed: 0\nalready reversed: {ACTS}\n")


def test_a_runner_that_was_killed_is_told(tmp_path: Path) -> None:
    with runner(ROOT, tmp_path) as started:
        assert run(tmp_path).code == 0
        started.process.kill()
        started.process.wait()
    said = run(tmp_path)
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines()[-1].startswith("The engine of `make run`, at http://127.0.0.1:")


def test_a_runner_that_was_stopped_is_told(tmp_path: Path) -> None:
    with runner(ROOT, tmp_path) as started:
        assert (tmp_path / "running.json").stat().st_mode & 0o777 == 0o600
        started.process.terminate()
        started.process.wait()
    said = run(tmp_path)
    assert (said.code, said.err.startswith("Nothing says which deployment is meant")) == (1, True)
