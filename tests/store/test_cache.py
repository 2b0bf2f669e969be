"""What a container remembers, and what it never does."""

from __future__ import annotations

import pytest

from chalicelib.domain.errors import StoreUnavailable
from chalicelib.store import cache
from chalicelib.store.cache import Cache
from tests.store.memory import Clock


class Source:
    """Something that is read, slowly, and counts how often."""

    def __init__(self, clock: Clock, takes: int = 0) -> None:
        self.clock, self.takes, self.reads, self.fails = clock, takes, 0, False

    def read(self) -> int:
        self.reads += 1
        self.clock.milliseconds += self.takes
        if self.fails:
            raise StoreUnavailable("gone")
        return self.reads


@pytest.fixture
def clock() -> Clock:
    return Clock(0)


def cached(clock: Clock) -> Cache[int]:
    return Cache(30, lambda: clock.milliseconds / 1000)


def test_an_answer_is_kept_for_its_time_and_no_longer(clock: Clock) -> None:
    source, kept = Source(clock), cached(clock)
    assert [kept.get("a", source.read) for _ in range(3)] == [1, 1, 1]
    clock.milliseconds += 29_999
    assert kept.get("a", source.read) == 1
    clock.milliseconds += 1
    assert kept.get("a", source.read) == 2


def test_its_age_counts_from_before_the_read(clock: Clock) -> None:
    """What was read may be as old as the moment at which the read began."""
    source, kept = Source(clock, takes=20_000), cached(clock)
    kept.get("a", source.read)
    clock.milliseconds += 10_000
    assert kept.get("a", source.read) == 2


def test_keys_are_apart(clock: Clock) -> None:
    source, kept = Source(clock), cached(clock)
    assert (kept.get(("a", "b"), source.read), kept.get(("ab", ""), source.read)) == (1, 2)


def test_what_raises_is_asked_again(clock: Clock) -> None:
    source, kept = Source(clock), cached(clock)
    source.fails = True
    with pytest.raises(StoreUnavailable):
        kept.get("a", source.read)
    source.fails = False
    assert kept.get("a", source.read) == 2


def test_it_holds_no_more_than_it_may(clock: Clock) -> None:
    source, kept = Source(clock), cached(clock)
    for number in range(cache.MOST + 5):
        kept.get(number, source.read)
    assert len(kept._kept) <= cache.MOST
