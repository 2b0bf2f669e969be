"""Budgets: how often something may happen in an hour. Counted in the control table, so that containers share them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pynamodb.constants import UPDATED_NEW
from pynamodb.exceptions import UpdateError

from chalicelib.domain.errors import TooManyRequests
from chalicelib.store.calls import unavailable
from chalicelib.store.models import LimitItem

if TYPE_CHECKING:
    from chalicelib.store.wire import Wire

WINDOW = 3_600
"""Seconds."""


class Limits:
    """Counters that forget after two windows. Safe to share between threads."""

    def __init__(self, connection: Wire, table: str) -> None:
        self._connection = connection
        self._table = table

    def take(self, sender: str, name: str, most: int, now: int) -> None:
        """Counts one use of `name` at `now` (milliseconds). Raises `TooManyRequests` over `most`, `StoreUnavailable`.

        An answer that was lost may count twice: that costs a try, never an opt-out.
        """
        window, passed = divmod(now // 1000, WINDOW)
        expires = (window + 2) * WINDOW
        try:
            answer = self._connection.update_item(
                self._table,
                f"limit#{sender}",
                f"{name}#{window}",
                actions=[LimitItem.uses.add(1), LimitItem.expires.set(expires)],
                return_values=UPDATED_NEW,
            )
        except UpdateError as error:
            raise unavailable(error) from None
        if int(answer["Attributes"]["n"]["N"]) > most:
            raise TooManyRequests(WINDOW - passed)
