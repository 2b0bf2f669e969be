"""Keys rotated, and one compromised, while real processes answer real requests: none fails, and all links work on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chalicelib.api_keys import ApiKey, mint_api_key
from chalicelib.domain.senders import Sender
from chalicelib.service import Service
from chalicelib.settings import settings_from
from infra.local.children import end, python_module, start_guarded
from infra.local.server import listen
from infra.ops.rotation import MINTS_AFTER
from tests.infra.deploying.conftest import account_server
from tests.infra.ops.test_keys import project_of
from tests.infra.processes import ROOT, SECONDS, infra_command
from tests.kept_secrets import KeptSecrets, master_key
from tests.rotating.callers import FORM, Callers, Links, request
from tests.rotating.container import AHEAD, Clock
from tests.site import CATALOGUE, CODE, environment_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engines import LocalTables

__all__ = ["account_server"]

MINUTE = 60_000
THREADS = 6
ROUNDS = 30
BEYOND = (("GET", "", 200), ("GET", "/history", 200), ("GET", "/erase", 200), ("POST", "/data", 403))
"""What a link of a compromised version is not taken to, and its answer: the page with one button, or a refusal."""


@dataclass
class Deployment:
    """Containers on one store and one secret, and those who call them."""

    kept: KeptSecrets
    clock: Clock
    folder: Path
    environment: Mapping[str, str]
    callers: Callers
    stack: ExitStack

    def begin_container(self) -> int:
        """One more, to be called like the others."""
        port = self.stack.enter_context(container(self.environment, self.folder / "clock"))
        self.callers.ports.append(port)
        return port

    def keys(self, *words: str) -> str:
        """The command as ops type it."""
        at = ("--stage", self.kept.stage, "--project", str(self.folder), "--endpoint-url", self.kept.url)
        done = subprocess.run(
            infra_command("keys", words[0], *at, *words[1:]),
            cwd=ROOT,
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def container(environment: Mapping[str, str], clock: Path) -> Iterator[int]:
    """A process, and its port: open from the beginning, so whoever calls before it is ready waits."""
    with listen(0) as listening:
        descriptor = listening.fileno()
        process = start_guarded(
            python_module("tests.rotating.container", str(descriptor), str(clock)),
            pass_fds=(descriptor,),
            stdout=subprocess.DEVNULL,
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        )
        port = listening.getsockname()[1]
    try:
        yield port
    finally:
        end(process)


@pytest.fixture
def deployment(dynoxide_tables: LocalTables, account_server: str, tmp_path: Path) -> Iterator[Deployment]:
    kept = KeptSecrets.at(account_server, {"1": master_key(1)})
    (tmp_path / "clock").write_bytes(AHEAD.pack(0))
    project_of(kept, tmp_path)
    environment = kept.named_in(environment_for(dynoxide_tables))
    service = Service(settings_from(environment))
    service.senders.create(Sender(CODE, "Test & Sons", CATALOGUE, bytes(range(32))))
    key = mint_api_key(service.keyring, CODE)
    service.keys.create(ApiKey(key.id, CODE, key.digest, frozenset({"links", "read"}), 1))
    with ExitStack() as stack:
        callers = Callers([], key.text)
        stack.callback(callers.stop)
        yield Deployment(kept, Clock(tmp_path / "clock"), tmp_path, environment, callers, stack)


def test_no_request_fails_while_keys_are_rotated_and_every_link_works_on(deployment: Deployment) -> None:
    callers = deployment.callers
    for _ in range(2):
        deployment.begin_container()
    callers.start(THREADS)
    callers.more(ROUNDS)

    said = deployment.keys("rotate", "--yes")
    assert "version 2: verifies, and mints from" in said
    callers.more(ROUNDS)
    assert {links.version for links in callers.made} == {"B"}, "the new version waits"
    # As Lambda begins them anew, one after the other: this one knows the new version, the first two do not.
    deployment.begin_container()
    callers.more(ROUNDS)

    deployment.clock.ahead = MINTS_AFTER + MINUTE
    callers.more(3 * ROUNDS)
    assert {links.version for links in callers.made[-ROUNDS:]} >= {"C"}
    callers.stop()

    assert callers.failures == []
    assert set(callers.answers) == {200}
    assert callers.answers.total() > 5 * 6 * ROUNDS
    for port in callers.ports:
        for links in (callers.made[0], callers.made[-1]):
            assert opens(port, links) == (200, 200, 200)


def test_links_of_a_compromised_version_opt_out_and_open_nothing_else(deployment: Deployment) -> None:
    callers = deployment.callers
    deployment.begin_container()
    callers.start(THREADS)
    callers.more(ROUNDS)
    deployment.keys("compromise", "--version", "1", "--yes")
    callers.more(ROUNDS)
    deployment.begin_container()
    callers.more(ROUNDS)
    callers.stop()

    assert callers.failures == []
    old = next(links for links in callers.made if links.version == "B")
    newer = next(links for links in reversed(callers.made) if links.version == "C")
    for port in callers.ports:  # the one of before learned of it by a link of the new version
        assert opens(port, newer) == (200, 200, 200)
        assert opens(port, old)[0] == 200
        for method, path, says in BEYOND:
            status, page = request(port, method, old.preferences + path, f"address={old.address}".encode(), FORM)
            assert (status, b"/p/" in page) == (says, False), "one button, and no way further"
            assert page.startswith(b"<!doctype html>")


def opens(port: int, links: Links) -> tuple[int, int, int]:
    """What a click, the preference centre and its history answer."""
    click = request(port, "POST", links.one_click, b"List-Unsubscribe=One-Click", FORM)[0]
    return click, request(port, "GET", links.preferences)[0], request(port, "GET", f"{links.preferences}/history")[0]
