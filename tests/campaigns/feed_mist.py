"""What DynamoDB does and the local engine does not: the items of one transaction become visible one by one.

Stands in the place of a reader's pool of connections. A line that is new may be missing from some answers, and of an
item that has changed some answers may still show what it was before. What was shown once stays shown.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = tuple[str, str]


@dataclass(frozen=True)
class Altered:
    """An answer whose body is another one: so its sum is not told."""

    status: int
    headers: dict[str, str]
    data: bytes


@dataclass
class Mist:
    """Hides an item that is new with probability `density`, from up to `longest` answers. `hidden` counts these.

    `may_be_late` says whether what was seen before may still be shown: key, before, now.
    """

    pool: Any
    density: float
    longest: int
    seed: int
    hidden: int = 0
    may_be_late: Callable[[Key, Any, Any], bool] = lambda *_: True
    _shown: dict[Key, Any] = field(default_factory=dict)
    _left: dict[Key, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - seeded on purpose

    def lift(self) -> None:
        """From now on all is visible."""
        self.density = 0.0
        self._left.clear()

    def urlopen(self, method: str, url: str, *, body: bytes, headers: Mapping[str, str]) -> Any:
        """A call to the store."""
        answer = self.pool.urlopen(method, url, body=body, headers=headers)
        operation = headers["X-Amz-Target"].rpartition(".")[2]
        if answer.status != 200 or operation not in {"Query", "BatchGetItem"}:
            return answer
        told = json.loads(answer.data)
        with self._lock:
            if operation == "Query":
                told["Items"] = [shown for item in told["Items"] if (shown := self._seen(_key(item), item)) is not None]
            else:
                self._dim(json.loads(body)["RequestItems"], told)
        return Altered(answer.status, {"date": answer.headers.get("date")}, json.dumps(told).encode())

    def _dim(self, asked: dict[str, Any], told: dict[str, Any]) -> None:
        for table, wanted in asked.items():
            found = {_key(item): item for item in told["Responses"].get(table, ())}
            seen = (self._seen(_key(key), found.get(_key(key))) for key in wanted["Keys"])
            told["Responses"][table] = [item for item in seen if item is not None]

    def _seen(self, key: Key, item: Any) -> Any:
        """What is seen of an item: what it is, or for a while what it was."""
        before = self._shown.get(key)
        if item == before or not key[0].startswith("feed"):
            return item
        if key not in self._left and self._chance.random() < self.density:
            self._left[key] = self._chance.randint(1, self.longest)
        if self._left.get(key, 0) > 0 and self.may_be_late(key, before, item):
            self._left[key] -= 1
            self.hidden += 1
            return before
        self._left.pop(key, None)
        self._shown[key] = item
        return item


def _key(item: dict[str, Any]) -> Key:
    return item["pk"]["S"], item["sk"]["S"]
