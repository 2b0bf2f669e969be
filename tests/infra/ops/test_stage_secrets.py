"""The secrets of a stage beside those of a backup, along one history of its master keys, and of two."""

from __future__ import annotations

import argparse
import base64
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.environment import REGION
from infra.local.problems import CannotRun
from infra.ops.first_secrets import first_master_keys
from infra.ops.restored.mending import PEPPER
from infra.ops.restored.stage_secrets import MASTER, StageSecrets, agreed, left_out_of
from infra.ops.rotation import LEFT_OUT, keys_from
from infra.ops.stages import Stage
from tests.kept_secrets import PEPPER_KEY, Document, KeptSecrets, master_key

if TYPE_CHECKING:
    from infra.local.memory import MemoryEngine
    from infra.ops.backups.writing import Secrets

NOW = 4_000_000_000_000


def history(chance: random.Random) -> list[str]:
    """The master keys as they were, one after the other."""
    kept, now = [first_master_keys()], NOW
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
    assert agreed(secrets(kept[last]), secrets(kept[first]), NOW) == secrets(kept[last])
    assert json.loads(agreed(secrets(kept[first]), secrets(kept[last]), NOW)[MASTER]) == json.loads(kept[last])


def test_of_two_histories_that_parted_no_version_and_no_mark_is_lost() -> None:
    parted = keys_from(first_master_keys(), NOW).rotated()
    on = keys_from(parted.text, NOW + 700_000).rotated()
    marked = keys_from(parted.text, NOW).compromised(1)
    told = json.loads(agreed(secrets(on.text), secrets(marked.text), NOW)[MASTER])
    assert {version: key["state"] for version, key in told.items()} == {
        "1": "compromised",
        "2": "verifying",
        "3": "minting",
    }


def test_other_keys_under_one_version_are_not_united() -> None:
    with pytest.raises(CannotRun, match="different ones under one version"):
        agreed(secrets(first_master_keys()), secrets(first_master_keys()), NOW)


@pytest.mark.parametrize("held", [secrets("{}", "q"), {MASTER: None, PEPPER: "p"}, {MASTER: None, PEPPER: None}])
def test_a_stage_that_was_never_the_backup_s_or_lost_its_keys_takes_the_backup_s(held: dict[str, str | None]) -> None:
    """And one more, behind those that may have been made since."""
    backup = secrets(keys_from(first_master_keys(), NOW).rotated().text)
    wanted = agreed(held, backup, NOW)
    kept, told = json.loads(backup[MASTER]), json.loads(wanted[MASTER])
    assert wanted[PEPPER] == backup[PEPPER]
    assert {version: key["state"] for version, key in told.items()} == {
        "1": "verifying",
        "2": "verifying",
        "7": "minting",
    }
    assert {version: key["secret"] for version, key in told.items() if version in kept} == {
        version: key["secret"] for version, key in kept.items()
    }
    assert left_out_of(keys_from(wanted[MASTER], NOW), backup) == [3, 4, 5, 6]
    assert agreed(dict(wanted), backup, NOW) == wanted, "once more, no other number is given"


def test_a_restore_that_was_killed_between_the_two_secrets_goes_on_with_its_keys() -> None:
    backup, of_the_stage = secrets(first_master_keys()), secrets(first_master_keys(), "q")
    wanted = agreed(dict(of_the_stage), backup, NOW)
    assert agreed({**of_the_stage, MASTER: wanted[MASTER]}, backup, NOW) == wanted


def stage_secrets(kept: KeptSecrets) -> StageSecrets:
    names = {"SIGNOFF_MASTER_SECRET": kept.master_arn, "SIGNOFF_PEPPER_SECRET": kept.pepper_arn}
    stage = Stage(kept.stage, Path("config.json"), {"stages": {kept.stage: {"environment_variables": names}}})
    return StageSecrets(stage, argparse.Namespace(endpoint_url=kept.url, region=REGION))


class Overtaking:
    """Between what one restore reads of the secrets and what it puts there, another one is done with its own."""

    def __init__(self, client: Any, other: StageSecrets, backup: Secrets) -> None:
        self._client, self._other, self._backup = client, other, backup

    def put_secret_value(self, **told: Any) -> Any:
        self._other.take(self._backup)
        return self._client.put_secret_value(**told)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@pytest.mark.parametrize("held", [None, {"1": master_key(9)}], ids=["lost", "another's"])
def test_of_two_who_put_back_at_once_one_is_told_and_no_number_has_two_keys(
    moto_server: MemoryEngine, held: Document | None
) -> None:
    kept = KeptSecrets.at(moto_server.url, held, None if held is None else base64.b64encode(bytes(64)).decode())
    backup = secrets(first_master_keys(), PEPPER_KEY)
    first, second = stage_secrets(kept), stage_secrets(kept)
    first._client = Overtaking(first._client, second, backup)
    with pytest.raises(CannotRun, match="at the same time: repeat"):
        first.take(backup)
    won = kept.document
    assert stage_secrets(kept).take(backup)[MASTER] == json.dumps(won)
    assert kept.document == won


@pytest.mark.parametrize("rotations", range(1, LEFT_OUT + 1))
def test_versions_that_were_lost_come_back_with_a_later_backup_that_turns_up(rotations: int) -> None:
    """And no number names two keys, however often it was rotated in between."""
    first, now = first_master_keys(), NOW
    later = keys_from(first, now)
    for _ in range(rotations):
        now += 700_000
        later = keys_from(later.text, now).rotated()
    back = keys_from(agreed({MASTER: None, PEPPER: "p"}, secrets(first), now)[MASTER], now + 700_000).rotated()
    found = json.loads(agreed(secrets(back.text), secrets(later.text), now)[MASTER])
    for keys in (back, later):
        assert {version: key["secret"] for version, key in keys.told.items()}.items() <= {
            version: key["secret"] for version, key in found.items()
        }.items()
    assert keys_from(json.dumps(found), now).next == back.next
