"""What happened to a recipient, in words that a person uses: a clause for every kind of act and every way it came.

A clause follows "On 3 March 2026", as in "you stopped Offers, by the button of your mail program".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.domain.acts import (
    CONSENT_ALLOWANCE,
    TOLD,
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
    scope_of,
)
from chalicelib.domain.categories import ALL
from chalicelib.domain.state import Value
from chalicelib.web.fitting import LISTED_OCTETS, NAME_OCTETS, leading, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chalicelib.domain.recipients import Entry
    from chalicelib.domain.senders import Sender
    from chalicelib.domain.state import Choice, State

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
Telling = Callable[[Iterable[str]], str]
EVERYTHING = "all optional mail"
_WAYS: Mapping[Via, str] = {
    Via.ONE_CLICK: "by the button of your mail program",
    Via.UNSUBSCRIBE_PAGE: "on the page to unsubscribe",
    Via.PREFERENCE_PAGE: "on the page where you choose what you get",
    Via.MAILTO: "by a mail to unsubscribe",
}
"""Ways that are the recipient's own."""
_TELLERS: Mapping[Via, str] = {
    Via.API: "{sender} noted",
    Via.IMPORT: "{sender} brought in a list which says",
    Via.FEEDBACK: "a report of the mail system said",
    Via.OPT_OUT_FORM: "the form to unsubscribe, into which your address was typed, noted",
    Via.OPS: "the people who run this page noted",
}
_FORM = "{what} stopped, because your address was typed into the form to unsubscribe"


def day_of(at: int) -> str:
    """`3 March 2026`, in UTC; `at` in milliseconds since 1970."""
    day = datetime.fromtimestamp(at // 1000, UTC)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def listed(names: Iterable[str]) -> str:
    """`News, Offers and Tips`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def listed_few(names: Iterable[str], room: int = LISTED_OCTETS) -> str:
    """`News, Offers and 12 more`: as many as a page has room for, and how many there are besides."""
    short = [shortened(name, min(room, NAME_OCTETS)) for name in names]
    taken = leading(short, room)
    rest = len(short) - len(taken)
    return listed([*taken, f"{rest} more"] if rest else taken)


def clauses(sender: Sender, entry: Entry, telling: Telling = listed) -> tuple[str, ...]:
    """What an act was, as text: one clause for the parts of a kind, and of a day where they were told.

    `telling` makes a list of names.
    """
    groups: dict[tuple[type[Part], str], list[Part]] = {}
    for part in entry.act.parts:
        told = day_of(part.at) if isinstance(part, TOLD) else ""
        groups.setdefault((type(part), told), []).append(part)
    recorded = day_of(entry.recorded)
    return tuple(
        _CLAUSES[kind](
            _Group(sender, entry.act.via, tuple(parts), f" on {told}" if told not in {"", recorded} else "", telling)
        )
        for (kind, told), parts in groups.items()
    )


class _Group:
    """Parts of one kind in one act: whose, by which way, and when they are said to have been."""

    def __init__(self, sender: Sender, via: Via, parts: Sequence[Part], on: str, telling: Telling) -> None:
        self.sender = sender
        self.name = sender.name
        self.via = via
        self.parts = parts
        self.on = on
        self.telling = telling

    @property
    def way(self) -> str | None:
        return _WAYS.get(self.via)

    @property
    def what(self) -> str:
        return self.named(map(scope_of, self.parts))

    @property
    def teller(self) -> str:
        return _TELLERS.get(self.via, "it was noted").format(sender=self.name)

    def named(self, scopes: Iterable[str]) -> str:
        """The names of these scopes."""
        return self.telling(name_of(self.sender, scope) for scope in scopes)


def name_of(sender: Sender, scope: str) -> str:
    """The name of a category, or of all of them."""
    if scope == ALL:
        return EVERYTHING
    category = sender.catalogue.find(scope)
    return scope if category is None else category.name


def _opted_out(group: _Group) -> str:
    if group.way:
        return f"you stopped {group.what}, {group.way}"
    if group.via is Via.OPT_OUT_FORM:
        return _FORM.format(what=group.what)
    return f"{group.teller} that you stopped {group.what}"


def _opted_in(group: _Group) -> str:
    return f"you chose {group.what}, {group.way}" if group.way else f"{group.teller} that you chose {group.what}"


def _undone(group: _Group) -> str:
    restored = [former for part in group.parts if isinstance(part, Undone) for former in part.restored]
    outcomes = _outcomes(group, {former.scope: former.choice for former in restored})
    head = f"you undid a choice, {group.way}" if group.way else f"{group.teller.removesuffix(' noted')} undid a choice"
    return ": ".join([head, *([", ".join(outcomes)] if outcomes else [])])


def _outcomes(group: _Group, formers: Mapping[str, Choice | None]) -> Iterator[str] | list[str]:
    outs = [scope for scope, choice in formers.items() if choice is not None and choice.value is Value.OUT]
    ins = [scope for scope, choice in formers.items() if choice is not None and choice.value is Value.IN]
    rest = [scope for scope in formers if scope not in {*outs, *ins}]
    told = ((outs, "{} stopped again"), (ins, "{} chosen again"), (rest, "{} as if you had never chosen"))
    return [words.format(group.named(scopes)) for scopes, words in told if scopes]


def _stated(group: _Group) -> str:
    return f"{group.teller} that you stopped {group.what}{group.on}"


def _consented(group: _Group) -> str:
    return f"{group.teller} that you agreed to get {group.what}{group.on}"


def _blocked(group: _Group) -> str:
    return f"{group.name} stopped sending you {group.what}, by its own decision"


def _unblocked(group: _Group) -> str:
    return f"{group.name} ended its own stop of {group.what}"


def _complained(group: _Group) -> str:
    return f"{group.teller} that you marked a mail as spam{group.on}, which stops {EVERYTHING}"


def _bounced(group: _Group) -> str:
    return f"{group.teller} that mail to you came back{group.on}, which stops all mail"


def _bounce_lifted(group: _Group) -> str:
    return f"{group.name} noted that mail reaches you again"


def _erased(group: _Group) -> str:
    if group.way:
        return f"you erased your address and your choices, {group.way}"
    who = "the people who run this page" if group.via is Via.OPS else group.name
    return f"{who} erased your address and your choices"


_CLAUSES: Mapping[type[Part], Callable[[_Group], str]] = {
    OptedOut: _opted_out,
    OptedIn: _opted_in,
    Undone: _undone,
    Stated: _stated,
    Consented: _consented,
    Blocked: _blocked,
    Unblocked: _unblocked,
    Complained: _complained,
    Bounced: _bounced,
    BounceLifted: _bounce_lifted,
    Erased: _erased,
}
_CHOSEN = {
    Value.OUT: "You stopped {what} on {day}.",
    Value.IN: "You chose {what} on {day}.",
    Value.UNSET: "You took your choice of {what} back on {day}.",
}
_KEPT: Mapping[str, tuple[str, int]] = {
    "stated": ("It was told that you stopped {what} on {day}.", 0),
    "consent": ("You agreed to get {what} on {day}, says {sender}.", CONSENT_ALLOWANCE),
    "consent_told": ("You agreed to get {what} on {day}, says a list that {sender} brought in.", CONSENT_ALLOWANCE),
    "complaint": ("A mail was marked as spam on {day}.", 0),
    "bounced": ("Mail to you came back on {day}.", 0),
    "bounce_lifted": ("{sender} noted on {day} that mail reaches you again.", 0),
    "erased": ("Your address and your choices were erased on {day}.", 0),
}
"""Register → its sentence, and how much earlier than told it counts."""


def registers_in_words(sender: Sender, state: State) -> Iterator[str]:
    """A sentence for everything that a state holds."""
    for scope, choice in state.choice.items():
        yield _CHOSEN[choice.value].format(what=name_of(sender, scope), day=day_of(choice.since))
    for scope, block in state.block.items():
        does = "stopped sending" if block.is_on else "ended its own stop of"
        yield f"{sender.name} {does} {name_of(sender, scope)} on {day_of(block.at)}."
    for register, (words, earlier) in _KEPT.items():
        kept = getattr(state, register)
        marks = kept.items() if register in {"stated", "consent", "consent_told"} else [("", kept)] if kept else ()
        for scope, mark in marks:
            yield words.format(what=name_of(sender, scope), day=day_of(mark.at + earlier), sender=sender.name)
