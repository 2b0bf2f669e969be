"""The table of routes that fills itself: each module when it is asked for, each once, and all for who lists them."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from app import app
from chalicelib.routing import Routes

ROOT = Path(__file__).parent.parent
TOLD: Any = object()


class Modules:
    """What registers routes, and what was asked of it."""

    def __init__(self) -> None:
        self.routes = Routes()
        self.registered: list[str] = []

    def add(self, name: str, *paths: str) -> None:
        def register() -> None:
            self.registered.append(name)
            for path in paths:
                self.routes[path]["GET"] = TOLD

        self.routes.expect(paths, register)


@pytest.fixture
def modules() -> Modules:
    made = Modules()
    made.add("pages", "/u", "/u/all")
    made.add("api", "/check")
    return made


def test_nothing_is_registered_before_it_is_asked_for(modules: Modules) -> None:
    assert len(modules.routes) == 3
    assert modules.registered == []


@pytest.mark.parametrize("path", ["/u", "/u/all"])
def test_asking_for_a_path_registers_its_module_once(modules: Modules, path: str) -> None:
    assert modules.routes[path] == modules.routes.get(path) == {"GET": TOLD}
    assert path in modules.routes
    assert modules.registered == ["pages"]


def test_listing_registers_all(modules: Modules) -> None:
    assert list(modules.routes) == ["/u", "/u/all", "/check"]
    assert {tuple(methods) for methods in modules.routes.values()} == {("GET",)}
    assert modules.registered == ["pages", "api"]


def test_an_unknown_path_is_none_and_registers_nothing(modules: Modules) -> None:
    assert modules.routes.get("/nothing") is None
    assert "/nothing" not in modules.routes
    assert modules.registered == []


def test_a_module_registers_what_it_was_expected_to_and_nothing_else(modules: Modules) -> None:
    def register() -> None:
        modules.routes["/other"]["GET"] = TOLD

    modules.routes.expect(("/docs",), register)
    for _ in range(2):  # and the second who asks is told the same
        with pytest.raises(KeyError, match="/other"):
            modules.routes["/docs"]


def test_an_app_may_register_routes_of_its_own(modules: Modules) -> None:
    modules.routes["/own"]["GET"] = TOLD
    assert modules.routes.get("/own") == {"GET": TOLD}
    assert modules.registered == []


def test_a_path_has_one_module(modules: Modules) -> None:
    with pytest.raises(ValueError, match="/check has a module already"):
        modules.add("another", "/check")


def test_threads_that_ask_at_once_see_a_module_whole() -> None:
    routes, barrier, seen = Routes(), threading.Barrier(8), []

    def register() -> None:
        for method in ("GET", "HEAD", "POST"):
            routes["/u"][method] = TOLD

    def ask() -> None:
        barrier.wait()
        seen.append(set(routes["/u"]))

    routes.expect(("/u",), register)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [{"GET", "HEAD", "POST"}] * 8


def test_every_path_of_the_app_is_answered_by_the_module_it_names() -> None:
    """So none is listed that its module does not register."""
    assert len(app.routes) > 25
    assert [path for path, methods in app.routes.items() if not methods] == []


def test_a_click_imports_neither_the_api_nor_the_worker() -> None:
    program = """if True:
        import sys
        from app import app
        assert set(app.routes["/u/{token}"]) == {"GET", "HEAD", "POST"}
        needless = ("chalicelib.api.checks", "chalicelib.api.schemas", "chalicelib.worker", "chalicelib.ingest")
        print([name for name in needless if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
