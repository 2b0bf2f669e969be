"""The transport to DynamoDB: signed as botocore signs, whole or not at all, and never twice."""

from __future__ import annotations

import json
import os
import socket
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
from urllib3.exceptions import ProtocolError

from chalicelib.store.wire import Wire


@dataclass
class Answer:
    status: int
    data: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Pool:
    """Answers what it is told to, and remembers what it was sent."""

    answer: Callable[[], Answer]
    sent: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)

    def urlopen(self, method: str, url: str, *, body: bytes, headers: Mapping[str, str]) -> Any:
        self.sent.append((f"{method} {url}", body, headers))
        return self.answer()


def wire(answer: Callable[[], Answer], region: str = "eu-central-1") -> tuple[Wire, Pool]:
    made, pool = Wire(region, None), Pool(answer)
    made.pool = pool
    return made, pool


def answering(status: int, body: bytes, **headers: str) -> Callable[[], Answer]:
    return lambda: Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def test_a_call_is_signed_json_that_goes_out_once() -> None:
    made, pool = wire(answering(200, b'{"Item":{"a":{"S":"\xc3\xa4"}}}', date="Sat, 21 Nov 2026 05:00:00 GMT"))

    answer = made.dispatch("GetItem", {"TableName": "t", "Key": {"pk": {"S": "ä"}}})

    [(line, body, headers)] = pool.sent
    assert line == "POST /"
    assert json.loads(body)["Key"] == {"pk": {"S": "ä"}}
    assert headers["X-Amz-Target"] == "DynamoDB_20120810.GetItem"
    assert headers["Content-Type"] == "application/x-amz-json-1.0"
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=")
    assert (
        "/eu-central-1/dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;" in headers["Authorization"]
    )
    assert answer["Item"] == {"a": {"S": "ä"}}
    assert answer["ResponseMetadata"]["HTTPHeaders"]["date"] == "Sat, 21 Nov 2026 05:00:00 GMT"


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-central-1", "https://dynamodb.eu-central-1.amazonaws.com/"),
        ("cn-north-1", "https://dynamodb.cn-north-1.amazonaws.com.cn/"),
    ],
)
def test_a_region_has_its_endpoint(region: str, url: str) -> None:
    assert wire(answering(200, b"{}"), region)[0]._url == url


def test_a_refusal_is_told_by_its_name_alone() -> None:
    text = {"__type": "com.amazonaws.dynamodb.v20120810#ValidationException", "message": "dana@example.com is wrong"}
    made, _ = wire(answering(400, json.dumps(text).encode()))

    with pytest.raises(ClientError) as caught:
        made.dispatch("GetItem", {"TableName": "t"})

    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "dana" not in str(caught.value)


def test_a_cancelled_transaction_says_why_for_each_item() -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"seq": {"N": "7"}}}]
    text = {"__type": "x#TransactionCanceledException", "CancellationReasons": reasons}
    made, _ = wire(answering(400, json.dumps(text).encode()))

    with pytest.raises(ClientError) as caught:
        made.dispatch("TransactWriteItems", {})

    none, failed = caught.value.cancellation_reasons  # type: ignore[attr-defined] # of PynamoDB's kind of it
    assert none is None
    assert (failed.code, failed.raw_item) == ("ConditionalCheckFailed", {"seq": {"N": "7"}})


def lost() -> Answer:
    raise ProtocolError("the address dana@example.com was in it")


@pytest.mark.parametrize(
    "answer",
    [
        lost,
        answering(200, b'{"a":'),
        answering(502, b"<html>"),
        answering(200, b"{}", x_amz_crc32="1"),
        answering(503, b""),
    ],
)
def test_an_answer_that_did_not_arrive_whole_leaves_the_outcome_open(answer: Callable[[], Answer]) -> None:
    made, pool = wire(answer)

    with pytest.raises(HTTPClientError) as caught:
        made.dispatch("PutItem", {"TableName": "t"})

    assert len(pool.sent) == 1
    assert "dana" not in str(caught.value)


def test_the_sum_of_an_answer_is_checked() -> None:
    made, _ = wire(answering(200, b'{"a":1}', x_amz_crc32=str(zlib.crc32(b'{"a":1}'))))
    assert made.dispatch("GetItem", {"TableName": "t"})["a"] == 1


def test_nobody_at_the_other_end() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(BotoCoreError):
            Wire("us-east-1", f"http://127.0.0.1:{closed.getsockname()[1]}").dispatch("GetItem", {"TableName": "t"})


def test_without_credentials_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    made, pool = wire(answering(200, b"{}"))

    with pytest.raises(NoCredentialsError):
        made.dispatch("GetItem", {"TableName": "t"})
    assert pool.sent == []
