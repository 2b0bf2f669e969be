"""The Lambda function `jobs`: takes one message at a time from the queue and has it worked on."""

from __future__ import annotations

import json
import logging
import os
import traceback
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint, SQSEvent, SQSRecord

from chalicelib.boundary import service_of
from chalicelib.domain.errors import JobFailed, SignoffError, StoreUnavailable

if TYPE_CHECKING:
    from chalicelib.service import Service

LOG = logging.getLogger("signoff")
AT_ONCE = 5
"""Of these functions at most: a flood of uploads must not take the Lambdas from the clicks; a new account has ten."""
MOST_TIMES = 5
"""As the queue has it: after this the message is dead. So many runs of a job without any progress are its end, too."""
PAUSES = (30, 120, 480, 900)
"""Seconds until a failed message comes again, by how often it has failed; the queue's own time is 90 minutes."""

# Named by the setting and not by the stack, for `chalice package` writes the name into the template of a stage. Where
# it is not set the deployment fails, and says this word.
_QUEUE = os.environ.get("SIGNOFF_JOBS_QUEUE") or "SIGNOFF_JOBS_QUEUE-is-not-set"

# Chalice tells Lambda to look for the function in the module of this name, and the app is whole in `app` alone.
events = Blueprint("app")


@events.on_sqs_message(queue=_QUEUE, batch_size=1, name="jobs", maximum_concurrency=AT_ONCE)
def jobs(event: SQSEvent) -> None:
    """Works on the messages. Raises `JobFailed`, so that the message stays in the queue."""
    service = service_of(events)
    for record in event:
        _work(service, record)


def _work(service: Service, record: SQSRecord) -> None:
    from chalicelib.worker import work  # noqa: PLC0415 - the function of the requests imports this module too

    try:
        context: Any = record.context
        work(service, _message(record), lambda: context.get_remaining_time_in_millis() / 1000)
    except Exception as error:  # noqa: BLE001 - whatever it is, the message comes again, and no text of it is logged
        LOG.error("a job failed: %s", _facts(error))  # noqa: TRY400 - a traceback could hold an address
        if _times(record) < MOST_TIMES:
            _put_back(service, record)
        elif not _is_given_up(service, record, error):
            return
        raise JobFailed from None


def _message(record: SQSRecord) -> dict[str, Any]:
    """What a record says; a body that is no JSON object is a message that says nothing."""
    try:
        message = json.loads(record.body)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {}


def _times(record: SQSRecord) -> int:
    """How often the message has come."""
    return int(record.to_dict()["attributes"]["ApproximateReceiveCount"])


def _is_given_up(service: Service, record: SQSRecord, error: Exception) -> bool:
    """Says so in the job: from here the message goes where no worker looks. False where another one carries it on."""
    from chalicelib.worker import give_up  # noqa: PLC0415 - as above

    try:
        return give_up(service, _message(record), error)
    except StoreUnavailable as trouble:
        LOG.error("a job that failed for good does not say so: %s", trouble)  # noqa: TRY400 - as above
        return True


def _put_back(service: Service, record: SQSRecord) -> None:
    pause = PAUSES[min(_times(record), len(PAUSES)) - 1]
    try:
        service.queue.put_back(record.receipt_handle, pause)
    except StoreUnavailable as error:
        LOG.error("a failed job comes again later than it could: %s", error)  # noqa: TRY400 - as above


def _facts(error: Exception) -> str:
    """Our own errors hold no address; of others the kind and the place alone."""
    if isinstance(error, SignoffError):
        return f"{type(error).__name__}: {error}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, line {frame.lineno}"
