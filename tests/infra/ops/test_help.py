"""What --help tells, as it stands on a terminal of 80 columns."""

from __future__ import annotations

import re

import pytest

from chalicelib.domain.categories import Ground
from infra.__main__ import parser
from infra.ops.yes import MEANS
from tests.infra.ops.typed import commands

COMMANDS = {each.prog.removeprefix("python -m infra ").strip(): each for each in commands(parser())}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_its_paragraphs_are_as_wide_as_the_terminal(name: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that begin with a space are tables, and examples to be copied."""
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = COMMANDS[name].format_help().splitlines()
    assert [line for line in lines if len(line) > columns and not line.startswith(" ")] == []


def test_a_paragraph_is_filled_again_and_an_example_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told = COMMANDS["provision"].format_help()
    assert "two\ntables, a bucket, the queue of jobs with its dead letters, and two secrets\nunder a key" in told
    assert "\n  python -m infra provision --stage prod --region eu-central-1 --domain choices.example.com \\\n" in told


def test_yes_means_the_same_to_every_command() -> None:
    told = {
        name: action.help or ""
        for name, each in COMMANDS.items()
        for action in each._actions
        if "--yes" in action.option_strings
    }
    assert {"revert", "restore", "destroy", "keys rotate", "sender close", "key revoke"} <= set(told)
    assert {name for name, text in told.items() if not text.startswith(MEANS)} == set()


def test_the_legal_grounds_are_those_that_there_are() -> None:
    told = re.sub(r"\s+", " ", COMMANDS["sender create"].format_help())
    assert all(f"{ground}" in told for ground in Ground)
