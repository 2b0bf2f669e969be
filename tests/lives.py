"""Containers that can be ended, or interrupted, at any of their calls to the outside: the store, the files, the queue.

What `kill -9` leaves behind is what was carried out before it. Here the container ends by an exception that nothing
catches, at one call, before or after it was carried out; and from then on none of its threads gets anything done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from chalicelib.service import Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.site import Site

BEFORE, AFTER = "before", "after"
Work = Callable[[], Any]


class Killed(BaseException):
    """The end of a container."""


@dataclass
class Life:
    """One container's. `at` is the number of the call that ends it, from 1, or 0; `between` runs at every call."""

    at: int = 0
    moment: str = BEFORE
    between: Callable[[int], object] = lambda _: None
    calls: int = 0
    names: list[str] = field(default_factory=list)
    is_over: bool = False
    _lock: Lock = field(default_factory=Lock)

    def call(self, name: str, work: Work) -> Any:
        """One call, which may be the last."""
        with self._lock:
            if self.is_over:
                raise Killed
            self.calls += 1
            number = self.calls
            self.names.append(name)
            self.is_over = number == self.at
            self.between(number)
        if number != self.at:
            return work()
        if self.moment == AFTER:
            work()
        raise Killed


@dataclass(frozen=True)
class _Pool:
    """In the place of the connections to the store."""

    life: Life
    pool: Any

    def urlopen(self, method: str, url: str, *, body: bytes, headers: Mapping[str, str]) -> Any:
        name = headers["X-Amz-Target"].rpartition(".")[2]
        return self.life.call(name, lambda: self.pool.urlopen(method, url, body=body, headers=headers))


@dataclass(frozen=True)
class _Client:
    """In the place of a client of botocore."""

    life: Life
    client: Any

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)
        return lambda **named: self.life.call(name, lambda: method(**named))


def container(site: Site, life: Life | None = None) -> Service:
    """A container of its own beside the one of the site, on the same connections and by the same clock."""
    ours = site.service
    service = Service(ours.settings, monotonic=ours.monotonic, clock=ours.clock)
    life = life or Life()
    service._wire.pool = _Pool(life, ours._wire.pool)
    service.files.__dict__["_client"] = _Client(life, ours.files._client)
    service.queue.__dict__["_client"] = _Client(life, ours.queue._client)
    return service
