"""Files, on a real HTTP server in a process of its own; what breaks on the way, on one that breaks off."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.domain.errors import StoreUnavailable
from chalicelib.store.files import BREAKS, CHUNK, PUT_HEADERS, Files
from infra.local.environment import REGION
from tests.infra.processes import ROOT, SECONDS
from tests.store.cutting import WHOLE, cutting_store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engines import LocalFiles

KEY = "imports/testsend/job-1"
PART = bytes(range(256)) * 21_000
"""5.4 MB, and S3 wants 5 MiB of every part but the last."""


@pytest.fixture
def files(local_files: LocalFiles) -> Files:
    return Files(local_files.names.bucket, REGION, local_files.url)


def put(url: str, octets: bytes, **headers: str) -> int:
    """PUT as a client sends it that knows nothing but the URL; urllib calls every body a form."""
    request = urllib.request.Request(url, octets, headers, method="PUT")  # noqa: S310 - our own server
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
        return int(answer.status)


def test_a_file_is_stored_measured_read_and_deleted(files: Files) -> None:
    assert files.size(KEY) is None
    files.put(KEY, b"a,b\n")
    assert files.size(KEY) == 4
    assert list(files.read(KEY)) == [b"a,b\n"]
    files.delete(KEY)
    files.delete(KEY)
    assert files.size(KEY) is None


def test_an_empty_file_is_a_file(files: Files) -> None:
    files.put(KEY, b"")
    assert files.size(KEY) == 0
    assert list(files.read(KEY)) == []


def test_reading_starts_where_it_is_told_to(files: Files) -> None:
    octets = PART[: 2 * CHUNK + 1]
    files.put(KEY, octets)
    assert [len(chunk) for chunk in files.read(KEY)] == [CHUNK, CHUNK, 1]
    assert b"".join(files.read(KEY, CHUNK - 1)) == octets[CHUNK - 1 :]
    assert list(files.read(KEY, len(octets))) == []
    with pytest.raises(StoreUnavailable, match="shorter"):
        list(files.read(KEY, len(octets) + 1))


def test_a_file_that_is_not_there_cannot_be_read(files: Files) -> None:
    with pytest.raises(StoreUnavailable, match="refused a call: NoSuchKey"):
        list(files.read(KEY))


@pytest.mark.parametrize("octets", [b"Action=1&a=b", b"\xff\xfe\x00", "größer".encode("utf-16")])
def test_a_presigned_upload_takes_any_octets_from_any_client(files: Files, octets: bytes) -> None:
    assert put(files.put_url(KEY, 60), octets) == 200
    assert b"".join(files.read(KEY)) == octets
    assert put(files.put_url(KEY, 60), octets[1:], **{"Content-Type": "text/csv"}) == 200
    assert b"".join(files.read(KEY)) == octets[1:]


@pytest.mark.parametrize("size", [0, 3, 3_000_000])
def test_curl_uploads_and_downloads(files: Files, tmp_path: Path, size: int) -> None:
    """Over 1 MB curl asks first whether to go on."""
    (tmp_path / "file").write_bytes(PART[:size])
    command = ["curl", "--silent", "--show-error", "--fail"]
    upload = [*command, "-T", str(tmp_path / "file"), files.put_url(KEY, 60)]
    subprocess.run(upload, check=True, timeout=SECONDS)
    download = [*command, files.get_url(KEY, 60, "a.csv")]
    done = subprocess.run(download, check=True, timeout=SECONDS, capture_output=True)
    assert done.stdout == PART[:size]


def test_what_was_uploaded_once_is_never_replaced(files: Files) -> None:
    """Whoever puts another file is told, and does not take it for imported."""
    url = files.put_url(KEY, 60)

    def put(octets: bytes) -> int:
        request = urllib.request.Request(url, octets, {**PUT_HEADERS, "Content-Type": ""}, method="PUT")  # noqa: S310
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own server
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert [put(b"first"), put(b"second")] == [200, 412]
    assert b"".join(files.read(KEY)) == b"first"


def test_a_presigned_upload_asks_for_one_header_and_ends() -> None:
    for region, host in (("eu-central-1", "files.s3.eu-central-1.amazonaws.com"), ("us-east-1", None)):
        url = urlsplit(Files("files", region).put_url(KEY, 61))
        asked = parse_qs(url.query)
        assert (url.scheme, url.path) == ("https", f"/{KEY}")
        assert url.hostname == (host or "files.s3.amazonaws.com")
        assert asked["X-Amz-SignedHeaders"] == ["host;if-none-match"]
        assert asked["X-Amz-Expires"] == ["61"]
        assert asked["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


@pytest.mark.parametrize(
    ("name", "told"), [("rejects.csv", "rejects.csv"), ('a"\r\nX-Y: ü.csv', "a___X-Y___.csv"), ("", "")]
)
def test_a_download_is_saved_under_its_name_and_kept_nowhere(files: Files, name: str, told: str) -> None:
    files.put(KEY, b"x")
    with urllib.request.urlopen(files.get_url(KEY, 60, name)) as answer:  # noqa: S310 - our own server
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{told}"'
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.read() == b"x"


def test_parts_become_one_file_when_they_are_finished(files: Files) -> None:
    upload = files.begin(KEY)
    first, last = files.add_part(KEY, upload, 1, PART), files.add_part(KEY, upload, 2, b"end")
    assert files.size(KEY) is None
    files.finish(KEY, upload, [first, last])
    assert b"".join(files.read(KEY)) == PART + b"end"
    files.finish(KEY, upload, [first, last])
    files.abort(KEY, upload)
    assert files.size(KEY) == len(PART) + 3


def test_an_upload_that_was_given_up_leaves_nothing(files: Files) -> None:
    upload = files.begin(KEY)
    etag = files.add_part(KEY, upload, 1, b"x")
    files.abort(KEY, upload)
    files.abort(KEY, upload)
    with pytest.raises(StoreUnavailable):
        files.finish(KEY, upload, [etag])
    assert files.size(KEY) is None


def test_an_upload_that_is_gone_was_finished_where_there_is_a_file() -> None:
    """The answer to the first `finish` was lost."""
    with cutting_store(b"x") as store:
        Files("files", REGION, store.url).finish(KEY, "upload", ["etag"])
    with cutting_store(b"") as store, pytest.raises(StoreUnavailable, match="given up"):
        Files("files", REGION, store.url).finish(KEY, "upload", ["etag"])


def test_reading_goes_on_where_a_connection_broke() -> None:
    octets = PART[: 3 * CHUNK]
    with cutting_store(octets, CHUNK + 5, 0, CHUNK - 1, WHOLE) as store:
        chunks = list(Files("files", REGION, store.url).read(KEY))
    assert b"".join(chunks) == octets
    assert max(map(len, chunks)) <= CHUNK
    assert store.asked[0] == (None, None)
    assert {version for _, version in store.asked[1:]} == {'"v1"'}
    assert all(wanted and wanted.startswith("bytes=") for wanted, _ in store.asked[1:])


def test_a_file_that_was_replaced_in_between_is_not_mixed() -> None:
    with cutting_store(PART, CHUNK) as store:
        store.replaced_after_first = True
        with pytest.raises(StoreUnavailable, match="PreconditionFailed"):
            list(Files("files", REGION, store.url).read(KEY))


def test_what_breaks_again_and_again_is_given_up() -> None:
    with cutting_store(PART, *[0] * BREAKS) as store:
        with pytest.raises(StoreUnavailable, match="broke off"):
            list(Files("files", REGION, store.url).read(KEY))
        assert len(store.asked) == BREAKS


def test_what_moves_on_between_breaks_is_not_given_up() -> None:
    octets = PART[: 8 * 1000]
    with cutting_store(octets, *[0, 1000] * (BREAKS + 1)) as store:
        assert b"".join(Files("files", REGION, store.url).read(KEY)) == octets


def test_a_reader_that_stops_early_closes_its_connection(files: Files) -> None:
    files.put(KEY, PART)
    reading = files.read(KEY)
    assert len(next(reading)) == CHUNK
    reading.close()  # type: ignore[attr-defined] # a generator


SECRET = "canary"


@pytest.mark.parametrize("call", ["size", "read", "put", "begin", "delete"])
def test_trouble_is_told_without_a_word_of_it(call: str) -> None:
    """A bucket that is not there, at a port where nobody listens."""
    files = Files("files", REGION, "http://127.0.0.1:1")
    arguments = (SECRET, b"x") if call == "put" else (SECRET,)
    with pytest.raises(StoreUnavailable) as caught:
        list(getattr(files, call)(*arguments) or ())
    assert str(caught.value) == "the file store did not answer: EndpointConnectionError"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_refusal_is_told_by_its_name(local_files: LocalFiles) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        Files("no-such-bucket", REGION, local_files.url).put(SECRET, b"x")
    assert str(caught.value) == "the file store refused a call: NoSuchBucket"


def test_without_credentials_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_ACCESS", "AWS_SECRET"))]:
        monkeypatch.delenv(name)
    with pytest.raises(StoreUnavailable, match="NoCredentialsError"):
        Files("files", REGION).put_url(KEY, 60)


MEASURE = """
import resource, sys
from chalicelib.store.files import Files
files, key = Files(*sys.argv[1:4]), sys.argv[4]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
size = files.size(key)
list(files.read(key, size - 1))
before = peak()
assert sum(map(len, files.read(key))) == size
print(size, peak() - before)
"""


def test_70_mb_are_read_within_20_mb(files: Files, local_files: LocalFiles) -> None:
    upload = files.begin(KEY)
    files.finish(KEY, upload, [files.add_part(KEY, upload, number, PART) for number in range(1, 15)])
    command = [sys.executable, "-c", MEASURE, local_files.names.bucket, REGION, str(local_files.url), KEY]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True)
    size, kilobytes = map(int, done.stdout.split())
    assert size > 70_000_000
    assert kilobytes < 20_000


def test_a_cold_start_pays_for_no_client() -> None:
    """Neither the models of S3 and SQS nor their clients are loaded before they are used."""
    program = "import sys, app; print([name for name in sys.modules if name in ('botocore.signers', 'boto3')])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "boto3" not in done.stdout
    files = Files("files", REGION)
    assert not [name for name in vars(files) if name == "_client"]
