"""The application as Lambda would call it, on an engine of its own, with everything in a temporary directory."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import botocore.session

from app import app
from chalicelib.api_keys import ApiKey, mint_api_key
from chalicelib.domain.categories import Catalogue, Category, Ground, Kind
from chalicelib.domain.senders import Sender
from chalicelib.service import Service
from chalicelib.settings import settings_from
from chalicelib.tokens import Purpose, mint
from infra.local.engine import start_dynoxide
from infra.local.environment import LOCAL_AWS, REGION
from infra.storage import TableNames, create_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chalice.app import Chalice

    from bench.measure import Batch

SENDER = "benchsnd"
CATEGORY = "news"
_CATALOGUE = Catalogue(
    (
        Category(CATEGORY, 1, Kind.OPTIONAL, "News"),
        Category("offers", 2, Kind.OPTIONAL, "Offers"),
        Category("alerts", 3, Kind.SERVICE_ALERT, "Alerts", ground=Ground.SAFETY),
    )
)
_SECRETS = {
    "SIGNOFF_PUBLIC_URL": "https://choices.example.com/api",
    "SIGNOFF_MASTER_KEYS": json.dumps(
        {"1": {"secret": base64.b64encode(bytes(range(32))).decode(), "state": "minting"}}
    ),
    "SIGNOFF_KEY_BUDGET": "100000000",
    "SIGNOFF_PEPPER_KEY": base64.b64encode(bytes(range(64))).decode(),
    "SIGNOFF_FILES_BUCKET": "signoff-bench-files",
    "SIGNOFF_JOBS_QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/123456789012/signoff-bench-jobs",
    "AWS_REGION": REGION,
}
_HEADERS = {
    "accept": "*/*",
    "host": "choices.example.com",
    "user-agent": "Mozilla/5.0 (compatible; one-click)",
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-proto": "https",
}
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """Tables on an engine, a service that uses them, and one sender with one API key."""

    folder: Path
    client: Any
    names: TableNames
    service: Service
    api_key: str

    def token(self, address: str, purpose: Purpose = Purpose.ONE_CLICK) -> str:
        return mint(self.service.keyring, purpose, SENDER, 1, self.service.today(), address)

    def items(self, table: str) -> list[dict[str, Any]]:
        """Everything in a table, as the engine has it."""
        pages = self.client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]


@contextmanager
def running() -> Iterator[Site]:
    """A site for as long as the block lasts; the engine is its own process, so its CPU is not the application's."""
    LOCAL_AWS.apply()
    with TemporaryDirectory(prefix="signoff-bench-") as name:
        folder = Path(name)
        engine = start_dynoxide(folder / "data.sqlite")
        try:
            client = dynamodb_client(engine.url)
            names = create_tables(client, "bench")
            service = service_on(engine.url, names)
            service.senders.create(Sender(SENDER, "Bench & Sons", _CATALOGUE, bytes(range(32))))
            key = mint_api_key(service.keyring, SENDER)
            service.keys.create(ApiKey(key.id, SENDER, key.digest, frozenset({"admin", "links", "read", "write"}), 1))
            service.keys.touch(SENDER, key.id, service.today())  # once a day, and the slow store takes no writes
            yield Site(folder, client, names, service, key.text)
        finally:
            app._service = None  # noqa: SLF001 - the app is one for the process, the site is not
            engine.stop()


def dynamodb_client(url: str) -> Any:
    """A botocore client as anybody would make one."""
    return botocore.session.get_session().create_client("dynamodb", region_name=REGION, endpoint_url=url)


def service_on(url: str, names: TableNames, monotonic: Callable[[], float] | None = None) -> Service:
    """The application's service on the store at `url`; with a clock of one's own it can be made to forget."""
    settings = settings_from(environment_of(url, names))
    return Service(settings) if monotonic is None else Service(settings, monotonic=monotonic)


def environment_of(url: str, names: TableNames) -> dict[str, str]:
    """The settings of a container on the store at `url`."""
    return {
        **_SECRETS,
        "SIGNOFF_RECIPIENTS_TABLE": names.recipients,
        "SIGNOFF_CONTROL_TABLE": names.control,
        "SIGNOFF_DYNAMODB_URL": url,
    }


def event(method: str, route: str, name: str, value: str, body: str | None = None, **headers: str) -> Event:
    """What a REST API's proxy integration hands to the function."""
    path = route.replace(f"{{{name}}}", value)
    typed = {} if body is None else {"content-type": "application/x-www-form-urlencoded"}
    return {
        "resource": route,
        "path": path,
        "httpMethod": method,
        "headers": {**_HEADERS, **typed, **{header.replace("_", "-"): text for header, text in headers.items()}},
        "multiValueQueryStringParameters": None,
        "pathParameters": {name: value} if value else None,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": route,
            "path": f"/api{path}",
            "identity": {"sourceIp": "203.0.113.7"},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def answered(served: Chalice, events: Sequence[Event], service: Service | None = None) -> Batch:
    """A batch that has these events answered; with `service`, by the application speaking for it."""

    def batch() -> int:
        if service is not None:
            app._service = service  # noqa: SLF001 - one app, several stores: this is where it keeps its service
        for asked in events:
            answer = served(asked, None)
            assert answer["statusCode"] == 200, answer
        return len(events)

    return batch


def in_turn(batches: Sequence[Batch]) -> Batch:
    """A batch that is another one each time, for what can be done once only."""
    following = iter(batches)

    def batch() -> int:
        return next(following)()

    return batch
