"""Chance that leaves nothing out: a small campaign would else miss one thing or another now and then."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Drawn = TypeVar("Drawn")


@dataclass
class Bag(Generic[Drawn]):
    """All are drawn before one comes again: how often each comes is not left to chance."""

    chance: random.Random
    all: Sequence[Drawn]
    left: list[Drawn] = field(default_factory=list)

    def draw(self) -> Drawn:
        if not self.left:
            self.left = self.chance.sample(self.all, len(self.all))
        return self.left.pop()
