"""What the local runner has to show: a sender with categories, an API key, a recipient with links, a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def prepare_demo(folder: Path, public_url: str) -> list[str]:
    """Make what is missing of the demo, and answer the lines that tell what to open and to try.

    Called once the environment is set, the tables exist and `app` is imported, before the first request is answered.
    On a folder of an earlier run what it made is there already, unless the engine was in memory.
    """
    return [f"Signoff runs at {public_url} with its data in {folder}. Ctrl-C stops it."]
