"""Requests beside their anchors: one-clicks on the engine, pages on the store that takes 5 ms."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from chalice.app import Chalice, Response

from app import app
from bench.measure import TIMES, Cost, Row, Target, absolute, against, cpu, interleaved
from bench.site import SENDER, Event, Site, answered, dynamodb_client, event, in_turn, service_on
from chalicelib.store.calls import batch_get
from chalicelib.tokens import Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.measure import Batch
    from bench.store5ms import SlowStore
    from chalicelib.service import Service

ONE_CLICKS, QUICK_ONE_CLICKS = 100, 20
PAGES, QUICK_PAGES = 50, 10
BODY = "List-Unsubscribe=One-Click"
READS = frozenset({"BatchGetItem", "GetItem", "Query"})
_PAGE = "<!doctype html><title>A page</title>"


def one_click(site: Site, rounds: int, *, is_quick: bool) -> list[Row]:
    """One-clicks, every one of another recipient, beside as many updates by a bare handler. Asserts what changed."""
    most = QUICK_ONE_CLICKS if is_quick else ONE_CLICKS
    bare = _updating(site)
    costs = interleaved(
        rounds,
        {
            "bare": in_turn([answered(bare, _updates(number * most, most)) for number in range(rounds + 1)]),
            "one-click": in_turn(
                [answered(app, one_clicks(site, number * most, most), site.service) for number in range(rounds + 1)]
            ),
        },
    )
    _assert_changed(site, most * (rounds + 1))
    figures = {name: cpu(measured) for name, measured in costs.items()}
    what = "one-click POST, CPU; anchor: bare handler, one UpdateItem"
    return [against(what, figures["one-click"], figures["bare"], "µs", Target(2, TIMES))]


def one_clicks(site: Site, first: int, most: int) -> list[Event]:
    """One-click POSTs for this many recipients."""
    tokens = [site.token(address_of(number)) for number in range(first, first + most)]
    return [event("POST", "/u/{token}", "token", token, BODY) for token in tokens]


def address_of(number: int) -> str:
    return f"dana.reader{number}@example.com"


def _updates(first: int, most: int) -> list[Event]:
    return [event("POST", "/{number}", "number", str(number), BODY) for number in range(first, first + most)]


def _updating(site: Site) -> Chalice:
    bare = Chalice("bare")
    client, table = dynamodb_client(site.client.meta.endpoint_url), site.names.recipients

    @bare.route("/{number}", methods=["POST"], content_types=["*/*"])
    def update(number: str) -> Response:
        client.update_item(
            TableName=table,
            Key={"pk": {"S": f"anchor#{int(number) % 8}"}, "sk": {"S": number}},
            UpdateExpression="SET st = :state",
            ExpressionAttributeValues={":state": {"S": "o"}},
        )
        return Response(_PAGE, {"Content-Type": "text/html"}, 200)

    return bare


def _assert_changed(site: Site, expected: int) -> None:
    """That each POST changed a row: a 2xx alone would be believed of a benchmark that writes nothing."""
    keys = [(item["pk"]["S"], item["sk"]["S"]) for item in site.items(site.names.recipients)]
    ours = [sk for pk, sk in keys if pk.startswith(SENDER)]
    changed = {
        "recipients": sum(sk.startswith("recipient#") for sk in ours),
        "entries": sum(sk.startswith("log#") for sk in ours),
        "anchor": sum(pk.startswith("anchor#") for pk, _ in keys),
    }
    assert set(changed.values()) == {expected}, (changed, expected)


def pages(site: Site, store: SlowStore, rounds: int, *, is_quick: bool) -> list[Row]:
    """Both pages that a link opens, with their sender remembered and with everything forgotten, which is the worst."""
    most = QUICK_PAGES if is_quick else PAGES
    jumps = count(0, 1_000_000)
    remembering = service_on(store.url, site.names)
    forgetting = service_on(store.url, site.names, lambda: float(next(jumps)))
    address = address_of(0)
    opened = {
        "/u/": event("GET", "/u/{token}", "token", site.token(address)),
        "/p/": event("GET", "/p/{token}", "token", site.token(address, Purpose.PREFERENCES)),
    }
    batches: dict[str, Batch] = {
        "bare": answered(_bare(), [event("GET", "/{token}", "token", "x")] * most),
        "read": _reading(site, remembering, most),
    }
    for page, asked in opened.items():
        batches[f"{page} remembering"] = answered(app, [asked] * most, remembering)
        batches[f"{page} forgetting"] = answered(app, [asked] * most, forgetting)
    costs = interleaved(rounds, batches)
    rows = []
    for page, asked in opened.items():
        calls, octets = _once(asked, forgetting, store)
        rows += _page_rows(page, costs, calls, octets)
    return rows


def _page_rows(page: str, costs: Mapping[str, list[Cost]], calls: Mapping[str, int], octets: int) -> list[Row]:
    bare, read = cpu(costs["bare"]), cpu(costs["read"])
    remembered, forgotten = cpu(costs[f"{page} remembering"]), cpu(costs[f"{page} forgetting"])
    reads = sum(times for operation, times in calls.items() if operation in READS)
    besides = [whole - reads * one for whole, one in zip(forgotten, read, strict=True)]
    name = f"GET {page}{{token}}"
    return [
        against(f"{name}, sender remembered, CPU; anchor: bare handler", remembered, bare, "µs"),
        against(f"{name}, all forgotten, CPU; anchor: bare handler", forgotten, bare, "µs"),
        absolute(f"{name}, all forgotten, CPU besides the reads", besides, "µs", Target(1_000, " µs")),
        absolute(f"{name}, all forgotten, reads", [reads], "a page", Target(2, "")),
        absolute(f"{name}, all forgotten, writes", [sum(calls.values()) - reads], "a page", Target(0, "")),
        absolute(f"{name}, the answer with its headers", [octets], "octets", Target(14_000, "")),
    ]


def _bare() -> Chalice:
    bare = Chalice("bare")

    @bare.route("/{token}", methods=["GET"])
    def show(token: str) -> Response:  # noqa: ARG001 - Chalice hands it over by name
        return Response(_PAGE, {"Content-Type": "text/html"}, 200)

    return bare


def _reading(site: Site, service: Service, most: int) -> Batch:
    """One item and nothing else: what each of a page's reads costs, so that the rest can be told."""
    key = f"sender#{SENDER}", "sender"

    def batch() -> int:
        for _ in range(most):
            found, _, _ = batch_get(service._wire, site.names.control, [key])  # noqa: SLF001 - beneath the store's words
            assert found
        return most

    return batch


def _once(asked: Event, service: Any, store: SlowStore) -> tuple[Mapping[str, int], int]:
    """What the store was asked for one page, and how many octets the answer has."""
    app._service = service  # noqa: SLF001 - as in `answered`
    store.seen()
    answer = app(asked, None)
    calls = store.seen()
    headers = {**answer["headers"], **{name: ", ".join(many) for name, many in answer["multiValueHeaders"].items()}}
    octets = len(answer["body"].encode()) + sum(len(f"{name}: {text}\r\n") for name, text in headers.items())
    return calls, octets
