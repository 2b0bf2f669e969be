"""`python -m infra export`: start an export, follow it, download it, and keep the feed's cursor beside it."""

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
from infra.client.shown import Shown, count, counted
from infra.local.folder import write_privately
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    import argparse

    from infra.client.api import Api

_LINE = "export the whole list: start it, follow it, download it"
_DESCRIPTION = """\
Starts an export, follows it until it is done, and downloads it to FILE, which is replaced when all is there:
the suppression list (csv, or spreadsheet for opening it in one), or every recipient with all that is known (jsonl).
FILE.cursor says where the change feed goes on after it. Needs a key with the scope admin. For --addresses hmac,
FILE.hash-key holds the key that the addresses were hashed with.

After Ctrl-C or a failure the same command goes on: FILE.signoff-export keeps where it was.

Exits with 0: done; 1: failed; 130: stopped by Ctrl-C."""
_EXAMPLE = """\
  python -m infra export --output people.jsonl
  python -m infra changes --cursor-file people.jsonl.cursor --follow"""


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = declare(commands, "export", (_LINE, _DESCRIPTION, _EXAMPLE))
    parser.add_argument(
        "--format", choices=("csv", "spreadsheet", "jsonl"), help="unless told: jsonl where FILE ends so, else csv"
    )
    parser.add_argument(
        "--addresses",
        choices=("plain", "hmac", "none"),
        default="plain",
        help="as they are (plain, unless told), hashed for comparing (hmac), or left out (none)",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="where to")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Export. Raises CannotRun."""
    shown = Shown()
    exporting = Exporting(options, connect(options, shown), shown)
    return stopping(shown, exporting.run, exporting.standing)


@dataclass(frozen=True, slots=True)
class Begun:
    """What is kept beside the file; `etag` is of the file whose first octets are in FILE.part."""

    idempotency_key: str
    url: str
    body: dict[str, Any]
    job: str | None = None
    etag: str | None = None


class Exporting:
    """One export, from the first request or from where a former command was stopped."""

    def __init__(self, options: argparse.Namespace, api: Api, shown: Shown) -> None:
        self._options, self._api, self._shown = options, api, shown
        self._file: Path = options.output
        self._kept = Kept(beside(self._file, "signoff-export"))
        self._begun = Begun(new_idempotency_key(), api.connection.url, self._body())
        self._is_made = False

    def run(self) -> int:
        """All of it; the exit code."""
        if not self._file.parent.is_dir():
            raise CannotRun(f"The folder {self._file.parent} is not there: make it, or choose another --output.")
        try:
            self._begin()
            return self._finish(self._follow())
        except CannotRun as error:
            if self._begun.job is None or isinstance(error, _Over):
                raise
            raise CannotRun(f"{error} {self.standing()}") from error

    def standing(self) -> str:
        """How things are, and the command to go on with."""
        if self._begun.job is None:
            said = "No export was made. Begin again with"
        elif self._is_made:
            said = f"The export {self._begun.job} is made and not all downloaded. Go on with"
        else:
            said = f"The export {self._begun.job} goes on in the service. Follow it with"
        return f"{said}:\n  {same_command(self._options)}"

    def _body(self) -> dict[str, Any]:
        kind = self._options.format or ("jsonl" if self._options.output.suffix == ".jsonl" else "csv")
        return {"format": kind, "addresses": self._options.addresses}

    def _begin(self) -> None:
        found = self._kept.load()
        if found is not None:
            self._go_on_with(found)
        if self._begun.job is None:
            self._create()

    def _go_on_with(self, found: dict[str, Any]) -> None:
        try:
            begun = Begun(**found)
        except TypeError:
            raise CannotRun(f"{self._kept.path} is of another version: {self._anew()}") from None
        if (begun.url, begun.body) == (self._begun.url, self._begun.body):
            self._begun = begun
            self._shown.note(f"Going on with what {self._kept.path} tells of.")
        elif begun.job is not None:
            raise CannotRun(f"{self._kept.path} is of another service or of other options: {self._anew()}")

    def _create(self) -> None:
        # Kept before it is sent: an export whose answer is lost is found again by the same key.
        self._kept.save(asdict(self._begun))
        try:
            answer = self._api.post("/v1/exports", self._begun.body, idempotency_key=self._begun.idempotency_key)
        except Refused:
            self._kept.drop()
            raise
        self._keep(job=job_of(answer.body).id)

    def _anew(self) -> str:
        return f"delete {self._kept.path} to export anew."

    def _keep(self, **news: Any) -> None:
        self._begun = replace(self._begun, **news)
        self._kept.save(asdict(self._begun))

    def _follow(self) -> Job:
        try:
            with self._shown.work("Exporting") as bar:
                for job in followed(self._api, self._path):
                    bar.to(0, None, f"{job.status}, {counted(_rows(job), 'row')}")
                if job.status == "done":
                    bar.to(1, 1, f"done, {counted(_rows(job), 'row')}")
        except Refused as error:
            raise self._lost(error) from None
        if job.status == "failed":
            self._kept.drop()
            raise _Over(f"The export {job.id} failed: {job.detail}. Run the command again.")
        return job

    @property
    def _path(self) -> str:
        return f"/v1/exports/{self._begun.job}"

    def _lost(self, error: Refused) -> CannotRun:
        if error.status != HTTPStatus.NOT_FOUND:
            return error
        return _Over(f"The service knows no export {self._begun.job} any more: {self._anew()}")

    def _finish(self, job: Job) -> int:
        self._is_made = True
        if not job.body.get("url"):
            self._kept.drop()
            raise _Over(f"The file of export {job.id} has expired: run the command again to export anew.")
        # A key before the file that it fits, a cursor after the file that it follows: stopped in between, what is
        # there is never newer than the file, and following an older cursor repeats changes and loses none.
        hash_key = self._write_beside("hash-key", job.body.get("hash_key"))
        fetch(
            self._api,
            self._file,
            self._shown,
            "Downloading",
            lambda: str(look(self._api, self._path).body.get("url") or ""),
            etag=self._begun.etag,
            learned=lambda etag: self._keep(etag=etag or None),
        )
        cursor = self._write_beside("cursor", job.body.get("cursor"))
        self._kept.drop()
        self._summarize(job, cursor, hash_key)
        return 0

    def _write_beside(self, ending: str, text: Any) -> Path | None:
        if not text:
            return None
        file = beside(self._file, ending)
        try:
            write_privately(file, f"{text}\n")
        except OSError as error:
            raise CannotRun(f"{file} cannot be written: {error.strerror}.") from None
        return file

    def _summarize(self, job: Job, cursor: Path | None, hash_key: Path | None) -> None:
        rows = [("file", str(self._file)), ("rows", count(wanted(job.body, "rows", int)))]
        if fields := job.body.get("fields"):
            rows.append(("fields", ", ".join(str(field) for field in fields)))
        if cursor is not None:
            rows += [("feed cursor", str(job.body["cursor"])), ("kept in", str(cursor))]
        self._shown.summary(f"Export {job.id} is done", rows)
        if cursor is not None:
            self._shown.note(f"What changes from here on: python -m infra changes --cursor-file {cursor}")
        if hash_key is not None:
            self._shown.note(_how_to_match(hash_key))


class _Over(CannotRun):
    """There is nothing to go on with."""


def _rows(job: Job) -> int:
    return int(job.body.get("rows") or 0)


def _how_to_match(hash_key: Path) -> str:
    return (
        f"To match an address of yours: bring it into Signoff's form (white space around it removed, what is before "
        f"the @ in NFC and lower case, the domain as a lower-case A-label), take HMAC-SHA256 of its UTF-8 with the key "
        f"in {hash_key} (base64), and look for that, in hex, in address_hmac.\n"
        f"Keep {hash_key} as you keep addresses: with it they can be guessed."
    )
