"""Commands that messages tell people to type next: whole, so that they can be copied as they stand."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

Typed = tuple[tuple[str, str], ...]
_WHERE = ("--region", "--project", "--endpoint-url")
_APP_STACK = "--app-stack"
_WITH_APP_STACK = frozenset({"finish", "doctor", "status", "destroy", "restore", "keys rotate", "keys compromise"})
"""The commands that look for a deployment."""


def typed_of(options: argparse.Namespace) -> Typed:
    """The options that say where, as they were typed: what a command found by itself the next one finds too."""
    words: list[str] = getattr(options, "words", [])
    found: dict[str, str] = {}
    for word, following in pairwise([*words, ""]):
        name, is_joined, value = word.partition("=")
        if name in (*_WHERE, _APP_STACK):
            found[name] = value if is_joined else following
    return tuple(found.items())


def aws_at(options: argparse.Namespace) -> str:
    """What a command of AWS's own needs, after a space, to go where this one went; it reads no .chalice/config.json."""
    told = {"--region": getattr(options, "region", None), "--endpoint-url": getattr(options, "endpoint_url", None)}
    return "".join(f" {name} {shlex.quote(value)}" for name, value in told.items() if value)


def with_place(text: str, options: argparse.Namespace) -> str:
    """A text in which each of AWS's own commands (`aws …`) goes where this one went."""
    at = aws_at(options)
    return re.sub(
        r"`(aws (?!configure|sso)(?![^`]*--region)[^`]+)`",
        lambda found: f"`{found[1].replace(' && ', f'{at} && ')}{at}`",
        text,
    )


def command_on(stage: str | None, typed: Typed, *words: str) -> str:
    """`python -m infra …` for the same stage, at the same place. Words may be placeholders (`…`), and stay."""
    wanted = (*_WHERE, _APP_STACK) if words[0] in _WITH_APP_STACK else _WHERE
    where = [each for pair in typed if pair[0] in wanted for each in pair]
    of = [] if stage is None else ["--stage", stage]
    return " ".join(["python -m infra", *words, *map(shlex.quote, [*of, *where])])
