"""What the file of an export holds.

`jsonl`: every recipient of whom anything is known, one to a line, registers included, which is all that a replica
needs. `csv` and `spreadsheet`: the suppression list, with the columns of `GET /v1/suppressions`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.api.registers import tell_registers
from chalicelib.api.suppressions import COLUMNS, tell_row
from chalicelib.api.tables import cells_of, csv_text
from chalicelib.domain.suppressions import suppressions_of
from chalicelib.use_cases.listing import Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.domain.jobs import Job
    from chalicelib.domain.recipients import Recipient
    from chalicelib.domain.senders import Place

_ADDRESS = {"plain": ["address"], "hmac": ["address_hmac"], "none": []}


def fields_of(wanted: Mapping[str, Any]) -> list[str]:
    """The names of what an export tells of each recipient or row, as its record keeps them."""
    addresses = _ADDRESS[wanted["addresses"]]
    if wanted["format"] == "jsonl":
        return ["recipient", *addresses, "version", "registers", "suppressions"]
    return ["recipient", *addresses, *(name for name in COLUMNS if name not in {"recipient", "address"})]


class ExportFile:
    """Writes what `export_runs.py` reads."""

    def head(self, job: Job) -> bytes:
        """The names of the columns; nothing for JSON lines."""
        fields = fields_of(job.wanted)
        return b"" if job.wanted["format"] == "jsonl" else csv_text([fields], "csv").encode()

    def recipient(self, job: Job, place: Place, recipient: Recipient, address: str | None) -> bytes:
        """One line of JSON, or as many rows as mail to it is withheld for."""
        fields = fields_of(job.wanted)
        rows = [tell_row(Row(place.recipient, address, row)) for row in suppressions_of(recipient.state)]
        if job.wanted["format"] == "jsonl":
            return (_line(fields, place, recipient, address, rows) + "\n").encode()
        cells = [cells_of({**row, "address_hmac": address}, fields) for row in rows]
        return csv_text(cells, job.wanted["format"]).encode()

    def rows(self, octets: bytes) -> int:
        """Line feeds: none stands within a cell or a line, since an address has none."""
        return octets.count(b"\n")


def _line(
    fields: list[str], place: Place, recipient: Recipient, address: str | None, rows: list[dict[str, Any]]
) -> str:
    whole = {
        "recipient": place.recipient,
        "address": address,
        "address_hmac": address,
        "version": recipient.version,
        "registers": tell_registers(recipient.state),
        "suppressions": [
            {name: value for name, value in row.items() if name not in {"recipient", "address"}} for row in rows
        ],
    }
    return json.dumps({name: whole[name] for name in fields}, ensure_ascii=False, allow_nan=False)
