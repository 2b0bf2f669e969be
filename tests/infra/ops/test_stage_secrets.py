"""The secrets of a stage beside those of a backup, along one history of its master keys, and of two."""

from __future__ import annotations

import json
import random

import pytest

from infra.local.problems import CannotRun
from infra.ops.first_secrets import first_master_keys
from infra.ops.restored.mending import PEPPER
from infra.ops.restored.stage_secrets import MASTER, agreed
from infra.ops.rotation import keys_from


def history(chance: random.Random) -> list[str]:
    """The master keys as they were, one after the other."""
    kept, now = [first_master_keys()], 4_000_000_000_000
    for _ in range(8):
        keys = keys_from(kept[-1], now)
        if chance.random() < 0.5 and keys.next.start <= now:
            keys = keys.rotated()
        else:
            keys = keys.compromised(chance.choice([key.version for key in keys.ring]))
        kept.append(keys.text)
        now += chance.choice([1_000, 700_000])
    return kept


def secrets(keys: str, pepper: str = "p") -> dict[str, str]:
    return {MASTER: keys, PEPPER: pepper}


@pytest.mark.parametrize("seed", range(50))
def test_of_one_history_the_later_keys_are_left_whichever_the_stage_holds(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    kept = history(chance)
    first, last = sorted(chance.sample(range(len(kept)), 2))
    assert agreed(secrets(kept[last]), secrets(kept[first])) == secrets(kept[last])
    assert json.loads(agreed(secrets(kept[first]), secrets(kept[last]))[MASTER]) == json.loads(kept[last])


def test_of_two_histories_that_parted_no_version_and_no_mark_is_lost() -> None:
    now = 4_000_000_000_000
    parted = keys_from(first_master_keys(), now).rotated()
    on = keys_from(parted.text, now + 700_000).rotated()
    marked = keys_from(parted.text, now).compromised(1)
    told = json.loads(agreed(secrets(on.text), secrets(marked.text))[MASTER])
    assert {version: key["state"] for version, key in told.items()} == {
        "1": "compromised",
        "2": "verifying",
        "3": "minting",
    }


def test_other_keys_under_one_version_are_not_united() -> None:
    with pytest.raises(CannotRun, match="different ones under one version"):
        agreed(secrets(first_master_keys()), secrets(first_master_keys()))


@pytest.mark.parametrize("held", [secrets("{}", "q"), {MASTER: None, PEPPER: "p"}, {MASTER: None, PEPPER: None}])
def test_a_stage_that_was_never_the_backup_s_or_lost_its_keys_takes_the_backup_s(held: dict[str, str | None]) -> None:
    backup = secrets(first_master_keys())
    assert agreed(held, backup) == backup
