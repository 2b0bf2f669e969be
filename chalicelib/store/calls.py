"""Calls to DynamoDB through one PynamoDB connection, and the translation of what can go wrong.

Nothing is retried down here: the callers know what a repetition would mean.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.connection.base import MetaTable
from pynamodb.constants import BATCH_GET_ITEM, PUT_ITEM
from pynamodb.exceptions import GetError, PutError, PynamoDBException, UpdateError

from chalicelib.domain.errors import StoreUnavailable
from chalicelib.store import models
from chalicelib.store.port import Busy, OutcomeUnknown
from chalicelib.store.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action
    from pynamodb.models import Model

    from chalicelib.settings import Settings

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
_SERVER_FAULTS = frozenset({"InternalServerError", "ServiceUnavailable"})


def connect(settings: Settings) -> Wire:
    """One connection for the life of a container. Makes no call."""
    models.bind(settings.recipients_table, settings.control_table)
    connection = Wire(settings.region, settings.dynamodb_url)
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


def batch_get(connection: Wire, table: str, keys: Iterable[Key]) -> tuple[dict[Key, Raw], list[Key], int | None]:
    """Strong reads of up to 100 keys: the items found, the keys left unprocessed, and the engine's `Date` in ms.

    Raises `Busy`, `OutcomeUnknown`.
    """
    found, left, date = batch_get_of_tables(connection, {table: keys})
    return found[table], left.get(table, []), date


def batch_get_of_tables(
    connection: Wire, wanted: Mapping[str, Iterable[Key]]
) -> tuple[dict[str, dict[Key, Raw]], dict[str, list[Key]], int | None]:
    """As `batch_get`, in one call, from several tables: what is found and left of each that is asked, by its name."""
    asked = {
        table: {"Keys": [{models.PK: {"S": pk}, models.SK: {"S": sk}} for pk, sk in keys], "ConsistentRead": True}
        for table, keys in wanted.items()
    }
    try:
        answer = connection.dispatch(BATCH_GET_ITEM, {"RequestItems": asked})
    except (BotoCoreError, ClientError) as error:
        raise translated(GetError("the read failed", error)) from error
    responses, unprocessed = answer["Responses"], answer.get("UnprocessedKeys", {})
    found = {table: {key_of(raw): raw for raw in responses.get(table, ())} for table in wanted}
    left = {table: [key_of(key) for key in told["Keys"]] for table, told in unprocessed.items() if told.get("Keys")}
    return found, left, _date_of(answer)


def put_if(connection: Wire, item: Model, condition: Condition) -> bool:
    """Puts an item, unless `condition` is not met, and then returns False. Raises `Busy`, `OutcomeUnknown`."""
    kwargs: dict[str, Any] = item.get_save_kwargs_from_instance(condition=condition)
    try:
        connection.dispatch(PUT_ITEM, kwargs)
    except (BotoCoreError, ClientError) as error:
        if code_of(error) == "ConditionalCheckFailedException":
            return False
        raise translated(PutError("the write failed", error)) from error
    return True


def update_if(connection: Wire, table: str, key: Key, actions: Sequence[Action], condition: Condition) -> bool:
    """Updates an item, unless `condition` is not met, and then returns False. Raises `Busy`, `OutcomeUnknown`."""
    try:
        connection.update_item(table, *key, actions=actions, condition=condition)
    except UpdateError as error:
        if code_of(error.cause) == "ConditionalCheckFailedException":
            return False
        raise translated(error) from error
    return True


def key_of(raw: Raw) -> Key:
    """Partition and sort key of a raw item."""
    return raw[models.PK]["S"], raw[models.SK]["S"]


def _date_of(answer: dict[str, Any]) -> int | None:
    text = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except (TypeError, ValueError):
        return None


def code_of(cause: Exception | None) -> str | None:
    """What DynamoDB calls its refusal, or None where it was not heard.

    PynamoDB's `cause_response_code` fails for an answer that was lost: botocore keeps a response of None in that.
    """
    return str(cause.response["Error"].get("Code")) if isinstance(cause, ClientError) else None


def unavailable(error: PynamoDBException) -> Exception:
    """As `translated`, for calls that are not repeated here: everything that went wrong is trouble of the store."""
    meaning = translated(error)
    return StoreUnavailable("the store did not answer") if isinstance(meaning, Busy | OutcomeUnknown) else meaning


def translated(error: PynamoDBException) -> Exception:
    """`Busy` for an engine that asks to come back, `OutcomeUnknown` for one that did not answer, else why it refused.

    What it refused is told by the name of the cause alone: its own text may hold what it was asked.
    """
    cause = error.cause
    if not isinstance(cause, ClientError):
        return OutcomeUnknown() if isinstance(cause, BotoCoreError) else error
    name = code_of(cause)
    if name in _BUSY:
        return Busy()
    status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR)
    if status >= _SERVER_ERROR or name in _SERVER_FAULTS:
        return OutcomeUnknown()
    return StoreUnavailable(f"the store refused a call: {name}")
