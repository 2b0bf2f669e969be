"""A deployment whose secrets cannot be read: 503 with a time to come back, and a line in the log without a secret."""

from __future__ import annotations

import base64
import json
import logging
import os
import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from app import app
from chalicelib.settings import settings_from
from chalicelib.tokens import Purpose
from tests.engines import LocalTables
from tests.gateway import Answer, send
from tests.kept_secrets import PEPPER_KEY, Document, KeptSecrets, master_key
from tests.site import CODE, Site, environment_for, make_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chalicelib.service import Service
    from infra.local.memory import MemoryEngine

SITE_KEY = base64.b64encode(bytes(range(32))).decode()
GOOD: Document = {"1": {"secret": SITE_KEY, "state": "minting"}}
"""What `make_site` mints with."""
BAD_TOKENS = {
    "no token": "x",
    "of a known version": "oBtestsend." + "A" * 43 + "." + "A" * 43,
    "of an unknown version": "oZtestsend." + "A" * 43 + "." + "A" * 43,
}


@dataclass
class Deployed:
    """The app, told where its secrets are."""

    site: Site
    url: str
    tables: LocalTables

    def serve(self, kept: KeptSecrets, **settings: str) -> Service:
        environment = {**kept.named_in(environment_for(self.tables)), **settings}
        app._service = replace(self.site.service, settings=settings_from(environment))
        return app._service


@pytest.fixture
def deployed(dynoxide_tables: LocalTables, moto_server: MemoryEngine) -> Iterator[Deployed]:
    with make_site(dynoxide_tables) as site:
        yield Deployed(site, moto_server.url, dynoxide_tables)


def click(token: str) -> Answer:
    return send("POST", "/u/{token}", {"token": token}, body=b"List-Unsubscribe=One-Click")


def test_it_serves_with_the_keys_of_its_secrets(deployed: Deployed) -> None:
    deployed.serve(KeptSecrets.at(deployed.url, GOOD))
    assert click(deployed.site.token()).status == 200


def elsewhere(url: str) -> KeptSecrets:
    kept = KeptSecrets.at(url, GOOD)
    return replace(kept, master_arn=kept.master_arn.replace("master-keys", "keys"))


WRONG: dict[str, Callable[[str], KeptSecrets]] = {
    "an ARN of nothing": elsewhere,
    "no value": KeptSecrets.at,
    "no JSON": lambda url: KeptSecrets.at(url, SITE_KEY),
    "two versions with one secret": lambda url: KeptSecrets.at(url, {**GOOD, "2": {**GOOD["1"], "state": "verifying"}}),
    "a pepper key of another length": lambda url: KeptSecrets.at(url, GOOD, SITE_KEY),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_a_503_and_a_line_in_the_log(
    deployed: Deployed, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    deployed.serve(WRONG[name](deployed.url))
    refused(deployed, caplog, "SettingsError")


def test_nobody_to_ask_is_a_503_too(deployed: Deployed, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        deployed.serve(KeptSecrets.at(deployed.url, GOOD), SIGNOFF_SECRETS_URL=url)
        refused(deployed, caplog, "StoreUnavailable")


def test_no_credentials_are_a_503_too(
    deployed: Deployed, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = KeptSecrets.at(deployed.url, GOOD)
    for name in [name for name in os.environ if name.startswith(("AWS_ACCESS", "AWS_SECRET"))]:
        monkeypatch.delenv(name)
    deployed.serve(kept)
    refused(deployed, caplog, "StoreUnavailable")


def refused(deployed: Deployed, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    token = deployed.site.token()
    with caplog.at_level(logging.DEBUG, "signoff"):
        answers = [
            click(token),
            send("GET", "/p/{token}", {"token": deployed.site.token(1, Purpose.PREFERENCES)}),
            send("POST", "/o/{sender}", {"sender": CODE}, body=b"address=dana%40example.com"),
            send("POST", "/v1/check", headers={"Authorization": "Bearer x"}, body=b"{}"),
        ]
    for answer in answers:
        assert answer.status == 503, answer.body
        assert int(answer.headers["retry-after"]) > 0
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    assert lines
    assert all(line.startswith(f"{kind}: ") for line in lines)
    told = "\n".join([caplog.text, *(answer.body + str(answer.headers) for answer in answers)])
    for secret in (SITE_KEY, PEPPER_KEY, SITE_KEY[:12], "arn:aws", token, "dana"):
        assert secret not in told
    assert not [record for record in caplog.records if record.exc_info]


def test_it_serves_as_soon_as_it_can(deployed: Deployed) -> None:
    """Nothing is to be started anew."""
    kept = KeptSecrets.at(deployed.url)
    deployed.serve(kept)
    assert click(deployed.site.token()).status == 503
    kept.put(GOOD)
    assert click(deployed.site.token()).status == 503, "for the next two seconds it does not ask"
    deployed.site.clock.milliseconds += 2_000
    assert click(deployed.site.token()).status == 200


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_bad_tokens_are_no_trouble_and_cost_one_reading_a_minute(deployed: Deployed, name: str) -> None:
    """A6, with its one exception: what names a version that is not known may be newer than what was read."""
    service = deployed.serve(KeptSecrets.at(deployed.url, GOOD))
    assert click(deployed.site.token()).status == 200
    pool = Counting(service.secrets.pool)
    service.secrets.pool = pool
    wire = Counting(service._wire.pool)
    service._wire.pool = wire
    for _ in range(100):
        assert click(BAD_TOKENS[name]).status == 404
    assert wire.calls == 0
    assert pool.calls == (1 if "unknown" in name else 0)


@dataclass
class Counting:
    """Connections that are counted."""

    pool: object
    calls: int = 0

    def urlopen(self, method: str, url: str, *, body: bytes, headers: Mapping[str, str]) -> object:
        self.calls += 1
        return self.pool.urlopen(method, url, body=body, headers=headers)  # type: ignore[attr-defined] # of any kind


def test_a_new_version_works_at_the_gateway_at_once(deployed: Deployed) -> None:
    kept = KeptSecrets.at(deployed.url, GOOD)
    deployed.serve(kept)
    assert click(deployed.site.token()).status == 200
    both = {"1": {**GOOD["1"], "state": "verifying"}, "2": master_key(2)}
    kept.put(both)
    later = replace(deployed.site.service, settings=settings_from(told(deployed, both)))
    token = replace(deployed.site, service=later).token(2)
    assert token[1] == "C"
    assert click(token).status == 200


def told(deployed: Deployed, document: Document) -> dict[str, str]:
    return {**environment_for(deployed.tables), "SIGNOFF_MASTER_KEYS": json.dumps(document)}
