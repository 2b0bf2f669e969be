"""--yes is one word with one meaning, wherever it is taken."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from infra.__main__ import parser
from infra.ops.yes import MEANS

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands(of: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield each
                yield from commands(each)


def test_it_means_the_same_to_every_command() -> None:
    told = {
        each.prog.removeprefix("python -m infra "): action.help or ""
        for each in commands(parser())
        for action in each._actions
        if "--yes" in action.option_strings
    }
    assert {"revert", "restore", "destroy", "keys rotate", "sender close", "key revoke"} <= set(told)
    assert {name for name, text in told.items() if not text.startswith(MEANS)} == set()
