"""An AWS account of moto: started, asked, and what the commands say that work on it."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.local.children import end, python_module, start_guarded
from infra.local.environment import REGION
from tests.infra.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
DOMAIN = "choices.example.com"
_QUEUE = 128


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and all it printed."""

    code: int
    text: str


Provision = Callable[..., Said]


@dataclass(frozen=True, slots=True)
class Account:
    """Where it answers."""

    url: str

    def client(self, service: str, region: str = REGION) -> Any:
        return boto3.client(service, endpoint_url=self.url, region_name=region)

    def stack(self, name: str) -> str | None:
        """Its status."""
        try:
            return str(self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        except ClientError:
            return None

    def certificate(self, domain: str = DOMAIN, days: int = 90) -> str:
        """The ARN of a certificate that is issued, and valid for so many days."""
        key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(_COMMON_NAME, domain)])
        now = datetime.now(UTC)
        signed = (
            x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        arn: str = self.client("acm").import_certificate(
            Certificate=signed.public_bytes(Encoding.PEM),
            PrivateKey=key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        )["CertificateArn"]
        return arn


_COMMON_NAME = x509.NameOID.COMMON_NAME


@contextmanager
def empty_account() -> Iterator[str]:
    """The URL of one, which ends with the block."""
    with socket.create_server((HOST, 0), backlog=_QUEUE) as listening:
        process = start_guarded(
            python_module("tests.infra.deploying.empty_account", str(listening.fileno())),
            pass_fds=(listening.fileno(),),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        url = f"http://{HOST}:{listening.getsockname()[1]}"
    try:
        yield url
    finally:
        end(process)
