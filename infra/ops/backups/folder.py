"""A backup as files: where it lies, and the manifest that makes it one.

The manifest is written last, so that what was broken off is no backup. It holds no address and no secret. It says of
each file how many items are in it, how long it is and its SHA-256.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.local.folder import write_privately
from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.backups.contents import FORMAT
from infra.ops.backups.sealed import digest_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

MANIFEST = "manifest.json"
CONTROL, RECIPIENTS, SECRETS = "control.jsonl.gz.age", "recipients.jsonl.gz.age", "secrets.jsonl.gz.age"
FILES = (CONTROL, RECIPIENTS, SECRETS)
_TIME = re.compile(r"-(\d{8}T\d{6}Z)")
_S3 = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a backup."""

    items: int
    octets: int
    sha256: str


@dataclass(slots=True)
class Manifest:
    """What is known of a backup without its key. Times in milliseconds since 1970 UTC."""

    stage: str
    started: int
    ended: int = 0
    epoch: int = 0
    files: dict[str, File] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def id(self) -> str:
        """Of this backup and no other: what its secrets' file is like."""
        return self.files[SECRETS].sha256


def note_file(manifest: Manifest, folder: Path, name: str, items: int) -> None:
    """Puts a file that was written into the manifest."""
    file = folder / name
    manifest.files[name] = File(items, file.stat().st_size, digest_of(file))


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Whole, and last. Raises CannotRun."""
    try:
        write_privately(folder / MANIFEST, json.dumps(asdict(manifest), indent=2) + "\n")
    except OSError as error:
        raise CannotRun(f"{folder / MANIFEST} could not be written: {error.strerror}.") from None


def _made(name: str) -> tuple[str, str]:
    """By the time in its name: one place may hold the backups of several stages."""
    return max(_TIME.findall(name), default=""), name


def read_manifest(folder: Path, name: object) -> Manifest:
    """What a backup says of itself. Raises CannotRun."""
    try:
        told: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        files = {file: File(**about) for file, about in told["files"].items()}
        manifest = Manifest(**{**told, "files": files})
    except OSError:
        within = sorted((each.parent.name for each in folder.glob(f"*/{MANIFEST}")), key=_made)
        hint = f" The newest in it is {str(name).rstrip('/')}/{within[-1]}." if within else ""
        raise CannotRun(f"There is no backup in {name}: it has no {MANIFEST}, which is written last.{hint}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise CannotRun(f"{MANIFEST} in {name} cannot be read, or is of another format than {FORMAT}.") from None
    if manifest.format != FORMAT or set(manifest.files) != set(FILES):
        raise CannotRun(f"The backup in {name} is of format {manifest.format}; this Signoff reads format {FORMAT}.")
    return manifest


def check_digests(manifest: Manifest, folder: Path) -> None:
    """That every file is there, as it was written. Raises CannotRun."""
    for name, about in manifest.files.items():
        file = folder / name
        if not file.is_file():
            raise CannotRun(f"The backup is not whole: {name} is missing.")
        if (file.stat().st_size, digest_of(file)) != (about.octets, about.sha256):
            raise CannotRun(f"The backup is damaged: {name} is not what was written.")


@contextmanager
def new_backup(options: argparse.Namespace, place: str, name: str) -> Iterator[Path]:
    """A folder for a new backup, which is at its place when the block has ended, and nowhere where it failed."""
    if place.startswith(_S3):
        _split(place)
        with _scratch() as folder:
            yield folder
            _upload(options, folder, f"{place.rstrip('/')}/{name}")
        return
    folder = Path(place) / name
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise CannotRun(f"{folder} cannot be made: {error.strerror}.") from None
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def backup_at(options: argparse.Namespace, place: str) -> Iterator[Path]:
    """The folder of a backup; one in S3 is fetched for as long as the block lasts. Raises CannotRun."""
    if not place.startswith(_S3):
        yield Path(place)
        return
    bucket, prefix = _split(place)
    client = aws.client("s3", options)
    with _scratch() as folder:
        with aws.explaining():
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
            found = {entry["Key"] for page in pages for entry in page.get("Contents", ())}
            for name in (each for each in (*FILES, MANIFEST) if f"{prefix}/{each}" in found):
                _download(client, (bucket, f"{prefix}/{name}"), folder / name)
        if (manifests := [key for key in found if key.endswith(f"/{MANIFEST}")]) and not (folder / MANIFEST).exists():
            newest = max(manifests, key=_made).removesuffix(f"/{MANIFEST}")
            raise CannotRun(f"There is no backup in {place}. The newest within it is {_S3}{bucket}/{newest}.")
        yield folder


def _download(client: Any, source: tuple[str, str], file: Path) -> None:
    try:
        client.download_file(*source, str(file))
    except OSError as error:
        raise CannotRun(
            f"{file.name} could not be fetched into {file.parent}: {error.strerror}. TMPDIR names a better place."
        ) from None


def _upload(options: argparse.Namespace, folder: Path, place: str) -> None:
    from boto3.exceptions import S3UploadFailedError  # noqa: PLC0415 - the other commands need not load it

    bucket, prefix = _split(place)
    client = aws.client("s3", options)
    with aws.explaining():
        for name in (*FILES, MANIFEST):
            try:
                client.upload_file(str(folder / name), bucket, f"{prefix}/{name}")
            except S3UploadFailedError as error:
                if isinstance(error.__context__, ClientError):
                    raise error.__context__ from None
                raise CannotRun(f"{name} could not be put into the bucket {bucket}.") from None


def _split(place: str) -> tuple[str, str]:
    bucket, _, prefix = place.removeprefix(_S3).strip("/").partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise CannotRun(f"{place} names no bucket: it should be like s3://backups.example.com/signoff.")
    return bucket, prefix


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder of our own; all that comes into it is encrypted."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="signoff-backup-")
    except OSError as error:
        raise CannotRun(f"No temporary folder can be made: {error.strerror}. TMPDIR names a better place.") from None
    with folder as name:
        yield Path(name)
