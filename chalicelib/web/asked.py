"""Who asks for a page, and how to speak to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from chalicelib.boundary import service_of
from chalicelib.domain.errors import SettingsError
from chalicelib.web.voices import LANGUAGE_FIELD, Voice, voice_for

if TYPE_CHECKING:
    from chalice.app import Blueprint

    from chalicelib.domain.senders import Sender
    from chalicelib.web.languages import Languages


class Speaking(Protocol):
    """An app that has languages."""

    @property
    def languages(self) -> Languages:
        """Their catalogues."""
        ...


def asked(blueprint: Blueprint, name: str) -> str:
    """A field of the query; nothing where it was not sent."""
    query = blueprint.current_request.query_params
    return str(query.get(name) or "") if query else ""


def voice_of(blueprint: Blueprint, sender: Sender | None = None) -> Voice:
    """How to speak to who sent the present request, on a page of this sender."""
    languages = cast("Speaking", blueprint.current_app).languages
    header = blueprint.current_request.headers.get("accept-language", "")
    return voice_for(languages, header, asked(blueprint, LANGUAGE_FIELD), _prefix(blueprint), sender)


def _prefix(blueprint: Blueprint) -> str:
    try:
        return service_of(blueprint).settings.prefix
    except SettingsError:
        return ""
