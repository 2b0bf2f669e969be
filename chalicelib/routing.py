"""The table of routes, in which a module is imported when one of its paths is first asked for.

A container that starts to answer a click needs neither the sender API nor its schemas, and importing all of them takes
longer than the answer (docs/decisions/0016-package.md). Whoever lists the routes gets all of them: `chalice deploy`,
the local runner and the tests do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalice.app import RouteEntry

    Methods = dict[str, RouteEntry]
    """Method → what answers it."""


class Routes(MutableMapping[str, "Methods"]):
    """Path → what answers it, by method; filled as it is asked. Threads may ask side by side."""

    def __init__(self) -> None:
        self._methods: dict[str, Methods] = {}
        self._waiting: dict[str, Callable[[], None]] = {}
        self._is_registering = False
        self._lock = threading.RLock()  # a module that registers its routes asks for them

    def expect(self, paths: tuple[str, ...], register: Callable[[], None]) -> None:
        """These paths, and no others, are filled by `register`, which is called once. Raises `ValueError`."""
        for path in paths:
            if path in self._methods:
                raise ValueError(f"{path} has a module already")
            self._methods[path] = {}
            self._waiting[path] = register

    def __getitem__(self, path: str) -> Methods:
        """A new path is made, as in Chalice's own table: an app registers its own routes by it.

        Raises `KeyError` for a module that registers what it was not expected to.
        """
        with self._lock:
            self._fill(path)
            if path not in self._methods and not self._is_registering:
                self._methods[path] = {}
            return self._methods[path]

    def __contains__(self, path: object) -> bool:
        return path in self._methods

    def get(self, path: str, default: Any = None) -> Any:
        """What answers a path, or the default; makes none."""
        return super().get(path, default) if path in self else default

    def __setitem__(self, path: str, methods: Methods) -> None:
        self._methods[path] = methods

    def __delitem__(self, path: str) -> None:
        del self._methods[path]

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            for path in tuple(self._waiting):
                self._fill(path)
        return iter(self._methods)

    def __len__(self) -> int:
        return len(self._methods)

    def _fill(self, path: str) -> None:
        register = self._waiting.get(path)
        if register is None:
            return
        waiting, self._is_registering = self._waiting, True
        self._waiting = {other: waits for other, waits in waiting.items() if waits is not register}
        try:
            register()
        except BaseException:
            self._waiting = waiting  # who asks next is told the same, and not that the path has no methods
            raise
        finally:
            self._is_registering = False
