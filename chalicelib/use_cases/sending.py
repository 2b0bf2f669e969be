"""Forms that are sent again, by a reload or a tab that comes back: each time is an act, and an undo is of them all."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import TYPE_CHECKING

from chalicelib.domain.acts import act_id_of
from chalicelib.domain.recipients import RECENT_ACTS

if TYPE_CHECKING:
    from chalicelib.domain.acts import Via
    from chalicelib.domain.recipients import Recipient
    from chalicelib.domain.senders import Place

MOST_SENT = RECENT_ACTS
"""Times that one form is known again, which is as many as a recipient knows of its newest acts."""


def new_act_id(via: Via) -> str:
    """128 random bits: never derived from a token, because two clicks on one link are two acts."""
    return act_id_of(via, secrets.token_urlsafe(16))


class Sending:
    """One sending of a form that was made of some version of a recipient.

    What is sent again of the same version, with the same content, is the same form, and its acts have ids that follow
    from these. It is a wish of its own all the same and renews what it said, so that consent dated in between does not
    win. But its undo means all of them: of the newest alone, it would put back what the first one did.
    """

    def __init__(self, via: Via, place: Place, version: int | None, *content: str) -> None:
        """`version` is None where the form did not say it, and then this is an act like any other."""
        self._via, self._version, self._said = via, version, [place.recipient, version, *content]
        self._fresh = new_act_id(via)
        self._act: str | None = None

    def act_for(self, recipient: Recipient) -> str:
        """The id of this sending's act, the same however often it is tried."""
        if self._act is None:
            self._act = self._next(recipient)
        return self._act

    def acts_in(self, recipient: Recipient) -> tuple[str, ...]:
        """This one and the earlier ones, as far as the recipient knows them, newest first."""
        own = {*self._ids(), self._fresh}
        return tuple(recent.act for recent in recipient.recent if recent.act in own)

    def _next(self, recipient: Recipient) -> str:
        """No id is ever used twice: where an earlier sending may be forgotten, this one is an act like any other."""
        ids = self._ids()
        sent = [number for number, act in enumerate(ids) if recipient.find_recent(act)]
        if self._version is None or not 0 <= recipient.version - self._version < MOST_SENT:
            return self._fresh
        return next(iter(ids[max(sent, default=-1) + 1 :]), self._fresh)

    def _ids(self) -> list[str]:
        return [] if self._version is None else [self._id(number) for number in range(MOST_SENT)]

    def _id(self, number: int) -> str:
        said = json.dumps([number, *self._said])
        digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()
        return act_id_of(self._via, base64.urlsafe_b64encode(digest[:16]).decode().rstrip("="))
