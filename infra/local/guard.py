"""Runs a program that must not outlive the process that started it.

    python -IS guard.py <parent's process id> <program> [argument …]

Standard library alone, and started without site packages, so that it costs some 20 ms. On Linux the kernel is told to
kill this process when the parent dies, `kill -9` included; the program then takes this process's place and keeps that
order. (`preexec_fn` would do the same inside the parent, where other threads may hold locks: it is not safe there.)
Elsewhere the program simply runs.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become the program. Never returns."""
    parent, program = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # A parent that died before the order was given is not noticed by the kernel any more.
        if os.getppid() != parent:
            sys.exit("the process that asked for this program has ended")
    os.execv(program[0], program)  # noqa: S606 - no shell is what is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
