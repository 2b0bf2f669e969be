"""Budgets of requests a minute, one for each API key, shared by containers.

A container counts by itself and adds what it counted to a shared counter (`store/limits.py`) when that is a twentieth
of the budget, learning the total at the same time: a key that is used little costs no call, one that uses all of its
budget costs twenty a minute, and one that is over it none until the minute ends. The price is that each container may
let a twentieth of the budget pass beyond it.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import StoreUnavailable, TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.api_keys import ApiKey

LOG = logging.getLogger("signoff")
WINDOW = 60
"""Seconds."""
SHARE = 20
"""A container tells what it counted when it is one part in so many of the budget."""


class Counters(Protocol):
    """The shared counters."""

    def count(self, sender: str, name: str, uses: int, now: int, window: int) -> int:
        """Adds `uses` in the window of `now`, and says how many there are in it. Raises `StoreUnavailable`."""
        ...


@dataclass(slots=True)
class _Use:
    """What is known of one key's use in this window: what all containers told, and what this one did not tell yet."""

    told: int = 0
    untold: int = 0


class Budgets:
    """What this container counts. `now` in milliseconds. Safe to share between threads."""

    def __init__(self, counters: Counters, most: int, now: Callable[[], int]) -> None:
        self._counters = counters
        self._most = most
        self._step = max(1, most // SHARE)
        self._now = now
        self._lock = threading.Lock()
        self._window = 0
        self._uses: dict[str, _Use] = {}

    def take(self, key: ApiKey, uses: int = 1) -> None:
        """Counts a request of this key, or what it costs besides one.

        Raises `TooManyRequests` over the budget, and then counts nothing.
        """
        now = self._now()
        with self._lock:
            use = self._use_of(key, now)
            if use.told + use.untold >= self._most:
                raise TooManyRequests(WINDOW - now // 1000 % WINDOW)
            use.untold += uses
            told, use.untold = (use.untold, 0) if use.untold >= self._step else (0, use.untold)
            use.told += told  # what another thread asks while this one tells is counted on top of it
        if told:
            self._tell(key, use, told, now)

    def _use_of(self, key: ApiKey, now: int) -> _Use:
        window = now // 1000 // WINDOW
        if window != self._window:
            self._window, self._uses = window, {}
        return self._uses.setdefault(key.id, _Use())

    def _tell(self, key: ApiKey, use: _Use, uses: int, now: int) -> None:
        """Trouble with the counter refuses no request: the container goes on by what it counted itself."""
        try:
            total = self._counters.count(key.sender, f"key#{key.id}", uses, now, WINDOW)
        except StoreUnavailable as error:
            LOG.warning("the use of a key was not counted: %s", error)
            return
        with self._lock:
            use.told = max(use.told, total)
