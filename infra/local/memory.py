"""What the local runner keeps in memory, all of it moto: S3, SQS, and the tables too where dynoxide cannot be had."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import dataclass

from infra.local.children import end, project_environment, python_module, start_guarded

HOST = "127.0.0.1"
_QUEUE = 128


@dataclass(frozen=True, slots=True)
class MemoryEngine:
    """A running moto: where it answers, and its process."""

    url: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Stop answering, and forget everything. Stopping twice is no error."""
        end(self.process)


def start_moto(stage: str) -> MemoryEngine:
    """Start moto on a free port with the bucket and the queues of `stage`, and come back at once.

    Whoever calls it before it is ready waits: the port is open from the beginning. As with the engine of the tables, it
    ends with the calling thread.
    """
    with socket.create_server((HOST, 0), backlog=_QUEUE) as listening:
        descriptor = listening.fileno()
        process = start_guarded(
            python_module("infra.local.moto_server", str(descriptor), stage),
            pass_fds=(descriptor,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=project_environment(),
        )
        return MemoryEngine(f"http://{HOST}:{listening.getsockname()[1]}", process)
