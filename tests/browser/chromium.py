"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
PATIENCE = 300_000
"""In ms, when a test gives up: on a crowded machine a page takes many times the half second that it takes."""


class BrowserMissing(Exception):
    """What the tests of the pages need and this machine lacks; the message says how to get it."""


def find_chromium() -> str:
    """The program. Raises BrowserMissing."""
    found = shutil.which(os.environ.get("SIGNOFF_CHROMIUM") or "chromium")
    if found is None:
        raise BrowserMissing(
            "Chromium is missing, and the tests of the pages need it: run `make chromium`, "
            "or install it and name it in SIGNOFF_CHROMIUM."
        )
    return found


def axe_source() -> str:
    """The script of axe-core. Raises BrowserMissing."""
    if not AXE.is_file():
        raise BrowserMissing("axe-core is missing, and the tests of the pages need it: run `make install`.")
    return AXE.read_text("utf-8")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A started browser. Raises BrowserMissing."""
    program = find_chromium()
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS], timeout=PATIENCE)
        yield browser
        browser.close()
