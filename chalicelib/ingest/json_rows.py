"""The rows of `POST /v1/imports`. They mean what the same words in a file mean.

    {"address": …, "reason": …, "category": "news" or "*", "at": …,
     "consent": {"category": "news", "at": …, "how": …, "wording": …, "source": …}}

All but the address may be missing. Times are RFC 3339. A row that tells of consent and gives no reason is no opt-out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import RowRefused
from chalicelib.ingest.meanings import Meaning, meaning_of
from chalicelib.ingest.rows import ConsentTold, Defaults, Reader, ReadRow, read_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.domain.categories import Catalogue

_NAMES = ("address", "reason", "category", "at", "consent")
_OF_CONSENT = ("category", "at", "how", "wording", "source")
_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def read_json_row(item: object, defaults: Defaults, catalogue: Catalogue, created: int) -> ReadRow:
    """What `item` tells; `created` is the time of receipt in milliseconds since 1970 UTC. Raises `RowRefused`.

    Its `column` is the JSON field, `consent/at` for one inside another.
    """
    told = _object(item, _NAMES, "")
    address = read_address(told.get("address"))
    reader = Reader(defaults, catalogue, created)
    consent = _consent_told(told["consent"]) if "consent" in told else None
    if consent is not None and "reason" not in told:
        if unused := {"category", "at"} & set(told):
            raise RowRefused("a row of consent has them in `consent`", min(unused))
        return ReadRow(address, *reader.consent(consent, "consent/"))
    telling = (_meaning(told), _time(told, "at", ""))
    otherwise = None if defaults.reason is None else Meaning(defaults.reason)
    parts = reader.parts((telling,), otherwise, _text(told, "category", ""))
    if consent is None:
        return ReadRow(address, parts)
    consented, evidence = reader.consent(consent, "consent/")
    return ReadRow(address, (*parts, *consented), evidence)


def _object(item: object, names: tuple[str, ...], column: str) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise RowRefused("an object", column)
    if unknown := set(item) - set(names):
        raise RowRefused(f"takes {', '.join(names)}; not {len(unknown)} other", column)
    return item


def _meaning(told: Mapping[str, Any]) -> Meaning | None:
    if "reason" not in told:
        return None
    meaning = meaning_of(_text(told, "reason", ""))
    if meaning is None:
        raise RowRefused("not a reason that is known", "reason")
    return meaning


def _consent_told(item: object) -> ConsentTold:
    told = _object(item, _OF_CONSENT, "consent")
    for name in _OF_CONSENT:
        if name not in told:
            raise RowRefused("a consent has it", f"consent/{name}")
    texts = {name: _text(told, name, "consent/") for name in _OF_CONSENT if name != "at"}
    return ConsentTold(at=_time(told, "at", "consent/"), **texts)


def _text(told: Mapping[str, Any], name: str, path: str) -> str:
    """The text of a field, "" where there is none. One that is there holds something."""
    if name not in told:
        return ""
    text = told[name]
    if not isinstance(text, str) or not text.strip():
        raise RowRefused("a text", f"{path}{name}")
    return text.strip()


def _time(told: Mapping[str, Any], name: str, path: str) -> str:
    text = _text(told, name, path)
    if text and not _RFC_3339.fullmatch(text):
        raise RowRefused("a time as RFC 3339 has it, such as 2026-03-01T09:30:00Z", f"{path}{name}")
    return text
