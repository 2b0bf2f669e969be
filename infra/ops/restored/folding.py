"""A recipient brought up to its ledger, and a line brought up to its recipient: each from the other.

A transaction writes a recipient's state and the line that tells of it. Of one that a restored table holds by half,
either can be made again from the other: the state because it is the fold of the acts, in whatever order and however
often; the line because the newest act is still readable in the registers that it wrote.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

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
    Restored,
    Stated,
    Unblocked,
    Undone,
    Via,
    via_of,
)
from chalicelib.domain.fold import apply, fold
from chalicelib.domain.recipients import RECENT_ACTS, Entry, Latest, Recent, Recipient, address_kept, signature
from chalicelib.domain.state import NOTHING_KNOWN, Choice, State, Value
from chalicelib.domain.suppressions import effects_of
from chalicelib.domain.undo import formers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from chalicelib.domain.senders import Place

_MARKS: dict[str, Callable[[int], Part]] = {
    "complaint": Complained,
    "bounced": Bounced,
    "bounce_lifted": BounceLifted,
    "erased": Erased,
}


def folded(before: Recipient, entries: Iterable[Entry]) -> tuple[Recipient, list[Entry]]:
    """`before` with its lines, which come in order, folded into it: those it has taken in change nothing.

    And those lines that stand behind a lost one, with the effects that they have without it: who follows the list of
    suppressions by what is added and removed must come to what the state says.
    """
    after, mended = before, []
    for entry in entries:
        state = apply(after.state, entry.act)
        if entry.version > after.version + 1:
            mended.append(replace(entry, effects=effects_of(after.state, state)))
        if entry.version > after.version:
            recent = (Recent(entry.act.id, entry.seq), *after.recent)[:RECENT_ACTS]
            latest = Latest(signature(entry.act), entry.recorded)
            address = address_kept(after, state, entry.act, None)
            after = Recipient(state, entry.version, recent, latest, address)
        else:
            after = replace(after, state=state)
    return after, mended


def rebuilt(place: Place, recipient: Recipient, found: Mapping[str, Entry], older: Iterable[Act]) -> list[Entry]:
    """The lines of the recipient's newest acts, from the first of them on that is not in `found`, by act id.

    What is lost is made of what the state still holds of it; what is there has the effects that it has behind that.
    `older` are all acts from before.
    """
    numbered = [*enumerate(reversed(recipient.recent), recipient.version - len(recipient.recent) + 1)]
    first = next(index for index, (_, recent) in enumerate(numbered) if recent.act not in found)
    state, lines = fold([*older, *(found[recent.act].act for _, recent in numbered[:first])], NOTHING_KNOWN), []
    for index, (version, recent) in enumerate(numbered[first:], first):
        line = found.get(recent.act) or _lost(place, recipient, recent, [one.seq for _, one in numbered[:index]])
        if line is None:
            continue
        # The newest line tells of whatever is left.
        after = recipient.state if recent is recipient.recent[0] else apply(state, line.act)
        formers = line.formers if recent.act in found else formers_of(state, line.act)
        lines.append(replace(line, version=version, formers=formers, effects=effects_of(state, after)))
        state = after
    return lines


def _lost(place: Place, recipient: Recipient, recent: Recent, behind: list[int]) -> Entry | None:
    """The line of one act, as far as the state tells of it; None where that is nothing."""
    parts = tuple(_parts_of(recipient.state, recent.act))
    if not parts:
        return None
    via, key = via_of(recent.act) or Via.OPS, None
    recorded = max(part.at for part in parts)
    if recent is recipient.recent[0] and recipient.latest is not None:
        _, told, version = recipient.latest.signature.rsplit("|", 2)
        via, key, recorded = Via(told), int(version) if version else None, recipient.latest.recorded
    previous, *earlier = [*reversed(behind), 0]
    return Entry(
        place, recent.seq, Act(recent.act, via, parts, key), recorded, 0, previous, {}, earlier=tuple(earlier[:-1])
    )


def _parts_of(state: State, act: str) -> Iterator[Part]:
    """What an act wrote, as far as it is still there."""
    for scope, choice in state.choice.items():
        if choice.act == act:
            yield _choosing(scope, choice)
    yield from (Stated(scope, mark.at) for scope, mark in state.stated.items() if mark.act == act)
    for consents in (state.consent, state.consent_told):
        for scope, mark in consents.items():
            if mark.act == act:
                yield Consented(scope, mark.at + CONSENT_ALLOWANCE, act)
    for scope, block in state.block.items():
        if block.act == act:
            yield (Blocked if block.is_on else Unblocked)(scope, block.at)
    for name, part in _MARKS.items():
        mark = getattr(state, name)
        if mark is not None and mark.act == act:
            yield part(mark.at)


def _choosing(scope: str, choice: Choice) -> Part:
    if (choice.since, choice.source) == (choice.at, choice.act) and choice.value is not Value.UNSET:
        return (OptedOut if choice.value is Value.OUT else OptedIn)(scope, choice.at)
    former = None if choice.value is Value.UNSET else replace(choice, at=choice.since, act=choice.source)
    return Undone((), (Restored(scope, former),), choice.at)
