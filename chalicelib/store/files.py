"""Files in S3: uploads to import, rejected rows, exports. They hold addresses, and expire within 30 days.

`imports/<sender>/<job id>`, `rejects/<sender>/<job id>.csv`, `exports/<sender>/<job id>.<csv|jsonl>`.
Everything here raises `StoreUnavailable` where S3 refuses or does not answer.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from chalicelib.domain.errors import StoreUnavailable
from chalicelib.store.calls import code_of
from chalicelib.store.clients import BROKEN, make_client, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PUT_HEADERS = {"If-None-Match": "*"}
"""Signed with the URL of an upload: what was put there once stays, and whoever puts another file is told (412)."""
CHUNK = 1_000_000
"""The most that `read` holds at a time, in octets."""
BREAKS = 5
"""How often in a row a connection may break without one octet more."""
_S3 = "the file store"
_ABSENT = frozenset({"404", "NoSuchKey"})
_NO_UPLOAD = frozenset({"404", "NoSuchUpload"})
_PAST_ITS_END = frozenset({"416", "InvalidRange"})
_UNSAFE_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is there: its size, an etag that another content would not have, and when it came.

    `stored` in milliseconds since 1970 UTC, in whole seconds.
    """

    octets: int
    etag: str
    stored: int


class _Body(Protocol):
    def read(self, amt: int, /) -> bytes: ...
    def close(self) -> None: ...


class Files:
    """One bucket. Its client is made when it is first needed."""

    def __init__(self, bucket: str, region: str, url: str | None = None) -> None:
        self._bucket = bucket
        self._region = region
        self._url = url

    @cached_property
    def _client(self) -> Any:
        # A local engine has no address for each bucket; S3 itself wants one.
        return make_client(
            "s3", self._region, self._url, {"addressing_style": "virtual" if self._url is None else "path"}
        )

    def put_url(self, key: str, seconds: int) -> str:
        """A URL that takes one file by PUT, for so many seconds, with `PUT_HEADERS`: a second one is refused.

        `curl -H 'If-None-Match: *' -T file "$url"`.
        """
        return self._signed("put_object", key, seconds, IfNoneMatch=PUT_HEADERS["If-None-Match"])

    def get_url(self, key: str, seconds: int, name: str) -> str:
        """A URL that hands a file out for so many seconds, to be saved under `name`."""
        return self._signed(
            "get_object",
            key,
            seconds,
            ResponseContentDisposition=f'attachment; filename="{_UNSAFE_IN_NAMES.sub("_", name)}"',
            ResponseCacheControl="private, no-store",
        )

    def find(self, key: str) -> Stored | None:
        """How large a file is, which version of it this is, and since when; None where there is no such file."""
        answer = self._ask("head_object", but=_ABSENT, Key=key)
        if answer is None:
            return None
        stored = int(answer["LastModified"].timestamp() * 1000)
        return Stored(int(answer["ContentLength"]), str(answer["ETag"]), stored)

    def size(self, key: str) -> int | None:
        """In octets; None where there is no such file."""
        stored = self.find(key)
        return None if stored is None else stored.octets

    def read(self, key: str, start: int = 0, etag: str | None = None) -> Iterator[bytes]:
        """The file from octet `start`, in chunks of at most 1 MB; it goes on where a connection broke.

        Where the file was replaced in between, or is not of version `etag` if that is given, it stops with
        `StoreUnavailable`: no mixture is ever read.
        """
        place, version, breaks = start, etag, 0
        while breaks < BREAKS:
            body, version = self._open(key, place, version)
            try:
                while chunk := body.read(CHUNK):
                    place, breaks = place + len(chunk), 0
                    yield chunk
            except BROKEN:
                breaks += 1
            else:
                return
            finally:
                body.close()
        raise StoreUnavailable(f"{_S3} broke off {BREAKS} times in a row")

    def put(self, key: str, octets: bytes) -> None:
        """Stores a whole file in the place of what was there."""
        self._done("put_object", Key=key, Body=octets)

    def delete(self, key: str) -> None:
        """Deletes a file; one that is not there is no error."""
        self._done("delete_object", Key=key)

    def begin(self, key: str) -> str:
        """The id of an upload in parts. Nothing is to be seen of it before `finish`."""
        return str(self._done("create_multipart_upload", Key=key)["UploadId"])

    def add_part(self, key: str, upload: str, number: int, octets: bytes) -> str:
        """Adds part `number`, from 1, or puts it in the place of what had this number; its etag.

        Every part but the last has at least 5 MiB, or `finish` is refused.
        """
        return str(self._done("upload_part", Key=key, UploadId=upload, PartNumber=number, Body=octets)["ETag"])

    def finish(self, key: str, upload: str, etags: Sequence[str]) -> None:
        """Makes one file of the parts, at least one; `etags` in the order of their numbers. Twice is no error."""
        parts = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]}
        wanted = {"Key": key, "UploadId": upload, "MultipartUpload": parts}
        # Without an upload it was finished already, and nobody heard of that; or aborted, and then there is no file.
        if self._ask("complete_multipart_upload", but=_NO_UPLOAD, **wanted) is None and self.size(key) is None:
            raise StoreUnavailable("an upload in parts was given up")

    def abort(self, key: str, upload: str) -> None:
        """Forgets an upload in parts; one that is not there is no error."""
        self._ask("abort_multipart_upload", but=_NO_UPLOAD, Key=key, UploadId=upload)

    def _signed(self, operation: str, key: str, seconds: int, **more: str) -> str:
        with told(_S3):
            params = {"Bucket": self._bucket, "Key": key, **more}
            return str(self._client.generate_presigned_url(operation, Params=params, ExpiresIn=seconds))

    def _open(self, key: str, place: int, version: str | None) -> tuple[_Body, str | None]:
        """The rest of a file from `place`, and which version of it this is."""
        wanted: dict[str, Any] = {"Key": key}
        if place:
            wanted["Range"] = f"bytes={place}-"
        if version is not None:
            wanted["IfMatch"] = version
        answer = self._ask("get_object", but=_PAST_ITS_END, **wanted)
        if answer is not None:
            return answer["Body"], answer["ETag"]
        if self.size(key) != place:
            raise StoreUnavailable("a file is shorter than it was")
        return io.BytesIO(), version

    def _ask(self, operation: str, *, but: frozenset[str] = frozenset(), **wanted: Any) -> dict[str, Any] | None:
        """One call; None where S3 refuses it by one of the names in `but`."""
        with told(_S3):
            try:
                answer: dict[str, Any] = getattr(self._client, operation)(Bucket=self._bucket, **wanted)
            except ClientError as error:
                if code_of(error) in but:
                    return None
                raise
        return answer

    def _done(self, operation: str, **wanted: Any) -> dict[str, Any]:
        """One call that S3 has no reason to refuse."""
        return self._ask(operation, **wanted) or {}
