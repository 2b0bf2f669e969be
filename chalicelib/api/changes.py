"""`/v1/changes`: what happened, in order and nothing missed, from the beginning or from where a cursor stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import times
from chalicelib.api.registers import tell_registers
from chalicelib.api.serving import route
from chalicelib.api.telling import tell_category, tell_entry
from chalicelib.boundary import JSON, text_answer
from chalicelib.domain.acts import Erased
from chalicelib.domain.senders import SenderEntry
from chalicelib.use_cases.following import Wanted, cursor_of, follow

if TYPE_CHECKING:
    from chalice.app import Response

    from chalicelib.api.serving import Asked
    from chalicelib.domain.recipients import Entry, Recipient
    from chalicelib.domain.senders import Sender
    from chalicelib.domain.suppressions import Effects
    from chalicelib.service import Service
    from chalicelib.use_cases.following import Change, Changes

MOST = 1_000
"""Changes in one answer."""
MOST_CHARACTERS = 3_500_000
"""In one answer: a Lambda function may answer with 6 MB, in which every quotation mark of ours takes two octets."""
changes = Blueprint(__name__)


@route(changes, "/v1/changes", ["GET", "HEAD"], "read")
def feed(asked: Asked) -> Response:
    """What came after the cursor."""
    wanted = Wanted(
        cursor=asked.parameters.get("cursor"),
        limit=asked.parameters.get("limit", MOST),
        wait=asked.parameters.get("wait", 0),
    )
    asked.charge(int(wanted.wait))  # whoever waits holds a container that a click may need
    page = follow(asked.service, asked.sender, wanted)
    return text_answer(tell_changes(asked.service, asked.sender, page), JSON)


def tell_changes(service: Service, sender: Sender, page: Changes, most: int = MOST_CHARACTERS) -> str:
    """As many of a page's changes as an answer holds, and a cursor that stands after the last of these."""
    texts: list[str] = []
    for change in page.changes:
        text = json.dumps(_change(change), allow_nan=False)
        most -= len(text)
        if most < 0 and texts:
            break
        texts.append(text)
    beside = {
        "cursor": cursor_of(service, sender, page.after(len(texts))),
        "as_of": times.tell(page.as_of),
        "more": page.is_more or len(texts) < len(page.changes),
    }
    return f'{{"changes": [{", ".join(texts)}], {json.dumps(beside)[1:]}'


def _change(change: Change) -> dict[str, Any]:
    if isinstance(change.line, SenderEntry):
        return _of_sender(change.line)
    return _of_recipient(change.line, change.recipient)


def _of_recipient(entry: Entry, recipient: Recipient) -> dict[str, Any]:
    return {
        "type": "recipient",
        "recipient": entry.place.recipient,
        "address": recipient.address,
        **tell_entry(entry),
        **_effects(entry.effects),
        "erased": any(isinstance(part, Erased) for part in entry.act.parts),
        "current": {"version": recipient.version, "registers": tell_registers(recipient.state)},
    }


def _effects(effects: Effects) -> dict[str, Any]:
    return {
        "added": [
            {"category": scope, "reason": str(reason), "since": times.tell(since)}
            for scope, reason, since in effects.added
        ],
        "removed": [{"category": scope, "reason": str(reason)} for scope, reason in effects.removed],
    }


def _of_sender(entry: SenderEntry) -> dict[str, Any]:
    told = {"version": entry.version, "recorded": times.tell(entry.recorded)}
    if entry.category is None:
        return {"type": "sender", **told}
    return {"type": "category", "category": tell_category(entry.category), **told}
