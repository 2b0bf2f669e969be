"""The worker's part of an export: a cursor of the feed first, then every recipient, page by page, into one file.

Export and feed make a replica: what is to be seen when the scan begins is in the file, for every read is strong; what
comes later, and the last of what came before, is in the feed from that cursor on; what is in both, a replica knows by
the version.

A run that has to hand over notes where it stands after each part of the file. Where one was killed, the next begins
anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import InvalidAddress, NoProgress, StoreUnavailable
from chalicelib.domain.jobs import Job, JobKind, JobStatus
from chalicelib.domain.senders import Sender
from chalicelib.service import Service
from chalicelib.store.jobs import JobMoved
from chalicelib.store.multipart import PART, Multipart
from chalicelib.use_cases.exporting import file_key, hash_key, hashed_address
from chalicelib.use_cases.following import Position, cursor_of, position_before_a_scan
from chalicelib.use_cases.handing_over import hand_over

if TYPE_CHECKING:
    from chalicelib.domain.recipients import Recipient
    from chalicelib.domain.senders import Place

PAGE = 500
"""Recipients in one read."""
SECONDS_TO_STOP = 60.0
"""With less than this left, a run hands over to the next one."""
LEASE = 120_000
"""Milliseconds for which a job belongs to the run that has it, from its last note on."""
_HANDED_OVER = 0
_FAILED = 1
"""In the place of the end of a lease: nobody has the job, and the next run goes on, or begins anew."""
MOST_BEGINNINGS = 10
"""How often an export begins: one that is cut off as often will be again. Twice as often as one message comes."""
RENEWED = 30_000
"""Milliseconds after which a run says that it is still at it."""


class Written(Protocol):
    """How an export's file is written."""

    def head(self, job: Job) -> bytes:
        """What it begins with."""
        ...

    def recipient(self, job: Job, place: Place, recipient: Recipient, address: str | None) -> bytes:
        """What it has of one recipient; `address` is what is told for it: spelled, hashed or nothing."""
        ...

    def rows(self, octets: bytes) -> int:
        """How many rows these are."""
        ...


_BEHIND = " "
"""Put behind an id, it comes after that id and before every other one."""
Left = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Rules:
    """Recipients in one read, octets in one part of the file, and where whoever follows begins.

    There is one right set, the default: tests take smaller numbers, and a campaign plants a wrong beginning.
    """

    page: int = PAGE
    part: int = PART
    position: Callable[[Service, Sender], Position] = position_before_a_scan


RULES = Rules()


def run_export(  # noqa: PLR0913, PLR0917 - each is one thing of the run
    service: Service, sender: str, job: str, seconds_left: Left, written: Written, rules: Rules = RULES
) -> None:
    """One run of an export. Raises `StoreUnavailable`, and `NoProgress` where no part of the file came of its time.

    Then it is to be run again.
    """
    found = service.jobs.find(JobKind.EXPORT, sender, job)
    if found is None or found.is_over:
        return  # a message that came twice
    if found.done.get("lease", 0) > service.clock():
        raise JobMoved
    run = _Run(service, service.senders.get(sender), found, seconds_left, written, rules)
    try:
        is_over = run.go_on()
    except StoreUnavailable:
        run.let_go()
        raise
    if not is_over:
        hand_over(service, run.job)


def forsake(service: Service, job: Job) -> Job:
    """Has the next run begin anew and at once, for one who knows that none is under way. Raises `StoreUnavailable`."""
    if job.status is not JobStatus.RUNNING:
        return job
    return service.jobs.change(job, job.status, {**job.done, "lease": _FAILED, "begun": 0})


@dataclass(slots=True)
class _Run:
    """One run, and the job as it is by now."""

    service: Service
    sender: Sender
    job: Job
    seconds_left: Left
    written: Written
    rules: Rules

    def go_on(self) -> bool:
        """Whether the export is over. Raises `StoreUnavailable`."""
        is_handed_over = self.job.status is JobStatus.RUNNING and self.job.done["lease"] == _HANDED_OVER
        if not is_handed_over:
            self._begin()
        self._note()
        done = self.job.done
        file = Multipart(
            self.service.files, file_key(self.job), done["upload"], list(done["etags"]), part=self.rules.part
        )
        if not done["etags"]:
            file.write(self.written.head(self.job))
        if not self._write(file):
            self._note(lease=_HANDED_OVER)
            return False
        file.finish()
        octets = self.service.files.size(file_key(self.job))
        self._note(JobStatus.DONE, lease=_HANDED_OVER, upload=None, etags=[], octets=octets)
        return True

    def let_go(self) -> None:
        """Says that this run has failed, so that the next one need not wait for the end of its lease."""
        with suppress(StoreUnavailable):
            self._note(lease=_FAILED)

    def _begin(self) -> None:
        """From the beginning, with a cursor of now; an upload that was begun before is forgotten.

        Raises `NoProgress` where it was begun often enough.
        """
        begun = self.job.done.get("begun", 0) + 1
        if begun > MOST_BEGINNINGS:
            raise NoProgress(self.job.id)
        if upload := self.job.done.get("upload"):
            self.service.files.abort(file_key(self.job), upload)
        erasures = self.service.senders.erasures(self.sender.code)
        position = self.rules.position(self.service, self.sender)
        self.job = self.service.jobs.change(
            self.job,
            JobStatus.RUNNING,
            {
                "cursor": cursor_of(self.service, self.sender, position),
                "run": secrets.token_hex(4),
                "begun": begun,
                "shard": 0,
                "first": "",
                "rows": 0,
                "erasures": erasures,
                "upload": None,
                "etags": [],
                "lease": _FAILED,
            },
        )

    def _write(self, file: Multipart) -> bool:
        """Every recipient from where the job stands; whether all of them."""
        shard, first, rows = self.job.done["shard"], self.job.done["first"], self.job.done["rows"]
        noted = self.service.clock()
        while shard < self.sender.shards:
            if self.seconds_left() < SECONDS_TO_STOP:
                return False
            page = self.service.reader.recipients_from(self.sender.code, shard, first, self.rules.page)
            octets = b"".join(self._told(place, recipient) for place, recipient in page)
            rows += self.written.rows(octets)
            shard, first = (
                (shard, f"{page[-1][0].recipient}{_BEHIND}") if len(page) == self.rules.page else (shard + 1, "")
            )
            if file.write(octets):
                self._note(shard=shard, first=first, rows=rows, upload=file.upload, etags=list(file.etags))
                noted = self.service.clock()
            elif self.service.clock() - noted > RENEWED:
                self._note()
                noted = self.service.clock()
        self._note(rows=rows)
        return True

    def _told(self, place: Place, recipient: Recipient) -> bytes:
        return self.written.recipient(self.job, place, recipient, self._address(recipient))

    def _address(self, recipient: Recipient) -> str | None:
        match self.job.wanted["addresses"]:
            case "plain":
                return recipient.address
            case "hmac" if recipient.address is not None:
                return self._hashed(recipient.address)
            case _:
                return None

    def _hashed(self, spelled: str) -> str | None:
        try:
            return hashed_address(hash_key(self.service, self.job), parse_address(spelled))
        except InvalidAddress:
            return None

    def _note(self, status: JobStatus = JobStatus.RUNNING, **done: Any) -> None:
        """Says how far it is, and that the job is this run's. Raises `JobMoved` where it no longer is."""
        lease = {"lease": self.service.clock() + LEASE}
        self.job = self.service.jobs.change(self.job, status, {**self.job.done, **lease, **done})
