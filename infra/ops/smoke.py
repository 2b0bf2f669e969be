"""The smoke test: one made-up recipient's whole way through a service, over plain HTTP as everybody else comes in.

A link is minted and opened, a multipart one-click is posted as mailbox providers do (RFC 8058 §3.2), a check must
say no at once, and the change feed must tell of it. Then the recipient is erased: what stays is the keyed hash of an
address that belongs to nobody.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from infra.client.api import objects, wanted
from infra.client.refusals import refusal
from infra.client.retrying import Trouble
from infra.client.wire import Wire, host_of
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SECONDS = 29.0
"""An API Gateway answers within it, or never."""
WAIT = 20
"""Seconds that the feed is asked to wait for the change."""
_MOST_PAGES = 1_000
_JSON = "application/json"
_BOUNDARY = "signoff-smoke-test"
_ONE_CLICK = (
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--{_BOUNDARY}--\r\n'
)


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds, as who asks from here sees them: each with its way through the network.

    `enforced` is the time from the acceptance of the opt-out to the answer of the first check that says no, `told` the
    time from the acceptance to the answer of the feed that tells of it.
    """

    minted: float
    opened: float
    accepted: float
    enforced: float
    told: float


class SmokeTestFailed(CannotRun):
    """The service answered what it must not; the message says at which step."""


def smoke(url: str, api_key: str, category: str | None = None, wire: Wire | None = None) -> Timings:
    """Take one recipient through the service at `url`, and clean up behind it.

    The key needs the scopes links, read and write; the feed of its sender is read to its end first, so give it a sender
    of its own. `category` is an optional one that needs no consent (the first of these). Raises CannotRun.
    """
    return _Run(url.rstrip("/"), api_key, wire or Wire()).whole(category)


@dataclass(slots=True)
class _Run:
    url: str
    key: str = field(repr=False)
    wire: Wire
    recipient: str | None = None
    has_clicked: bool = False

    def whole(self, category: str | None) -> Timings:
        category = category or self._category()
        cursor = self._end_of_feed()
        address = f"smoke-{secrets.token_hex(8)}@example.com"
        try:
            timings = self._steps(category, cursor, address)
        except CannotRun:
            with contextlib.suppress(CannotRun):  # what failed first is what is told
                self._clean_up()
            raise
        self._clean_up()
        return timings

    def _steps(self, category: str, cursor: str, address: str) -> Timings:
        link, minted = _timed(lambda: self._minted(category, address))
        if self._check(category, address) is not True:
            raise SmokeTestFailed("A recipient that never was may not be sent to, before it opted out.")
        _, opened = _timed(lambda: self._open(link))
        _, accepted = _timed(lambda: self._click(link))
        at = time.perf_counter()
        if self._check(category, address) is not False:
            raise SmokeTestFailed("An opt-out was accepted, and the next check still says that it may be sent.")
        enforced = time.perf_counter()
        self._await_change(cursor)
        return Timings(minted, opened, accepted, (enforced - at) * 1000, (time.perf_counter() - at) * 1000)

    def _category(self) -> str:
        found = objects(self._ask("GET", "/v1/categories"), "categories")
        ids = [
            str(each["id"])
            for each in found
            if each.get("kind") == "optional" and not each.get("retired") and not each.get("needs_consent")
        ]
        if not ids:
            raise CannotRun("The smoke test needs a sender with an optional category that needs no consent.")
        return ids[0]

    def _end_of_feed(self) -> str:
        query = ""
        for _ in range(_MOST_PAGES):
            page = self._ask("GET", f"/v1/changes{query}")
            cursor: str = wanted(page, "cursor", str)
            if not page.get("more"):
                return cursor
            query = f"?cursor={cursor}"
        raise CannotRun("The sender's feed is too long to be read to its end: use a sender of the smoke test's own.")

    def _minted(self, category: str, address: str) -> str:
        body = {"category": category, "recipients": [{"address": address}]}
        [result] = objects(self._ask("POST", "/v1/links", body), "results")
        link: str = wanted(result, "url", str)
        self.recipient = wanted(result, "recipient", str)
        if not link.startswith(f"{self.url}/u/"):
            where = host_of(link)
            raise SmokeTestFailed(f"The service's links lead to {where}, not to itself: SIGNOFF_PUBLIC_URL is wrong.")
        return link

    def _open(self, link: str) -> None:
        answer = self._send("GET", link, {"Accept": "text/html"})
        if answer.status != HTTPStatus.OK or b"<form" not in answer.data:
            raise SmokeTestFailed(f"The link that was minted opens no page with a button (HTTP {answer.status}).")

    def _click(self, link: str) -> None:
        typed = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        self.has_clicked = True
        answer = self._send("POST", link, typed, _ONE_CLICK.encode())
        if answer.status != HTTPStatus.OK:
            raise SmokeTestFailed(f"The one-click POST was not accepted (HTTP {answer.status}).")

    def _check(self, category: str, address: str) -> bool | None:
        body = {"category": category, "addresses": [address]}
        [result] = objects(self._ask("POST", "/v1/check", body), "results")
        said: bool | None = result.get("may_send")
        return said

    def _await_change(self, cursor: str) -> None:
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            page = self._ask("GET", f"/v1/changes?cursor={cursor}&wait={WAIT}")
            if any(each.get("recipient") == self.recipient and each.get("added") for each in objects(page, "changes")):
                return
            cursor = wanted(page, "cursor", str)
        raise SmokeTestFailed(f"An opt-out was accepted, and the feed of changes did not tell of it within {WAIT} s.")

    def _clean_up(self) -> None:
        """Erases the recipient, where one was made: a link alone stores nothing."""
        if self.recipient is not None and self.has_clicked:
            self._ask("DELETE", f"/v1/recipients/{self.recipient}")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.key}", "Accept": _JSON}
        octets = None
        if body is not None:
            headers["Content-Type"], octets = _JSON, json.dumps(body).encode()
        answer = self._send(method, f"{self.url}{path}", headers, octets)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise refusal(answer)
        try:
            told = json.loads(answer.data)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise CannotRun(f"{host_of(self.url)} answers, but not as Signoff does: check the URL.")
        return told

    def _send(self, method: str, url: str, headers: Mapping[str, str], octets: bytes | None = None) -> Any:
        try:
            return self.wire.send(method, url, headers, octets, seconds=SECONDS)
        except Trouble as trouble:
            raise CannotRun(f"The smoke test broke off: {trouble.reason}.") from None


def _timed(step: Callable[[], Any]) -> tuple[Any, float]:
    """What a step answers, and its milliseconds."""
    began = time.perf_counter()
    answer = step()
    return answer, (time.perf_counter() - began) * 1000
