"""A program that lives on tables while these are copied and restored; it says each opt-out once it was acknowledged.

argument         {"names", "url", "parent", "seed"}
standard output  {"sender", "recipient", "shard", "act"} on a line for each; {"refused": true} where the store refused
"""

from __future__ import annotations

import json
import os
import random
import sys

from chalicelib.domain.errors import StoreUnavailable
from chalicelib.service import Service
from chalicelib.store import codec
from infra.storage import TableNames
from tests.campaigns.restore_lives import Lives
from tests.engines import LocalTables, dynamodb_client
from tests.site import settings_for


def say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def live(lives: Lives, parent: int) -> None:
    """One thing after the other."""
    while os.getppid() == parent:
        try:
            lives.step()
        except StoreUnavailable:
            say({"refused": True})
        while lives.acked:
            place, act = lives.acked.pop()
            said = {"sender": place.sender, "shard": place.shard, "recipient": place.recipient}
            say({**said, "act": codec.dump_act(act)})


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    tables = LocalTables(TableNames(*told["names"]), dynamodb_client(told["url"]), told["url"])
    chance = random.Random(told["seed"])  # noqa: S311 - seeded on purpose
    live(Lives(Service(settings_for(tables)), chance, name=str(told["seed"])), told["parent"])
