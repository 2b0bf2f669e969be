"""What keeps the local runner from running, told in one sentence each."""

from __future__ import annotations


class CannotRun(Exception):
    """The runner cannot go on; the message is one sentence that says why and what to do."""


class EngineMissing(CannotRun):
    """The engine dynoxide is not installed, or does not exist for this machine."""
