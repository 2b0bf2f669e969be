"""The languages of a page, each a link to the page in it. They stand in their own words: who looks for one reads it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from chalicelib.markup import Markup, escape
from chalicelib.web.languages import OFFERED, Language, code_of
from chalicelib.web.voices import LANGUAGE_FIELD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.web.voices import Voice

_QUERY = "\0"
"""Where the query of a page goes; no text has this character."""


def choice_of_language(voice: Voice, kept: Mapping[str, str]) -> Markup:
    """The sender's own languages first. A link names its query alone, so that the path stays, and the token in it."""
    # Translators: the name of the list of languages at the foot of a page
    label = voice.say("Language")
    query = str(escape(f"{urlencode(kept)}&")) if kept else ""
    return Markup(query.join(_around_queries(voice.language, voice.own, label)))  # noqa: S704 - all of it is escaped


@lru_cache(maxsize=256)
def _around_queries(present: Language, own: tuple[str, ...], label: Markup) -> tuple[str, ...]:
    """The list in pieces of markup, between which each link says what else its query holds.

    Drawn once for a language and a sender: an act's own query would else cost a tenth of the act.
    """
    first = {code_of(tag) for tag in own}
    languages = sorted(OFFERED.values(), key=lambda language: language.code not in first)
    items = Markup("").join(_item(language, is_present=language is present) for language in languages)
    drawn = Markup('<nav aria-label="{}"><ul>{}</ul></nav>').format(label, items)
    return tuple(str(drawn).split(_QUERY))


def _item(language: Language, *, is_present: bool) -> Markup:
    if is_present:
        return Markup('<li><span aria-current="true">{}</span></li>').format(language.name)
    chosen = urlencode({LANGUAGE_FIELD: language.code})
    return Markup('<li><a href="?{}{}" lang="{}">{}</a></li>').format(_QUERY, chosen, language.html_tag, language.name)
