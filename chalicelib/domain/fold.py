"""`apply`: a state and an act make a state. Total, idempotent, and the same for every order and repetition."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.domain.acts import (
    CONSENT_ALLOWANCE,
    Act,
    Blocked,
    Bounced,
    BounceLifted,
    Complained,
    Consented,
    Erased,
    OptedIn,
    OptedOut,
    Part,
    Stated,
    Unblocked,
    Undone,
    Via,
)
from chalicelib.domain.state import NOTHING_KNOWN, Block, Choice, Mark, State, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_R = TypeVar("_R", Choice, Mark, Block)
Write = tuple[str, str, Choice | Mark | Block]
"""The name of a register, its scope ("" where it has none), and what the act puts there."""


def apply(state: State, act: Act) -> State:
    """The state after `act`; the very same object where nothing changes."""
    after = reduce(_put, writes(act), state)
    return state if after is state else _forget_older_than_erasure(after)


def adding(state: State, act: Act) -> Act | None:
    """`act` without the parts that tell nothing newer than `state` holds, or than its erasure; None where none is left.

    What is told a second time, in a list that is imported again, would else be written again for half of it: of two
    acts of one time a register keeps that of the greater id.
    """
    parts = tuple(part for part in act.parts if _adds(state, replace(act, parts=(part,))))
    return replace(act, parts=parts) if parts else None


def _adds(state: State, act: Act) -> bool:
    return any(
        _is_older(_held(state, register, scope), content.at) and not _was_forgotten(state, register, content)
        for register, scope, content in writes(act)
    )


def _held(state: State, register: str, scope: str) -> Choice | Mark | Block | None:
    kept = getattr(state, register)
    held: Choice | Mark | Block | None = kept.get(scope) if scope else kept
    return held


def _is_older(held: Choice | Mark | Block | None, at: int) -> bool:
    return held is None or held.at < at


def writes(act: Act) -> Iterator[Write]:
    """What `act` puts into which register. This is the whole meaning of an act."""
    for part in act.parts:
        yield from _writes_of(part, act)


def _writes_of(part: Part, act: Act) -> Iterator[Write]:  # noqa: C901 - a table: one line for each kind of part
    match part:
        case OptedOut(scope, at):
            yield "choice", scope, Choice(at, Value.OUT, act.id, at, act.id)
        case OptedIn(category, at):
            yield "choice", category, Choice(at, Value.IN, act.id, at, act.id)
        case Undone(_, restored, at):
            for former in restored:
                yield "choice", former.scope, _put_back(former.choice, at, act.id)
        case Stated(scope, at):
            yield "stated", scope, Mark(at, act.id)
        case Consented(category, at, _):
            register = "consent_told" if act.via is Via.IMPORT else "consent"
            yield register, category, Mark(at - CONSENT_ALLOWANCE, act.id)
        case Blocked(scope, at):
            yield "block", scope, Block(at, is_on=True, act=act.id)
        case Unblocked(scope, at):
            yield "block", scope, Block(at, is_on=False, act=act.id)
        case Complained(at):
            yield "complaint", "", Mark(at, act.id)
        case Bounced(at):
            yield "bounced", "", Mark(at, act.id)
        case BounceLifted(at):
            yield "bounce_lifted", "", Mark(at, act.id)
        case Erased(at):
            yield "erased", "", Mark(at, act.id)


def _put_back(former: Choice | None, at: int, act: str) -> Choice:
    if former is None:
        return Choice(at, Value.UNSET, act, at, act)
    return Choice(at, former.value, act, former.since, former.source)


def _put(state: State, write: Write) -> State:
    register, scope, content = write
    if not scope:
        held = getattr(state, register)
        return state if _is_kept(held, content) else _with(state, {register: content})
    kept = getattr(state, register)
    if _is_kept(kept.get(scope), content) or _was_forgotten(state, register, content):
        return state
    return _with(state, {register: {**kept, scope: content}})


def _with(state: State, registers: Mapping[str, Any]) -> State:
    return replace(state, **registers)


def _is_kept(held: Choice | Mark | Block | None, content: Choice | Mark | Block) -> bool:
    return held is not None and held.order >= content.order


_FORGOTTEN_BY_ERASURE = ("choice", "stated", "consent", "consent_told")


def _was_forgotten(state: State, register: str, content: Choice | Mark | Block) -> bool:
    return register in _FORGOTTEN_BY_ERASURE and state.erased is not None and content.at <= state.erased.at


def _forget_older_than_erasure(state: State) -> State:
    if state.erased is None:
        return state
    return _with(state, {name: _newer(getattr(state, name), state.erased.at) for name in _FORGOTTEN_BY_ERASURE})


def _newer(kept: Mapping[str, _R], at: int) -> Mapping[str, _R]:
    return {scope: content for scope, content in kept.items() if content.at > at}


def fold(acts: Iterable[Act], state: State = NOTHING_KNOWN) -> State:
    """The state after all `acts`, in whatever order."""
    return reduce(apply, acts, state)
