"""How calls travel to DynamoDB: JSON over kept connections, signed by botocore, with none of botocore's client.

A client of botocore takes 200 ms to make, which is most of a cold start, and half of each call, because it builds,
checks and reads every message by the service's model. PynamoDB hands over and takes back plain JSON already. What a
client does besides is here: sign, time out, check the sum of the answer, tell errors. Nothing is sent twice.
"""

from __future__ import annotations

import json
import logging
import os
import zlib
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import EnvProvider
from botocore.exceptions import HTTPClientError, NoCredentialsError
from pynamodb.connection import Connection
from pynamodb.exceptions import CancellationReason, VerboseClientError
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.credentials import Credentials

CONNECT_TIMEOUT = 1
READ_TIMEOUT = 2
LOCAL_READ_TIMEOUT = 30
"""Of an engine on the same machine, which waits for a slow disk or for its turn where DynamoDB does not."""
POOL = 32
"""Connections kept; a check of 1,000 addresses uses ten of them side by side."""
_TYPE = "application/x-amz-json-1.0"
_TARGET = "DynamoDB_20120810."
_OK = 200

logging.getLogger("pynamodb").setLevel(logging.INFO)  # at DEBUG it logs whole items, which hold addresses


class Pool(Protocol):
    """What sends a request and reads its answer: connections of urllib3, or in tests what stands before them."""

    def urlopen(self, method: str, url: str, *, body: bytes, headers: Mapping[str, str]) -> Any:
        """The answer, with `status`, `headers` and `data`. Raises urllib3's `HTTPError`."""
        ...


class Wire(Connection):
    """PynamoDB's connection on a transport of our own. Makes no call until it is asked something.

    Raises botocore's errors, as PynamoDB expects: `HTTPClientError` where the outcome is unknown, `ClientError` for
    what DynamoDB refused.
    """

    def __init__(self, region: str, host: str | None) -> None:
        super().__init__(region=region, host=host)
        self._url = (host or endpoint("dynamodb", region)).rstrip("/") + "/"
        self._signing_region = region
        # Lambda has them in the environment, where a session would look first too; one takes 8 ms to make.
        self.credentials: Credentials | None = EnvProvider().load() or self.session.get_credentials()
        is_here = host is not None and urlsplit(host).hostname in {"127.0.0.1", "localhost"}
        self.pool = pool_of(self._url, LOCAL_READ_TIMEOUT if is_here else READ_TIMEOUT)

    def _make_api_call(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(operation_kwargs, separators=(",", ":")).encode()
        try:
            answer = self.pool.urlopen("POST", "/", body=body, headers=self._headers(operation_name, body))
        except HTTPError as error:
            raise HTTPClientError(error=type(error).__name__) from None  # its text is the request's
        return _read(operation_name, answer.status, answer.headers, answer.data)

    def _headers(self, operation_name: str, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": _TYPE, "X-Amz-Target": _TARGET + operation_name}
        return signed(self.credentials, ("dynamodb", self._signing_region), self._url, headers, body)


def pool_of(url: str, read_timeout: float = READ_TIMEOUT) -> Pool:
    """Connections to one host, kept; a call has `CONNECT_TIMEOUT` and `read_timeout` seconds, and is never repeated."""
    timeout = Timeout(connect=CONNECT_TIMEOUT, read=read_timeout)
    pools = PoolManager(maxsize=POOL, timeout=timeout, retries=False, ca_certs=os.environ.get("AWS_CA_BUNDLE"))
    return pools.connection_from_url(url)


def signed(
    credentials: Credentials | None, scope: tuple[str, str], url: str, headers: dict[str, str], body: bytes
) -> dict[str, str]:
    """The headers of a POST to `url` with a signature among them. `scope`: service and region.

    Raises `NoCredentialsError`.
    """
    if credentials is None:
        raise NoCredentialsError
    request = AWSRequest("POST", url, data=body, headers={**headers, "User-Agent": "Signoff"})
    SigV4Auth(credentials.get_frozen_credentials(), *scope).add_auth(request)
    return dict(request.headers.items())


def endpoint(service: str, region: str) -> str:
    """Where a service of AWS answers in a region."""
    return f"https://{service}.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def _read(operation: str, status: int, headers: Mapping[str, str], octets: bytes) -> dict[str, Any]:
    """The answer, with its headers where botocore has them."""
    told = headers.get("x-amz-crc32")
    if told is not None and told != str(zlib.crc32(octets)):
        raise HTTPClientError(error="an answer that did not arrive whole")
    try:
        answer = json.loads(octets)
    except ValueError:
        raise HTTPClientError(error=f"an answer of status {status} that is not JSON") from None
    if status != _OK:
        raise _refusal(operation, status, answer)
    answer["ResponseMetadata"] = {"HTTPHeaders": {"date": headers.get("date")}}
    return answer  # type: ignore[no-any-return] # DynamoDB answers with an object


def _refusal(operation: str, status: int, answer: dict[str, Any]) -> VerboseClientError:
    """What DynamoDB says when it does not do it: the name of the cause, and for a transaction one for each item."""
    name = str(answer.get("__type", "")).rpartition("#")[2]
    return VerboseClientError(
        {"Error": {"Code": name, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}},
        operation,
        cancellation_reasons=[
            None if reason["Code"] == "None" else CancellationReason(reason["Code"], None, reason.get("Item"))
            for reason in answer.get("CancellationReasons", ())
        ],
    )
