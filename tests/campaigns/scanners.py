"""Every link that we issue, opened as mail scanners, prefetchers and previews open it: nothing is ever written.

`python -m tests.campaigns.scanners` opens 100,000 times; the tests a hundredth of that.
"""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

from chalicelib.tokens import Purpose
from tests.campaigns.worlds import Report, command
from tests.gateway import send

if TYPE_CHECKING:
    from tests.site import Site

OF_A_FOOTER = ("/p/{token}", "/p/{token}/undo", "/p/{token}/history", "/p/{token}/data", "/p/{token}/erase")
METHODS = ("GET", "HEAD", "OPTIONS")
PROFILES: dict[str, dict[str, str]] = {
    "browser": {"User-Agent": "Mozilla/5.0", "Accept": "text/html", "Sec-Fetch-Dest": "document"},
    "prefetch": {"Sec-Purpose": "prefetch", "Purpose": "prefetch", "X-Moz": "prefetch"},
    "prerender": {"Sec-Purpose": "prefetch;prerender", "Sec-Fetch-User": "?1"},
    "link preview": {"User-Agent": "Slackbot-LinkExpanding 1.0", "Range": "bytes=0-32768"},
    "gateway scanner": {"User-Agent": "Mozilla/5.0 (compatible)", "X-Forwarded-For": "192.0.2.1"},
    "one that says it clicks": {"List-Unsubscribe": "One-Click", "Content-Type": "application/x-www-form-urlencoded"},
    "one that overrides the method": {"X-HTTP-Method-Override": "POST", "X-HTTP-Method": "POST"},
    "preflight": {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"},
    "bare": {},
}
BODIES = (None, b"", b"List-Unsubscribe=One-Click")
QUERIES = (
    None,
    {"List-Unsubscribe": "One-Click"},
    {"_method": "POST"},
    {"all": "1"},
    {"done": "o_x", "act": "o_x", "lang": "de"},
    {"from": "offers", "older": "1", "lang": "ar"},
)


def links(site: Site, address: str) -> list[tuple[str, dict[str, str]]]:
    """Every kind of link that leaves this service for this address: (route, values)."""
    found: list[tuple[str, dict[str, str]]] = [("/o/{sender}", {"sender": "testsend"})]
    for number in (1, 2, 3):
        for purpose in Purpose:
            token = {"token": site.token(number, purpose, address)}
            routes = ["/u/{token}", "/u/{token}/all", *(OF_A_FOOTER if purpose is Purpose.PREFERENCES else ())]
            found += [(route, token) for route in routes]
    return found


def run(site: Site, cases: int, seed: int) -> Report:
    """Opens links in every way, then looks whether anything is in the table."""
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    report = Report("links opened by scanners")
    while report.cases < cases:
        for route, values in links(site, f"person{chance.randrange(1_000)}@example.com"):
            _open(site, report, chance, route, values)
    written = site.stored()
    if written:
        report.fail(f"{len(written)} items were written")
    return report


def _open(site: Site, report: Report, chance: random.Random, route: str, values: dict[str, str]) -> None:
    method, profile = chance.choice(METHODS), chance.choice(list(PROFILES))
    answer = send(
        method,
        route,
        values,
        headers=PROFILES[profile],
        body=chance.choice(BODIES),
        query=chance.choice(QUERIES),
    )
    expected = 405 if method == "OPTIONS" else 200
    if answer.status != expected:
        report.fail(f"{method} {route} as {profile}: {answer.status}")
    report.note(method)
    report.case()


if __name__ == "__main__":
    sys.exit(command("scanners", (__doc__ or "").partition("\n")[0], 100_000, run))
