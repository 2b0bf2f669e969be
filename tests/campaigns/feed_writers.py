"""A program that writes until it is killed, or until who started it is gone.

Acts of every kind and way, of recipients whom many such programs share.

    argument   {"names", "url", "sender", "shards", "people", "parent", "seed"}
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
from collections.abc import Callable
from typing import Any

from chalicelib.domain.acts import (
    Act,
    Blocked,
    Bounced,
    BounceLifted,
    Complained,
    Consented,
    Erased,
    OptedIn,
    OptedOut,
    Part,
    Stated,
    Unblocked,
    Via,
)
from chalicelib.domain.categories import ALL
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.senders import Place
from chalicelib.service import Service
from chalicelib.store.ledger import Beside
from chalicelib.use_cases.stopping import new_act_id
from infra.storage import TableNames
from tests.engines import LocalTables, dynamodb_client
from tests.site import settings_for

CATEGORIES = ("news", "offers", "study")
HOUR = 3_600_000

Make = Callable[[random.Random, int], Part]


def _category(chance: random.Random) -> str:
    return chance.choice(CATEGORIES)


def _scope(chance: random.Random) -> str:
    return chance.choice((*CATEGORIES, ALL))


def _then(chance: random.Random, now: int) -> int:
    return now - chance.randrange(HOUR)


ACTS: tuple[tuple[int, Via, Make], ...] = (
    (30, Via.ONE_CLICK, lambda chance, _: OptedOut(_category(chance))),
    (10, Via.UNSUBSCRIBE_PAGE, lambda *_: OptedOut(ALL)),
    (15, Via.PREFERENCE_PAGE, lambda chance, _: OptedIn(_category(chance))),
    (10, Via.API, lambda chance, now: Stated(_scope(chance), _then(chance, now))),
    (5, Via.IMPORT, lambda chance, now: Consented(_category(chance), _then(chance, now))),
    (10, Via.API, lambda chance, now: Consented(_category(chance), _then(chance, now))),
    (5, Via.API, lambda chance, _: Blocked(_scope(chance))),
    (5, Via.API, lambda chance, _: Unblocked(_scope(chance))),
    (3, Via.FEEDBACK, lambda chance, now: Complained(_then(chance, now))),
    (3, Via.FEEDBACK, lambda chance, now: Bounced(_then(chance, now))),
    (3, Via.API, lambda *_: BounceLifted()),
    (2, Via.API, lambda *_: Erased()),
)
"""How often, by which way, and what."""
WEIGHTS = [weight for weight, _, _ in ACTS]


def place_of(sender: str, shards: int, number: int) -> Place:
    """Where the campaign's recipient of this number is kept."""
    return Place(sender, number % shards, f"rcp_{number}")


def write(service: Service, told: dict[str, Any]) -> None:
    """One act after the other."""
    chance = random.Random(told["seed"])  # noqa: S311 - seeded on purpose
    while os.getppid() == told["parent"]:
        number = chance.randrange(told["people"])
        [(_, via, make)] = chance.choices(ACTS, WEIGHTS)
        parts = [make(chance, service.clock())]
        if via is Via.PREFERENCE_PAGE and chance.random() < 0.3:
            parts.insert(0, OptedOut(ALL))
        act = Act(new_act_id(via), via, tuple(parts))
        with contextlib.suppress(StoreUnavailable):
            service.ledger.record(
                place_of(told["sender"], told["shards"], number), act, Beside(f"person{number}@example.com")
            )


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    tables = LocalTables(TableNames(*settings["names"]), dynamodb_client(settings["url"]), settings["url"])
    write(Service(settings_for(tables)), settings)
