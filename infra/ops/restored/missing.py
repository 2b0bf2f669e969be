"""What may be missing where a table of before is gone: of which table, from when on, and who may still know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from infra.ops.rotation import time_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Gone = Mapping[str, tuple[str, int]]
"""RECIPIENTS, CONTROL → the name of this table, which is gone; and from when on what came to it may be missing, in
milliseconds since 1970 UTC."""
KINDS = RECIPIENTS, CONTROL = "recipients", "control"
_SECOND = 1000
_LOST = {
    RECIPIENTS: "What was acknowledged to {name} from {since} on, until it went, may be missing: opt-outs of that time "
    "are known only to senders that follow the feed, and to the people. Ask each sender for them, and import that. So "
    "it is with people who were erased: erase again whom you know of. And with changes of a sender and its categories, "
    "but that its API was closed or its form switched off, which the other table knows where it is there.",
    CONTROL: "What was changed in {name} from {since} on, until it went, may be missing: senders made, closed or "
    "described anew, API keys made or revoked, imports and exports begun. Close and revoke again what you know of.",
}


def gone_both(since: int) -> Gone:
    """Both tables of before, which nobody names any more."""
    return {RECIPIENTS: ("the table of recipients", since), CONTROL: ("the table of control", since)}


def sentences(gone: Gone) -> Iterator[str]:
    """One for each table that is gone."""
    for kind, (name, since) in gone.items():
        yield _LOST[kind].format(name=name, since=time_of(since // _SECOND * _SECOND))
