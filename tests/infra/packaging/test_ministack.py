"""The packaged stack deployed to ministack: real HTTP through its API Gateway into the real zip and layer."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.api_keys import ApiKey, mint_api_key
from chalicelib.domain.senders import PEPPER_OCTETS, Sender
from chalicelib.service import Service
from chalicelib.settings import settings_from
from infra.client.wire import Wire
from infra.local.environment import REGION
from infra.ops.smoke import smoke
from infra.storage import TEMPLATE
from tests.infra.packaging.cloud import Ministack, running
from tests.infra.packaging.emulators import EmulatorsMissing
from tests.site import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.packaging.projects import Package

STAGE = "dev"
SENDER = "smoketst"


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment with one sender: where it is, and a key of all scopes."""

    ministack: Ministack
    url: str
    key: str

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        octets = None if body is None else json.dumps(body).encode()
        answer = Wire().send(method, f"{self.url}{path}", headers, octets)
        return answer.status, json.loads(answer.data)


@pytest.fixture(scope="module")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    try:
        with running(tmp_path_factory.mktemp("ministack")) as started:
            yield started
    except EmulatorsMissing as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="module")
def deployed(ministack: Ministack, package: Package) -> Deployed:
    """The storage stack, the packaged stack on it, and what `finish` and `sender create` do after it."""
    storage = ministack.deploy(f"signoff-{STAGE}-storage", TEMPLATE.read_text("utf-8"), Stage=STAGE)
    environment = _environment(ministack, storage)
    api = ministack.deploy_package(f"signoff-{STAGE}", package, environment)
    url = ministack.gateway_url(api, "api")
    for function in ministack.functions(f"signoff-{STAGE}"):
        ministack.set_environment(function, SIGNOFF_PUBLIC_URL=url)
    return Deployed(ministack, url, _sender(environment, url))


def _environment(ministack: Ministack, storage: dict[str, str]) -> dict[str, str]:
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return {
        "SIGNOFF_RECIPIENTS_TABLE": storage["RecipientsTableName"],
        "SIGNOFF_CONTROL_TABLE": storage["ControlTableName"],
        "SIGNOFF_FILES_BUCKET": storage["FilesBucketName"],
        "SIGNOFF_JOBS_QUEUE_URL": storage["JobsQueueUrl"],
        "SIGNOFF_MASTER_KEYS": json.dumps({"1": {"secret": key, "state": "minting"}}),
        "SIGNOFF_PEPPER_KEY": base64.b64encode(secrets.token_bytes(64)).decode(),
        "SIGNOFF_DYNAMODB_URL": ministack.url,
        "SIGNOFF_S3_URL": ministack.url,
        "SIGNOFF_SQS_URL": ministack.url,
    }


def _sender(environment: dict[str, str], url: str) -> str:
    service = Service(settings_from({**environment, "SIGNOFF_PUBLIC_URL": url, "AWS_REGION": REGION}))
    service.senders.create(Sender(SENDER, "Smoke & Sons", CATALOGUE, secrets.token_bytes(PEPPER_OCTETS)))
    key = mint_api_key(service.keyring, SENDER)
    service.keys.create(ApiKey(key.id, SENDER, key.digest, frozenset({"read", "write", "links", "admin"}), 1))
    return key.text


def test_the_smoke_test_runs_through_the_gateway(deployed: Deployed) -> None:
    """Minted, opened, opted out by a multipart one-click, refused by the next check, told by the feed, erased."""
    timings = smoke(deployed.url, deployed.key)
    assert 0 < timings.enforced < timings.told


def test_pages_come_through_the_gateway_in_the_reader_s_language(deployed: Deployed) -> None:
    body = {"category": "news", "recipients": [{"address": "ada@example.com"}]}
    status, told = deployed.ask("POST", "/v1/links", body)
    assert status == 200
    link = told["results"][0]["preferences_url"]
    for language in ("de", "ja"):
        page = Wire().send("GET", link, {"Accept-Language": language, "Accept": "text/html"})
        assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert f'<html lang="{language}"'.encode() in page.data


def test_an_upload_reaches_the_other_function_by_the_bucket_and_the_queue(deployed: Deployed) -> None:
    _, before = deployed.ask("GET", "/v1/changes")
    status, begun = deployed.ask("POST", "/v1/imports", {"file": {}})
    assert status == 201
    upload = begun["upload"]
    sent = Wire().send("PUT", upload["url"], upload["headers"], b"email,reason\nalan@example.com,unsubscribed\n")
    assert sent.status == 200

    _, feed = deployed.ask("GET", f"/v1/changes?cursor={before['cursor']}&wait=20")

    assert [(change["via"], change["added"][0]["category"]) for change in feed["changes"]] == [("import", "*")]
    _, check = deployed.ask("POST", "/v1/check", {"category": "news", "addresses": ["alan@example.com"]})
    assert check["results"][0]["reason"] == "opted_out_of_all"
