"""Every body and content type that a mail client could send: with a good link all of them opt out, without a redirect.

`python -m tests.campaigns.one_clicks` sends 20,000; the tests a hundredth of that.
"""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

from chalicelib.domain.decision import Reason
from tests.campaigns.worlds import Report, command
from tests.gateway import send

if TYPE_CHECKING:
    from tests.site import Site

MULTIPART = b'--%b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--%b--\r\n'
TYPES = (
    None,
    "",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=UTF-8",
    "APPLICATION/X-WWW-FORM-URLENCODED;charset=utf-16",
    "multipart/form-data; boundary=b",
    'multipart/form-data; boundary="b:0/=?"',
    "multipart/form-data",
    "multipart/mixed; boundary=b",
    "text/plain",
    "text/html; charset=x",
    "application/json",
    "application/octet-stream",
    "image/png",
    "x",
    "//;;=",
)
BODIES = (
    b"List-Unsubscribe=One-Click",
    b"List-Unsubscribe=One-Click\r\n",
    b"list-unsubscribe=one-click",
    b"List-Unsubscribe=One-Click&category=offers&address=other%40example.com",
    b"List%2DUnsubscribe=One%2DClick",
    MULTIPART.replace(b"%b", b"b"),
    MULTIPART.replace(b"--%b", b"b"),
    b"",
    b"{}",
    b'{"List-Unsubscribe":"One-Click"}',
    b"\x00",
    b"\xff\xfe",
    b"page=1",
    b"[" * 3_000,
    b"a=b&" * 3_000,
    b"%" * 500,
)
LARGE = (b"x" * 6_000_000, b"a=" + b"b" * 1_000_000)


def run(site: Site, cases: int, seed: int) -> Report:
    """Each case is another recipient; what a check then says decides, not the status."""
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    report = Report("one-click bodies")
    for number in range(cases):
        address = f"person{seed}x{number}@example.com"
        kind = TYPES[number % len(TYPES)] if number < len(TYPES) * len(BODIES) else chance.choice(TYPES)
        body = _body(chance, number)
        headers = {} if kind is None else {"Content-Type": kind}
        answer = send("POST", "/u/{token}", {"token": site.token(address=address)}, headers=headers, body=body)
        if answer.status != 200 or "location" in answer.headers:
            report.fail(f"{kind!r}, {body[:40]!r}: {answer.status}")
        elif site.reasons(address) != {"news": Reason.OPTED_OUT, "offers": None, "alerts": None}:
            report.fail(f"{kind!r}, {body[:40]!r}: not opted out of this alone")
        report.case()
    return report


def _body(chance: random.Random, number: int) -> bytes:
    if number < len(TYPES) * len(BODIES):
        return BODIES[number // len(TYPES)]
    if number % 1_000 == 0:
        return chance.choice(LARGE)
    return chance.randbytes(chance.randrange(200)) if chance.random() < 0.5 else chance.choice(BODIES)


if __name__ == "__main__":
    sys.exit(command("one_clicks", (__doc__ or "").partition("\n")[0], 20_000, run))
