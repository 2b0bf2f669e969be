"""A step of `finish`: it compares what is with what should be, and puts right what differs."""

from __future__ import annotations

from typing import Protocol


class Step(Protocol):
    """One kind of thing, compared and put right."""

    @property
    def what(self) -> str:
        """What it is about, as the beginning of a line."""
        ...

    def differences(self) -> list[str]:
        """What would change, one line each; none where all is as it should be. Changes nothing. Raises CannotRun."""
        ...

    def put_right(self) -> None:
        """Changes what `differences` found. Raises CannotRun."""
        ...
