"""The languages of a page, each a link to the page in it. They stand in their own words: who looks for one reads it."""

from __future__ import annotations

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
    own = [code for code in map(code_of, voice.own) if code]
    languages = sorted(OFFERED.values(), key=lambda language: language.code not in own)
    items = Markup("").join(_item(voice, language, kept) for language in languages)
    # Translators: the name of the list of languages at the foot of a page
    return Markup('<nav aria-label="{}"><ul>{}</ul></nav>').format(voice.say("Language"), items)


def _item(voice: Voice, language: Language, kept: Mapping[str, str]) -> Markup:
    if language is voice.language:
        return Markup('<li><span aria-current="true">{}</span></li>').format(language.name)
    return Markup('<li><a href="?{}" lang="{}">{}</a></li>').format(
        urlencode({**kept, LANGUAGE_FIELD: language.code}), language.html_tag, language.name
    )
