"""`make screenshots`: the pages as they look, into docs/screenshots, or the folder that is named."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from chalicelib.web.languages import SOURCE
from infra.local.engine import start_dynoxide
from infra.local.environment import LOCAL_AWS
from tests.browser import words
from tests.browser.chromium import chromium
from tests.browser.going import saved
from tests.browser.journeys import JOURNEYS, Visit
from tests.browser.palettes import reduced
from tests.browser.senders import EMPTY, FULL, LONG, PLAIN
from tests.browser.serving import serve
from tests.engines import make_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from tests.browser.serving import Served

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
PHONE, DESKTOP = 390, 1_280
LOOKED_AT = (320, 768, 1_280)
"""Widths of `--all`, in CSS pixels."""


def some_history(visit: Visit) -> None:
    """Of somebody who stopped something and took it back."""
    saved(visit)
    visit.press(words.UNDO)
    visit.follow(words.HISTORY)


SHOTS: dict[str, Callable[[Visit], None]] = {
    "unsubscribe": JOURNEYS["unsubscribe-footer"],
    "done": JOURNEYS["done-footer"],
    "history": some_history,
    **{name: JOURNEYS[name] for name in ("preferences", "preferences-saved", "data", "erase", "erased")},
    **{name: JOURNEYS[name] for name in ("form", "too-many", "bad-link")},
}
FURTHER: dict[str, Callable[[Visit], None]] = {**JOURNEYS, **SHOTS}


@dataclass(frozen=True)
class Shot:
    """A page of a sender, in a language, at a width in CSS pixels."""

    name: str
    width: int
    scheme: Scheme = "light"
    language: str = SOURCE
    sender: str = FULL

    @property
    def file(self) -> str:
        """Its name, with what is not as usual."""
        sender, language = (self.sender, FULL), (self.language, SOURCE)
        told = [one for one, usual in (sender, language) if one != usual]
        return "-".join([self.name, *told, str(self.width), self.scheme]) + ".png"


KEPT = [Shot(name, width, scheme) for name in SHOTS for width in (PHONE, DESKTOP) for scheme in SCHEMES]
KEPT += [Shot(name, PHONE, language=code) for name in ("unsubscribe", "preferences") for code in ("ar", "ja", "de")]

PAGES = [(name, FULL) for name in FURTHER] + [(name, sender) for sender in (PLAIN, LONG) for name in SHOTS]
PAGES += [("preferences", EMPTY)] + [(name, LONG) for name in ("data-wrong", "undone", "undone-too-late")]
EVERY = [
    Shot(name, width, scheme, sender=sender) for width in LOOKED_AT for scheme in SCHEMES for name, sender in PAGES
]
EVERY += [Shot(name, 320, language=code, sender=LONG) for code in ("ar", "hi", "de") for name in SHOTS]


def main(arguments: list[str]) -> None:
    """`--all` takes every page at every width, to look at and not to keep."""
    is_all, folder = "--all" in arguments, Path(next((one for one in arguments if one != "--all"), "docs/screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    LOCAL_AWS.apply()
    with _site() as served, chromium() as browser:
        for shot in EVERY if is_all else KEPT:
            _take(browser, served, folder, shot)


@contextmanager
def _site() -> Iterator[Served]:
    with TemporaryDirectory() as data:
        engine = start_dynoxide(Path(data) / "data.sqlite")
        try:
            with serve(make_tables(engine.url)) as served:
                yield served
        finally:
            engine.stop()


def _take(browser: Browser, served: Served, folder: Path, shot: Shot) -> None:
    context = browser.new_context(
        viewport={"width": shot.width, "height": 760}, color_scheme=shot.scheme, locale=shot.language
    )
    page = context.new_page()
    FURTHER[shot.name](Visit(page, served, shot.sender, shot.language))
    taken = page.screenshot(full_page=True)
    page.goto("about:blank")
    (folder / shot.file).write_bytes(reduced(page, taken))
    context.close()


if __name__ == "__main__":
    main(sys.argv[1:])
