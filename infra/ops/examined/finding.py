"""What a look at one thing came to: it is as it should be, it differs, or it could not be looked at; or a hint."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from infra.ops.aws import sentence

if TYPE_CHECKING:
    from infra.ops.examined.view import View

_LONGEST = 200
"""Characters of a value that is shown."""


class State(StrEnum):
    """How it stands with one thing."""

    OK = "ok"
    HINT = "hint"
    """Nothing says that it should be otherwise, and whoever runs the stage will want to know."""
    DIFFERS = "differs"
    NOT_CHECKED = "not checked"


class NotChecked(Exception):
    """Something cannot be looked at; the message says why, as a whole sentence."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` of the thing `of`, both for people; `text` says what is wrong and what to do, or why nobody looked."""

    group: str
    of: str
    what: str
    state: State
    text: str = ""


@dataclass(frozen=True, slots=True)
class Of:
    """One thing that is looked at: makes its findings."""

    group: str
    of: str

    def ok(self, what: str) -> Finding:
        """As it should be."""
        return Finding(self.group, self.of, what, State.OK)

    def hint(self, what: str, text: str) -> Finding:
        """Not wrong, and worth knowing; `text` says why and what to do, in whole sentences."""
        return Finding(self.group, self.of, what, State.HINT, text)

    def differs(self, what: str, text: str) -> Finding:
        """Not as it should be; `text` says how and what to do, in whole sentences."""
        return Finding(self.group, self.of, what, State.DIFFERS, text)

    def unknown(self, what: str, why: str) -> Finding:
        """It was not looked at."""
        return Finding(self.group, self.of, what, State.NOT_CHECKED, sentence(why))

    def holds(self, what: str, *, is_so: bool, text: str) -> Finding:
        """As it should be if `is_so`; else it differs, and `text` says how and what to do."""
        return self.ok(what) if is_so else self.differs(what, text)

    def same(self, what: str, found: Any, expected: Any, todo: str, source: str = "the stack") -> Finding:
        """As it should be if both are equal; `todo` is a whole sentence."""
        if found == expected:
            return self.ok(what)
        return self.differs(what, f"It is {shown(found)}, and {source} says {shown(expected)}. {todo}")


Check = Callable[["View"], Iterator[Finding]]


def shown(value: Any) -> str:
    """A value of a resource, on one line."""
    if value is None:
        return "not set"
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
