"""The languages that pages speak: which there are, which of them a reader asks for, and their catalogues (gettext)."""

from __future__ import annotations

import gettext
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = "en"
"""The language that the messages in the code are written in; it has no catalogue."""
LOCALE = Path(__file__).parent / "locale"


@dataclass(frozen=True, slots=True)
class Language:
    """A language: `code` in our URLs and file names, `tag` in HTML (BCP 47), its name in itself."""

    code: str
    name: str
    direction: Literal["ltr", "rtl"] = "ltr"
    tag: str = ""

    @property
    def html_tag(self) -> str:
        """What `lang` says."""
        return self.tag or self.code


OFFERED: dict[str, Language] = {
    language.code: language
    for language in (
        Language("ar", "العربية", "rtl"),
        Language("de", "Deutsch"),
        Language("en", "English"),
        Language("es", "Español"),
        Language("fr", "Français"),
        Language("he", "עברית", "rtl"),
        Language("hi", "हिन्दी"),
        Language("it", "Italiano"),
        Language("ja", "日本語"),
        Language("ko", "한국어"),
        Language("nl", "Nederlands"),
        Language("pl", "Polski"),
        Language("pt", "Português"),
        Language("sv", "Svenska"),
        Language("tr", "Türkçe"),
        Language("zh", "中文", tag="zh-Hans"),
    )
}
"""By code, in the order of their codes: no language comes before another."""
_FORMER = {"iw": "he"}
"""Codes that browsers still send (RFC 5646, `Deprecated` in the registry) → what they are now."""
_TRADITIONAL = "hant"
_CHINESE_SCRIPTS = frozenset({_TRADITIONAL, "hans"})
_OF_TRADITIONAL = frozenset({"tw", "hk", "mo"})
"""Regions that write Chinese so."""
_MOST = 1_000
"""Characters of Accept-Language that are read."""
_RANGE = re.compile(r"(\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)(?:;q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?")


def accepted(header: str) -> tuple[str, ...]:
    """The language ranges of `Accept-Language`, lower-cased, the most wanted first (RFC 9110 §12.5.4, RFC 4647 §2.1).

    What is malformed or refused (`q=0`) is left out, and so is `*`: it asks for no language.
    """
    found: list[tuple[float, str]] = []
    for text in header[:_MOST].lower().split(","):
        match = _RANGE.fullmatch(re.sub(r"[ \t]", "", text))
        if match and match[1] != "*" and (weight := float(match[2] or 1)) > 0:
            found.append((-weight, match[1]))
    return tuple(tag for _, tag in sorted(found, key=lambda one: one[0]))


def code_of(tag: str) -> str | None:
    """Which of our languages a tag is of: by its first part, since we have one catalogue for each (RFC 4647 §3.4)."""
    primary = tag.lower().partition("-")[0]
    code = _FORMER.get(primary, primary)
    return code if code in OFFERED else None


def is_in_other_script(tag: str) -> bool:
    """Whether a range asks for traditional Chinese, by its script or else by its region (CLDR, likely subtags)."""
    code, *subtags = tag.lower().split("-")
    scripts = _CHINESE_SCRIPTS.intersection(subtags)
    return code == "zh" and (_TRADITIONAL in scripts or (not scripts and not _OF_TRADITIONAL.isdisjoint(subtags)))


def negotiated(ranges: tuple[str, ...], default: str = SOURCE) -> Language:
    """The language of the first range that we have, else that of `default` (a tag), else English.

    A range that asks for another script than ours waits for the others, and comes before the default (UTS 35, language
    matching: a reader of traditional Chinese is nearer to simplified than to a language that nobody asked for).
    """
    codes = (code_of(tag) for tag in (*sorted(ranges, key=is_in_other_script), default))
    return OFFERED[next((code for code in codes if code), SOURCE)]


def find_text(texts: dict[str, str], language: Language, ranges: tuple[str, ...] = ()) -> str | None:
    """The tag of `texts` (lower-cased) that fits a page of this language best, None where there is none.

    First what the reader asked for, a region included, then the language itself, then any region of it.
    """
    if not texts:
        return None
    asked = [tag for tag in ranges if code_of(tag) == language.code]
    return next(_fits(texts, [*asked, language.html_tag.lower(), language.code], language), None)


def _fits(texts: dict[str, str], wanted: list[str], language: Language) -> Iterator[str]:
    yield from (tag for tag in wanted if tag in texts)
    yield from (tag for tag in sorted(texts) if code_of(tag) == language.code)


class Languages:
    """The catalogues of a folder, `<code>.po` each, read when a page first speaks the language.

    They are read as they are written: there is no compiled form that could be missing or old.
    """

    def __init__(self, folder: Path = LOCALE) -> None:
        self._folder = folder
        self._read: dict[str, gettext.NullTranslations] = {}

    def catalogue(self, language: Language) -> gettext.NullTranslations:
        """What translates into this language. English, and only that, has none."""
        found = self._read.get(language.code)
        if found is None:
            found = self._read[language.code] = self._load(language)
        return found

    def _load(self, language: Language) -> gettext.NullTranslations:
        file = self._folder / f"{language.code}.po"
        if language.code == SOURCE and not file.exists():
            return gettext.NullTranslations()
        import polib  # noqa: PLC0415 - English pages need none

        return gettext.GNUTranslations(BytesIO(polib.pofile(file.read_text("utf-8")).to_binary()))
