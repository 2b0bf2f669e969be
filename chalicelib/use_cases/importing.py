"""Move a suppression list in: by rows in one request, or by a file that a worker reads (see `import_runs.py`).

An import only adds (conformance H1): what it may say is an opt-out that was told, a bounce, a complaint, and a consent
that lifts nothing.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chalicelib.domain.acts import Act, Consented, Part, Via, act_id_of
from chalicelib.domain.categories import Catalogue, Category, Ground, Kind
from chalicelib.domain.errors import RowRefused, StoreUnavailable
from chalicelib.domain.jobs import Job, JobKind, JobStatus, job_id
from chalicelib.ingest.folding import fold_rows
from chalicelib.ingest.json_rows import read_json_row
from chalicelib.ingest.rows import Defaults, ReadRow
from chalicelib.store.bulk import Given
from chalicelib.store.files import PUT_HEADERS
from chalicelib.use_cases.repeating import Claim, claim_of, hashed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from chalicelib.api_keys import ApiKey
    from chalicelib.domain.senders import Place, Sender
    from chalicelib.service import Service
    from chalicelib.use_cases.repeating import Request

SECONDS = 8.0
"""Until the last transaction of a request begins, as in `acting.py`."""
SIDE_BY_SIDE = 8
MOST_UNFINISHED = 20
"""Imports of one sender under way: the workers are there for all senders."""
UPLOAD_SECONDS = 3_600
"""How long the URL of an upload works."""
Numbered = tuple[int, ReadRow]
"""The number of a row, from 1 and ascending, and what the row tells."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken: which, the field that is wrong ("" for the whole), and why."""

    line: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How far an import is, in rows."""

    rows: int
    rejected: int
    changed: int
    unchanged: int


def file_key(job: Job) -> str:
    """Where the file of an import lies."""
    return f"imports/{job.sender}/{job.id}"


def rejects_key(job: Job) -> str:
    """Where the list of its refused rows lies."""
    return f"rejects/{job.sender}/{job.id}.csv"


def has_file(job: Job) -> bool:
    """Whether an import reads a file; if not, its rows came with its request, which alone carries it on."""
    return "layout" in job.wanted


def begin_import(service: Service, sender: Sender, key: ApiKey, claim: Claim, wanted: Mapping[str, Any]) -> Job:
    """An import that waits for its file. `wanted`: layout, columns, reason, category.

    Raises `TooManyRequests` where many are under way, `StoreUnavailable`.
    """
    service.jobs.refuse_flood(JobKind.IMPORT, sender.code, MOST_UNFINISHED, service.clock() - UPLOAD_SECONDS * 1000)
    return service.jobs.create(_new(sender, key, claim, JobStatus.WAITING, wanted))


def _new(sender: Sender, key: ApiKey, claim: Claim, status: JobStatus, wanted: Mapping[str, Any]) -> Job:
    """The import that a request asks for, with the categories as they are now; see `catalogue_then`."""
    kinds = {category.id: str(category.kind) for category in sender.catalogue.categories}
    name = job_id(JobKind.IMPORT, claim.received, claim.nonce)
    return Job(JobKind.IMPORT, name, sender.code, claim.received, key.id, status, {**wanted, "kinds": kinds})


def upload_of(service: Service, job: Job) -> tuple[str, Mapping[str, str]]:
    """The URL to which the file of an import is put, once, and the headers that go with it."""
    return service.files.put_url(file_key(job), UPLOAD_SECONDS), PUT_HEADERS


def import_rows(  # noqa: PLR0913, PLR0917 - each is one thing of the request
    service: Service, sender: Sender, key: ApiKey, request: Request, rows: Sequence[object], defaults: Defaults
) -> tuple[Job, list[RefusedRow]]:
    """Imports rows at once; those that are refused, here or before, keep nothing from the others.

    What a row means is settled when the request comes first, so a repetition is told the same. Raises
    `StoreUnavailable` where not all could be recorded: the same request again is then safe.
    """
    job = service.jobs.create(_new(sender, key, claim_of(service, sender, request), JobStatus.RUNNING, {}))
    taken, refused = _read_rows(catalogue_then(job), rows, defaults, job.created)
    if not job.done:
        job = service.jobs.change(job, JobStatus.RUNNING, {"rows": len(rows), "rejected": len(refused)})
    ends = service.monotonic() + SECONDS
    if not record_rows(service, sender, job, taken, lambda: service.monotonic() < ends, is_waited_for=True):
        raise StoreUnavailable("not all of it is recorded yet: send the same again, with the same Idempotency-Key")
    if not job.is_over:
        counts = counts_of(service, sender, job)
        done = {"changed": counts.changed, "unchanged": counts.unchanged}
        job = service.jobs.change(job, JobStatus.DONE, {**job.done, **done})
    return job, refused


def _read_rows(
    catalogue: Catalogue, rows: Sequence[object], defaults: Defaults, created: int
) -> tuple[list[Numbered], list[RefusedRow]]:
    taken, refused = [], []
    for line, item in enumerate(rows, start=1):
        if isinstance(item, RefusedRow):
            refused.append(item)
            continue
        try:
            taken.append((line, read_json_row(item, defaults, catalogue, created)))
        except RowRefused as error:
            refused.append(RefusedRow(line, error.column, error.reason))
    return taken, refused


def counts_of(service: Service, sender: Sender, job: Job) -> Counts:
    """How far an import is. Raises `StoreUnavailable`."""
    done = job.done
    if job.status is JobStatus.WAITING:
        return Counts(0, 0, 0, 0)
    if job.is_over and "changed" in done:
        return Counts(done["rows"], done["rejected"], done["changed"], done["unchanged"])
    shards = service.bulk.progress(sender.code, sender.shards, job.id).values()
    changed, unchanged = sum(shard.changed for shard in shards), sum(shard.unchanged for shard in shards)
    rejected = done.get("rejected", 0)
    # Of the portion under way more is recorded than the job knows of.
    return Counts(max(done.get("rows", 0), rejected + changed + unchanged), rejected, changed, unchanged)


def record_rows(  # noqa: PLR0913 - each is one thing of the job
    service: Service,
    sender: Sender,
    job: Job,
    rows: Sequence[Numbered],
    may_go_on: Callable[[], bool],
    *,
    is_waited_for: bool = False,
) -> bool:
    """Records rows, shards side by side; whether all of them, or `may_go_on` ended it. Raises `StoreUnavailable`.

    Rows that were recorded before are passed over: this may be called again with the same ones.
    """
    shards: defaultdict[int, list[Given]] = defaultdict(list)
    for given in _given(sender, job, rows):
        shards[given.place.shard].append(given)

    def record(given: list[Given]) -> bool:
        return service.bulk.record(job.id, given, may_go_on, is_waited_for=is_waited_for)

    with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="import") as pool:
        return all([*pool.map(record, shards.values())])  # a list, so that every shard is heard


def _given(sender: Sender, job: Job, rows: Sequence[Numbered]) -> Iterable[Given]:
    """One act a recipient, in the order of lines; a row with evidence is an act by itself, which that is found by."""
    acts: defaultdict[Place | int, list[Numbered]] = defaultdict(list)
    places = [sender.place_of(row.address) for _, row in rows]
    for place, (line, row) in zip(places, rows, strict=True):
        acts[place if row.evidence is None else line].append((line, row))
    by_line = dict(zip((line for line, _ in rows), places, strict=True))
    firsts = sorted(acts.values(), key=lambda numbered: numbered[0][0])
    return [_given_of(sender, job, numbered, by_line[numbered[0][0]]) for numbered in firsts]


def _given_of(sender: Sender, job: Job, numbered: Sequence[Numbered], place: Place) -> Given:
    line, first = numbered[0]
    act = act_id_of(Via.IMPORT, hashed(f"{job.id}\n{line}"))
    parts = first.parts if len(numbered) == 1 else fold_rows(row for _, row in numbered).parts
    told = tuple(_shown_by(part, act) for part in parts) if first.evidence else parts
    spelled = None if sender.hashed else first.address.spelled
    return Given(line, len(numbered), place, Act(act, Via.IMPORT, told), spelled, first.evidence)


def _shown_by(part: Part, act: str) -> Part:
    return replace(part, evidence=act) if isinstance(part, Consented) else part


def catalogue_then(job: Job) -> Catalogue:
    """The categories as they were when the import was asked for: a row means the same however often it is read."""
    return Catalogue(tuple(_category(number, *told) for number, told in enumerate(job.wanted["kinds"].items(), 1)))


def _category(number: int, category: str, kind: str) -> Category:
    ground = Ground.TRANSACTION if kind == Kind.SERVICE_ALERT else None
    return Category(category, number, Kind(kind), category, ground=ground)
