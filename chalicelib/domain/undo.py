"""Undo and revert: put choices back to what they were, where nothing has overtaken the act that is undone."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from chalicelib.domain.acts import Act, Restored
from chalicelib.domain.fold import writes
from chalicelib.domain.state import Choice, State

Formers = Mapping[tuple[str, str], Choice | None]
"""(act id, scope) → what the choice of that scope held just before that act. Kept in the ledger, for ever."""


def formers_of(state: State, act: Act) -> dict[str, Choice | None]:
    """What the choices that `act` writes held in `state`: the content that an undo will put back."""
    return {scope: state.choice.get(scope) for register, scope, _ in writes(act) if register == "choice"}


def restorations(state: State, undone: tuple[str, ...], formers: Formers) -> tuple[Restored, ...]:
    """What undoing the acts `undone` puts back: each choice whose source is still one of them.

    A choice that one of them renewed is followed back through the others, to what was there before all of them.
    """
    return tuple(
        Restored(scope, _before(choice, scope, frozenset(undone), formers))
        for scope, choice in sorted(state.choice.items())
        if choice.source in undone and (choice.source, scope) in formers
    )


def _before(choice: Choice, scope: str, undone: frozenset[str], formers: Formers) -> Choice | None:
    content: Choice | None = choice
    seen = set()
    while content is not None and content.source in undone and content.source not in seen:
        seen.add(content.source)
        content = formers.get((content.source, scope))
    return content


@dataclass(frozen=True, slots=True)
class Unwound:
    """What a choice held before the acts that made it what it is, and which these were, newest first."""

    content: Choice | None
    acts: tuple[str, ...]


def unwound(choice: Choice, scope: str, undone: AbstractSet[str], formers: Formers) -> Unwound:
    """`choice` followed back through those of the acts `undone` that it still stands by; through none, itself.

    It stands by the act that wrote it, and by the one whose content an undo wrote back. The writer goes first: who
    takes an undo back finds what it had put away, and that may be none of `undone`.
    """
    content: Choice | None = choice
    acts: dict[str, None] = {}
    while content is not None and (act := _stands_by(content, scope, undone - acts.keys(), formers)):
        acts[act] = None
        content = formers[act, scope]
    return Unwound(content, tuple(acts))


def _stands_by(choice: Choice, scope: str, undone: AbstractSet[str], formers: Formers) -> str | None:
    return next((act for act in (choice.act, choice.source) if act in undone and (act, scope) in formers), None)
