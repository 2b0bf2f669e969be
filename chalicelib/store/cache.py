"""What a container may remember of the control table, and for how long. States of recipients are never remembered."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_T = TypeVar("_T")

MOST = 10_000
"""Entries that one cache holds; a full one is emptied, because forgetting costs a read and nothing else."""


@dataclass(frozen=True, slots=True)
class Cache(Generic[_T]):
    """Answers for `seconds`, counted from before the read: no answer is ever older than that. Refusals count too.

    What raises is not kept. Threads that miss together read together, which is harmless.
    """

    seconds: float
    now: Callable[[], float]
    _kept: dict[Hashable, tuple[float, _T]] = field(default_factory=dict)

    def get(self, key: Hashable, read: Callable[[], _T]) -> _T:
        """What `read` answered for `key` under `seconds` ago, or what it answers now."""
        began = self.now()
        kept = self._kept.get(key)
        if kept is not None and began - kept[0] < self.seconds:
            return kept[1]
        answer = read()
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[key] = began, answer
        return answer

    def remembered(self, key: Hashable) -> _T | None:
        """What `key` was last answered, however old: for what need not be true any more, and must not cost a read."""
        kept = self._kept.get(key)
        return None if kept is None else kept[1]

    def forget(self, key: Hashable) -> None:
        """So that the next one reads."""
        self._kept.pop(key, None)
