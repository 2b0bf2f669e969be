"""A check of 1,000 addresses beside botocore's BatchGetItem by 8 threads, both on the store that takes 5 ms a call."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app import app
from bench.measure import TIMES, Row, Target, against, cpu, interleaved, rate
from bench.requests import address_of, one_clicks
from bench.site import CATEGORY, SENDER, Event, Site, answered, dynamodb_client, event, service_on
from bench.store5ms import SlowStore, slow_store
from chalicelib.domain.addresses import parse_address
from chalicelib.store.engine import recipient_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.measure import Batch, Cost
    from chalicelib.service import Service

ADDRESSES = 1_000
THREADS = 8
KEYS_A_CALL = 100
CHECKS, QUICK_CHECKS = 4, 1


@contextmanager
def slow_copy(site: Site) -> Iterator[SlowStore]:
    """The slow store, holding what the application itself wrote when 1,000 recipients opted out."""
    known = sum(item["sk"]["S"].startswith("recipient#") for item in site.items(site.names.recipients))
    answered(app, one_clicks(site, known, max(ADDRESSES - known, 0)), site.service)()
    dump = site.folder / "items.jsonl"
    with dump.open("w", encoding="utf-8") as lines:
        for table in (site.names.recipients, site.names.control):
            lines.writelines(f"{json.dumps([table, item], default=_wire)}\n" for item in site.items(table))
    with slow_store(dump) as store:
        yield store


def _wire(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def rows(site: Site, store: SlowStore, rounds: int, *, is_quick: bool) -> list[Row]:
    """With every address on record, which is the most work, and with none, which is how most mailings are."""
    known = [address_of(number) for number in range(ADDRESSES)]
    strangers = [f"stranger{number}@example.com" for number in range(ADDRESSES)]
    most = QUICK_CHECKS if is_quick else CHECKS
    service = service_on(store.url, site.names)
    _assert_right(site, service, known, may_send=False)
    _assert_right(site, service, strangers, may_send=True)
    checks = {which: [_asking(site, asked)] * most for which, asked in (("all", known), ("none", strangers))}
    with ThreadPoolExecutor(THREADS) as pool:
        costs = interleaved(
            rounds,
            {
                "all": _each(answered(app, checks["all"], service)),
                "all, anchor": _reading(site, store, pool, (known, ADDRESSES), most),
                "none": _each(answered(app, checks["none"], service)),
                "none, anchor": _reading(site, store, pool, (strangers, 0), most),
            },
        )
    return [row for which in ("all", "none") for row in _compared(which, costs[which], costs[f"{which}, anchor"])]


def _compared(which: str, ours: Sequence[Cost], theirs: Sequence[Cost]) -> list[Row]:
    what, anchor = f"check of {ADDRESSES:,} addresses, {which} on record", f"anchor: BatchGetItem by {THREADS} threads"
    target = Target(1.2, TIMES, is_floor=True)
    return [
        against(f"{what}, rate on the wall; {anchor}", rate(ours), rate(theirs), "/s", target),
        against(f"{what}, CPU for each; {anchor}", cpu(ours), cpu(theirs), "µs"),
    ]


def _asking(site: Site, addresses: list[str]) -> Event:
    body = json.dumps({"category": CATEGORY, "addresses": addresses})
    bearer = f"Bearer {site.api_key}"
    return event("POST", "/v1/check", "", "", body, authorization=bearer, content_type="application/json")


def _assert_right(site: Site, service: Service, addresses: list[str], *, may_send: bool) -> None:
    app._service = service  # noqa: SLF001 - as in `site.answered`
    results = json.loads(app(_asking(site, addresses), None)["body"])["results"]
    assert [result["address"] for result in results] == addresses
    assert {result["may_send"] for result in results} == {may_send}


def _each(checks: Batch) -> Batch:
    """The same batch, counted in addresses."""
    return lambda: checks() * ADDRESSES


def _reading(site: Site, store: SlowStore, pool: ThreadPoolExecutor, asked: tuple[list[str], int], most: int) -> Batch:
    """BatchGetItem of the very keys that the check needs: 10 calls of 100, asserting how many there are."""
    addresses, expected = asked
    client, table, sender = dynamodb_client(store.url), site.names.recipients, site.service.senders.get(SENDER)
    pairs = [recipient_key(sender.place_of(parse_address(address))) for address in addresses]
    keys = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in pairs]
    parts = [keys[start : start + KEYS_A_CALL] for start in range(0, ADDRESSES, KEYS_A_CALL)]

    def read(part: list[dict[str, dict[str, str]]]) -> int:
        wanted: dict[str, Any] = {table: {"Keys": part, "ConsistentRead": True}}
        return len(client.batch_get_item(RequestItems=wanted)["Responses"][table])

    def batch() -> int:
        for _ in range(most):
            assert sum(pool.map(read, parts)) == expected
        return most * ADDRESSES

    return batch
