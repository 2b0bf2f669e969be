"""What happened to a recipient, in words that a person uses: a sentence for every kind of act, and how it came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from chalicelib.web.voices import N_

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from chalicelib.domain.recipients import Entry
    from chalicelib.domain.senders import Sender
    from chalicelib.domain.state import Choice, State
    from chalicelib.markup import Markup
    from chalicelib.web.voices import Voice

# Translators: stands for {what}, as in "you stopped all optional mail"
EVERYTHING = N_("all optional mail")
_OWN = frozenset({Via.ONE_CLICK, Via.UNSUBSCRIBE_PAGE, Via.PREFERENCE_PAGE, Via.MAILTO})
"""Ways that are the recipient's own."""
_HOW: Mapping[Via, str] = {
    # Translators: stands for {how}, as in "On 3 March 2026 you stopped Offers, by the button of …"
    Via.ONE_CLICK: N_("by the button of your mail program"),
    Via.UNSUBSCRIBE_PAGE: N_("on the page to unsubscribe"),
    Via.PREFERENCE_PAGE: N_("on the page where you choose what you get"),
    Via.MAILTO: N_("by a mail to unsubscribe"),
    Via.API: N_("as {sender} noted"),
    Via.IMPORT: N_("as a list says that {sender} brought in"),
    Via.FEEDBACK: N_("as the mail system reported"),
    Via.OPT_OUT_FORM: N_("by the form to unsubscribe, into which your address was typed"),
    Via.OPS: N_("as the people who run this page noted"),
}


def happened(voice: Voice, sender: Sender, entry: Entry) -> tuple[Markup, ...]:
    """What an act was: one text for the parts of a kind, and of a day where they were told."""
    groups: dict[tuple[type[Part], str], list[Part]] = {}
    for part in entry.act.parts:
        told = voice.date(part.at) if isinstance(part, TOLD) else ""
        groups.setdefault((type(part), str(told)), []).append(part)
    return tuple(_in_words(voice, sender, entry, parts) for parts in groups.values())


def _in_words(voice: Voice, sender: Sender, entry: Entry, parts: Sequence[Part]) -> Markup:
    """One text; its day is that which was told, and that on which it was recorded beside it where it is another."""
    [first, *_] = parts
    recorded, told = voice.date(entry.recorded), voice.date(first.at) if isinstance(first, TOLD) else None
    values = {
        "date": told or recorded,
        "sender": voice.sender(sender),
        "what": named(voice, sender, map(scope_of, parts)),
        "how": voice.say(_HOW[entry.act.via], sender=voice.sender(sender)),
    }
    texts = _TEXTS[type(first)](entry.act.via)
    said = [voice.say(text, **values) for text in texts]
    if isinstance(first, Undone):
        said += _outcomes(voice, sender, parts)
    if told not in {None, recorded}:
        said.append(voice.say("It was noted on {date}.", date=recorded))
    return voice.sentences(*said)


def named(voice: Voice, sender: Sender, scopes: Iterable[str]) -> Markup:
    """The names of these scopes."""
    return voice.listed(_name_of(voice, sender, scope) for scope in scopes)


def _name_of(voice: Voice, sender: Sender, scope: str) -> Markup:
    if scope == ALL:
        return voice.say(EVERYTHING)
    category = sender.catalogue.find(scope)
    return voice.isolated(scope) if category is None else voice.category(category)


def _outcomes(voice: Voice, sender: Sender, parts: Iterable[Part]) -> Iterator[Markup]:
    formers = {former.scope: former.choice for part in parts if isinstance(part, Undone) for former in part.restored}
    for value, text in _RESTORED.items():
        scopes = [scope for scope, choice in formers.items() if _value_of(choice) is value]
        if scopes:
            yield voice.say(text, what=named(voice, sender, scopes))


def _value_of(choice: Choice | None) -> Value:
    return Value.UNSET if choice is None else choice.value


_RESTORED: Mapping[Value, str] = {
    Value.OUT: N_("Stopped as before: {what}."),
    Value.IN: N_("Chosen as before: {what}."),
    Value.UNSET: N_("As if you had never chosen: {what}."),
}
_STOPPED = N_("On {date} you stopped {what}, {how}.")
_BY_FORM = N_("On {date} {what} stopped, because your address was typed into the form to unsubscribe.")
_BLOCKED = N_("On {date} {sender} stopped sending you {what}, by its own decision.")
_UNBLOCKED = N_("On {date} {sender} ended its decision not to send you {what}.")
_REACHED = N_("On {date} {sender} noted that mail reaches you again.")
_ALL_STOPS = N_("This stops all optional mail.")


def _opted_out(via: Via) -> tuple[str, ...]:
    return (_BY_FORM if via is Via.OPT_OUT_FORM else _STOPPED,)


def _undone(via: Via) -> tuple[str, ...]:
    if via in _OWN:
        return (N_("On {date} you undid a choice, {how}."),)
    if via is Via.OPS:
        return (N_("On {date} the people who run this page undid what was noted for your address."),)
    return (N_("On {date} {sender} undid what was noted for your address."),)


def _erased(via: Via) -> tuple[str, ...]:
    if via in _OWN:
        return (N_("On {date} you erased your address and your choices, {how}."),)
    if via is Via.OPS:
        return (N_("On {date} the people who run this page erased your address and your choices."),)
    return (N_("On {date} {sender} erased your address and your choices."),)


def _always(*texts: str) -> Callable[[Via], tuple[str, ...]]:
    return lambda _: texts


_TEXTS: Mapping[type[Part], Callable[[Via], tuple[str, ...]]] = {
    OptedOut: _opted_out,
    OptedIn: _always(N_("On {date} you chose {what}, {how}.")),
    Undone: _undone,
    Stated: _opted_out,
    Consented: _always(N_("On {date} you agreed to get {what}, {how}.")),
    Blocked: _always(_BLOCKED),
    Unblocked: _always(_UNBLOCKED),
    Complained: _always(N_("On {date} you marked a mail as spam, {how}."), _ALL_STOPS),
    Bounced: _always(N_("On {date} mail to you came back, {how}."), N_("This stops all mail.")),
    BounceLifted: _always(_REACHED),
    Erased: _erased,
}
_CHOSEN: Mapping[Value, str] = {
    Value.OUT: N_("You stopped {what} on {date}."),
    Value.IN: N_("You chose {what} on {date}."),
    Value.UNSET: N_("You took your choice of {what} back on {date}."),
}
_KEPT: Mapping[str, tuple[str, int]] = {
    "stated": (N_("It was noted that you stopped {what} on {date}."), 0),
    "consent": (N_("You agreed to get {what} on {date}, says {sender}."), CONSENT_ALLOWANCE),
    "consent_told": (
        N_("You agreed to get {what} on {date}, says a list that {sender} brought in."),
        CONSENT_ALLOWANCE,
    ),
    "complaint": (N_("A mail was marked as spam on {date}."), 0),
    "bounced": (N_("Mail to you came back on {date}."), 0),
    "bounce_lifted": (_REACHED, 0),
    "erased": (N_("Your address and your choices were erased on {date}."), 0),
}
"""Register → its sentence, and how much earlier than told it counts."""


def registers_in_words(voice: Voice, sender: Sender, state: State) -> Iterator[Markup]:
    """A sentence for everything that a state holds."""

    def said(text: str, scope: str, at: int) -> Markup:
        values: dict[str, Any] = {"date": voice.date(at), "sender": voice.sender(sender)}
        return voice.say(text, what=named(voice, sender, [scope]), **values)

    for scope, choice in state.choice.items():
        yield said(_CHOSEN[choice.value], scope, choice.since)
    for scope, block in state.block.items():
        yield said(_BLOCKED if block.is_on else _UNBLOCKED, scope, block.at)
    for register, (text, earlier) in _KEPT.items():
        kept = getattr(state, register)
        marks = kept.items() if register in {"stated", "consent", "consent_told"} else [(ALL, kept)] if kept else ()
        for scope, mark in marks:
            yield said(text, scope, mark.at + earlier)
