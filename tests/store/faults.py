"""Faults between the store and a real engine: what networks and DynamoDB do to a request, one after the other."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import ProtocolError

from chalicelib.store.calls import connect

if TYPE_CHECKING:
    from chalicelib.settings import Settings
    from chalicelib.store.wire import Wire


@dataclass(frozen=True)
class Answer:
    """What an engine could have answered."""

    status: int
    data: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Forward = Callable[[], Any]
Fault = Callable[["FaultyPool", Forward], Any]


def passes(_: FaultyPool, forward: Forward) -> Any:
    """Nothing goes wrong."""
    return forward()


def lost_request(_: FaultyPool, __: Forward) -> Any:
    """The engine never hears of it."""
    raise ProtocolError


def lost_answer(_: FaultyPool, forward: Forward) -> Any:
    """The engine carries it out, and nobody hears of that."""
    forward()
    raise ProtocolError


def late_request(pool: FaultyPool, forward: Forward) -> Any:
    """The client gives up, and the request arrives when `arrive` is called."""
    pool.late.append(forward)
    raise ProtocolError


def error_before(_: FaultyPool, __: Forward) -> Any:
    """The engine fails before it begins."""
    return _refusal("InternalServerError", 500)


def error_after(_: FaultyPool, forward: Forward) -> Any:
    """The engine fails once it is done."""
    forward()
    return _refusal("InternalServerError", 500)


def throttled(_: FaultyPool, __: Forward) -> Any:
    """The engine asks to come back."""
    return _refusal("ThrottlingException", 400)


def over_capacity(_: FaultyPool, __: Forward) -> Any:
    """As `throttled`, by its older name."""
    return _refusal("ProvisionedThroughputExceededException", 400)


def conflict(_: FaultyPool, __: Forward) -> Any:
    """Another transaction is at the same items."""
    reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}, {"Code": "TransactionConflict"}]
    return _refusal("TransactionCanceledException", 400, CancellationReasons=reasons)


def in_progress(_: FaultyPool, __: Forward) -> Any:
    """The same transaction is still being carried out."""
    return _refusal("TransactionInProgressException", 400)


def unprocessed(pool: FaultyPool, _: Forward) -> Any:
    """No key of a batch is read."""
    asked = json.loads(pool.calls[-1][1])["RequestItems"]
    return Answer(200, json.dumps({"Responses": {}, "UnprocessedKeys": asked}).encode())


def half_processed(_: FaultyPool, forward: Forward) -> Any:
    """Every other item of a batch comes back as a key that was not read."""
    answer = json.loads(forward().data)
    [(table, items)] = answer["Responses"].items()
    left = [{name: item[name] for name in ("pk", "sk")} for item in items[::2]]
    told = {"Responses": {table: items[1::2]}, "UnprocessedKeys": {table: {"Keys": left}} if left else {}}
    return Answer(200, json.dumps(told).encode())


def after(work: Callable[[], object]) -> Fault:
    """Somebody else gets in between."""

    def fault(_: FaultyPool, forward: Forward) -> Any:
        work()
        return forward()

    return fault


def dated(date: str) -> Fault:
    """The engine's clock says this."""

    def fault(_: FaultyPool, forward: Forward) -> Any:
        answer = forward()
        return Answer(answer.status, answer.data, {"date": date})

    return fault


def _refusal(name: str, status: int, **more: Any) -> Answer:
    return Answer(status, json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{name}", **more}).encode())


class FaultyPool:
    """In the place of the connections: forwards to the real ones, unless a fault is planned for the operation."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._planned: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.calls: list[tuple[str, bytes]] = []
        self.late: list[Forward] = []

    def plan(self, operation: str, *faults: Fault) -> None:
        """What happens to the next calls of this operation; afterwards nothing goes wrong."""
        self._planned[operation].extend(faults)

    def urlopen(self, method: str, url: str, *, body: bytes, headers: Mapping[str, str]) -> Any:
        operation = headers["X-Amz-Target"].partition(".")[2]
        self.calls.append((operation, body))
        faults = self._planned[operation]
        fault = faults.popleft() if faults else passes
        return fault(self, lambda: self._pool.urlopen(method, url, body=body, headers=headers))

    def arrive(self) -> None:
        """The late requests get to the engine now; what it answers goes nowhere."""
        while self.late:
            self.late.pop(0)()

    def count(self, operation: str) -> int:
        """How often this was asked."""
        return sum(name == operation for name, _ in self.calls)


def faulty(settings: Settings) -> tuple[Wire, FaultyPool]:
    """A connection to the engine of these settings, and what its requests go through."""
    wire = connect(settings)
    pool = FaultyPool(wire.pool)
    wire.pool = pool
    return wire, pool
