"""`python -m infra import`: upload a file of opt-outs, follow its import, fetch what was rejected."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.client.api import new_idempotency_key, wanted
from infra.client.commands import connect, declare, same_command, stopping
from infra.client.fetching import fetch
from infra.client.jobs import Job, followed, job_of, look
from infra.client.kept import Kept, beside
from infra.client.refusals import Refused
from infra.client.retrying import Trouble
from infra.client.shown import Shown, count, counted
from infra.client.sources import STDIN, Source, has_changed, name_of, open_source
from infra.client.transfers import Refused as StoreRefused
from infra.client.transfers import put_file
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    import argparse

    from infra.client.api import Api
    from infra.client.shown import Bar

REJECTED_ROWS = 3
"""The exit code where the import is done and some rows were rejected. 2 is what argparse says of a wrong option."""

_LINE = "import a file of opt-outs: upload it, follow it, fetch what was rejected"
_DESCRIPTION = """\
Uploads FILE (gzipped or not, up to 5 GiB; - is standard input), follows its import until it is done, writes what was
rejected to FILE.rejected.csv and prints what became of the rows. An import never lifts an opt-out.

After Ctrl-C or a failure the same command goes on: FILE.signoff-import keeps where it was, until the import is done.

Exits with 0: done; 3: done, and some rows were rejected; 1: failed; 2: the options were not understood;
130: stopped by Ctrl-C."""
_EXAMPLE = """\
  python -m infra import people.csv --column address=E-Mail --column at=Date --reason opted_out --category newsletter
  ssh shop cat people.csv.gz | python -m infra import - --reason opted_out"""
_TO_DO = "Mend the file or the options (--reason, --column, --layout) and run the command again."
_COUNTS = ("rows", "accepted", "changed", "unchanged", "rejected")
_DIGITS = 9
_FRESH_URLS = 3
"""How often an upload may be refused before that is no matter of an expired URL."""


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = declare(commands, "import", (_LINE, _DESCRIPTION, _EXAMPLE))
    parser.add_argument("file", type=Path, metavar="FILE", help="what to import, or - for standard input")
    parser.add_argument("--layout", help="whose export it is, such as mailchimp; found out by its columns unless told")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="FIELD=NAME",
        help="which column holds a field, by its name in the first row or its number from 1, such as address=E-Mail; "
        "may be repeated",
    )
    parser.add_argument("--reason", help="why rows are in the list that do not say it, such as opted_out")
    parser.add_argument(
        "--category", help="what was opted out of in rows that do not say it; * is all, and so it is unless told"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the import that was begun, and never begin another"
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Import. Raises CannotRun."""
    shown = Shown()
    importing = Importing(options, connect(options, shown), shown)
    return stopping(shown, importing.run, importing.standing)


def body_of(options: argparse.Namespace) -> dict[str, Any]:
    """What begins the import: only what was said, so that the service's own defaults hold. Raises CannotRun."""
    told: dict[str, Any] = {}
    if options.layout:
        told["layout"] = options.layout
    if options.column:
        told["columns"] = dict(_column(text) for text in options.column)
    if options.reason or options.category:
        told["default"] = {
            name: value for name, value in (("reason", options.reason), ("category", options.category)) if value
        }
    return {"file": told}


def _column(text: str) -> tuple[str, str | int]:
    field, equals, name = text.partition("=")
    if not (field and equals and name):
        raise CannotRun("A --column is like address=E-Mail or address=1: the field, =, the column's name or number.")
    return field, int(name) if name.isascii() and name.isdigit() and len(name) <= _DIGITS else name


@dataclass(frozen=True, slots=True)
class Begun:
    """What is kept beside the file."""

    idempotency_key: str
    url: str
    body: dict[str, Any]
    mark: str
    job: str | None = None
    is_uploaded: bool = False


class Importing:
    """One import, from the first request or from where a former command was stopped."""

    def __init__(self, options: argparse.Namespace, api: Api, shown: Shown) -> None:
        self._options, self._api, self._shown = options, api, shown
        self._path: Path = options.file
        self._base = Path("stdin") if self._path == STDIN else self._path
        self._kept = Kept(beside(self._base, "signoff-import"))
        self._begun: Begun | None = None
        self._is_done = False

    def run(self) -> int:
        """All of it; the exit code."""
        try:
            self._begun = self._former()
            if not (self._begun and self._begun.is_uploaded and self._options.resume):
                with open_source(self._path, self._shown) as source:
                    self._send(source)
            return self._finish(self._follow())
        except CannotRun as error:
            if self._begun is None or self._begun.job is None or isinstance(error, _Over):
                raise
            raise CannotRun(f"{error} {self.standing()}") from error

    def standing(self) -> str:
        """How things are, and the command to go on with."""
        begun = self._begun
        if self._is_done:
            said, more = "The import is done; its rejected rows are not all here. Fetch them with", "--resume"
        elif begun is None or begun.job is None:
            said, more = "Nothing was uploaded. Begin again with", ""
        elif begun.is_uploaded:
            said, more = f"The import {begun.job} goes on in the service. Follow it with", "--resume"
        else:
            said, more = f"The upload for import {begun.job} is not whole, nothing is imported yet. Go on with", ""
        if more == "" and self._path == STDIN:
            said += ", and the same input"
        return f"{said}:\n  {same_command(self._options, *filter(None, [more]))}"

    def _former(self) -> Begun | None:
        """What a former command began. Raises CannotRun where it is of something else, or must be there and is not."""
        found = self._kept.load()
        if found is None:
            if self._options.resume:
                raise CannotRun(f"There is nothing to resume: {self._kept.path} is not there. Leave --resume away.")
            return None
        try:
            begun = Begun(**found)
        except TypeError:
            raise CannotRun(f"{self._kept.path} is of another version: {self._anew()}") from None
        if begun.job is None and (begun.url, begun.body) != (self._api.connection.url, body_of(self._options)):
            return None  # of that nothing came
        if begun.url != self._api.connection.url:
            raise CannotRun(f"This import was begun at another service, {begun.url}: {self._anew()}")
        if begun.body != body_of(self._options):
            raise CannotRun(f"This import was begun with other options: give the same again, or {self._anew()}")
        return begun

    def _anew(self) -> str:
        return f"delete {self._kept.path} to import the file anew."

    def _send(self, source: Source) -> None:
        """Have an import, and the file uploaded for it."""
        if self._begun is None or (self._begun.job is None and self._begun.mark != source.mark):
            self._begun = Begun(new_idempotency_key(), self._api.connection.url, body_of(self._options), source.mark)
        elif self._begun.mark != source.mark:
            raise _Over(self._changed(self._begun))
        else:
            self._shown.note(f"Going on with what {self._kept.path} tells of.")
        if not self._begun.is_uploaded:
            self._upload(source)

    def _changed(self, begun: Begun) -> str:
        name = name_of(self._path)
        follow = f" (or follow the import {begun.job} of the former content with --resume)" if begun.is_uploaded else ""
        return f"{name} has changed since its import was begun: {self._anew().rstrip('.')}{follow}."

    def _upload(self, source: Source) -> None:
        job = self._created()
        with self._shown.octets("Uploading", source.octets) as bar:
            self._put(job, source, bar)
        self._keep(is_uploaded=True)
        if has_changed(source, self._path):
            self._kept.drop()
            raise _Over(
                f"{name_of(self._path)} was changed while it was uploaded, and import {job.id} may hold a mixture: "
                "run the command again to import it as it is now."
            )

    def _created(self) -> Job:
        """The import, made once however often this is tried; or found again."""
        assert self._begun is not None  # noqa: S101 - for the type checker; `_send` has set it
        if self._begun.job is not None:
            return self._look(self._begun.job)
        # Kept before it is sent: an import whose answer is lost is found again by the same key.
        self._kept.save(asdict(self._begun))
        try:
            answer = self._api.post("/v1/imports", self._begun.body, idempotency_key=self._begun.idempotency_key)
        except Refused:
            self._kept.drop()
            raise
        job = job_of(answer.body)
        self._keep(job=job.id)
        return job

    def _put(self, job: Job, source: Source, bar: Bar) -> None:
        patience, refused = self._api.patience(), 0
        # Where an upload's acknowledgement was lost, the import is under way already.
        while job.status == "waiting":
            upload = wanted(job.body, "upload", dict)
            try:
                put_file(self._api.wire, upload, source.file, source.octets, bar)
            except Trouble as trouble:
                patience.after(trouble)
            except StoreRefused as error:
                refused += 1
                if refused == _FRESH_URLS:
                    raise CannotRun(f"The file store refused the upload (HTTP {error.status}).") from None
            else:
                return
            job = self._look(job.id)

    def _look(self, job_id: str) -> Job:
        try:
            return look(self._api, f"/v1/imports/{job_id}")
        except Refused as error:
            raise self._lost(error, job_id) from None

    def _lost(self, error: Refused, job_id: str) -> CannotRun:
        if error.status != HTTPStatus.NOT_FOUND:
            return error
        return _Over(f"The service knows no import {job_id} any more: {self._anew()}")

    def _keep(self, **news: Any) -> None:
        assert self._begun is not None  # noqa: S101 - as above
        self._begun = replace(self._begun, **news)
        self._kept.save(asdict(self._begun))

    def _follow(self) -> Job:
        assert self._begun is not None  # noqa: S101 - as above
        job_id = str(self._begun.job)
        try:
            with self._shown.work("Importing") as bar:
                for job in followed(self._api, f"/v1/imports/{job_id}"):
                    octets = job.body.get("octets") or {}
                    bar.to(octets.get("read") or 0, octets.get("of"), _told(job))
        except Refused as error:
            raise self._lost(error, job_id) from None
        return job

    def _finish(self, job: Job) -> int:
        if job.status == "failed":
            self._kept.drop()
            raise _Over(f"The import {job.id} failed: {job.detail}. {_TO_DO}")
        self._is_done = True
        rejects = self._rejects(job)
        self._kept.drop()
        rows = [(name, count(number)) for name, number in _counts(job).items()]
        self._shown.summary(f"Import {job.id} is done", rows)
        if rejects is not None:
            self._shown.note(f"What was rejected, and why: {rejects}")
        return REJECTED_ROWS if _counts(job)["rejected"] else 0

    def _rejects(self, job: Job) -> Path | None:
        """The file of the rejected rows, where there are any."""
        if not job.body.get("rejects_url"):
            return None
        file = beside(self._base, "rejected.csv")
        fetch(
            self._api,
            file,
            self._shown,
            "Fetching rejects",
            lambda: str(self._look(job.id).body.get("rejects_url") or ""),
        )
        return file


class _Over(CannotRun):
    """There is nothing to go on with."""


def _counts(job: Job) -> dict[str, int]:
    counts = wanted(job.body, "counts", dict) if job.status == "done" else job.body.get("counts") or {}
    return {name: int(counts.get(name) or 0) for name in _COUNTS}


def _told(job: Job) -> str:
    if job.status == "waiting":
        return "uploaded; the service has not begun yet"
    rows, *others = _counts(job).items()
    return ", ".join([counted(rows[1], "row"), *(f"{count(number)} {name}" for name, number in others)])
