"""Commands for ops, as they are typed, in this process."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from infra.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Typist:
    """Types commands; none of what they say holds an address."""

    capture: pytest.CaptureFixture[str]

    def type(self, *words: str) -> Said:
        code = main([*words])
        said = self.capture.readouterr()
        assert "@" not in said.out + said.err
        return Said(code, said.out, said.err)

    def done(self, *words: str) -> Said:
        said = self.type(*words)
        assert said.code == 0, said.err
        return said

    def refused(self, *words: str) -> str:
        """One sentence, and nothing else."""
        said = self.type(*words)
        assert (said.code, said.out) == (1, "")
        [*_, sentence] = said.err.splitlines()
        return sentence

    def key(self, *words: str) -> str:
        """The key that `key create` prints: alone on standard output, and nowhere else."""
        said = self.done("key", "create", *words)
        assert re.fullmatch(r"sgn_\S+\n", said.out)
        assert said.out.strip() not in said.err
        return said.out.strip()


class Terminal:
    """Somebody who types one line."""

    def __init__(self, line: str) -> None:
        self._line = line

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self._line


def commands(of: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser's own, and theirs."""
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield each
                yield from commands(each)
