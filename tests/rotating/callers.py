"""Those who mint, open, click and ask all the time, each at whichever container comes next, and count what fails."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 300
"""When a test gives up."""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Links:
    """What was minted for one recipient."""

    address: str
    one_click: str
    preferences: str

    @property
    def version(self) -> str:
        """Of the master key, as the token names it."""
        return self.one_click.rpartition("/")[2][1]


def request(port: int, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = {}) -> tuple[int, bytes]:
    """Status and body; 0 where no answer came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, type(error).__name__.encode()
    finally:
        connection.close()


@dataclass
class Callers:
    """Threads that call until they are told to stop. `ports` may grow meanwhile."""

    ports: list[int]
    api_key: str
    made: list[Links] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    rounds: int = 0
    stopping: bool = False
    _turns: itertools.count[int] = field(default_factory=itertools.count)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, number: int) -> None:
        self._threads = [threading.Thread(target=self._call, args=(one,)) for one in range(number)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.stopping = True
        for thread in self._threads:
            thread.join()

    def more(self, rounds: int) -> None:
        """Returns when so many more rounds were gone through by all of them together."""
        with self._changed:
            wanted = self.rounds + rounds
            assert self._changed.wait_for(lambda: self.rounds >= wanted or self.failures, SECONDS), "they stand still"

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        """The body of an answer of the container whose turn it is; what is no success is noted."""
        port = self.ports[next(self._turns) % len(self.ports)]
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        status, answer = request(port, method, path, body, named)
        with self._changed:
            self.answers[status] += 1
            if not 200 <= status < 300:
                self.failures.append(f"{method} {path[:4]} at container {self.ports.index(port)}: {status} {answer!r}")
                self._changed.notify_all()
        return answer

    def tell(self, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}
        answer = self.ask("POST", path, json.dumps(body).encode(), **headers)
        return json.loads(answer) if answer.startswith(b"{") else {}

    def _call(self, one: int) -> None:
        for turn in itertools.count():
            if self.stopping or self.failures:
                return
            self._round(f"reader{one}x{turn}@example.com")
            with self._changed:
                self.rounds += 1
                self._changed.notify_all()

    def _round(self, address: str) -> None:
        minted = self.tell("/v1/links", {"category": "news", "recipients": [{"address": address}]})
        if "results" not in minted:
            return
        [told] = minted["results"]
        links = Links(address, path_of(told["url"]), path_of(told["preferences_url"]))
        self.made.append(links)
        self.ask("GET", links.one_click)
        self.ask("GET", links.preferences)
        self.ask("POST", links.one_click, b"List-Unsubscribe=One-Click", **FORM)
        checked = self.tell("/v1/check", {"category": "news", "addresses": [address]})
        if [result["may_send"] for result in checked.get("results", ())] != [False]:
            self.failures.append(f"a check after the click: {checked}")


def path_of(url: str) -> str:
    """Without the public URL's own path."""
    return urlsplit(url).path.removeprefix("/api")
