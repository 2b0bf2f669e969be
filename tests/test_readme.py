"""The README's commands, and the lines that `make run` prints, do what they say."""

from __future__ import annotations

import json
import re
import shlex
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.infra.processes import runner

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


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """All that a runner says, and its demo."""
    data = tmp_path_factory.mktemp("data")
    with runner(ROOT, data) as started:
        said = started.said
        assert started.process.stdout is not None
        while "welcome.eml" not in said:
            said += started.process.stdout.readline()
        yield said, json.loads((data / "demo.json").read_text("utf-8"))


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


def test_every_command_of_the_readme_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)\b", README))
    assert {"run", "test", "bench", "prove"} <= named <= targets


def test_every_place_that_the_readme_names_is_there() -> None:
    for path in re.findall(r"`((?:chalicelib|infra|docs|tests|bench)/[\w./-]*)`", README):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\(([\w./]+)\)", README):
        assert (ROOT / path).exists(), path


def test_the_routes_that_the_readme_names_are_there() -> None:
    from app import app  # noqa: PLC0415 - one test needs it

    for method, path in re.findall(r"`(GET|POST) (/[\w./{}]+)`", README):
        assert method in app.routes[path]
