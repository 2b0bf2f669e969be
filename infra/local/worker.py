"""`python -m infra worker`: does for the local queue what Lambda does for the real one. Started by the runner."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError
from chalice.config import Config
from chalice.local import LambdaContext

from infra.local.children import ROOT
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

FUNCTION = "jobs"
HIDDEN = 4
"""Seconds for which a message that was received is hidden, renewed every second while it is worked on: the message of a
worker that was killed comes again as soon as this."""
_PAUSE = 0.5
"""Seconds between two looks into an empty queue. Not a long poll: moto answers one request at a time."""
_PAUSE_AFTER_TROUBLE = 1.0


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = commands.add_parser(
        "worker", help="work on the jobs of a running `run`, which starts this by itself", description=__doc__
    )
    parser.set_defaults(command=run)


def run(_options: argparse.Namespace) -> int:
    """Work until killed. Raises CannotRun where this is not an environment that the runner has made."""
    try:
        url, queue_url = os.environ["SIGNOFF_SQS_URL"], os.environ["SIGNOFF_JOBS_QUEUE_URL"]
    except KeyError as error:
        raise CannotRun(f"{error.args[0]} is not set: the worker is started by `python -m infra run`.") from None
    queue = LocalQueue(botocore.session.get_session().create_client("sqs", endpoint_url=url), queue_url)
    handler = importlib.import_module("app").app.handler_map.get(FUNCTION)
    if handler is None:
        raise CannotRun(f"The application has no function `{FUNCTION}` for the jobs.")
    while True:
        try:
            time.sleep(0 if work_once(queue, handler) else _PAUSE)
        except (BotoCoreError, ClientError):
            time.sleep(_PAUSE_AFTER_TROUBLE)


def work_once(queue: LocalQueue, handler: Callable[[Any, Any], Any]) -> bool:
    """Hand one message to the function, and delete it where that did not fail; False where there was none."""
    record = queue.receive()
    if record is None:
        return False
    try:
        with queue.hiding(record):
            handler({"Records": [record]}, _context())
    except Exception as error:  # noqa: BLE001 - whatever it is, the message stays, and Lambda would go on too
        print(f"A job failed and comes again: {type(error).__name__}.", file=sys.stderr, flush=True)
    else:
        queue.delete(record)
    return True


class LocalQueue:
    """The queue of jobs at moto, with messages in the form in which Lambda hands them over."""

    def __init__(self, client: Any, queue_url: str, *, renewed: float = 1.0) -> None:
        self._client = client
        self._queue_url = queue_url
        self._renewed = renewed

    def receive(self) -> dict[str, Any] | None:
        """The next message, hidden for some seconds; None where there is none."""
        answer = self._client.receive_message(
            QueueUrl=self._queue_url, VisibilityTimeout=HIDDEN, MessageSystemAttributeNames=["All"]
        )
        for message in answer.get("Messages", ()):
            return {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "eventSource": "aws:sqs",
            }
        return None

    def delete(self, record: dict[str, Any]) -> None:
        """Done with this one."""
        self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=record["receiptHandle"])

    @contextmanager
    def hiding(self, record: dict[str, Any]) -> Iterator[None]:
        """Keep a message hidden for as long as the block lasts."""
        done = threading.Event()
        thread = threading.Thread(target=self._keep_hidden, args=(record, done), name="hiding", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _keep_hidden(self, record: dict[str, Any], done: threading.Event) -> None:
        while not done.wait(self._renewed):
            try:
                self._client.change_message_visibility(
                    QueueUrl=self._queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=HIDDEN
                )
            except (BotoCoreError, ClientError):
                continue


def _context() -> LambdaContext:
    """A run that may take as long as one of the deployed function."""
    settings = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
    config = Config(function_name=FUNCTION, config_from_disk=settings)
    return LambdaContext(FUNCTION, config.lambda_memory_size, config.lambda_timeout * 1000)
