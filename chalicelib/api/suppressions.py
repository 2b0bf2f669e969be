"""`/v1/suppressions`: whom not to mail and why, as JSON or as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import times
from chalicelib.api.paging import next_link
from chalicelib.api.serving import route
from chalicelib.api.tables import CSV, cells_of, csv_text
from chalicelib.boundary import json_answer, text_answer
from chalicelib.use_cases.listing import Filter, Wanted, list_suppressions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalice.app import Response

    from chalicelib.api.serving import Asked
    from chalicelib.use_cases.listing import Row, Rows

DEFAULT = 100
COLUMNS = ("recipient", "address", "category", "reason", "since", "via", "except")
suppressions = Blueprint(__name__)


@route(suppressions, "/v1/suppressions", ["GET", "HEAD"], "read")
def suppression_list(asked: Asked) -> Response:
    """Some rows of the list."""
    told, kind = asked.parameters, _format(asked)
    page = list_suppressions(
        asked.service, asked.sender, Wanted(_filter(told), told.get("cursor"), told.get("limit", DEFAULT))
    )
    response = json_answer(_told(page)) if kind == "json" else _as_csv(page, kind)
    # The format goes into the link: whoever follows it may not send the same `Accept`.
    return next_link(response, asked, "/v1/suppressions", page.cursor, format=kind)


def _filter(told: Mapping[str, Any]) -> Filter:
    since = told.get("since")
    return Filter(
        told.get("reason"), told.get("category"), told.get("via"), None if since is None else times.take(since, "")
    )


def _format(asked: Asked) -> str:
    """What the query says; without it CSV for one who accepts nothing else, and JSON."""
    accepted = asked.http.headers.get("accept", "").partition(";")[0].strip().lower()
    return str(asked.parameters.get("format", "csv" if accepted == "text/csv" else "json"))


def _told(page: Rows) -> dict[str, Any]:
    rows = [tell_row(row) for row in page.rows]
    return {"as_of": times.tell(page.as_of), "suppressions": rows, "cursor": page.cursor}


def tell_row(row: Row) -> dict[str, Any]:
    """A row as the API tells it."""
    return {
        "recipient": row.recipient,
        "address": row.address,
        "category": row.suppression.scope,
        "reason": str(row.suppression.reason),
        "since": times.tell(row.suppression.since),
        "via": None if row.via is None else str(row.via),
        "except": list(row.suppression.excepted),
    }


def _as_csv(page: Rows, kind: str) -> Response:
    rows = (cells_of(tell_row(row), COLUMNS) for row in page.rows)
    response = text_answer(csv_text([COLUMNS, *rows], kind), CSV)
    response.headers["Content-Disposition"] = 'attachment; filename="suppressions.csv"'
    return response
