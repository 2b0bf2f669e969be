"""The last step of `finish`: the smoke test, through the public URL, as everybody else comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.ops.deployment import service_of
from infra.ops.smoke import smoke
from infra.ops.smoke_sender import CATEGORY, smoke_key

if TYPE_CHECKING:
    import argparse

    from infra.client.shown import Shown

_STEPS = {
    "minted": "a link minted",
    "opened": "its page opened",
    "accepted": "a one-click accepted",
    "enforced": "from there to the first check that says no",
    "told": "and to the feed that tells of it",
}


def run_smoke(url: str, options: argparse.Namespace, shown: Shown) -> None:
    """Takes one made-up recipient through the service, cleans up, and tells how long each step took.

    It works on the stage's tables too, for a sender of its own and a key for this run: whoever runs it may read the
    stage's secrets. Raises CannotRun.
    """
    options.data_dir = None
    service = service_of(options)
    shown.note(f"Smoke test through {url}")
    with smoke_key(service, options) as key:
        timings = smoke(url, key, CATEGORY)
    rows = [(text, f"{getattr(timings, name):,.0f} ms") for name, text in _STEPS.items()]
    shown.summary("The smoke test went through, as seen from here", rows)
