"""`make screenshots`: the pages as they look, into docs/screenshots, or the folder that is named."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from infra.local.engine import start_dynoxide
from infra.local.environment import LOCAL_AWS
from tests.browser.chromium import chromium
from tests.browser.journeys import JOURNEYS, Visit
from tests.browser.senders import EMPTY, FULL, LONG, PLAIN
from tests.browser.serving import serve
from tests.engines import make_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.browser.serving import Served

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
SHOTS = ("unsubscribe-footer", "done-footer", "preferences", "preferences-saved", "form", "too-many", "bad-link")
EVERY = [(name, FULL) for name in JOURNEYS] + [(name, sender) for sender in (PLAIN, LONG) for name in SHOTS]
OF_LONG = ("history", "history-older", "data-wrong", "erase", "erased", "undone", "undone-too-late", "chosen-again")
EVERY += [("preferences", EMPTY)] + [(name, LONG) for name in OF_LONG]


def main(arguments: list[str]) -> None:
    """`--all` takes every page at every width, to look at and not to keep."""
    is_all, folder = "--all" in arguments, Path(next((one for one in arguments if one != "--all"), "docs/screenshots"))
    wanted = EVERY if is_all else [(name, FULL) for name in SHOTS]
    widths = (320, 768, 1280) if is_all else (390, 1280)
    folder.mkdir(parents=True, exist_ok=True)
    LOCAL_AWS.apply()
    with _site() as served, chromium() as browser:
        for width in widths:
            for scheme in SCHEMES:
                for name, sender in wanted:
                    _take(browser, served, folder, name, sender, width, scheme)


@contextmanager
def _site() -> Iterator[Served]:
    with TemporaryDirectory() as data:
        engine = start_dynoxide(Path(data) / "data.sqlite")
        try:
            with serve(make_tables(engine.url)) as served:
                yield served
        finally:
            engine.stop()


def _take(browser: Browser, served: Served, folder: Path, name: str, sender: str, width: int, scheme: Scheme) -> None:
    context = browser.new_context(viewport={"width": width, "height": 760}, color_scheme=scheme, device_scale_factor=1)
    page = context.new_page()
    JOURNEYS[name](Visit(page, served, sender))
    page.screenshot(
        path=folder / f"{name}{'' if sender == FULL else f'-{sender}'}-{width}-{scheme}.png", full_page=True
    )
    context.close()


if __name__ == "__main__":
    main(sys.argv[1:])
