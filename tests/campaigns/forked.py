"""A program of many short lives: loads the app once, and forks a container for each request that it reads.

A container may be told to end itself by SIGKILL at one of its calls to the store: before the request leaves, once the
engine has carried it out but before the answer is read, or just after. That is what a crash, an out-of-memory kill or a
time-out does to a Lambda function; nothing of the program gets to clean up.

    standard input, a line each    {"method", "resource", "values", "headers", "body", "source", "kill_at", "moment"}
    standard output, a line each   {"status", "calls"} or {"killed": true}
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

from app import app
from chalicelib.service import Service
from infra.storage import TableNames
from tests.engines import LocalTables, dynamodb_client
from tests.gateway import send
from tests.site import settings_for


@dataclass
class Killer:
    """In the place of the pool of connections: counts calls to the store, and ends this process at one of them."""

    pool: Any
    at: int
    moment: str
    calls: int = 0

    def urlopen(self, *arguments: Any, **named: Any) -> Any:
        """A call to the store."""
        self.calls += 1
        is_here = self.calls == self.at
        if is_here and self.moment == "before":
            self.end()
        if is_here and self.moment == "during":
            # the engine carries it out, and nobody is left to read of it
            self.pool.urlopen(*arguments, **named, preload_content=False)
            self.end()
        answer = self.pool.urlopen(*arguments, **named)
        if is_here:
            self.end()
        return answer

    def end(self) -> None:
        """As `kill -9`."""
        os.kill(os.getpid(), signal.SIGKILL)


def container(service: Service, told: dict[str, Any], out: int) -> None:
    """One request in a process of its own; writes its answer to `out`, if it lives."""
    killer = service._wire.pool = Killer(service._wire.pool, told["kill_at"], told["moment"])
    app._service = service
    request = {name: value for name, value in told.items() if name not in {"kill_at", "moment"}}
    answer = send(**{**request, "body": told["body"].encode()})
    os.write(out, json.dumps({"status": answer.status, "calls": killer.calls}).encode())


def serve(tables: LocalTables) -> None:
    """Until standard input ends. Containers share what is loaded, and nothing that was asked."""
    service = Service(settings_for(tables))
    _ = service._wire  # made once: it takes longer than all else
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            container(service, json.loads(line), writing)
            os._exit(0)
        os.close(writing)
        _, status = os.waitpid(child, 0)
        with os.fdopen(reading, "rb") as answer:
            text = answer.read().decode()
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print(json.dumps({"killed": True}) if killed and not text else text, flush=True)


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    serve(LocalTables(TableNames(*settings["names"]), dynamodb_client(settings["url"]), settings["url"]))
