"""The app on real tables: what the tests of routes and the campaigns stand on."""

from __future__ import annotations

import base64
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from chalice.test import Client, HTTPResponse

from app import app
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import Catalogue, Category, Ground, Kind
from chalicelib.domain.decision import Reason, decide
from chalicelib.domain.senders import Sender
from chalicelib.service import Service
from chalicelib.settings import settings_from
from chalicelib.tokens import Purpose, mint
from chalicelib.web.words import at_query
from infra.files import file_names
from tests.engines import LocalFiles, LocalTables
from tests.store.memory import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.settings import Settings

CODE = "testsend"
DAY = 86_400_000
ADDRESS = "dana.reader@example.com"


@dataclass
class Site:
    client: Client
    service: Service
    tables: LocalTables
    clock: Clock
    day: int
    """Days since 1970: when every link is minted."""

    def token(self, number: int = 1, purpose: Purpose = Purpose.ONE_CLICK, address: str = ADDRESS) -> str:
        return mint(self.service.keyring, purpose, CODE, number, self.day, address)

    def at(self, code: str = CODE, address: str = ADDRESS) -> str:
        """What the URL of a history says of where this recipient is kept, as our pages link to it."""
        return urlencode(at_query(self.service.senders.get(code).place_of(parse_address(address))))

    def forget(self) -> None:
        """Lets what a container remembers of senders and keys grow old."""
        self.clock.milliseconds += 61_000

    def post(self, path: str, body: bytes = b"List-Unsubscribe=One-Click", **headers: str) -> HTTPResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.http.post(path, headers=named, body=body)

    def reasons(self, address: str = ADDRESS) -> dict[str, Reason | None]:
        sender = self.service.senders.get(CODE)
        state = self.service.reader.recipient(sender.place_of(parse_address(address))).state
        return {category.id: decide(state, category).reason for category in sender.catalogue.categories}

    def stored(self) -> list[dict[str, Any]]:
        return self.tables.items(self.tables.names.recipients)

    def entries(self) -> int:
        return sum(item["sk"]["S"].startswith("log#") for item in self.stored())


def settings_for(tables: LocalTables, files: LocalFiles | None = None) -> Settings:
    """Settings with keys that are the same in every run; without files those that `moto_files` has."""
    return settings_from(environment_for(tables, files))


def environment_for(tables: LocalTables, files: LocalFiles | None = None) -> dict[str, str]:
    """The same as the environment has them."""
    names = files.names if files else file_names("test")
    url = (files.url if files else None) or ""
    key = base64.b64encode(bytes(range(32))).decode()
    return {
        "SIGNOFF_PUBLIC_URL": "https://choices.example.com/api",
        "SIGNOFF_RECIPIENTS_TABLE": tables.names.recipients,
        "SIGNOFF_CONTROL_TABLE": tables.names.control,
        "SIGNOFF_FILES_BUCKET": names.bucket,
        "SIGNOFF_JOBS_QUEUE_URL": names.queue_url(url or "https://sqs.us-east-1.amazonaws.com"),
        "SIGNOFF_DYNAMODB_URL": tables.url or "",
        "SIGNOFF_S3_URL": url,
        "SIGNOFF_SQS_URL": url,
        "SIGNOFF_MASTER_KEYS": json.dumps({"1": {"secret": key, "state": "minting"}}),
        "SIGNOFF_PEPPER_KEY": base64.b64encode(bytes(range(64))).decode(),
        "SIGNOFF_KEY_BUDGET": "100000000",  # campaigns ask more than a minute's worth in one moment of their clock
        "AWS_REGION": "us-east-1",
    }


CATALOGUE = Catalogue(
    (
        Category("news", 1, Kind.OPTIONAL, "News <b>"),
        Category("offers", 2, Kind.OPTIONAL, "Offers"),
        Category("alerts", 3, Kind.SERVICE_ALERT, "Alerts", ground=Ground.SAFETY),
    )
)


SENDER = Sender(CODE, "Test & Sons", CATALOGUE, bytes(range(32)))


@contextmanager
def make_site(tables: LocalTables, files: LocalFiles | None = None) -> Iterator[Site]:
    """The app of this process, serving one sender on these tables, with a clock that the test moves."""
    now = time.time_ns() // 1_000_000  # the engine says so too, in the header of its answers
    clock = Clock(now)
    service = Service(
        settings_for(tables, files), monotonic=lambda: clock.milliseconds / 1000, clock=lambda: clock.milliseconds
    )
    service.senders.create(SENDER)
    app._service = service
    with Client(app) as client:
        yield Site(client, service, tables, clock, now // DAY)
    app._service = None
