"""What shows consents: on items of their own beside the recipient's, so that an erasure can take them away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pynamodb.exceptions import DeleteError, QueryError

from chalicelib.domain.acts import Evidence
from chalicelib.store.calls import unavailable
from chalicelib.store.engine import partition_of
from chalicelib.store.models import EvidenceItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.domain.senders import Place
    from chalicelib.store.wire import Wire


class Evidences:
    """Reads and deletions of evidence; it is written with the act that it shows. Safe to share between threads."""

    def __init__(self, connection: Wire, table: str) -> None:
        self._connection = connection
        self._table = table

    def of(self, place: Place) -> Mapping[str, Evidence]:
        """Act → its evidence, for all that is kept of a recipient. Raises `StoreUnavailable`."""
        found: dict[str, Evidence] = {}
        start: Any = None
        while True:
            page = self._page(place, start)
            for raw in page["Items"]:
                act = raw["sk"]["S"].removeprefix(_prefix(place))
                found[act] = Evidence(*(raw[name]["S"] for name in Evidence.__dataclass_fields__))
            start = page.get("LastEvaluatedKey")
            if start is None:  # an empty page does not end a list
                return found

    def delete(self, place: Place, acts: Iterable[str]) -> None:
        """Deletes what shows these acts, or raises `StoreUnavailable`; then to be called again."""
        for act in acts:
            try:
                self._connection.delete_item(
                    self._table, partition_of(place.sender, place.shard), f"{_prefix(place)}{act}"
                )
            except DeleteError as error:
                raise unavailable(error) from None

    def _page(self, place: Place, start: Any) -> dict[str, Any]:
        try:
            return self._connection.query(
                self._table,
                partition_of(place.sender, place.shard),
                range_key_condition=EvidenceItem.sk.startswith(_prefix(place)),
                consistent_read=True,
                exclusive_start_key=start,
            )
        except QueryError as error:
            raise unavailable(error) from None


def _prefix(place: Place) -> str:
    return f"evidence#{place.recipient}#"
