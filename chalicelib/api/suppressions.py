"""`/v1/suppressions`: whom not to mail and why, as JSON or as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from chalice.app import Blueprint

from chalicelib.api import queries, times
from chalicelib.api.serving import MOST, route
from chalicelib.boundary import json_answer, text_answer
from chalicelib.domain.acts import Via
from chalicelib.use_cases.listing import REASONS, Filter, Wanted, list_suppressions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalice.app import Response

    from chalicelib.api.serving import Asked
    from chalicelib.use_cases.listing import Row, Rows

DEFAULT = 100
COLUMNS = ("recipient", "address", "category", "reason", "since", "via", "except")
CSV = "text/csv; charset=utf-8; header=present"
"""RFC 4180 §3."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes a cell for a formula by."""
FILTERS = ("reason", "category", "via", "since")
FORMATS = ("json", "csv", "spreadsheet")
suppressions = Blueprint(__name__)


@route(suppressions, "/v1/suppressions", ["GET", "HEAD"], "read")
def suppression_list(asked: Asked) -> Response:
    """Some rows of the list."""
    limit = queries.number(asked.query, "limit", range(1, MOST + 1), DEFAULT)
    kind = _format(asked)
    wanted = Wanted(_filter(asked.query), asked.query.get("cursor"), limit)
    page = list_suppressions(asked.service, asked.sender, wanted)
    response = json_answer(_told(page)) if kind == "json" else _as_csv(page, _CELLS[kind])
    if page.cursor is not None:
        filters = {name: text for name, text in asked.query.items() if name in FILTERS}
        query = urlencode({**filters, "format": kind, "limit": limit, "cursor": page.cursor})
        response.headers["Link"] = f'<{asked.service.settings.public_url}/v1/suppressions?{query}>; rel="next"'
    return response


def _filter(query: Mapping[str, str]) -> Filter:
    since = query.get("since")
    return Filter(
        reason=queries.word(query, "reason", REASONS),
        category=query.get("category"),
        via=queries.word(query, "via", Via),
        since=None if since is None else times.take(since, ""),
    )


def _format(asked: Asked) -> str:
    """What the query says; without it CSV for one who accepts nothing else, and JSON."""
    accepted = asked.http.headers.get("accept", "").partition(";")[0].strip().lower()
    return queries.word(asked.query, "format", FORMATS) or ("csv" if accepted == "text/csv" else "json")


def _told(page: Rows) -> dict[str, Any]:
    rows = [{**_row(row), "except": list(row.suppression.excepted)} for row in page.rows]
    return {"as_of": times.tell(page.as_of), "suppressions": rows, "cursor": page.cursor}


def _row(row: Row) -> dict[str, Any]:
    return {
        "recipient": row.recipient,
        "address": row.address,
        "category": row.suppression.scope,
        "reason": str(row.suppression.reason),
        "since": times.tell(row.suppression.since),
        "via": None if row.via is None else str(row.via),
    }


def _as_csv(page: Rows, cell: Callable[[str], str]) -> Response:
    """RFC 4180: a header, CRLF, quotation marks where they are needed. What is null is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in page.rows:
        told = {**_row(row), "except": " ".join(row.suppression.excepted)}
        writer.writerow([cell(told[name] or "") for name in COLUMNS])
    response = text_answer(text.getvalue(), CSV)
    response.headers["Content-Disposition"] = 'attachment; filename="suppressions.csv"'
    return response


def _exact(text: str) -> str:
    return text


def _no_formula(text: str) -> str:
    """What a spreadsheet shows and does not carry out: an address may begin with `=` or `+`."""
    return f"'{text}" if text.startswith(FORMULA) else text


_CELLS: Mapping[str, Callable[[str], str]] = {"csv": _exact, "spreadsheet": _no_formula}
