"""A recipient as the store holds it: its state, and what is kept beside the state, outside the fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.domain.acts import CONSENT_ALLOWANCE, Act, Consented, Erased, OptedIn, OptedOut, Via, scope_of
from chalicelib.domain.senders import Place
from chalicelib.domain.state import NOTHING_KNOWN, Choice, State, Value
from chalicelib.domain.suppressions import NO_EFFECTS, Effects

RECENT_ACTS = 8
"""How many act ids a state remembers: a write whose answer was lost finds itself among them."""
REPEAT_WINDOW = 60_000
"""A repeat under this age, in milliseconds, records nothing new (conformance A10)."""


@dataclass(frozen=True, slots=True)
class Recent:
    """One of the newest acts: its id, and its number in the ledger of the shard."""

    act: str
    seq: int


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest act of any kind: what it was, and when it was recorded (milliseconds since 1970 UTC)."""

    signature: str
    recorded: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """What is stored of one recipient. `version` counts its ledger entries; `recent` is newest first."""

    state: State = NOTHING_KNOWN
    version: int = 0
    recent: tuple[Recent, ...] = ()
    latest: Latest | None = None
    address: str | None = field(default=None, repr=False)

    def find_recent(self, act: str) -> Recent | None:
        """Where the ledger holds `act`, if that is among the newest."""
        return next((recent for recent in self.recent if recent.act == act), None)


STRANGER = Recipient()
"""Of whom nothing is stored."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. Holds the recipient's id, never an address.

    `previous` is the number of the recipient's entry before this one (0: none), `version` the recipient's with this
    one, `recorded` when it was written (milliseconds since 1970 UTC), `formers` what an undo would put back,
    `effects` what became of the suppression list, `earlier` the numbers of those before `previous`, newest first, so
    that a page of them is one read.
    """

    place: Place
    seq: int
    act: Act
    recorded: int
    version: int
    previous: int
    formers: Mapping[str, Choice | None]
    effects: Effects = NO_EFFECTS
    earlier: tuple[int, ...] = ()


def signature(act: Act) -> str:
    """What two acts have in common if one repeats the other: kind and scope of each part, `via`, key version."""
    parts = "+".join(sorted(f"{type(part).__name__}:{scope_of(part)}" for part in act.parts))
    return f"{parts}|{act.via}|{'' if act.key_version is None else act.key_version}"


def is_repeat(recipient: Recipient, act: Act, now: int) -> bool:
    """Whether `act` says again what the recipient's newest act of any kind said under 60 s ago.

    Only opt-outs of the recipient are absorbed: an opt-in that was overtaken is recorded without effect, and who says
    it again means it. A repeat that is not absorbed renews the date, so that consent dated in between does not win, and
    the reversal of a stranger's form does not undo the recipient's own wish.
    """
    latest = recipient.latest
    return (
        latest is not None
        and now - latest.recorded < REPEAT_WINDOW
        and all(isinstance(part, OptedOut) for part in act.parts)
        and latest.signature == signature(act)
    )


def address_kept(before: Recipient, after: State, act: Act, spelled: str | None) -> str | None:
    """The address to store beside `after`: the first spelling that came, and none after an erasure.

    After an erasure it is stored again only by the recipient's own opt-in or by newer consent from the API.
    """
    if any(isinstance(part, Erased) for part in act.parts):
        return None
    if before.address is not None or after.erased is None:
        return before.address or spelled
    return spelled if _brings_back(act, after.erased.at) else None


def is_evidence_kept(recipient: Recipient, act: Act) -> bool:
    """Whether what shows the consent in `act` is stored beside `recipient`, which has taken the act in.

    It may tell of whom it is, so that of one who was erased it is kept only after a return (conformance C5). An import
    tells of consents, and brings nobody back.
    """
    state = recipient.state
    is_back = recipient.address is not None or state.consent or any(_is_in(choice) for choice in state.choice.values())
    return (state.erased is None or bool(is_back)) and any(isinstance(part, Consented) for part in act.parts)


def _is_in(choice: Choice) -> bool:
    return choice.value is Value.IN


def _brings_back(act: Act, erased: int) -> bool:
    return any(
        (isinstance(part, OptedIn) and part.at > erased)
        or (isinstance(part, Consented) and act.via is Via.API and part.at - CONSENT_ALLOWANCE > erased)
        for part in act.parts
    )
