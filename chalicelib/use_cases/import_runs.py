"""The worker's part of an import: reads the file, records its rows, and goes on where an earlier run was cut off.

The file is read in the same portions each time, and each portion is recorded before the job says so. What a killed run
recorded of a portion, `store/bulk.py` passes over.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import BadFile, RowRefused, UnknownLayout
from chalicelib.domain.jobs import Job, JobKind, JobStatus
from chalicelib.domain.senders import Sender
from chalicelib.ingest.opening import open_rows
from chalicelib.ingest.rows import Defaults, read_row
from chalicelib.service import Service
from chalicelib.store.multipart import Multipart
from chalicelib.use_cases.handing_over import hand_over
from chalicelib.use_cases.importing import (
    RefusedRow,
    catalogue_then,
    counts_of,
    file_key,
    has_file,
    record_rows,
    rejects_key,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.ingest.opening import Opened
    from chalicelib.ingest.reading import Row
    from chalicelib.use_cases.importing import Numbered

PORTION = 4_000
"""Rows that are read, then recorded, then counted as done. Another number would cut a job under way otherwise."""
SECONDS_TO_STOP = 60.0
"""With less than this left, a run hands over to the next one."""
BETWEEN_LOOKS = 10
"""Portions, a fraction of a second each, that are only read between two looks at the time that is left."""


def run_import(
    service: Service, sender: str, job: str, seconds_left: Callable[[], float], portion: int = PORTION
) -> None:
    """One run of an import. Raises `StoreUnavailable`, and `NoProgress` where it could do nothing in its time.

    Then it is to be run again.
    """
    found = service.jobs.find(JobKind.IMPORT, sender, job)
    if found is None or found.is_over or not has_file(found):
        return  # nobody asked for this upload, or it is a message that came twice
    run = _Run(service, service.senders.get(sender), found, seconds_left, portion)
    try:
        is_over = run.go_on()
    except (BadFile, UnknownLayout) as error:
        run.fail(str(error))
        return
    if not is_over:
        hand_over(service, run.job)


@dataclass(slots=True)
class _Run:
    """One run, and the job as it is by now."""

    service: Service
    sender: Sender
    job: Job
    seconds_left: Callable[[], float]
    portion: int

    def go_on(self) -> bool:
        """Whether the import is over. Raises `BadFile`, `UnknownLayout`, `StoreUnavailable`."""
        if not self._take_up():
            return True
        octets = _Counted(self._octets())
        opened = self._open(octets)
        for number, portion in enumerate(self._portions(opened), start=1):
            last = portion[-1].line
            if last <= self.job.done["line"]:
                if self._is_late(number):
                    return False
                continue
            taken, refused = self._read(opened, portion)
            if not record_rows(self.service, self.sender, self.job, taken, self._may_go_on):
                return False
            rows, rejected = self.job.done["rows"] + len(portion), self.job.done["rejected"] + len(refused)
            self._note(layout=opened.layout.name, line=last, rows=rows, rejected=rejected, read=octets.count)
        return self._finish(opened.layout.name)

    def fail(self, detail: str) -> None:
        """The end of an import that cannot be carried out; what it recorded before stays."""
        counts = counts_of(self.service, self.sender, self.job)
        done: dict[str, Any] = {"rows": counts.rows, "rejected": counts.rejected}
        done |= {"changed": counts.changed, "unchanged": counts.unchanged, "detail": detail}
        self.job = self.service.jobs.change(self.job, JobStatus.FAILED, {**self.job.done, **done})

    def _take_up(self) -> bool:
        """Whether there is a file, and the same as before."""
        stored = self.service.files.find(file_key(self.job))
        if stored is None:
            self.fail("the file is gone: begin another import, and put the file to its URL")
            return False
        if self.job.status is JobStatus.WAITING:
            begun = {"line": 0, "rows": 0, "rejected": 0, "read": 0, "of": stored.octets, "etag": stored.etag}
            # What a file tells was received with the file, which may come long after it was asked for.
            begun["received"] = max(self.job.created, stored.stored)
            self.job = self.service.jobs.change(self.job, JobStatus.RUNNING, begun)
        elif self.job.done["etag"] != stored.etag:
            self.fail("another file was put in the place of this one while it was read: begin another import")
            return False
        return True

    def _octets(self) -> Iterator[bytes]:
        return self.service.files.read(file_key(self.job), etag=self.job.done["etag"])

    def _open(self, octets: Iterable[bytes]) -> Opened:
        wanted = self.job.wanted
        return open_rows(octets, self._defaults(), wanted["layout"], wanted.get("columns"))

    def _defaults(self) -> Defaults:
        return Defaults(self.job.wanted.get("reason"), self.job.wanted["category"])

    def _read(self, opened: Opened, portion: Iterable[Row]) -> tuple[list[Numbered], list[RefusedRow]]:
        catalogue, defaults, received = catalogue_then(self.job), self._defaults(), self.job.done["received"]
        taken, refused = [], []
        for row in portion:
            try:
                taken.append((row.line, read_row(opened.layout, row, defaults, catalogue, received)))
            except RowRefused as error:
                refused.append(RefusedRow(row.line, error.column, error.reason))
        return taken, refused

    def _may_go_on(self) -> bool:
        return self.seconds_left() > SECONDS_TO_STOP

    def _is_late(self, portions: int) -> bool:
        """Whether there is no time left after so many portions; looked at now and then."""
        return portions % BETWEEN_LOOKS == 0 and not self._may_go_on()

    def _note(self, **done: Any) -> None:
        self.job = self.service.jobs.change(self.job, self.job.status, {**self.job.done, **done})

    def _finish(self, layout: str) -> bool:
        if self.job.done["rejected"] and not (self._may_go_on() and self._write_rejects()):
            return False
        counts = counts_of(self.service, self.sender, self.job)
        done = {"layout": layout, "changed": counts.changed, "unchanged": counts.unchanged}
        done["read"] = self.job.done["of"]
        self.job = self.service.jobs.change(self.job, JobStatus.DONE, {**self.job.done, **done})
        return True

    def _write_rejects(self) -> bool:
        """The file once more: that is cheaper than to keep, safely, what was refused of every portion.

        Whether there was time for it; if not, nothing of the list is there.
        """
        opened = self._open(self._octets())
        file = Multipart(self.service.files, rejects_key(self.job))
        file.write(_csv([("line", "column", "reason")]))
        for number, portion in enumerate(self._portions(opened), start=1):
            if self._is_late(number):
                return False  # what was sent of it goes by the bucket's own rule
            _, refused = self._read(opened, portion)
            file.write(_csv((row.line, row.column, row.reason) for row in refused))
        file.finish()
        return True

    def _portions(self, opened: Opened) -> Iterator[list[Row]]:
        while portion := list(islice(opened.rows, self.portion)):
            yield portion


@dataclass(slots=True)
class _Counted:
    """Octets on their way, counted."""

    chunks: Iterator[bytes]
    count: int = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.count += len(chunk)
            yield chunk


def _csv(rows: Iterable[tuple[object, ...]]) -> bytes:
    """Rows as RFC 4180 has them. Our own words alone, so that no cell is a formula."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
