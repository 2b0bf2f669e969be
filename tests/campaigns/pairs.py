"""Write, then check at once: an opt-out that was acknowledged by one container is known to every other.

`python -m tests.campaigns.pairs` runs 100,000 pairs; the tests run a thousandth.
"""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

from chalicelib.domain.addresses import parse_address
from chalicelib.service import Service
from chalicelib.tokens import Purpose
from chalicelib.use_cases.asking import check
from tests.campaigns.worlds import Report, command
from tests.gateway import send

if TYPE_CHECKING:
    from tests.site import Site

PEOPLE = 500


def run(site: Site, cases: int, seed: int) -> Report:
    """Each case writes by a page's route in one container, and asks in another that has connections of its own."""
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    report = Report("write, then check")
    other = Service(site.service.settings)
    sender = other.sender("testsend")
    for _ in range(cases):
        address = f"person{chance.randrange(PEOPLE)}@example.com"
        site.clock.milliseconds += 61_000  # no repeat is absorbed
        is_out = chance.random() < 0.7
        status = _stop(site, address) if is_out else _start(site, address)
        [answer] = check(other, sender, "news", [address])
        report.note("opt-outs" if is_out else "opt-ins")
        if status != 200 or answer.verdict is None or answer.verdict.may_send is is_out:
            report.fail(f"case {report.cases}: {'out' if is_out else 'in'}, {status}, {answer.verdict}")
        report.case()
    return report


def _stop(site: Site, address: str) -> int:
    return send("POST", "/u/{token}", {"token": site.token(address=address)}, body=b"List-Unsubscribe=One-Click").status


def _start(site: Site, address: str) -> int:
    token = site.token(purpose=Purpose.PREFERENCES, address=address)
    version = site.service.reader.recipient(
        site.service.senders.get("testsend").place_of(parse_address(address))
    ).version
    return send(
        "POST", "/p/{token}", {"token": token}, body=f"shown=news&wanted=news&version={version}".encode()
    ).status


if __name__ == "__main__":
    sys.exit(command("pairs", (__doc__ or "").partition("\n")[0], 100_000, run))
