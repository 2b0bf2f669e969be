"""Secrets as a stage has them, in the Secrets Manager of moto, over HTTP."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import botocore.session

from infra.local.environment import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

PEPPER_KEY = base64.b64encode(bytes(range(64))).decode()
Document = dict[str, dict[str, str]]


def master_key(octet: int, state: str = "minting", start: int | None = None) -> dict[str, str]:
    """One entry of the master keys; `start` in milliseconds."""
    told = {"secret": base64.b64encode(bytes([octet]) * 32).decode(), "state": state}
    return told if start is None else {**told, "from": datetime.fromtimestamp(start / 1000, UTC).isoformat()}


@dataclass(frozen=True)
class KeptSecrets:
    """The two secrets of a stage of its own."""

    client: Any
    url: str
    stage: str
    master_arn: str
    pepper_arn: str

    @staticmethod
    def at(url: str, master: Document | str | None = None, pepper: str | None = PEPPER_KEY) -> KeptSecrets:
        """New ones; None is a secret without a value."""
        client: Any = botocore.session.get_session().create_client("secretsmanager", REGION, endpoint_url=url)
        stage = f"t{secrets.token_hex(6)}"
        text = json.dumps(master) if isinstance(master, dict) else master
        arns = [
            client.create_secret(Name=f"signoff/{stage}/{name}", **({} if value is None else {"SecretString": value}))
            for name, value in (("master-keys", text), ("pepper-key", pepper))
        ]
        return KeptSecrets(client, url, stage, *(each["ARN"] for each in arns))

    @property
    def document(self) -> Document:
        """The master keys as they are now."""
        answer = self.client.get_secret_value(SecretId=self.master_arn, VersionStage="AWSCURRENT")
        document: Document = json.loads(answer["SecretString"])
        return document

    def put(self, master: Document | str) -> None:
        """Replaces the master keys."""
        text = json.dumps(master) if isinstance(master, dict) else master
        self.client.put_secret_value(SecretId=self.master_arn, SecretString=text)

    def named_in(self, environment: Mapping[str, str]) -> dict[str, str]:
        """An environment that names these secrets and tells none."""
        told = {k: v for k, v in environment.items() if k not in {"SIGNOFF_MASTER_KEYS", "SIGNOFF_PEPPER_KEY"}}
        return {
            **told,
            "SIGNOFF_MASTER_SECRET": self.master_arn,
            "SIGNOFF_PEPPER_SECRET": self.pepper_arn,
            "SIGNOFF_SECRETS_URL": self.url,
        }
