"""How often something happened in a while. Counted in the control table, so that containers share it."""

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
        """Counts a use of `name` at `now` (milliseconds). Raises `TooManyRequests` over `most`, `StoreUnavailable`."""
        if self.count(sender, name, 1, now, WINDOW) > most:
            raise TooManyRequests(WINDOW - now // 1000 % WINDOW)

    def count(self, sender: str, name: str, uses: int, now: int, window: int) -> int:
        """Adds `uses` of `name`, and says how many there are in the window of `now`: milliseconds, `window` in seconds.

        An answer that was lost may count twice: that costs a try, never an opt-out. Raises `StoreUnavailable`.
        """
        number = now // 1000 // window
        try:
            answer = self._connection.update_item(
                self._table,
                f"limit#{sender}",
                f"{name}#{number}",
                actions=[LimitItem.uses.add(uses), LimitItem.expires.set((number + 2) * window)],
                return_values=UPDATED_NEW,
            )
        except UpdateError as error:
            raise unavailable(error) from None
        return int(answer["Attributes"]["n"]["N"])
