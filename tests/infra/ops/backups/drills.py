"""A deployment that is backed up while everybody writes to it, destroyed, and restored into an empty engine."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyrage
from chalice.test import Client

from app import app
from chalicelib.api_keys import ApiKey, mint_api_key
from chalicelib.domain.acts import Act, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.senders import Place, Sender
from chalicelib.service import Service
from chalicelib.settings import settings_from
from chalicelib.store.ledger import Beside
from chalicelib.tokens import Purpose, mint
from infra.files import file_names
from infra.local.engine import start_dynoxide
from infra.local.environment import STAGE
from infra.local.folder import read_secrets
from infra.storage import table_names
from tests.engines import LocalTables, dynamodb_client
from tests.infra.ops.test_restored import begun_lives, lost_in, tables_of, writers_on
from tests.infra.ops.typed import Typist
from tests.site import CATALOGUE, environment_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from infra.local.engine import Engine

CODE = "quietone"
"""Of a sender whose keys nobody else revokes meanwhile."""
READER = "dana.reader@example.com"


@dataclass
class OpsKey:
    """The pair, the private half without a passphrase: that costs seconds on purpose."""

    private: Path
    public: Path

    @staticmethod
    def at(folder: Path) -> OpsKey:
        made = OpsKey(folder / "ops.key", folder / "ops.key.pub")
        identity = pyrage.x25519.Identity.generate()
        made.private.write_text(f"{identity}\n")
        made.public.write_text(f"# of a test\n{identity.to_public()}\n")
        return made


@dataclass
class Before:
    """What was promised to people before the backup began."""

    acked: list[tuple[Place, Act]]
    link: str
    key: str
    cursor: str


@dataclass
class Drill:
    typist: Typist
    folder: Path
    ops: OpsKey
    before: Before
    backup: str = ""
    wrong: list[str] = field(default_factory=list)

    def restore(self, name: str = "restored") -> Path:
        """Into an engine with nothing in it."""
        path = self.folder / name
        identity = ("--identity", str(self.ops.private))
        self.typist.done("restore", "--from", self.backup, *identity, "--data-dir", str(path), "--yes")
        return path

    def prove(self, path: Path) -> list[str]:
        """What was promised and is not kept."""
        engine = start_dynoxide(path / "data.sqlite")
        try:
            tables = LocalTables(table_names(STAGE), dynamodb_client(engine.url), engine.url)
            wrong = [f"lost: {act.id}" for _, act in lost_in(tables, self.before.acked)]
            with served({**environment_for(tables), **read_secrets(path)}) as client:
                return wrong + self._asked(client)
        finally:
            engine.stop()

    def _asked(self, client: Client) -> list[str]:
        checked = self._post(client, "/v1/check", {"category": "news", "addresses": [READER, "nobody@example.com"]})
        told = [(one.get("may_send"), one.get("reason")) for one in checked.get("results", [])]
        wrong = [] if told == [(False, "opted_out_of_all"), (True, None)] else [f"the check says {told}"]
        opened = client.http.get(f"/u/{self.before.link}").status_code
        clicked = client.http.post(
            f"/u/{self.before.link}",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=b"List-Unsubscribe=One-Click",
        ).status_code
        if (opened, clicked) != (200, 200):
            wrong.append(f"a link answers {opened}, {clicked}")
        followed = client.http.get(f"/v1/changes?cursor={self.before.cursor}", headers=self._bearer).status_code
        anew = client.http.get("/v1/changes", headers=self._bearer)
        if (followed, anew.status_code) != (410, 200) or not json.loads(anew.body)["changes"]:
            wrong.append(f"the feed answers {followed}, {anew.status_code}")
        return wrong

    @property
    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.before.key}"}

    def _post(self, client: Client, path: str, body: Any) -> Any:
        headers = {**self._bearer, "Content-Type": "application/json"}
        return json.loads(client.http.post(path, headers=headers, body=json.dumps(body).encode()).body)


@contextmanager
def served(environment: dict[str, str]) -> Iterator[Client]:
    """The app of this process, on these settings."""
    environment["SIGNOFF_FILES_BUCKET"] = file_names("test").bucket
    app._service = Service(settings_from(environment))
    try:
        with Client(app) as client:
            yield client
    finally:
        app._service = None


def backed_up(dynoxide: Engine, folder: Path, typist: Typist, patch: pytest.MonkeyPatch) -> Drill:
    """While writers write; then all of it is gone."""
    lives = begun_lives(dynoxide, 1)
    old, ops = tables_of(lives), OpsKey.at(folder)
    promised = promise(lives.service, old)
    for name, value in environment_for(old).items():
        patch.setenv(name, value)
    with writers_on(old) as writers:
        writers.hear(20)
        acked = list(writers.acked)
        said = typist.done("backup", "--to", str(folder / "backups"), "--ops-key", str(ops.public))
        writers.hear(5)
    for name in (old.names.recipients, old.names.control):
        old.client.update_table(TableName=name, DeletionProtectionEnabled=False)
        old.client.delete_table(TableName=name)
    promised.acked += acked
    return Drill(typist, folder, ops, promised, said.out.strip())


def promise(service: Service, tables: LocalTables) -> Before:
    """A link, an API key, a cursor; and somebody who opted out of all."""
    service.senders.create(Sender(CODE, "Quiet", CATALOGUE, secrets.token_bytes(32), shards=2))
    sender = service.senders.get(CODE)
    place, act = sender.place_of(parse_address(READER)), Act("o_reader", Via.ONE_CLICK, (OptedOut(ALL),), 1)
    service.ledger.record(place, act, Beside(READER))
    stamped = service.reader.entries(place.sender, place.shard, [service.reader.recipient(place).recent[0].seq])
    link = mint(service.keyring, Purpose.ONE_CLICK, CODE, 1, service.today(), "other.reader@example.com")
    key = mint_api_key(service.keyring, CODE)
    scopes = frozenset({"read", "write", "links"})
    service.keys.create(ApiKey(key.id, CODE, key.digest, scopes, service.clock()))
    with served(environment_for(tables)) as client:
        told = client.http.get("/v1/changes", headers={"Authorization": f"Bearer {key.text}"})
    cursor = json.loads(told.body)["cursor"]
    return Before([(place, line.act) for line in stamped.values()], link, key.text, cursor)
