"""How a page speaks: its language, its dates, what the sender calls things in it, and URLs that keep it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from chalicelib.markup import Markup, escape
from chalicelib.web.fitting import LISTED_OCTETS, NAME_OCTETS, SENDER_OCTETS, TEXT_OCTETS, leading, shortened
from chalicelib.web.languages import OFFERED, SOURCE, Language, Languages, accepted, code_of, find_text, negotiated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.domain.categories import Category
    from chalicelib.domain.senders import Sender

LANGUAGE_FIELD = "lang"
"""The field of a URL that says which language was chosen on the page."""


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """Marks a message that is translated elsewhere."""
    return message


_MONTHS = (
    *(N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July")),
    *(N_("August"), N_("September"), N_("October"), N_("November"), N_("December")),
)
# Translators: a whole date, with the month as it is written in a date
_DATE = N_("{day} {month} {year}")
_DATE_OF_REGION = {"en-us": "{month} {day}, {year}", "en-ca": "{month} {day}, {year}", "en-ph": "{month} {day}, {year}"}
"""Where a region writes a date in another way than its language does elsewhere (CLDR), among our languages."""
# Translators: how a sentence follows another: with no space in between where a language has none
_AFTER = N_("{before} {next}")
# Translators: how a list goes on, as in "News, Offers"
_NEXT = N_("{before}, {next}")
# Translators: how a list ends, as in "News, Offers and Tips"
_LAST = N_("{before} and {last}")


@dataclass(frozen=True, slots=True)
class Voice:
    """A language to speak in, and the path prefix of our URLs.

    `ranges` is what the reader asked for, best first. `is_chosen`: the language was chosen on the page, so that our
    URLs carry it on; one that was negotiated will be negotiated again. `own` are the sender's languages, as tags.
    `is_brief`: names and lists are shortened to what a page has room for.
    """

    prefix: str = ""
    language: Language = OFFERED[SOURCE]
    ranges: tuple[str, ...] = ()
    is_chosen: bool = False
    own: tuple[str, ...] = ()
    default: str = SOURCE
    languages: Languages = field(default_factory=Languages, compare=False)
    is_brief: bool = True

    def say(self, message: str, /, **values: Any) -> Markup:
        """A message in this language. Values are escaped, unless they are markup."""
        return _filled(self.languages.catalogue(self.language).gettext(message), values)

    def count(self, one: str, several: str, number: int, /, **values: Any) -> Markup:
        """A message in the form that this language has for a number, which is `{number}` in it."""
        text = self.languages.catalogue(self.language).ngettext(one, several, number)
        return _filled(text, {**values, "number": number})

    def to(self, path: str, **query: str) -> str:
        """The URL of a path of ours, which keeps a chosen language."""
        kept = {LANGUAGE_FIELD: self.language.code} if self.is_chosen else {}
        asked = urlencode({**query, **kept})
        return f"{self.prefix}{path}{'?' if asked else ''}{asked}"

    def here(self, **query: str) -> str:
        """The URL of the page that it stands on, with this query alone: a long token makes a heavy page."""
        return self.to("", **query).removeprefix(self.prefix) or "?"

    def date(self, at: int) -> Markup:
        """A day as a reader of this language writes it; `at` in milliseconds since 1970, the day in UTC."""
        day = datetime.fromtimestamp(at // 1000, UTC)
        region = next((tag for tag in self.ranges if code_of(tag) == self.language.code), "")
        pattern = _DATE_OF_REGION.get(region, _DATE)
        return self.say(pattern, day=day.day, month=self.say(_MONTHS[day.month - 1]), year=day.year)

    def listed(self, parts: Iterable[Markup | str], room: int = LISTED_OCTETS) -> Markup:
        """`News, Offers and Tips`; where they have more than `room` octets, `News, Offers and 12 more`."""
        every = [escape(part) for part in parts]
        shown = leading(every, room) if self.is_brief else every
        rest = len(every) - len(shown)
        # Translators: the end of a list that is too long to be told, as in "News, Offers and 12 more"
        more = [self.count("{number} more", "{number} more", rest)] if rest else []
        *first, last = [*shown, *more] or [Markup("")]
        if not first:
            return last
        before, *others = first
        for other in others:
            before = self.say(_NEXT, before=before, next=other)
        return self.say(_LAST, before=before, last=last)

    def sentences(self, *parts: Markup | str) -> Markup:
        """One after the other; nothing of what is empty."""
        first, *others = [escape(part) for part in parts if part] or [Markup("")]
        for other in others:
            first = self.say(_AFTER, before=first, next=other)
        return first

    def sender(self, sender: Sender) -> Markup:
        """What a sender calls itself in this language."""
        return self.named(sender.profile.names, sender.name, SENDER_OCTETS)

    def category(self, category: Category, most: int = NAME_OCTETS) -> Markup:
        """What its sender calls a category in this language."""
        return self.named(category.names, category.name, most)

    def description(self, category: Category, most: int = TEXT_OCTETS) -> Markup:
        """What its sender says of a category in this language; nothing where it says nothing."""
        return self.named(category.descriptions, category.description, most) if category.description else Markup("")

    def named(self, texts: Mapping[str, str], fallback: str, most: int = NAME_OCTETS) -> Markup:
        """A sender's own words, set apart from ours: in a direction of their own, in a language of their own.

        They are shortened to `most` octets.
        """
        tag = find_text(dict(texts), self.language, self.ranges)
        lang = "" if tag or code_of(self.default) == self.language.code else self.default
        text = texts[tag] if tag else fallback
        return self.isolated(shortened(text, most) if self.is_brief else text, lang)

    def isolated(self, text: str, lang: str = "") -> Markup:
        """A text of somebody else, so that its direction changes nothing around it; `lang` where it is not the page's.

        ASCII on a page from left to right needs nothing of this.
        """
        if not lang and text.isascii() and self.language.direction == "ltr":
            return escape(text)
        return Markup("<bdi{}>{}</bdi>").format(Markup(' lang="{}"').format(lang) if lang else "", text)


def _filled(text: str, values: Mapping[str, Any]) -> Markup:
    return escape(text).format(**values) if values else escape(text)


def plain(markup: Markup) -> str:
    """As text, for where no markup may be."""
    return markup.striptags()


def voice_for(languages: Languages, header: str, chosen: str, prefix: str = "", sender: Sender | None = None) -> Voice:
    """How to speak to who asks with this `Accept-Language` and with this code in the URL.

    What was chosen on a page comes first, then what the browser asks for, then the sender's default, then English.
    """
    language, ranges = OFFERED.get(chosen), accepted(header)
    own, default = ((), SOURCE) if sender is None else (sender.profile.languages, sender.profile.default_language)
    return Voice(prefix, language or negotiated(ranges, default), ranges, language is not None, own, default, languages)
