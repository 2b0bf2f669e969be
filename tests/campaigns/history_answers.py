"""Whether an acknowledgement was true: the act is in the ledger, or there was a good reason to record nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.acts import PERMISSIVE, TOLD, Act, OptedIn, OptedOut, scope_of
from chalicelib.domain.fold import apply
from chalicelib.domain.recipients import REPEAT_WINDOW
from chalicelib.store.ledger import Recorded
from tests.campaigns.history_acts import Wish
from tests.campaigns.history_engine import Request
from tests.campaigns.history_oracle import CLOCKS_DIFFER, Claim, claims_of, claims_of_absorbed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.campaigns.history_engine import Fact


@dataclass(frozen=True, slots=True)
class Answer:
    """What was wanted, and what was acknowledged."""

    wish: Wish
    request: Request
    recorded: Recorded


def why_absorbed(answer: Answer, facts: list[Fact]) -> str | None:
    """Why the act of this answer is rightly not in the ledger; None where there is no good reason."""
    before = answer.recorded.recipient
    draft = answer.wish.draft
    act = draft(before) if callable(draft) else draft
    if act is None:
        return "nothing to undo"
    if (newest := _newest(answer, facts)) and _repeats(act, answer.request, newest):
        return "a repeat"
    if all(isinstance(part, TOLD) for part in act.parts) and apply(before.state, act) == before.state:
        return "older than what is known"
    is_overtaken = answer.request.is_sent_again or any(fact.committed > answer.request.began for fact in facts)
    if is_overtaken and all(isinstance(part, PERMISSIVE) for part in act.parts):
        return "overtaken"
    return None


def _newest(answer: Answer, facts: list[Fact]) -> Fact | None:
    """What truly was the newest act in the state that was answered, if that is a state that there was."""
    version = answer.recorded.recipient.version
    return facts[version - 1] if 0 < version <= len(facts) else None


def _repeats(act: Act, request: Request, newest: Fact) -> bool:
    """Whether the newest act said just that, and may have been recorded under a minute before."""
    entry = newest.entry
    return (
        all(isinstance(part, OptedOut | OptedIn) for part in act.parts)
        and _meaning(act) == _meaning(entry.act)
        and request.began_at < entry.recorded + REPEAT_WINDOW + CLOCKS_DIFFER // 2
    )


def _meaning(act: Act) -> object:
    return {(type(part), scope_of(part)) for part in act.parts}, act.via, act.key_version


def absorbed_claims(answer: Answer, facts: list[Fact]) -> Iterator[Claim]:
    """What holds since a repeat was acknowledged: it, and the act that it was taken to repeat."""
    draft, newest = answer.wish.draft, _newest(answer, facts)
    if isinstance(draft, Act):
        yield from claims_of_absorbed(draft, answer.request, newest.entry.act.id if newest else draft.id)
        if newest and _meaning(draft) == _meaning(newest.entry.act):
            yield from claims_of(newest, has_made_up_time=False)
