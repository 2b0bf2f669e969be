"""The form of the preference centre: as many kinds of mail as a page has room for, and the way to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.domain.decision import Reason
from chalicelib.markup import Markup
from chalicelib.web.fitting import TEXT_OCTETS, octets
from chalicelib.web.voices import N_
from chalicelib.web.words import button

if TYPE_CHECKING:
    from chalicelib.domain.senders import Sender
    from chalicelib.use_cases.choosing import Centre, Standing
    from chalicelib.web.voices import Voice

FROM = "from"
"""The field of the query that names the category with which a page of the centre begins."""
SET_APART = 40
"""Octets of the element around a text of the sender."""
ROWS_OCTETS = 3_600
"""Of the categories on one page of the centre: twenty with a sentence each, two of the longest."""
_NOTES = {
    Reason.BLOCKED: N_("The sender is not sending you this at the moment."),
    Reason.UNDELIVERABLE: N_("Mail to you came back, so this is not being sent at the moment."),
}


class Choices:
    """The form from the category `first` on, else from the first of all: a part of a page that takes what is left.

    `spare` octets of that stay free for what is said once it was saved, so that the same categories are shown then.
    """

    def __init__(self, voice: Voice, sender: Sender, token: str, chosen: Centre, first: str) -> None:
        ids = [standing.category.id for standing in chosen.standings]
        self.voice, self.sender, self.chosen, self.path = voice, sender, chosen, f"/p/{token}"
        self.at = ids.index(first) if first in ids else 0
        self.standings = chosen.standings[self.at :]
        self.query = {FROM: first} if self.at else {}
        self.spare = 0

    def __call__(self, room: int) -> Markup:
        """As markup of at most `room` octets, if one category fits into them."""
        rows = self._leading()
        while octets(form := self._form(rows)) + self._unticked(len(rows)) > room - self.spare and len(rows) > 1:
            rows.pop()
        if (over := octets(form) - room) > 0:
            said = octets(self.voice.description(self.standings[0].category))
            form = self._form([self._row(0, self.standings[0], max(0, said - over - SET_APART))])
        return form

    def _leading(self) -> list[Markup]:
        """Categories as far as a page may have them, counted as if all were ticked: no outcome changes it."""
        rows: list[Markup] = []
        left = ROWS_OCTETS
        for number, standing in enumerate(self.standings):
            row = self._row(number, standing)
            left -= octets(row) + (0 if standing.is_wanted else len(_TICKED))
            if left < 0 and rows:
                break
            rows.append(row)
        return rows

    def _unticked(self, shown: int) -> int:
        """Octets that this many categories would have besides if all were ticked."""
        return sum(
            len(_TICKED) + len(standing.category.id) + 1
            for standing in self.standings[:shown]
            if not standing.is_wanted
        )

    def _form(self, rows: list[Markup]) -> Markup:
        standings = self.standings[: len(rows)]
        fields = _FIELDS.format(
            version=self.chosen.version,
            shown=" ".join(standing.category.id for standing in standings),
            before=" ".join(standing.category.id for standing in standings if standing.is_wanted),
            legend=self.voice.say("What you want from {sender}", sender=self.voice.sender(self.sender)),
            rows=Markup("\n").join(rows),
        )
        save = button(self.voice.to(self.path, **self.query), self.voice.say("Save"), fields)
        return save + self._others(len(rows))

    def _others(self, shown: int) -> Markup:
        total, end = len(self.chosen.standings), self.at + shown
        if shown == total:
            return Markup("")
        told = self.voice.say(_PART, first=self.at + 1, last=end, total=total)
        following = self._link(_MORE, {FROM: self.standings[shown].category.id}) if end < total else Markup("")
        return Markup("<p>{}</p>{}{}").format(told, following, self._link(_FIRST, {}) if self.at else "")

    def _link(self, label: str, query: dict[str, str]) -> Markup:
        return Markup('<p><a href="{}">{}</a></p>').format(self.voice.here(**query), self.voice.say(label))

    def _row(self, number: int, standing: Standing, most: int = TEXT_OCTETS) -> Markup:
        """One category, with at most `most` octets of its description."""
        note = _NOTES.get(standing.verdict.reason) if standing.verdict.reason else None
        about = self.voice.sentences(
            self.voice.description(standing.category, most) if most else "", self.voice.say(note) if note else ""
        )
        return _ROW.format(
            number=number,
            id=standing.category.id,
            name=self.voice.category(standing.category),
            about=about,
            checked=_TICKED if standing.is_wanted else "",
            described=Markup(' aria-describedby="d{}"').format(number) if about else "",
        )


_PART = N_("You see {first} to {last} of {total} kinds of mail. Save before you go to others.")
_MORE = N_("More kinds of mail")
_FIRST = N_("The first kinds of mail")
_FIELDS = Markup(
    '<input type="hidden" name="version" value="{version}">'
    '<input type="hidden" name="shown" value="{shown}"><input type="hidden" name="before" value="{before}">'
    "<fieldset><legend>{legend}</legend>{rows}</fieldset>"
)
"""The form carries what it showed, so that only differences become acts."""
_TICKED = Markup(" checked")
_ROW = Markup(
    '<div class="choice"><input type="checkbox" id="c{number}" name="wanted" value="{id}"{checked}{described}>'
    '<label for="c{number}">{name}</label><span id="d{number}">{about}</span></div>'
)
