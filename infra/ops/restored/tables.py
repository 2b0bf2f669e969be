"""One table of DynamoDB, item by item, through a client of botocore: for commands that read and write all of it.

Items are as DynamoDB has them (`{"pk": {"S": …}, …}`). Every read is strongly consistent. What is busy is asked again;
everything else raises botocore's errors.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from chalicelib.store.calls import Key, key_of

Item = dict[str, Any]
_T = TypeVar("_T")

GET_AT_ONCE = 100
PUT_AT_ONCE = 25
"""What DynamoDB takes in one call."""
_TIMES = 40
_LONGEST = 2.0
"""Seconds; with 40 times that is over a minute, in which a table of DynamoDB's grows to what is asked of it."""
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


class StillBusy(Exception):
    """The table has not done for minutes what it was asked."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table by its name. Safe to share between threads, as the client is."""

    client: Any
    name: str
    pause: Callable[[float], None] = time.sleep

    def get(self, key: Key) -> Item | None:
        """One item."""
        return self.get_all([key]).get(key)

    def get_all(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Those of these items that there are."""
        found: dict[Key, Item] = {}
        for batch in _batches(dict.fromkeys(keys), GET_AT_ONCE):
            left: Sequence[Item] = [_key(key) for key in batch]
            for _ in self._patiently():
                answer = self._call("batch_get_item", RequestItems={self.name: {"Keys": left, "ConsistentRead": True}})
                found.update((key_of(item), item) for item in answer["Responses"].get(self.name, ()))
                left = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", ())
                if not left:
                    break
        return found

    def range(
        self, partition: str, first: str, last: str, *, is_backwards: bool = False, limit: int = 0
    ) -> Iterator[Item]:
        """The items of a partition whose sort keys lie between these two, both included, in order, page by page."""
        told: Item = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :p AND sk BETWEEN :f AND :l",
            "ExpressionAttributeValues": {":p": {"S": partition}, ":f": {"S": first}, ":l": {"S": last}},
            "ConsistentRead": True,
            "ScanIndexForward": not is_backwards,
        }
        if limit:
            told["Limit"] = limit
        items = self._pages("query", told)
        return islice(items, limit) if limit else items

    def scan(self) -> Iterator[Item]:
        """All of it, in no order, page by page."""
        return self._pages("scan", {"TableName": self.name, "ConsistentRead": True})

    def put_all(self, items: Iterable[Item]) -> None:
        """Puts every item, over what is there. No key may come twice."""
        self._write({"PutRequest": {"Item": item}} for item in items)

    def delete_all(self, keys: Iterable[Key]) -> None:
        """Deletes what is there of these."""
        self._write({"DeleteRequest": {"Key": _key(key)}} for key in keys)

    def put_if(self, item: Item, condition: str, **values: Item) -> bool:
        """Puts an item where `condition` holds, in which `:name` is a value; False where it does not."""
        told: Item = {"TableName": self.name, "Item": item, "ConditionExpression": condition}
        if values:
            told["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
        try:
            self._call("put_item", **told)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def put(self, item: Item) -> None:
        """Puts an item, over what is there."""
        self._call("put_item", TableName=self.name, Item=item)

    def exists(self) -> bool:
        """Whether there is such a table."""
        try:
            self._call("describe_table", TableName=self.name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return False
            raise
        return True

    def is_empty(self) -> bool:
        """Whether there is nothing in it."""
        return not self._call("scan", TableName=self.name, Limit=1, ConsistentRead=True)["Items"]

    def _write(self, requests: Iterable[Item]) -> None:
        for batch in _batches(requests, PUT_AT_ONCE):
            left = batch
            for _ in self._patiently():
                answer = self._call("batch_write_item", RequestItems={self.name: left})
                left = answer.get("UnprocessedItems", {}).get(self.name, [])
                if not left:
                    break

    def _pages(self, operation: str, told: Item) -> Iterator[Item]:
        start: Item = {}
        while True:
            page = self._call(operation, **told, **start)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:  # an empty page does not end a list
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _call(self, operation: str, **told: Any) -> Any:
        for _ in self._patiently():
            try:
                return getattr(self.client, operation)(**told)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _BUSY:
                    raise
        raise AssertionError  # `_patiently` raises where it ends

    def _patiently(self) -> Iterator[int]:
        """Turns, with pauses between them that grow and jitter. Raises StillBusy after the last."""
        for turn in range(_TIMES):
            yield turn
            self.pause(min(0.01 * 2**turn, _LONGEST) * random.random())  # noqa: S311 - jitter
        raise StillBusy(self.name)


def _batches(items: Iterable[_T], most: int) -> Iterator[list[_T]]:
    left = iter(items)
    while batch := list(islice(left, most)):
        yield batch


def _key(key: Key) -> Item:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
