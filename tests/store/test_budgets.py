"""The budget of an API key: shared by containers, without a call for a key that is used little."""

from __future__ import annotations

import json
import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import app
from chalicelib.api_keys import ApiKey
from chalicelib.domain.errors import SettingsError, StoreUnavailable, TooManyRequests
from chalicelib.service import Service
from chalicelib.settings import settings_from
from chalicelib.store.budgets import SHARE, Budgets
from infra.local.environment import Engines, environment
from infra.local.folder import open_folder
from tests.api.conftest import caller
from tests.api.test_openapi import answer_errors
from tests.gateway import send
from tests.site import ADDRESS, CODE, Site
from tests.store import faults
from tests.store.faults import FaultyPool, faulty
from tests.store.memory import Clock
from tests.web.conftest import site

if TYPE_CHECKING:
    from pathlib import Path

    from tests.callers import Caller

__all__ = ["caller", "site"]

KEY = ApiKey("a" * 16, CODE, "", frozenset({"read"}), 1)
OTHER = ApiKey("b" * 16, CODE, "", frozenset({"read"}), 1)
MOST = 100
STEP = MOST // SHARE
MINUTE = 60_000
CHECK = json.dumps({"category": "news", "addresses": [ADDRESS]}).encode()


@dataclass
class Shared:
    """The shared counters, and how often they were asked."""

    counts: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    is_gone: bool = False

    def count(self, sender: str, name: str, uses: int, now: int, window: int) -> int:
        self.calls += 1
        if self.is_gone:
            raise StoreUnavailable("gone")
        self.counts[f"{sender} {name} {now // 1000 // window}"] += uses
        return self.counts[f"{sender} {name} {now // 1000 // window}"]


@pytest.fixture
def clock() -> Clock:
    return Clock(1_800_000_000_000)


def container(shared: Shared, clock: Clock, most: int = MOST) -> Budgets:
    return Budgets(shared, most, lambda: clock.milliseconds)


def passed(budgets: Budgets, times: int, key: ApiKey = KEY) -> int:
    """How many of so many requests were let through."""
    count = 0
    for _ in range(times):
        try:
            budgets.take(key)
        except TooManyRequests:
            continue
        count += 1
    return count


@pytest.mark.parametrize("most", [MOST, 2, 19, 103, 6_000])
def test_one_container_lets_just_the_budget_through(clock: Clock, most: int) -> None:
    shared = Shared()
    assert passed(container(shared, clock, most), 3 * most) == most
    assert shared.calls <= SHARE, "a refusal costs no call, and counts nothing"
    assert shared.counts.total() == most - most % max(1, most // SHARE)


def test_little_use_costs_no_call(clock: Clock) -> None:
    shared = Shared()
    assert passed(container(shared, clock), STEP - 1) == STEP - 1
    assert shared.calls == 0


@given(turns=st.lists(st.integers(0, 2), min_size=400, max_size=600))
def test_containers_share_it_within_a_twentieth_each(turns: list[int]) -> None:
    shared, clock = Shared(), Clock()
    three = [container(shared, clock) for _ in range(3)]

    through = sum(passed(three[turn], 1) for turn in turns)

    assert MOST <= through <= MOST + 3 * STEP


def test_after_the_minute_all_is_as_new_and_the_refusal_says_when(clock: Clock) -> None:
    budgets = container(Shared(), clock)
    clock.milliseconds += 17_500
    passed(budgets, MOST)
    with pytest.raises(TooManyRequests) as refused:
        budgets.take(KEY)
    assert refused.value.retry_after == 43

    clock.milliseconds += 42_499
    assert passed(budgets, 1) == 0
    clock.milliseconds += 1
    assert passed(budgets, 2 * MOST) == MOST


def test_keys_are_apart(clock: Clock) -> None:
    budgets = container(Shared(), clock)
    assert passed(budgets, 2 * MOST) == passed(budgets, 2 * MOST, OTHER) == MOST


def test_trouble_with_the_counter_refuses_nothing_and_is_told(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    shared = Shared(is_gone=True)
    budgets = container(shared, clock)
    with caplog.at_level(logging.WARNING, "signoff"):
        assert passed(budgets, 2 * MOST) == MOST, "it counts by itself, and asks again at every twentieth"
    assert shared.calls == SHARE
    assert "the use of a key was not counted: gone" in caplog.text


def test_a_budget_of_one(clock: Clock) -> None:
    assert passed(container(Shared(), clock, 1), 5) == 1


def test_threads_lose_no_request(clock: Clock) -> None:
    shared = Shared()
    budgets = container(shared, clock)
    with ThreadPoolExecutor(8) as pool:
        through = sum(pool.map(lambda _: passed(budgets, 50), range(8)))
    assert MOST <= through <= MOST + 8, "those that ask while one tells are counted by what is known by then"


class TestOverHttp:
    """G5."""

    def service(self, site: Site, most: int = MOST) -> Service:
        """Another container."""
        return Service(replace(site.service.settings, key_budget=most), site.service.monotonic, site.service.clock)

    def watched(self, site: Site, most: int = MOST) -> tuple[Service, FaultyPool]:
        """Another container, whose calls to the engine can be counted, and made to fail."""
        service = self.service(site, most)
        wire, pool = faulty(service.settings)
        service.__dict__["_wire"] = wire
        return service, pool

    def check(self, service: Service, key: str) -> int:
        app._service = service
        answer = send("POST", "/v1/check", headers={"Authorization": f"Bearer {key}"}, body=CHECK)
        assert answer_errors("/v1/check", "post", answer) == []
        if answer.status == 429:
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert json.loads(answer.body)["type"] == "urn:signoff:too-many-requests"
        return answer.status

    def test_two_containers_on_one_table(self, site: Site, caller: Caller) -> None:
        site.clock.milliseconds -= site.clock.milliseconds % MINUTE
        key, other = caller.key("read"), caller.key("read")
        two = [self.service(site), self.service(site)]

        statuses = [self.check(two[turn % 2], key) for turn in range(2 * MOST)]

        assert MOST <= statuses.count(200) <= MOST + 2 * STEP
        assert set(statuses) == {200, 429}
        assert self.check(two[0], other) == 200
        counted = f"key#{key.split('_')[1]}#"
        items = site.tables.items(site.tables.names.control)
        [counter] = [item for item in items if item["sk"]["S"].startswith(counted)]
        assert int(counter["n"]["N"]) == statuses.count(200)
        assert int(counter["expires"]["N"]) * 1000 > site.clock.milliseconds + MINUTE
        site.clock.milliseconds += MINUTE
        assert [self.check(one, key) for one in two] == [200, 200]

    def test_a_malformed_key_costs_no_call_and_a_good_one_at_most_one_a_minute(
        self, site: Site, caller: Caller
    ) -> None:
        key = caller.key("read")
        service, pool = self.watched(site)
        self.check(service, key)  # the sender, and the day of the key's last use, are read and noted once
        site.clock.milliseconds += 61_000
        pool.calls.clear()

        assert {self.check(service, "sgn_nothing") for _ in range(STEP)} == {401}
        assert pool.calls == []
        assert {self.check(service, key) for _ in range(STEP - 1)} == {200}
        assert len(pool.calls) == (STEP - 1) + 2, "the checks themselves, the key, the sender"

    def test_what_needs_no_key_is_not_counted(self, site: Site) -> None:
        app._service = self.service(site, 1)
        assert {send("GET", path).status for path in ("/healthz", "/v1/openapi.json") for _ in range(3)} == {200}

    def test_a_counter_that_fails_refuses_nothing(self, site: Site, caller: Caller) -> None:
        key = caller.key("read")
        service, pool = self.watched(site, 5)
        pool.plan("UpdateItem", faults.passes, *[faults.error_before] * 5)

        assert [self.check(service, key) for _ in range(6)] == [200] * 5 + [429]
        assert pool.count("UpdateItem") == 6, "the day of the key's last use, and five tries to count"


ENGINES = Engines("http://127.0.0.1:1", "http://127.0.0.1:3")


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "9" * 30])
def test_a_budget_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    with open_folder(tmp_path) as folder:
        told = environment(folder.secrets(), ENGINES, "http://127.0.0.1:2", "local").values
    assert settings_from(told).key_budget == 6_000
    assert settings_from({**told, "SIGNOFF_KEY_BUDGET": " 70 "}).key_budget == 70
    with pytest.raises(SettingsError, match="SIGNOFF_KEY_BUDGET"):
        settings_from({**told, "SIGNOFF_KEY_BUDGET": text})


def test_what_costs_more_takes_more_of_the_budget() -> None:
    """A long poll holds a container, and rows of an import want the shards that clicks want."""

    class Alone:
        def count(self, sender: str, name: str, uses: int, now: int, window: int) -> int:
            return uses

    budgets = Budgets(Alone(), 100, lambda: 0)
    key = ApiKey("x" * 16, "testsend", "digest", frozenset({"read"}), 1)
    for _ in range(4):
        budgets.take(key, 21)
    budgets.take(key, 16)
    with pytest.raises(TooManyRequests):
        budgets.take(key)
