"""The queue of jobs, on a real HTTP server in a process of its own."""

from __future__ import annotations

import json
from hashlib import md5
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from chalicelib.domain.errors import StoreUnavailable
from chalicelib.service import Service
from chalicelib.store.queue import Queue
from infra.local.environment import REGION
from tests.site import settings_for

if TYPE_CHECKING:
    from tests.engines import LocalFiles, LocalTables

MESSAGE = {"job": "export", "sender": "testsend", "id": "ü-1"}


@pytest.fixture
def queue(local_files: LocalFiles) -> Queue:
    local_files.messages()  # the test event
    return Queue(local_files.queue_url, REGION, local_files.url)


def test_what_is_sent_arrives(queue: Queue, local_files: LocalFiles) -> None:
    queue.send(MESSAGE)
    assert local_files.messages() == [MESSAGE]


def test_what_is_to_come_later_does_not_come_now(queue: Queue, local_files: LocalFiles) -> None:
    queue.send(MESSAGE, 900)
    assert local_files.messages() == []
    names = ["ApproximateNumberOfMessagesDelayed"]
    told = local_files.sqs.get_queue_attributes(QueueUrl=local_files.queue_url, AttributeNames=names)
    assert told["Attributes"] == {names[0]: "1"}


def test_what_is_put_back_comes_again(queue: Queue, local_files: LocalFiles) -> None:
    queue.send(MESSAGE)
    received = local_files.receive()
    assert received is not None
    assert local_files.receive() is None
    queue.put_back(received["ReceiptHandle"], 0)
    again = local_files.receive()
    assert again is not None
    assert (again["MessageId"], again["Attributes"]["ApproximateReceiveCount"]) == (received["MessageId"], "2")
    queue.put_back(again["ReceiptHandle"], 40_000)
    assert local_files.receive() is None


def test_what_is_sent_bears_no_mark_by_which_lambda_would_count_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long job sends itself on; the 16th such message would be taken for an endless loop, and never come."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "signoff-dev-jobs")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=1:a1b2c3d4:15")
    heard: list[set[str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.append({name.lower() for name in self.headers})
            told = {"MessageId": "1", "MD5OfMessageBody": md5(body["MessageBody"].encode()).hexdigest()}  # noqa: S324
            octets = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        Queue("http://127.0.0.1/q", REGION, f"http://127.0.0.1:{server.server_port}").send(MESSAGE)
        thread.join()
    [headers] = heard
    assert "x-amz-target" in headers
    assert "x-amzn-trace-id" not in headers


def test_trouble_is_told_without_a_word_of_it(local_files: LocalFiles) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        Queue(local_files.queue_url, REGION, "http://127.0.0.1:1").send(MESSAGE)
    assert str(caught.value) == "the queue did not answer: EndpointConnectionError"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    with pytest.raises(StoreUnavailable) as caught:
        Queue(f"{local_files.queue_url}-not", REGION, local_files.url).send(MESSAGE)
    assert str(caught.value) == "the queue refused a call: AWS.SimpleQueueService.NonExistentQueue"


def test_a_service_has_the_files_and_the_queue_of_its_settings(
    moto_dynamodb: LocalTables, moto_files: LocalFiles
) -> None:
    """As AWS: no local address, so the bucket has a host of its own."""
    service = Service(settings_for(moto_dynamodb))
    assert service.files is service.files
    assert service.queue is service.queue
    service.files.put("imports/testsend/job-1", b"x")
    service.queue.send(MESSAGE)
    told = moto_files.messages()
    assert [message.get("Event", "") for message in told] == ["s3:TestEvent", "", ""]
    assert told[1]["Records"][0]["s3"]["object"]["size"] == 1
    assert told[2] == MESSAGE
