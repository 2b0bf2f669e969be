"""A sender that uses all of Signoff: every route by one key, the worker for what a request leaves to it."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import Any

from chalicelib.api_keys import ApiKey, mint_api_key
from chalicelib.store.engine import partition_of
from chalicelib.tokens import Purpose, mint
from chalicelib.use_cases.keys import SCOPES
from chalicelib.worker import work
from tests.engines import LocalFiles
from tests.gateway import Answer, send
from tests.site import Site

EXPORT, IMPORT = "/v1/exports/{export_id}", "/v1/imports/{import_id}"
SECONDS_LEFT = 900.0


@dataclass(frozen=True)
class Tenant:
    """One sender of a site, and a key of its own with every scope."""

    site: Site
    files: LocalFiles
    code: str
    key: str

    @staticmethod
    def of(site: Site, files: LocalFiles, code: str) -> Tenant:
        minted = mint_api_key(site.service.keyring, code)
        site.service.keys.create(ApiKey(minted.id, code, minted.digest, frozenset(SCOPES), 1))
        return Tenant(site, files, code, minted.text)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        values: dict[str, str] | None = None,
        *,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """JSON, or these very octets."""
        octets = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        told = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        return send(method, path, values, headers=told, body=octets, query=query)

    def told(self, method: str, path: str, body: Any = None, once: str | None = None, **values: str) -> dict[str, Any]:
        """The JSON of an answer that tells success; `once` is the idempotency key."""
        headers = {} if once is None else {"Idempotency-Key": once}
        answer = self.ask(method, path, body, values, headers=headers)
        assert answer.status < 300, answer.body
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def page(self, path: str, **query: str) -> dict[str, Any]:
        """The JSON of a page of a list."""
        answer = self.ask("GET", path, query=query)
        assert answer.status == 200, answer.body
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def act(self, *acts: dict[str, Any], once: str | None = None) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = self.told("POST", "/v1/acts", {"acts": list(acts)}, once)["results"]
        assert not [result for result in results if "error" in result], results
        return results

    def recipient(self, address: str) -> str:
        """The id of an address."""
        return str(self.told("POST", "/v1/recipients/lookup", {"address": address})["recipient"])

    def history(self, recipient: str) -> list[dict[str, Any]]:
        acts: list[dict[str, Any]] = self.told("GET", "/v1/recipients/{recipient}/acts", recipient=recipient)["acts"]
        return acts

    def verdicts(self, address: str) -> dict[str, str | None]:
        """Category → why it may not be sent, None where it may."""
        known = self.told("POST", "/v1/recipients/lookup", {"address": address})
        return {told["category"]: told["reason"] for told in known["categories"]}

    def token(self, address: str, number: int = 1, purpose: Purpose = Purpose.ONE_CLICK) -> str:
        return mint(self.site.service.keyring, purpose, self.code, number, self.site.day, address)

    def import_file(self, octets: bytes, **file: Any) -> dict[str, Any]:
        """An import by a file, done by the worker."""
        job = self.told("POST", "/v1/imports", {"file": file})
        put(job["upload"]["url"], octets)
        self.work()
        return self.told("GET", IMPORT, import_id=job["id"])

    def export(self, **wanted: str) -> dict[str, Any]:
        """An export, done by the worker."""
        job = self.told("POST", "/v1/exports", wanted)
        self.work()
        return self.told("GET", EXPORT, export_id=job["id"])

    def work(self) -> None:
        """Has the worker do all that waits in the queue, of all senders."""
        while messages := self.files.messages():
            for message in messages:
                work(self.site.service, message, lambda: SECONDS_LEFT)

    def stored(self) -> list[dict[str, Any]]:
        """Every item of this sender in both tables, in the order of their keys."""
        tables, mine = self.site.tables, {f"sender#{self.code}", f"limit#{self.code}"}
        mine |= {partition_of(self.code, shard) for shard in range(64)}
        items = [*tables.items(tables.names.recipients), *tables.items(tables.names.control)]
        found = [item for item in items if item["pk"]["S"] in mine]
        return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))

    def stored_files(self) -> dict[str, str]:
        """Key → etag of every file of this sender."""
        pages = self.files.s3.get_paginator("list_objects_v2").paginate(Bucket=self.files.names.bucket)
        found = [file for page in pages for file in page.get("Contents", [])]
        return {file["Key"]: file["ETag"] for file in found if self.code in file["Key"]}


def put(url: str, octets: bytes) -> None:
    """Puts a file to a presigned URL."""
    with urllib.request.urlopen(urllib.request.Request(url, octets, method="PUT")) as answer:  # noqa: S310 - our own
        assert answer.status == 200


def get(url: str) -> bytes:
    """What lies at a presigned URL."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own
        octets: bytes = answer.read()
    return octets
