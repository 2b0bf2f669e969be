"""What becomes of the master keys, and that every link opens everywhere meanwhile."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.keyring import KeyState
from chalicelib.settings import settings_from
from chalicelib.store.secrets import Secrets
from chalicelib.tokens import Purpose, mint, open_token
from infra.local.problems import CannotRun
from infra.ops.rotation import MINTS_AFTER, Keys, keys_from, time_of
from tests.kept_secrets import PEPPER_KEY, master_key
from tests.store.test_secrets import value
from tests.test_settings import NAMED

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = 1_795_248_000_000
"""2026-11-21T08:00:00Z."""
MINUTE = 60_000


def keys(now: int = NOW, /, **states: str) -> Keys:
    """Versions by name (`v1="minting"`)."""
    told = {name[1:]: master_key(int(name[1:]), state, start=0) for name, state in states.items()}
    return keys_from(json.dumps(told), now)


def later(before: Keys, milliseconds: int) -> Keys:
    return keys_from(before.text, before.now + milliseconds)


def states(of: Keys) -> dict[int, str]:
    return {key.version: str(key.state) for key in of.ring}


def test_a_rotation_adds_a_version_that_mints_ten_minutes_later() -> None:
    rotated = keys(v1="verifying", v2="minting").rotated()
    assert states(rotated) == {1: "verifying", 2: "verifying", 3: "minting"}
    assert rotated.told["3"]["from"] == "2026-11-21T08:10:00Z"
    assert [later(rotated, after).minting.version for after in (0, MINTS_AFTER - 1, MINTS_AFTER)] == [2, 2, 3]


def test_keys_that_come_back_leave_out_the_numbers_that_may_have_been_given_since() -> None:
    """Also where one was made just before the backup, and waits for its time."""
    before = keys(v1="compromised", v2="minting").rotated()
    back = before.come_back()
    assert states(back) == {1: "compromised", 2: "verifying", 3: "verifying", 8: "minting"}
    assert back.told["8"]["from"] == "2026-11-21T08:10:00Z"
    assert [later(back, after).minting.version for after in (0, MINTS_AFTER)] == [3, 8]
    assert states(later(back, MINTS_AFTER).rotated())[9] == "minting"


@pytest.mark.parametrize(("newest", "expected"), [(57, 62), (58, 63), (62, 63), (63, 63)])
def test_keys_come_back_as_long_as_a_link_can_name_them(newest: int, expected: int) -> None:
    before = keys(**{"v1": "verifying", f"v{newest}": "minting"})
    back = before.come_back()
    assert back.next.version == expected
    assert {key.version: key.secret for key in before.ring}.items() <= {
        key.version: key.secret for key in back.ring
    }.items()


def test_a_rotation_leaves_every_other_key_as_it_was() -> None:
    before = keys(v1="compromised", v2="verifying", v7="minting")
    after = before.rotated()
    assert {key.version: key.secret for key in before.ring}.items() <= {
        key.version: key.secret for key in after.ring
    }.items()
    assert states(after) == {1: "compromised", 2: "verifying", 7: "verifying", 8: "minting"}
    assert len(after.ring[-1].secret) == 32
    assert before.rotated().told["8"]["secret"] != after.told["8"]["secret"], "at random"


def test_the_next_rotation_waits_for_this_one() -> None:
    rotated = keys(v1="minting").rotated()
    with pytest.raises(CannotRun, match=r"^Version 2 is new and mints from 2026-11-21T08:10:00Z on: rotate again"):
        later(rotated, MINTS_AFTER - 1).rotated()
    assert states(later(rotated, MINTS_AFTER).rotated())[3] == "minting"


def test_versions_end_with_the_alphabet() -> None:
    with pytest.raises(CannotRun, match=r"^All 64 versions"):
        keys(v63="minting").rotated()


def test_an_old_version_is_marked_and_nothing_else() -> None:
    before = keys(v1="verifying", v2="minting")
    after = before.compromised(1)
    assert (states(after), after.minting.version) == ({1: "compromised", 2: "minting"}, 2)
    assert after.compromised(1) == after


def test_in_place_of_the_version_that_mints_a_new_one_does_at_once() -> None:
    after = keys(v1="verifying", v2="minting").compromised(2)
    assert (states(after), after.minting.version) == ({1: "verifying", 2: "compromised", 3: "minting"}, 3)


def test_the_version_before_a_new_one_makes_that_mint_at_once() -> None:
    after = keys(v1="verifying", v2="minting").rotated().compromised(2)
    assert (states(after), after.minting.version) == ({1: "verifying", 2: "compromised", 3: "minting"}, 3)


def test_in_place_of_a_new_version_another_mints_in_ten_minutes() -> None:
    after = later(keys(v1="minting").rotated(), MINUTE).compromised(2)
    assert states(after) == {1: "verifying", 2: "compromised", 3: "minting"}
    assert [later(after, at).minting.version for at in (0, MINTS_AFTER - 1, MINTS_AFTER)] == [1, 1, 3]


def test_a_version_that_is_not_there() -> None:
    with pytest.raises(CannotRun, match=r"^There is no version 3: there are 1, 2\.$"):
        keys(v1="verifying", v2="minting").compromised(3)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"1": {"secret": "c2VjcmV0", "state": "minting"}}', "{}"])
def test_keys_that_the_service_could_not_use_are_not_touched(text: str) -> None:
    with pytest.raises(CannotRun, match=r"^The master keys cannot be used: .* Restore them from a backup\.$") as caught:
        keys_from(text, NOW)
    assert "c2VjcmV0" not in str(caught.value)


def test_what_each_does_is_told_in_words() -> None:
    rotated = keys(v1="compromised", v2="minting").rotated()
    assert rotated.rows() == [
        ("version 1", "compromised: its links opt out and open nothing else"),
        ("version 2", "mints until 2026-11-21T08:10:00Z"),
        ("version 3", "verifies, and mints from 2026-11-21T08:10:00Z on"),
    ]
    assert later(rotated, MINTS_AFTER).rows()[1:] == [("version 2", "verifies"), ("version 3", "mints")]


def test_parts_of_a_second_count_as_a_whole_one() -> None:
    assert (time_of(NOW + 1), time_of(NOW)) == ("2026-11-21T08:00:01Z", "2026-11-21T08:00:00Z")


STATES = st.sampled_from(["verifying", "compromised"])
RINGS = st.dictionaries(st.integers(0, 20), STATES, max_size=4).flatmap(
    lambda others: st.integers(0, 20).map(lambda version: {**others, version: "minting"})
)
CHANGES = st.lists(st.tuples(st.integers(0, 15 * MINUTE), st.one_of(st.none(), st.integers(0, 25))), max_size=6)


@given(ring=RINGS, changes=CHANGES)
def test_whatever_ops_do_no_key_is_lost_and_none_that_is_compromised_mints(
    ring: dict[int, str], changes: list[tuple[int, int | None]]
) -> None:
    now = keys(**{f"v{version}": state for version, state in ring.items()})
    for after, version in changes:
        now = before = later(now, after)
        with contextlib.suppress(CannotRun):
            now = before.rotated() if version is None else before.compromised(version)
        kept = {key.version: key.secret for key in now.ring}
        assert {key.version: key.secret for key in before.ring}.items() <= kept.items()
        marked = {key.version for key in before.ring if key.state is KeyState.COMPROMISED}
        assert marked <= {key.version for key in now.ring if key.state is KeyState.COMPROMISED}
        for at in range(0, 20 * MINUTE, MINUTE):
            assert later(now, at).minting.state is not KeyState.COMPROMISED


@dataclass
class World:
    """The secret as it changes, by true time in milliseconds."""

    versions: list[tuple[int, str]]
    now: int = 0

    def urlopen(self, method: str, url: str, *, body: bytes, headers: Mapping[str, str]) -> Any:
        if b"pepper-key" in body:
            return value(PEPPER_KEY)
        return value([text for since, text in self.versions if since <= self.now][-1])


@dataclass
class Container:
    """Reads when it is first asked, and has a clock that is wrong by `skew` milliseconds."""

    world: World
    skew: int
    secrets: Secrets = field(init=False)

    def __post_init__(self) -> None:
        world, nobody = self.world, Credentials("a", "b")
        self.secrets = Secrets(
            settings_from(NAMED), lambda: nobody, lambda: world.now / 1000, lambda: NOW + world.now + self.skew
        )
        self.secrets.pool = world


ROTATED_AT = 2 * MINUTE
SKEWS = st.lists(st.sampled_from([-MINUTE, 0, MINUTE]) | st.integers(-MINUTE, MINUTE), min_size=2, max_size=4)
FROM = ROTATED_AT + MINTS_AFTER
EDGES = [edge + away for edge in (ROTATED_AT, FROM) for away in (-MINUTE, -MINUTE + 1, -1, 0, 1, MINUTE - 1, MINUTE)]
TIMES = st.one_of(st.sampled_from(EDGES), st.integers(0, 20 * MINUTE))
EVENTS = st.lists(st.tuples(TIMES, st.integers(0, 3), st.integers(0, 3), st.booleans()), min_size=1, max_size=40).map(
    sorted
)


@settings(deadline=None, max_examples=300)
@given(skews=SKEWS, events=EVENTS)
def test_every_link_made_by_any_container_opens_in_every_other_at_any_time(
    skews: list[int], events: list[tuple[int, int, int, bool]]
) -> None:
    """Containers begin at any time, before the rotation or after it, with clocks up to a minute wrong; none begins
    anew; and somebody asks them for versions that there are not, which may make them read just too early."""
    first = keys(NOW + ROTATED_AT, v1="minting")
    world = World([(0, first.text), (ROTATED_AT, first.rotated().text)])
    containers, links = [Container(world, skew) for skew in skews], []
    for at, one, other, is_hostile in events:
        world.now = at
        minter, opener = containers[one % len(skews)], containers[other % len(skews)]
        if is_hostile:
            opener.secrets.keyring.find(63)
        links.append(mint(minter.secrets.keyring, Purpose.ONE_CLICK, "testsend", 1, 20_000, "dana@example.com"))
        for link in links:
            assert open_token(opener.secrets.keyring, link).address == "dana@example.com"


def test_a_rotation_is_seen_by_those_who_never_read_again() -> None:
    """A minute before and after `from`: by then a container mints under the new version, and one of before reads it."""
    first = keys(NOW + ROTATED_AT, v1="minting")
    world = World([(0, first.text), (ROTATED_AT, first.rotated().text)])
    before, after = Container(world, 0), Container(world, 60_000)
    assert before.secrets.keyring.minting.version == 1
    world.now = ROTATED_AT + MINTS_AFTER - MINUTE - 1
    assert after.secrets.keyring.minting.version == 1
    world.now += 1
    assert after.secrets.keyring.minting.version == 2
    link = mint(after.secrets.keyring, Purpose.ONE_CLICK, "testsend", 1, 20_000, "dana@example.com")
    assert before.secrets.keyring.minting.version == 1
    assert open_token(before.secrets.keyring, link).key_version == 2
    world.now += MINUTE
    assert before.secrets.keyring.minting.version == 2


def test_a_container_of_before_learns_what_is_compromised_with_the_first_new_link() -> None:
    first = keys(v1="minting")
    world = World([(0, first.text), (MINUTE, first.compromised(1).text)])
    before, after = Container(world, 0), Container(world, 0)
    old = mint(before.secrets.keyring, Purpose.PREFERENCES, "testsend", 1, 20_000, "dana@example.com")
    world.now = MINUTE
    new = mint(after.secrets.keyring, Purpose.PREFERENCES, "testsend", 1, 20_000, "dana@example.com")
    assert open_token(before.secrets.keyring, old).may_choose(20_000)
    assert open_token(before.secrets.keyring, new).may_choose(20_000)
    assert not open_token(before.secrets.keyring, old).may_choose(20_000)
