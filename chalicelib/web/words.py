"""Sentences and controls that more than one page has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.addresses import mask
from chalicelib.domain.identity import MAX_SHARDS, RECIPIENT_ID
from chalicelib.markup import Markup
from chalicelib.web.fitting import Part
from chalicelib.web.voices import N_

if TYPE_CHECKING:
    from chalicelib.domain.senders import Place
    from chalicelib.use_cases.opening import OpenedLink
    from chalicelib.web.voices import Voice

STOP_ALL = N_("Stop all optional mail")
MOST_UNDONE = 8
"""Acts that one form undoes: ours name one."""
ACT_FIELD = "act"
DONE_FIELD = "done"
"""Of a URL: the acts that its page tells of, so that the page can be had in another language."""
AT_FIELD = "at"
"""Of the URL of a history: where the recipient is kept."""
_SHARDS = frozenset(map(str, range(MAX_SHARDS)))
_BETWEEN = "."
"""Is in no act id."""
BACK = N_("Back to what you get")
ASKS_ADDRESS = N_("Because mails get forwarded, type the address that the mail with this link came to.")
HISTORY = "history"
_MORE = (
    (HISTORY, N_("What happened so far")),
    ("data", N_("Download my data")),
    ("erase", N_("Erase my data")),
)


def masked(voice: Voice, opened: OpenedLink) -> Markup:
    """The address, as far as a page may show it (conformance F5)."""
    return voice.isolated(mask(opened.address.spelled))


def about(voice: Voice, opened: OpenedLink) -> Markup:
    """Whose mail to whom a page is about."""
    sender, address = voice.sender(opened.sender), masked(voice, opened)
    return voice.say("This is about mail that {sender} sends to {address}.", sender=sender, address=address)


def strong(text: Markup | str) -> Markup:
    """What the sentence is about."""
    return Markup("<strong>{}</strong>").format(text)


def paragraph(text: Markup | str) -> Markup:
    """A sentence or more of our own."""
    return Markup("<p>{}</p>").format(text)


def not_done(voice: Voice) -> Markup:
    """What a link says that opens less than it once did, to who wanted more of it than to stop mail."""
    return outcome(voice.say("That was not done, because this link is old."), is_done=False)


def only_stops(voice: Voice) -> Markup:
    """What a link that opens less than it once did says of itself."""
    said = voice.say(
        "This link is old, so all it can do is stop mail. To choose what you get, use the link of a newer mail."
    )
    return Markup('<p class="said">{}</p>').format(said)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a form has done: in words, and the acts by which it did, newest first. Some can be undone."""

    said: Part
    acts: tuple[str, ...] = ()
    can_undo: bool = True


def outcome(text: Markup | str, *, is_done: bool = True) -> Markup:
    """What came of a form. It takes the focus, so that a screen reader says it on a page that is new as a whole.

    It has a tick, unless nothing came of it.
    """
    kind = "said" if is_done else "said same"
    return Markup('<p class="{}" role="status" tabindex="-1" autofocus>{}</p>').format(kind, text)


def undo_button(voice: Voice, token: str, acts: tuple[str, ...], **query: str) -> Markup:
    """Puts back what these acts have changed. `query` says which page of the preference centre comes then."""
    fields = (Markup('<input type="hidden" name="{}" value="{}">').format(ACT_FIELD, act) for act in acts)
    return button(voice.to(f"/p/{token}/undo", **query), voice.say("Undo"), *fields, is_second=True)


def done_query(acts: tuple[str, ...]) -> dict[str, str]:
    """What a URL says so that its page tells of these acts again: nothing of none."""
    return {DONE_FIELD: _BETWEEN.join(acts)} if acts else {}


def done_acts(told: str) -> tuple[str, ...]:
    """The acts that a URL names."""
    return tuple(told.split(_BETWEEN)[:MOST_UNDONE]) if told else ()


def stop_all_button(voice: Voice, token: str, *, is_second: bool = True) -> Markup:
    """Stops all optional mail (conformance C3)."""
    return button(voice.to(f"/u/{token}/all"), voice.say(STOP_ALL), is_second=is_second)


def at_query(place: Place) -> dict[str, str]:
    """What a URL says of where the recipient is kept, so that its page is two reads wherever it is asked for."""
    return {AT_FIELD: f"{place.shard}{_BETWEEN}{place.recipient}"}


def told_at(told: str) -> tuple[int, str] | None:
    """Shard and recipient id that a URL tells; None where it tells none."""
    shard, _, recipient = told.partition(_BETWEEN)
    return (int(shard), recipient) if shard in _SHARDS and RECIPIENT_ID.fullmatch(recipient) else None


def more(voice: Voice, token: str, place: Place, *paths: str) -> Markup:
    """The way to what a recipient can do besides: to all of it, or to the pages of these paths."""
    queries = {HISTORY: at_query(place)}
    links = Markup("").join(
        Markup('<li><a href="{}">{}</a></li>').format(
            voice.to(f"/p/{token}/{path}", **queries.get(path, {})), voice.say(label)
        )
        for path, label in _MORE
        if path in paths or not paths
    )
    return Markup('<h2>{}</h2><ul role="list">{}</ul>').format(voice.say("More"), links)


def back(voice: Voice, token: str, label: str = BACK) -> Markup:
    """The way to the preference centre."""
    return Markup('<p><a href="{}">{}</a></p>').format(voice.to(f"/p/{token}"), voice.say(label))


def button(action: str, label: Markup | str, *inside: Markup, is_second: bool = False) -> Markup:
    """A form with one button."""
    kind = Markup(' class="second"') if is_second else Markup("")
    return Markup('<form method="post" action="{}">{}<button{}>{}</button></form>').format(
        action, Markup("").join(inside), kind, label
    )
