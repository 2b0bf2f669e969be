"""A store that takes 5 ms a call, in a process of its own: `python -m bench.store5ms <items.jsonl>`.

It answers GetItem and BatchGetItem from the items it is given, refuses everything else, and counts what it was asked;
so what it says of reads and writes holds whatever client the application uses. It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
DELAY = 0.005
LONGEST_LIFE = 900
"""Seconds, in case that whoever started it neither ends nor lets go of it."""
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class SlowStore:
    """The running store."""

    port: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def seen(self) -> Counter[str]:
        """How often each operation was called since this was asked last."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            connection.request("GET", "/")
            return Counter(json.loads(connection.getresponse().read()))
        finally:
            connection.close()


@contextmanager
def slow_store(items: Path) -> Iterator[SlowStore]:
    """The store in a process of its own, for as long as the block lasts."""
    command = [sys.executable, "-m", "bench.store5ms", str(items)]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield SlowStore(int(process.stdout.readline()))
        finally:
            process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


class _Store:
    """The items, as the JSON that goes over the wire, so that answering is little more than joining texts."""

    def __init__(self, items: Path) -> None:
        self.items: dict[Key, str] = {}
        self.seen: Counter[str] = Counter()
        for line in items.read_text("utf-8").splitlines():
            table, item = json.loads(line)
            self.items[table, item["pk"]["S"], item["sk"]["S"]] = json.dumps(item, separators=(",", ":"))

    def answer(self, head: str, body: bytes) -> tuple[int, str]:
        """Status and body for a request."""
        if head.startswith("GET "):
            counted, self.seen = self.seen, Counter()
            return 200, json.dumps(counted)
        target = next(line for line in head.split("\r\n") if line.lower().startswith("x-amz-target:"))
        operation = target.rpartition(".")[2]
        self.seen[operation] += 1
        asked = json.loads(body)
        if operation == "BatchGetItem":
            tables = ",".join(
                f'"{table}":[{self._found(table, wanted["Keys"])}]' for table, wanted in asked["RequestItems"].items()
            )
            return 200, f'{{"Responses":{{{tables}}},"UnprocessedKeys":{{}}}}'
        if operation == "GetItem":
            found = self._found(asked["TableName"], [asked["Key"]])
            return 200, f'{{"Item":{found}}}' if found else "{}"
        return 400, '{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","message":"it only reads"}'

    def _found(self, table: str, keys: list[dict[str, Any]]) -> str:
        wanted = ((table, key["pk"]["S"], key["sk"]["S"]) for key in keys)
        return ",".join(self.items[key] for key in wanted if key in self.items)


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, one request at a time, as DynamoDB's clients use it."""

    transport: asyncio.Transport

    def __init__(self, store: _Store, date: str) -> None:
        self._store = store
        self._date = date
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        text = head.decode("latin-1")
        lengths = [line for line in text.split("\r\n") if line.lower().startswith("content-length:")]
        length = int(lengths[0].partition(":")[2]) if lengths else 0
        if len(body) < length:
            return
        self._received = body[length:]
        arrived = asyncio.get_running_loop().time()
        status, answer = self._store.answer(text, body[:length])  # within the 5 ms, not after them
        asyncio.get_running_loop().call_at(arrived + DELAY, self._send, status, answer.encode())

    def _send(self, status: int, body: bytes) -> None:
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.0\r\nDate: {self._date}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)


async def _serve(items: Path) -> None:
    store, date = _Store(items), formatdate(usegmt=True)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(store, date), HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    signal.alarm(LONGEST_LIFE)
    asyncio.run(_serve(Path(sys.argv[1])))
