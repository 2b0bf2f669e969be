"""Profiles: how a sender presents itself to its recipients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.images import Logo
from chalicelib.domain.texts import MAX_LANGUAGES, check_line, check_translations, language_of

MAX_NAME = 100
MAX_POSTAL_ADDRESS = 500
MAX_POSTAL_LINES = 10
MAX_LINK = 500
ACCENT = re.compile(r"#[0-9a-f]{6}")
PRIVACY_LINK = re.compile(
    r"https://[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
    r"(?::[0-9]{1,5})?(?:[/?#][A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*)?"
)
"""RFC 3986, of which this is the part that a browser follows without asking: a host by name, no user, no password."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What recipients see of a sender beside its name; `names` are its name by language, lower-cased BCP 47 tags."""

    names: Mapping[str, str] = field(default_factory=dict, hash=False)
    default_language: str = "en"
    languages: tuple[str, ...] = ("en",)
    accent: str | None = None
    postal_address: str | None = None
    privacy_link: str | None = None
    logo: Logo | None = None

    def __post_init__(self) -> None:
        check_translations(self.names, MAX_NAME, "/names")
        self._check_languages()
        if self.accent is not None and not ACCENT.fullmatch(self.accent):
            raise InvalidRequest("a colour as #rrggbb", "/accent")
        if self.postal_address is not None:
            _check_postal_address(self.postal_address)
        if self.privacy_link is not None and not (
            len(self.privacy_link) <= MAX_LINK and PRIVACY_LINK.fullmatch(self.privacy_link)
        ):
            raise InvalidRequest(f"an https URL of at most {MAX_LINK} characters", "/privacy_link")

    def _check_languages(self) -> None:
        if not 1 <= len(self.languages) <= MAX_LANGUAGES or len(set(self.languages)) != len(self.languages):
            raise InvalidRequest(f"1 to {MAX_LANGUAGES} languages, each once", "/languages")
        for place, tag in enumerate(self.languages):
            if language_of(tag, f"/languages/{place}") != tag:
                raise InvalidRequest("a language tag is lower-cased", f"/languages/{place}")
        if self.default_language not in self.languages:
            raise InvalidRequest("the default is one of the languages", "/default_language")


def _check_postal_address(text: str) -> None:
    lines = text.split("\n")
    if len(text) > MAX_POSTAL_ADDRESS or len(lines) > MAX_POSTAL_LINES:
        raise InvalidRequest(f"at most {MAX_POSTAL_LINES} lines and {MAX_POSTAL_ADDRESS} characters", "/postal_address")
    for line in lines:
        check_line(line, MAX_POSTAL_ADDRESS, "/postal_address")
