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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from chalicelib.use_cases.sending import new_act_id
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


@dataclass
class Tokenless:
    """In the place of the connections: takes the ClientRequestToken out of transactions.

    The local engine keeps the tokens of ten minutes and goes through all of them at each transaction: after 80,000 one
    takes six times as long. That a transaction is carried out once is left to its conditions; what tokens add to that
    is proved elsewhere (`kills`, `histories`, the faults of `tests/store`).
    """

    pool: Any

    def urlopen(self, method: str, url: str, *, body: bytes, headers: Mapping[str, str]) -> Any:
        """A call to the store."""
        if b'"ClientRequestToken"' in body:
            told = json.loads(body)
            del told["ClientRequestToken"]
            body = json.dumps(told).encode()
        return self.pool.urlopen(method, url, body=body, headers=headers)


def place_of(sender: str, shards: int, number: int) -> Place:
    """Where the campaign's recipient of this number is kept."""
    return Place(sender, number % shards, f"rcp_{number}")


def write(service: Service, told: dict[str, Any]) -> None:
    """One act after the other."""
    service._wire.pool = Tokenless(service._wire.pool)
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
