"""A few things at once, results in the order of the questions, and never many of them in memory."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

A = TypeVar("A")
B = TypeVar("B")


def in_order(work: Callable[[A], B], questions: Iterable[A], *, at_once: int) -> Iterator[B]:
    """`work` of each question, in `at_once` threads; at most twice as many questions are taken ahead of the results.

    The threads are daemons: after Ctrl-C none of them is waited for, as an executor of the standard library would.
    """
    tasks: SimpleQueue[tuple[A, Future[B]] | None] = SimpleQueue()
    for _ in range(at_once):
        threading.Thread(target=_serve, args=(work, tasks), daemon=True).start()
    waiting: deque[Future[B]] = deque()
    try:
        for question in questions:
            future: Future[B] = Future()
            waiting.append(future)
            tasks.put((question, future))
            if len(waiting) >= 2 * at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        for _ in range(at_once):
            tasks.put(None)


def _serve(work: Callable[[A], B], tasks: SimpleQueue[tuple[A, Future[B]] | None]) -> None:
    while (task := tasks.get()) is not None:
        question, future = task
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(work(question))
        except BaseException as error:  # noqa: BLE001 - whoever waits for the result gets it
            future.set_exception(error)
