"""The queue of jobs in SQS: at least once, in no order. Raises `StoreUnavailable` where SQS does not take a message."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from botocore.handlers import add_recursion_detection_header

from chalicelib.store.clients import make_client, told

_SQS = "the queue"


class Queue:
    """One queue. Its client is made when it is first needed."""

    def __init__(self, queue_url: str, region: str, url: str | None = None) -> None:
        self._queue_url = queue_url
        self._region = region
        self._url = url

    @cached_property
    def _client(self) -> Any:
        client = make_client("sqs", self._region, self._url)
        # A long job sends itself on, run after run. Lambda would take that for an endless loop, which it counts by a
        # header of botocore's, and make the 16th message a dead letter (its guide, "recursive loop detection").
        client.meta.events.unregister("before-call", add_recursion_detection_header)
        return client

    def send(self, message: dict[str, Any], seconds: int = 0) -> None:
        """Puts a message at the end, to come after so many seconds, 0 to 900. It may arrive twice."""
        with told(_SQS):
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(message), DelaySeconds=seconds)

    def put_back(self, receipt: str, seconds: int) -> None:
        """Has a message that was received and not done come again after so many seconds, 0 to 43,200 (12 h)."""
        with told(_SQS):
            self._client.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )
