"""What shows that an address was typed into a sender's opt-out form, and names none: the day, signed for the sender.

It is the same for every address, and stands in the URL of the page that tells of it in another language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.cursors import dump_cursor, load_cursor
from chalicelib.domain.errors import InvalidCursor

if TYPE_CHECKING:
    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service

_PURPOSE = "opt-out-form/receipt"
_DAYS = 2
"""It is told today and tomorrow: for who reads on now, not as a certificate."""


def make_receipt(service: Service, sender: Sender) -> str:
    """Of an opt-out by the form of today, once that is durable."""
    return dump_cursor(service.keyring, _PURPOSE, sender.code, service.today())


def day_of_receipt(service: Service, sender: Sender, receipt: str) -> int | None:
    """The day, since 1970-01-01 UTC, on which an address was typed; None for what we did not make, or long ago."""
    try:
        day = load_cursor(service.keyring, _PURPOSE, sender.code, receipt)
    except InvalidCursor:
        return None
    return int(day) if 0 <= service.today() - day < _DAYS else None
