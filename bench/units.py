"""What requests ask of DynamoDB: in the units that are billed, as the local engine reckons them, and in octets."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app import app
from bench.requests import BODY, address_of
from bench.site import CATEGORY, Event, Site, event
from chalicelib.tokens import Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping

MANY = 1_000
_STEP = 500
"""Octets to which an answer's size is rounded up, so that a word more on a page changes no price."""
_OVERHEAD = 100
"""Octets that DynamoDB counts for an item beside what is in it."""


@dataclass(frozen=True, slots=True)
class Used:
    """What one request used. `octets` of its answer."""

    reads: float
    writes: float
    octets: int


@dataclass
class Meter:
    """Stands before the connections to the engine, and has each call reckoned."""

    pool: Any
    units: Counter[str] = field(default_factory=Counter)

    def urlopen(self, method: str, url: str, *, body: bytes, headers: Mapping[str, str]) -> Any:
        """The call, with the question what it consumes."""
        asked = json.loads(body) | {"ReturnConsumedCapacity": "TOTAL"}
        answer = self.pool.urlopen(method, url, body=json.dumps(asked).encode(), headers=headers)
        is_write = "Get" not in headers["X-Amz-Target"] and "Query" not in headers["X-Amz-Target"]
        told = json.loads(answer.data).get("ConsumedCapacity", [])
        for each in told if isinstance(told, list) else [told]:
            self.units["writes" if is_write else "reads"] += each["CapacityUnits"]
        return answer


class Requests:
    """Requests to a site, each reckoned. A sender and an API key that were just used are remembered, as under load."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._meter = Meter(site.service._wire.pool)  # noqa: SLF001 - beneath the store's words, as in `bench.requests`
        site.service._wire.pool = self._meter  # noqa: SLF001 - as above
        self._bearer = f"Bearer {site.api_key}"
        app._service = site.service  # noqa: SLF001 - as in `bench.site.answered`

    def all(self) -> dict[str, Used]:
        """What each kind of request uses."""
        token = self._site.token
        self._ask(event("GET", "/u/{token}", "token", token(address_of(0))))
        self._ask(self._api("/v1/check", {"category": CATEGORY, "addresses": [address_of(0)]}))
        click = event("POST", "/u/{token}", "token", token(address_of(1)), BODY)
        opened = event("GET", "/p/{token}", "token", token(address_of(2), Purpose.PREFERENCES))
        return {
            "one-click POST": self._ask(click),
            "the same within 60 s": self._ask(click),
            "page opened from a header's link": self._ask(event("GET", "/u/{token}", "token", token(address_of(0)))),
            "preference centre opened": self._ask(opened),
            "check of 1,000, none on record": self._ask(
                self._api("/v1/check", {"category": CATEGORY, **_addresses(9)})
            ),
            "links for 1,000": self._ask(self._api("/v1/links", {"category": CATEGORY, **_recipients()})),
            "import of 1,000 rows": self._ask(self._api("/v1/imports", _rows())),
            "check of 1,000, all on record": self._ask(self._api("/v1/check", {"category": CATEGORY, **_addresses(0)})),
        }

    def a_look(self) -> float:
        """Read units of one look of a follower into a feed that has nothing new."""
        first = json.loads(self._answer(self._api("/v1/changes", None))["body"])
        while first["more"]:
            first = json.loads(self._answer(self._api("/v1/changes", None, first["cursor"]))["body"])
        self._meter.units.clear()
        self._answer(self._api("/v1/changes", None, first["cursor"]))
        return float(self._meter.units["reads"])

    def stored(self) -> float:
        """Octets of one recipient who opted out: its state, and its line of the ledger."""
        items = [item for item in self._site.items(self._site.names.recipients) if _is_kept(item)]
        states = sum(item["sk"]["S"].startswith("recipient#") for item in items)
        return float(sum(map(_size, items)) / states)

    def _ask(self, asked: Event) -> Used:
        self._meter.units.clear()
        answer = self._answer(asked)
        octets = len(answer["body"]) + sum(len(f"{name}: {value}\r\n") for name, value in answer["headers"].items())
        units = self._meter.units
        return Used(units["reads"], units["writes"], -(-octets // _STEP) * _STEP)

    def _answer(self, asked: Event) -> Any:
        answer = app(asked, None)
        assert answer["statusCode"] < 300, answer
        return answer

    def _api(self, path: str, body: Any, cursor: str | None = None) -> Event:
        method, text = ("GET", None) if body is None else ("POST", json.dumps(body))
        made = event(method, path, "x", "", text, authorization=self._bearer, content_type="application/json")
        made["multiValueQueryStringParameters"] = None if cursor is None else {"cursor": [cursor]}
        return made


def _addresses(first: int) -> dict[str, list[str]]:
    return {"addresses": [_row_of(first * MANY + number) for number in range(MANY)]}


def _recipients() -> dict[str, list[dict[str, str]]]:
    return {"recipients": [{"address": _row_of(number)} for number in range(MANY)]}


def _rows() -> dict[str, list[dict[str, str]]]:
    return {"rows": [{"address": _row_of(number), "reason": "opted_out"} for number in range(MANY)]}


def _row_of(number: int) -> str:
    return f"row{number:05}@mail.example.com"


def _is_kept(item: dict[str, Any]) -> bool:
    key: str = item["sk"]["S"]
    return key.startswith(("recipient#", "log#"))


def _size(item: dict[str, dict[str, Any]]) -> int:
    """As DynamoDB counts: names and texts in UTF-8, two digits an octet and one more."""
    octets = _OVERHEAD
    for name, value in item.items():
        [(kind, held)] = value.items()
        octets += len(name.encode()) + (len(held) // 2 + 2 if kind == "N" else len(held))
    return octets
