"""Jobs side by side, one of which moves at a time: threads that hand a baton on, so that a seed repeats a history."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence


class Turns:
    """Runs jobs until all have ended. A job calls `pass_on` wherever others may get in between.

    Jobs are ordinary blocking code, the write path itself: that is why these are threads and not generators.
    """

    def __init__(self, chance: random.Random, jobs: Sequence[Callable[[], None]]) -> None:
        self._chance = chance
        self._jobs = jobs
        self._waiting = list(range(len(jobs)))
        self._current = -1
        self._gates = [_closed() for _ in jobs]
        self._end = _closed()
        self._failures: list[BaseException] = []

    def run(self) -> None:
        """Starts all and returns when the last one has ended; raises what the first failed one raised."""
        threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in self._waiting]
        for thread in threads:
            thread.start()
        self._hand_on()
        self._end.acquire()
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def pass_on(self) -> None:
        """Lets whoever is drawn go on, the caller perhaps, and returns when it is the caller's turn again."""
        number = self._current
        following = self._chance.choice(self._waiting)
        if following != number:
            self._current = following
            self._gates[following].release()
            self._gates[number].acquire()

    def _run(self, number: int) -> None:
        self._gates[number].acquire()
        try:
            self._jobs[number]()
        except BaseException as failure:  # noqa: BLE001 - raised again by `run`; the others have to be let go on
            self._failures.append(failure)
        self._waiting.remove(number)
        self._hand_on()

    def _hand_on(self) -> None:
        if self._waiting:
            self._current = self._chance.choice(self._waiting)
            self._gates[self._current].release()
        else:
            self._end.release()


def _closed() -> threading.Lock:
    gate = threading.Lock()
    gate.acquire()
    return gate
