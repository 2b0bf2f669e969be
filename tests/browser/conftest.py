"""Fixtures of the browser. They end with the tests of this folder: Playwright keeps a loop running in this thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.chromium import BrowserMissing, axe_source, chromium
from tests.browser.serving import Served, serve
from tests.browser.watching import Watch
from tests.engines import make_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from infra.local.engine import Engine

Opened = Callable[..., Watch]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests here. Without it they fail, and say what to install: nothing is skipped."""
    try:
        with chromium() as started:
            yield started
    except BrowserMissing as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="package")
def axe() -> str:
    try:
        return axe_source()
    except BrowserMissing as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="module")
def served(dynoxide: Engine) -> Iterator[Served]:
    with serve(make_tables(dynoxide.url)) as made:
        yield made


@pytest.fixture(scope="module")
def speaking(browser: Browser, served: Served) -> Iterator[Callable[[str], Watch]]:
    """The one narrow window of a language; it is opened once, because that takes as long as a page."""
    watches: dict[str, Watch] = {}

    def window_of(language: str) -> Watch:
        if language not in watches:
            context = browser.new_context(viewport={"width": 320, "height": 640}, locale=language)
            watches[language] = Watch.of(context, served)
        watches[language].forget()
        return watches[language]

    yield window_of
    for watch in watches.values():
        watch.page.context.close()


@pytest.fixture
def opened(browser: Browser, served: Served) -> Iterator[Opened]:
    """Opens a window of its own cookies and cache; the arguments are those of `Browser.new_context`."""
    contexts = []

    def open_window(**options: Any) -> Watch:
        options.setdefault("viewport", {"width": 320, "height": 640})
        contexts.append(browser.new_context(**options))
        return Watch.of(contexts[-1], served)

    yield open_window
    for context in contexts:
        context.close()
