"""The README's commands, and the lines that `make run` prints, do what they say."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.processes import SECONDS, environment_for, runner

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def curl(line: str) -> tuple[int, str]:
    """What a curl line of ours gets: (status, body)."""
    words = iter(shlex.split(line)[1:])
    url, data, headers = "", None, {}
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            data = next(words).encode()
        else:
            url = word
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:  # noqa: S310 - our own server
        return answer.status, answer.read().decode()


@contextmanager
def serving(data: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """All that a runner says, and its demo."""
    with runner(ROOT, data, seconds=10 * SECONDS) as started:
        said = started.said
        assert started.process.stdout is not None
        while "welcome.eml" not in said:
            said += started.process.stdout.readline()
        yield said, json.loads((data / "demo.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """One for all tests that do not look what was stored before."""
    with serving(tmp_path_factory.mktemp("data")) as told:
        yield told


def test_every_line_that_the_runner_prints_works(served: tuple[str, dict[str, str]]) -> None:
    said, _ = served
    lines = [line.strip() for line in said.splitlines() if line.strip().startswith("curl ")]
    assert len(lines) == 4
    for line in lines:
        assert curl(line)[0] == 200
    pages = re.findall(r"^  the .*?(http://\S+)$", said, re.MULTILINE)
    assert len(pages) == 3
    for page in pages:
        assert curl(f"curl {page}")[0] == 200


def test_every_curl_line_of_the_readme_works(served: tuple[str, dict[str, str]]) -> None:
    _, demo = served
    text = README.replace("\\\n", " ").replace("$KEY", demo["api_key"]).replace("$URL", demo["url"])
    lines = [line for line in text.splitlines() if line.startswith("curl ")]
    assert len(lines) == 3
    for line in lines:
        status, body = curl(line)
        assert status == 200
        assert "error" not in json.loads(body)["results"][0]


FILES = {
    "unsubscribes.csv": "email,created\nada@example.com,1767225600\ngrace@example.com,1767312000\nnobody,1767312000\n",
    "campaign.txt": "ada@example.com\nalan@example.com\n",
}
BAR = "\N{BOX DRAWINGS HEAVY HORIZONTAL}"
CHANGING = re.compile(
    r"\b(imp|exp|rcp)_[a-z0-9]{26}\b|\bB[\w-]*\.[\w.-]+|\d{4}-\S+Z(?=  (?:import|demosend))|(?<=since )\d{4}-\S+Z"
)
"""Ids, cursors, and the times at which something was recorded."""


def said_by(text: str) -> set[str]:
    """The lines without what differs between two runs, and between a terminal and a pipe."""
    lines = (CHANGING.sub("...", line) for line in text.splitlines() if BAR not in line)
    return {" ".join(line.replace(":", " ").split()) for line in lines} - {""}


def test_the_command_line_does_what_the_readme_shows(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    shown = re.findall(r"^\$ (python -m infra .*)\n((?:(?!\$ |```).*\n)*)", README, re.MULTILINE)
    assert [line.split()[3] for line, _ in shown] == ["import", "check", "export", "changes", "revert", "revert"]
    with serving(tmp_path / "data") as (_, demo):
        told = {"SIGNOFF_URL": demo["url"], "SIGNOFF_API_KEY": demo["api_key"]}
        told["SIGNOFF_LOCAL_DIR"] = str(tmp_path / "data")
        for line, output in shown:
            if " revert " in line and "--yes" not in line:
                happens_before_a_revert(demo)
            command = [sys.executable, *at_this_time(line).split()[1:]]
            environment = {**environment_for(ROOT), **told}
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == (3 if " import " in line else 0), done.stderr
            really = " | ".join(said_by(done.stdout + done.stderr))
            assert [expected for expected in said_by(output) if expected not in really] == [], really


def happens_before_a_revert(demo: dict[str, Any]) -> None:
    """Of two whose addresses are typed in by somebody else, one had opted out by itself."""
    stop_all = demo["links"]["one_click"] + "/all"
    assert curl(f"curl -d x=y {stop_all}")[0] == 200
    for address in (demo["recipient"], "grace@example.com"):
        assert curl(f"curl -d address={address} {demo['links']['opt_out_form']}")[0] == 200


def at_this_time(line: str) -> str:
    """A command whose window is now."""
    return line.replace("2026-11-21T08:00", "2020-01-01T00:00").replace("2026-11-21T09:00", "2100-01-01T00:00")


def test_every_command_of_the_readme_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)\b", README))
    assert {"run", "test", "bench", "prove"} <= named <= targets


def test_every_place_that_the_readme_names_is_there() -> None:
    for path in re.findall(r"`((?:chalicelib|infra|docs|tests|bench)/[\w./-]*)`", README):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / path).exists(), path


def test_the_routes_that_the_readme_names_are_there() -> None:
    from app import app  # noqa: PLC0415 - one test needs it

    for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[\w./{}]+)`", README):
        assert method in app.routes[path]
