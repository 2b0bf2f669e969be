"""Acts: what happened to a recipient. The ledger is a sequence of these.

An act has one or more parts, because one form submission is one act. A part knows when it counts (`at`, in milliseconds
since 1970 UTC); a part that has not been stamped yet has `at == UNSTAMPED` (see `stamping.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.domain.state import Choice

Millis = int
UNSTAMPED: Millis = 0
CONSENT_ALLOWANCE: Millis = 120_000
"""Consent counts this much earlier than it says, so that a sender's fast clock lifts no opt-out."""


class Via(StrEnum):
    """The way by which an act came."""

    ONE_CLICK = "one_click"
    UNSUBSCRIBE_PAGE = "unsubscribe_page"
    PREFERENCE_PAGE = "preference_page"
    OPT_OUT_FORM = "opt_out_form"
    MAILTO = "mailto"
    API = "api"
    IMPORT = "import"
    FEEDBACK = "feedback"
    OPS = "ops"


_LETTERS = {
    Via.ONE_CLICK: "o",
    Via.UNSUBSCRIBE_PAGE: "u",
    Via.PREFERENCE_PAGE: "p",
    Via.OPT_OUT_FORM: "f",
    Via.MAILTO: "m",
    Via.API: "a",
    Via.IMPORT: "i",
    Via.FEEDBACK: "b",
    Via.OPS: "s",
}
_VIAS = {f"{letter}_": via for via, letter in _LETTERS.items()}
_PREFIX = 2


def act_id_of(via: Via, operation: str) -> str:
    """The id of an act that came this way. It says so, since a state remembers of what it holds the act's id alone."""
    return f"{_LETTERS[via]}_{operation}"


def via_of(act: str) -> Via | None:
    """The way by which the act of this id came, where the id says so."""
    return _VIAS.get(act[:_PREFIX])


@dataclass(frozen=True, slots=True)
class OptedOut:
    """The recipient's own opt-out of a category or of all optional mail."""

    scope: str
    at: Millis = UNSTAMPED


@dataclass(frozen=True, slots=True)
class OptedIn:
    """The recipient's own opt-in. There is none to all."""

    category: str
    at: Millis = UNSTAMPED


@dataclass(frozen=True, slots=True)
class Restored:
    """What a choice held before the act that is undone; None where it held nothing."""

    scope: str
    choice: Choice | None


@dataclass(frozen=True, slots=True)
class Undone:
    """Choices put back to what they were before the acts `acts`, content included: the fold needs no past."""

    acts: tuple[str, ...]
    restored: tuple[Restored, ...] = ()
    at: Millis = UNSTAMPED


@dataclass(frozen=True, slots=True)
class Stated:
    """An opt-out that somebody else tells us of: the API, an import, feedback. `at` is when it is said to have been."""

    scope: str
    at: Millis


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows a consent (GDPR 7(1)): how it was given, to which words, and where that is known from."""

    how: str
    wording: str
    source: str


@dataclass(frozen=True, slots=True)
class Consented:
    """Recorded consent to a category. `evidence` is the act by which its evidence is found, where there is any."""

    category: str
    at: Millis
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """The sender withholds mail by its own hand."""

    scope: str
    at: Millis = UNSTAMPED


@dataclass(frozen=True, slots=True)
class Unblocked:
    """The sender takes its own block back."""

    scope: str
    at: Millis = UNSTAMPED


@dataclass(frozen=True, slots=True)
class Complained:
    """The recipient reported mail as spam."""

    at: Millis


@dataclass(frozen=True, slots=True)
class Bounced:
    """Mail came back for good. A soft bounce is not an act."""

    at: Millis


@dataclass(frozen=True, slots=True)
class BounceLifted:
    """The sender says that the mailbox is there again."""

    at: Millis = UNSTAMPED


@dataclass(frozen=True, slots=True)
class Erased:
    """The recipient is forgotten, but for a keyed hash that is never mailed again (GDPR 17)."""

    at: Millis = UNSTAMPED


Part = (
    OptedOut
    | OptedIn
    | Undone
    | Stated
    | Consented
    | Blocked
    | Unblocked
    | Complained
    | Bounced
    | BounceLifted
    | Erased
)
PARTS: tuple[type[Part], ...] = (
    OptedOut,
    OptedIn,
    Undone,
    Stated,
    Consented,
    Blocked,
    Unblocked,
    Complained,
    Bounced,
    BounceLifted,
    Erased,
)
RESTRICTIVE = (OptedOut, Blocked, Erased)
"""Made here and withholding mail: stamped again on a retry, so that they win over what they met."""
PERMISSIVE = (OptedIn, Undone, Unblocked, BounceLifted)
"""Made here and letting mail flow: on a retry they go back to their first read, so that they lose to what overtook."""
TOLD = (Stated, Consented, Complained, Bounced)
"""Told from outside: at the time stated, at most that of receipt."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happened. `id` is the operation's id; `key_version` the version of the link's key, if a link."""

    id: str
    via: Via
    parts: tuple[Part, ...]
    key_version: int | None = None


def scope_of(part: Part) -> str:
    """What a part is about: a category id, `*`, or nothing for acts on the recipient as such."""
    if isinstance(part, OptedIn | Consented):
        return part.category
    return getattr(part, "scope", "")
