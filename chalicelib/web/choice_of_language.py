"""The languages of a page, each a link to the page in it. They stand in their own words: who looks for one reads it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from markupsafe import Markup

from chalicelib.web.languages import OFFERED, Language, code_of
from chalicelib.web.voices import LANGUAGE_FIELD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.web.voices import Voice


def choice_of_language(voice: Voice, kept: Mapping[str, str]) -> Markup:
    """The sender's own languages first. A link names its query alone, so that the path stays, and the token in it."""
    # Translators: the name of the list of languages at the foot of a page
    label = voice.say("Language")
    return _drawn(voice.language, voice.own, label, urlencode(kept))


@lru_cache(maxsize=256)
def _drawn(present: Language, own: tuple[str, ...], label: Markup, kept: str) -> Markup:
    first = {code_of(tag) for tag in own}
    languages = sorted(OFFERED.values(), key=lambda language: language.code not in first)
    items = Markup("").join(_item(language, kept, is_present=language is present) for language in languages)
    return Markup('<nav aria-label="{}"><ul>{}</ul></nav>').format(label, items)


def _item(language: Language, kept: str, *, is_present: bool) -> Markup:
    if is_present:
        return Markup('<li><span aria-current="true">{}</span></li>').format(language.name)
    chosen = urlencode({LANGUAGE_FIELD: language.code})
    return Markup('<li><a href="?{}" lang="{}">{}</a></li>').format(
        f"{kept}&{chosen}" if kept else chosen, language.html_tag, language.name
    )
