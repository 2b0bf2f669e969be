"""The registers of a recipient's state, written out: a replica makes the same state of them, to the millisecond.

What holds nothing is left out. Names are those of the design; `*` stands for all optional mail.

    {"choice":       {"news": {"value": "out", "at": …, "act": …, "since": …, "source": …}}, …
     "stated", "consent", "consent_told":   {"news": {"at": …, "act": …}}, …
     "block":        {"*": {"on": true, "at": …, "act": …}}, …
     "complaint", "bounced", "bounce_lifted", "erased":   {"at": …, "act": …}}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.api import times

if TYPE_CHECKING:
    from chalicelib.domain.state import Block, Choice, Mark, State

_SCOPED_MARKS = ("stated", "consent", "consent_told")
_MARKS = ("complaint", "bounced", "bounce_lifted", "erased")


def tell_registers(state: State) -> dict[str, Any]:
    """Every register that holds something."""
    told: dict[str, Any] = {
        "choice": {scope: _choice(choice) for scope, choice in state.choice.items()},
        "block": {scope: _block(block) for scope, block in state.block.items()},
    }
    for name in _SCOPED_MARKS:
        told[name] = {scope: _mark(mark) for scope, mark in getattr(state, name).items()}
    for name in _MARKS:
        mark = getattr(state, name)
        told[name] = None if mark is None else _mark(mark)
    return {name: content for name, content in told.items() if content}


def _choice(choice: Choice) -> dict[str, Any]:
    """`since` and `source` differ from `at` and `act` after an undo only: what was put back counts from its own day."""
    return {
        "value": str(choice.value),
        "at": times.tell(choice.at),
        "act": choice.act,
        "since": times.tell(choice.since),
        "source": choice.source,
    }


def _block(block: Block) -> dict[str, Any]:
    return {"on": block.is_on, "at": times.tell(block.at), "act": block.act}


def _mark(mark: Mark) -> dict[str, Any]:
    return {"at": times.tell(mark.at), "act": mark.act}
