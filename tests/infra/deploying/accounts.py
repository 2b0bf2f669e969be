"""Starts an account of its own for a test, and talks to it."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from infra.local.children import end, python_module, start_guarded
from tests.infra.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
_QUEUE = 128


@contextmanager
def empty_account() -> Iterator[str]:
    """The URL of one."""
    with socket.create_server((HOST, 0), backlog=_QUEUE) as listening:
        process = start_guarded(
            python_module("tests.infra.deploying.empty_account", str(listening.fileno())),
            pass_fds=(listening.fileno(),),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        url = f"http://{HOST}:{listening.getsockname()[1]}"
    try:
        yield url
    finally:
        end(process)
