"""Hostile input on every route: bombs, Unicode, headers, markup, tokens and JSON that are almost right.

`python -m tests.campaigns.hostile` sends 100,000 requests and prints the memory that this took; the tests a hundredth.
Nothing may get a 5xx, a redirect or its own markup back, and what is refused may store nothing.
"""

from __future__ import annotations

import json
import random
import re
import resource
import string
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app import app
from chalicelib.use_cases.keys import SCOPES
from tests.callers import Caller
from tests.campaigns.worlds import Report, command
from tests.gateway import Answer, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.site import Site

MARKUP = '"><script>alert(1)</script>'
TEXTS = (
    "",
    " ",
    "news",
    "alerts",
    "*",
    "opt_out",
    "consent",
    "dana@example.com",
    "2026-03-01T09:30:00Z",
    "9999-12-31T23:59:60Z",
    MARKUP,
    MARKUP + "@example.com",
    "a\r\nSet-Cookie: x=1",
    "\0",
    "\ud800",
    "\u202edana@example.com",
    "ﬁ@example.com",
    "dana@ex\u200bample.com",
    "dana@" + "a." * 120 + "com",
    "x" * 70_000,
    "{0.__class__}",
    "{{7*7}}",
    "${jndi:ldap://x.example.com}",
    "../../etc/passwd",
    "' OR 1=1 --",
    "1e999",
    "rcp_" + "a" * 26,
)
NAMES = (
    "category",
    "addresses",
    "recipients",
    "acts",
    "act",
    "address",
    "recipient",
    "at",
    "evidence",
    "reason",
    "how",
)
NUMBERS = (0, -1, 1.5, 10**40, -(2**63), 2**31)
HEADERS = (
    "Content-Type",
    "Accept",
    "Idempotency-Key",
    "Origin",
    "Referer",
    "Cookie",
    "Content-Encoding",
    "Content-Length",
    "X-Forwarded-For",
    "Host",
    "Range",
)
MOST_DEEP = 4


@dataclass(frozen=True)
class Case:
    """One request."""

    method: str
    route: str
    values: dict[str, str]
    headers: dict[str, str]
    query: dict[str, str] | None
    body: bytes | None


def json_value(chance: random.Random, depth: int = 0) -> Any:
    """Almost what some route wants."""
    kind = chance.randrange(8 if depth < MOST_DEEP else 4)
    if kind < 2:
        return chance.choice(TEXTS)
    if kind == 2:
        return chance.choice(NUMBERS)
    if kind == 3:
        return chance.choice((None, True, False))
    if kind < 6:
        return [json_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(NAMES): json_value(chance, depth + 1) for _ in range(chance.randrange(6))}


def likely(chance: random.Random) -> dict[str, Any]:
    """A request that is right but for what chance spoils."""
    item = {
        "act": chance.choice(("opt_out", "block", "lift", "consent")),
        "address": "dana@example.com",
        "category": "news",
        "at": "2026-03-01T09:30:00Z",
        "reason": "blocked",
        "evidence": {"how": "x", "wording": "y", "source": "z"},
    }
    for name in chance.sample(sorted(item), chance.randrange(4)):
        if chance.randrange(2):
            del item[name]
        else:
            item[name] = json_value(chance, 2)
    whole = {"category": "news", "addresses": ["dana@example.com"], "recipients": [item], "acts": [item]}
    if chance.randrange(2):
        whole[chance.choice(sorted(whole))] = json_value(chance)
    return whole


def body(chance: random.Random) -> bytes | None:
    """What a client could send: nothing, right, almost right, broken, huge."""
    makers: tuple[Callable[[], bytes | None], ...] = (
        lambda: None,
        lambda: json.dumps(likely(chance)).encode(),
        lambda: json.dumps(json_value(chance)).encode(),
        lambda: _spoiled(chance, json.dumps(likely(chance)).encode()),
        lambda: chance.randbytes(chance.randrange(300)),
        lambda: "&".join(f"{name}={chance.choice(TEXTS)}" for name in ("shown", "before", "wanted", "address")).encode(
            "utf-8", "surrogatepass"
        ),
        lambda: b"[" * chance.choice((10, 2_000, 200_000)),
        lambda: b'{"a":' * chance.choice((10, 2_000)),
        lambda: b'{"category":"news","addresses":[' + b"1" * chance.choice((10, 5_000)) + b"]}",
    )
    return chance.choice(makers)()


def _spoiled(chance: random.Random, octets: bytes) -> bytes:
    at = chance.randrange(len(octets))
    return octets[:at] + chance.randbytes(chance.randrange(3)) + octets[at + chance.randrange(3) :]


def value(chance: random.Random, site: Site) -> str:
    """What stands in a path: a good token, a spoiled one, or anything."""
    token = site.token(chance.randrange(1, 5), address="dana@example.com")
    at = chance.randrange(len(token))
    return chance.choice(
        (
            token,
            "testsend",
            token[:at] + chance.choice(string.printable) + token[at + 1 :],
            token[:at],
            token * 2,
            chance.choice(TEXTS),
            "%2e%2e%2f",
        )
    )


def case(chance: random.Random, site: Site, key: str) -> Case:
    """One request, of any method on any route."""
    route = chance.choice(sorted(app.routes))
    names = re.findall(r"{(\w+)}", route)
    headers = {chance.choice(HEADERS): chance.choice(TEXTS) for _ in range(chance.randrange(3))}
    if chance.randrange(5):
        headers["Authorization"] = f"Bearer {key}" if chance.randrange(8) else chance.choice(TEXTS)
    if chance.randrange(3):
        headers["Content-Type"] = chance.choice(("application/json", "application/x-www-form-urlencoded", "x/y"))
    query = {chance.choice(TEXTS): chance.choice(TEXTS)} if chance.randrange(2) else None
    method = chance.choice(
        [*app.routes[route], "POST"] if chance.randrange(10) else ["PUT", "DELETE", "OPTIONS", "PATCH"]
    )
    return Case(method, route, {name: value(chance, site) for name in names}, headers, query, body(chance))


def run(site: Site, cases: int, seed: int) -> Report:
    """Each case is judged by its answer alone, but that the number of stored items is looked at now and then."""
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    report = Report("hostile requests")
    key = Caller(site).key(*SCOPES)
    for _ in range(cases):
        sent = case(chance, site, key)
        answer = send(sent.method, sent.route, sent.values, headers=sent.headers, query=sent.query, body=sent.body)
        report.note(f"answered {answer.status}")
        if wrong := _wrong(answer):
            report.fail(f"{wrong}: {sent.method} {sent.route} {sent.headers!r:.200} {sent.body!r:.200}")
        report.case()
        site.clock.milliseconds += 1_000_000  # budgets are another matter
    _look_at_what_is_stored(site, report)
    report.notes["MB at most"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024
    return report


def _wrong(answer: Answer) -> str:
    if not 200 <= answer.status < 300 and not 400 <= answer.status < 500:
        return f"status {answer.status}"
    if "location" in answer.headers or "set-cookie" in answer.headers:
        return "a redirect or a cookie"
    if answer.headers["content-type"].startswith("text/html") and "<script" in answer.body:
        return "markup came back"
    if any(ord(letter) < ord(" ") for text in answer.headers.values() for letter in text):
        return "a control character in a header"
    return ""


def _look_at_what_is_stored(site: Site, report: Report) -> None:
    """Only real addresses and ids get in: nothing of the markup, no control character in a key."""
    for item in site.stored():
        address = item.get("ad", {}).get("S", "")
        if any(unwelcome in f"{address}{item['sk']['S']}" for unwelcome in ("<", ">", "\0", "\r", "\n", " ")):
            report.fail(f"stored: {sorted(item)}")


if __name__ == "__main__":
    sys.exit(command("hostile", (__doc__ or "").partition("\n")[0], 100_000, run))
