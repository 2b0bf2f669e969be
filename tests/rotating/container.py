"""The app in a process of its own: `python -m tests.rotating.container <listening descriptor> <file of the clock>`.

Its settings come from the environment, as Lambda gives them. Its clocks are this machine's and what the file says, in
milliseconds, so that a test can let ten minutes pass.
"""

from __future__ import annotations

import mmap
import os
import socket
import struct
import sys
import time
from pathlib import Path

from chalice.config import Config

from app import app
from chalicelib.service import Service
from chalicelib.settings import settings_from
from infra.local.server import make_server

AHEAD = struct.Struct("<q")


class Clock:
    """What the file says, as it is now."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), AHEAD.size)

    @property
    def ahead(self) -> int:
        """Milliseconds."""
        return int(AHEAD.unpack_from(self._map)[0])

    @ahead.setter
    def ahead(self, milliseconds: int) -> None:
        AHEAD.pack_into(self._map, 0, milliseconds)

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return time.time_ns() // 1_000_000 + self.ahead

    def monotonic(self) -> float:
        """Seconds."""
        return time.monotonic() + self.ahead / 1000


def main(arguments: list[str]) -> None:
    """Serve until killed."""
    clock = Clock(Path(arguments[1]))
    app._service = Service(settings_from(os.environ), monotonic=clock.monotonic, clock=clock.now)
    make_server(app, Config(), socket.socket(fileno=int(arguments[0]))).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
