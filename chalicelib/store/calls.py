"""Calls to DynamoDB through one PynamoDB connection, and the translation of what can go wrong.

Nothing is retried down here: the callers know what a repetition would mean.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.connection import Connection
from pynamodb.connection.base import MetaTable
from pynamodb.constants import BATCH_GET_ITEM
from pynamodb.exceptions import GetError, PynamoDBException

from chalicelib.store import models
from chalicelib.store.port import Busy, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.settings import Settings

CONNECT_TIMEOUT = 1
READ_TIMEOUT = 2
POOL = 32
"""Connections to the engine; a check of 1,000 addresses uses ten of them side by side."""

Wire = Connection
"""What the parts of the store speak through; nobody else looks inside."""
Key = tuple[str, str]
Raw = dict[str, dict[str, Any]]

_BUSY = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_SERVER_ERROR = 500


def connect(settings: Settings) -> Connection:
    """One connection for the life of a container. Makes no call."""
    models.bind(settings.recipients_table, settings.control_table)
    connection = Connection(
        region=settings.region,
        host=settings.dynamodb_url,
        connect_timeout_seconds=CONNECT_TIMEOUT,
        read_timeout_seconds=READ_TIMEOUT,
        max_retry_attempts=0,
        max_pool_connections=POOL,
    )
    # botocore puts its own together anew for each call, which is a seventh of a one-click.
    connection.session.set_default_client_config(Config(user_agent="Signoff"))
    _ = connection.client  # made now, since PynamoDB's sessions go by thread
    for table in (settings.recipients_table, settings.control_table):
        connection.add_meta_table(MetaTable(_schema(table)))
    return connection


def _schema(table: str) -> dict[str, Any]:
    return {
        "TableName": table,
        "KeySchema": [
            {"AttributeName": models.PK, "KeyType": "HASH"},
            {"AttributeName": models.SK, "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": models.PK, "AttributeType": "S"},
            {"AttributeName": models.SK, "AttributeType": "S"},
        ],
    }


def batch_get(connection: Connection, table: str, keys: Iterable[Key]) -> tuple[dict[Key, Raw], list[Key], int | None]:
    """Strong reads of up to 100 keys: the items found, the keys left unprocessed, and the engine's `Date` in ms.

    Raises `Busy`, `OutcomeUnknown`.
    """
    wanted = [{models.PK: {"S": pk}, models.SK: {"S": sk}} for pk, sk in keys]
    try:
        answer = connection.dispatch(
            BATCH_GET_ITEM, {"RequestItems": {table: {"Keys": wanted, "ConsistentRead": True}}}
        )
    except (BotoCoreError, ClientError) as error:
        raise translated(GetError("the read failed", error)) from error
    found = {key_of(raw): raw for raw in answer["Responses"].get(table, ())}
    left = [key_of(key) for key in answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", ())]
    return found, left, _date_of(answer)


def key_of(raw: Raw) -> Key:
    """Partition and sort key of a raw item."""
    return raw[models.PK]["S"], raw[models.SK]["S"]


def _date_of(answer: dict[str, Any]) -> int | None:
    text = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except (TypeError, ValueError):
        return None


def translated(error: PynamoDBException) -> Exception:
    """`Busy` for an engine that asks to come back, `OutcomeUnknown` for one that did not answer, else the error."""
    cause = error.cause
    if isinstance(cause, ClientError):
        if cause.response["Error"].get("Code") in _BUSY:
            return Busy()
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR)
        return OutcomeUnknown() if status >= _SERVER_ERROR or _is_server_fault(cause) else error
    return OutcomeUnknown() if isinstance(cause, BotoCoreError) else error


def _is_server_fault(cause: ClientError) -> bool:
    return cause.response["Error"].get("Code") in {"InternalServerError", "ServiceUnavailable", "500", "503"}
