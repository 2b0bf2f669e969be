"""A recipient and its acts, as the API tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.api import times
from chalicelib.domain.acts import Consented, Part, Undone, scope_of

if TYPE_CHECKING:
    from chalicelib.domain.acts import Evidence
    from chalicelib.domain.categories import Category
    from chalicelib.domain.recipients import Entry
    from chalicelib.use_cases.looking import Known, Page


def tell_known(known: Known) -> dict[str, Any]:
    """What holds: a check's answer for every category. `address` is null where none is kept."""
    return {
        "recipient": known.place.recipient,
        "known": known.is_known,
        "address": known.recipient.address,
        "version": known.recipient.version,
        "categories": [
            {
                "category": category.id,
                "may_send": verdict.may_send,
                "reason": verdict.reason,
                "since": times.tell(verdict.since),
            }
            for category, verdict in known.verdicts
        ],
    }


def tell_page(page: Page) -> dict[str, Any]:
    """What happened, newest first."""
    return {
        "acts": [_with_evidence(entry, page.evidence.get(entry.act.id)) for entry in page.entries],
        "cursor": page.older,
    }


def _with_evidence(entry: Entry, evidence: Evidence | None) -> dict[str, Any]:
    told = tell_entry(entry)
    if evidence is None:
        return told
    return {**told, "evidence": {"how": evidence.how, "wording": evidence.wording, "source": evidence.source}}


def tell_entry(entry: Entry) -> dict[str, Any]:
    """One act, without whose it is."""
    return {
        "act": entry.act.id,
        "via": str(entry.act.via),
        "recorded": times.tell(entry.recorded),
        "version": entry.version,
        "parts": [_part(part) for part in entry.act.parts],
    }


def _part(part: Part) -> dict[str, Any]:
    """The kind in the field's words: `OptedOut` → `opted_out`; when it happened; what it is about."""
    kind = "".join(f"_{c.lower()}" if c.isupper() else c for c in type(part).__name__).lstrip("_")
    told: dict[str, Any] = {"kind": kind, "at": times.tell(part.at)}
    if scope := scope_of(part):
        told["category"] = scope
    if isinstance(part, Undone):
        told["acts"] = list(part.acts)
    if isinstance(part, Consented):
        told["consented"] = times.tell(part.at)
    return told


def tell_category(category: Category) -> dict[str, Any]:
    """A category, as it is now."""
    return {
        "id": category.id,
        "kind": str(category.kind),
        "name": category.name,
        "description": category.description,
        "needs_consent": category.needs_consent,
        "ground": None if category.ground is None else str(category.ground),
        "retired": category.retired,
    }
