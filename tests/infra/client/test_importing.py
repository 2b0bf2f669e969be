"""`python -m infra import`, against a fake that fails in every way that a network has."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from infra.__main__ import main
from infra.client import sources
from infra.client.importing import REJECTED_ROWS
from tests.infra.client.fake import Drop, Status, problem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.client.fake import FakeSignoff
    from tests.infra.client.persons import Person

ROWS = b"E-Mail\n" + b"".join(b"canary%06d@example.com\n" % number for number in range(10_000))
COUNTS = {"rows": 10_000, "accepted": 9_998, "changed": 9_000, "unchanged": 998, "rejected": 0}
RUNNING: dict[str, Any] = {
    "status": "running",
    "counts": {**COUNTS, "rows": 5_000},
    "octets": {"read": len(ROWS) // 2 + 1, "of": len(ROWS)},
}
DONE = {"status": "done", "counts": COUNTS, "octets": {"read": len(ROWS), "of": len(ROWS)}, "rejects_url": None}
WITH_REJECTS = {**DONE, "counts": {**COUNTS, "rejected": 2}, "rejects_url": "made when asked for"}
LOST_ANSWER = Drop(after=len(ROWS), is_done=True)
REJECTS = b"row,reason\r\n17,an address has an @\r\n"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_bytes(ROWS)
    return file


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody pipes the rows in; what is kept is kept in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ROWS)))


def uploads(fake: FakeSignoff) -> list[bytes | None]:
    return [seen.body for seen in fake.requests("PUT", "/store/")]


def keys(fake: FakeSignoff) -> list[str]:
    return [seen.headers["idempotency-key"] for seen in fake.requests("POST", "/v1/imports")]


def kept(file: Path) -> Path:
    return file.with_name(f"{file.name}.signoff-import")


def test_a_file_is_uploaded_followed_and_summed_up(fake: FakeSignoff, person: Person, people: Path) -> None:
    fake.steps = [RUNNING, DONE]
    said = person.types("import", people)
    assert said.code == 0
    assert uploads(fake) == [ROWS]
    assert said.out.splitlines() == [
        "Import imp_1 is done",
        "rows: 10,000",
        "accepted: 9,998",
        "changed: 9,000",
        "unchanged: 998",
        "rejected: 0",
    ]
    assert "Uploading 100 %" in said.err
    assert "Importing 50 %: 5,000 rows, 9,998 accepted, 9,000 changed, 998 unchanged, 0 rejected" in said.err
    assert "canary" not in said.out + said.err
    assert sorted(people.parent.iterdir()) == [people]


def test_the_upload_has_the_headers_it_was_told_and_no_key(fake: FakeSignoff, person: Person, people: Path) -> None:
    fake.steps = [DONE]
    person.types("import", people)
    [seen] = fake.requests("PUT", "/store/imp_1")
    assert seen.headers["content-type"] == "text/csv"
    assert seen.headers["content-length"] == str(len(ROWS))
    assert "authorization" not in seen.headers
    assert "transfer-encoding" not in seen.headers


def test_options_say_what_the_file_means_and_nothing_is_said_that_was_not(
    fake: FakeSignoff, person: Person, people: Path
) -> None:
    fake.steps = [DONE, DONE, DONE]
    columns = ("--column", "address=E-Mail", "--column", "at=Date = 1", "--column", "category=3")
    person.types("import", people, "--layout", "mailchimp", *columns, "--category", "offers")
    person.types("import", people, "--reason", "complaint")
    person.types("import", people)
    assert [job["asked"] for job in fake.jobs.values()] == [
        {
            "file": {
                "layout": "mailchimp",
                "columns": {"address": "E-Mail", "at": "Date = 1", "category": 3},
                "default": {"category": "offers"},
            }
        },
        {"file": {"default": {"reason": "complaint"}}},
        {"file": {}},
    ]


def test_options_that_are_not_understood_have_a_code_of_their_own(capfd: pytest.CaptureFixture[str]) -> None:
    """A script that goes on with what was rejected must not take a typing error for it."""
    with pytest.raises(SystemExit) as ended:
        main(["import", "people.csv", "--colum", "address=1"])
    assert ended.value.code not in {0, 1, REJECTED_ROWS}
    with pytest.raises(SystemExit):
        main(["import", "--help"])
    told = " ".join(capfd.readouterr().out.split())
    assert f"{REJECTED_ROWS}: done, and some rows were rejected; 1: failed; {ended.value.code}: the options" in told


def test_rejected_rows_are_fetched_and_tell_by_the_exit_code(fake: FakeSignoff, person: Person, people: Path) -> None:
    fake.steps, fake.files = [WITH_REJECTS], {"rejects_url": REJECTS}
    said = person.types("import", people)
    rejected = people.with_name("people.csv.rejected.csv")
    assert said.code == REJECTED_ROWS
    assert rejected.read_bytes() == REJECTS
    assert rejected.stat().st_mode & 0o777 == 0o600
    assert f"What was rejected, and why: {rejected}" in said.err
    assert sorted(people.parent.iterdir()) == [people, rejected]


def test_a_failed_import_is_told_in_a_sentence_and_the_command_begins_another(
    fake: FakeSignoff, person: Person, people: Path
) -> None:
    fake.steps = [{"status": "failed", "detail": "no column holds an address such as canary@example.com."}]
    said = person.types("import", people)
    assert said.code == 1
    last = said.err.splitlines()[-1]
    assert last == (
        "The import imp_1 failed: no column holds an address such as …. "
        "Mend the file or the options (--reason, --column, --layout) and run the command again."
    )
    fake.steps = [DONE]
    assert person.types("import", people).code == 0
    assert len(set(keys(fake))) == 2


def test_a_lost_answer_repeats_the_same_idempotency_key_and_makes_one_import(
    fake: FakeSignoff, person: Person, people: Path
) -> None:
    fake.fails("POST", "/v1/imports", Drop(is_done=True), Status(503, "7"), Status(429, "3"))
    fake.steps = [DONE]
    said = person.types("import", people)
    assert said.code == 0
    assert len(keys(fake)) == 4
    assert len(set(keys(fake))) == len(fake.jobs) == 1
    assert person.pauses[:3] == [0.25, 7.5, 4.0]
    assert "The service is not available just now (HTTP 503); again in 7.5 s." in said.err
    assert "The key's budget of requests is used up for now (HTTP 429); again in 4.0 s." in said.err


def test_an_upload_that_is_killed_halfway_is_begun_again(fake: FakeSignoff, person: Person, people: Path) -> None:
    fake.fails("PUT", "/store/", Drop(after=100_000), Status(503), Drop(after=1))
    fake.steps = [DONE]
    said = person.types("import", people)
    assert said.code == 0
    assert uploads(fake) == [None, ROWS, None, ROWS]
    assert fake.files["imp_1"] == ROWS
    assert len(fake.jobs) == 1


def test_an_upload_whose_acknowledgement_is_lost_is_not_sent_twice(
    fake: FakeSignoff, person: Person, people: Path
) -> None:
    fake.fails("PUT", "/store/", LOST_ANSWER)
    fake.steps = [RUNNING, DONE]
    assert person.types("import", people).code == 0
    assert uploads(fake) == [ROWS]


def test_an_expired_url_is_asked_for_anew(fake: FakeSignoff, person: Person, people: Path) -> None:
    fake.fails("PUT", "/store/", Status(403, None, b"<Error/>", "application/xml"))
    fake.steps = [DONE]
    assert person.types("import", people).code == 0
    assert uploads(fake) == [ROWS, ROWS]


def test_a_store_that_refuses_for_good_is_told_with_the_way_to_go_on(
    fake: FakeSignoff, person: Person, people: Path
) -> None:
    fake.fails("PUT", "/store/", *[Status(403, None)] * 3)
    said = person.types("import", people)
    assert said.code == 1
    assert "The file store refused the upload (HTTP 403). The upload for import imp_1 is not whole" in said.err
    assert said.err.endswith(f"-m infra import {people}\n")
    fake.steps = [DONE]
    assert person.types("import", people).code == 0
    assert len(fake.jobs) == 1


def test_after_a_failure_of_the_service_the_same_command_follows_the_same_import(
    fake: FakeSignoff, person: Person, people: Path
) -> None:
    fake.fails("GET", "/v1/imports/", *[Status(503)] * 7)
    said = person.types("import", people)
    assert said.code == 1
    assert "The import imp_1 goes on in the service. Follow it with:" in said.err
    assert said.err.endswith(f"-m infra import {people} --resume\n")
    fake.steps = [DONE]
    again = person.types("import", people)
    assert again.code == 0
    assert f"Going on with what {kept(people)} tells of." in again.err
    assert uploads(fake) == [ROWS]
    assert not kept(people).exists()


def test_what_is_kept_holds_no_key_and_no_signature(fake: FakeSignoff, person: Person, people: Path) -> None:
    fake.fails("GET", "/v1/imports/", *[Status(503)] * 7)
    person.types("import", people)
    found = json.loads(kept(people).read_text("utf-8"))
    assert (found["job"], found["is_uploaded"], found["url"]) == ("imp_1", True, fake.url)
    assert "canary" not in kept(people).read_text("utf-8")
    assert kept(people).stat().st_mode & 0o777 == 0o600


def test_a_changed_file_is_not_taken_for_the_one_that_was_begun(
    fake: FakeSignoff, person: Person, people: Path
) -> None:
    fake.fails("GET", "/v1/imports/", *[Status(503)] * 7)
    person.types("import", people)
    people.write_bytes(ROWS + b"dana.reader@example.com\n")
    fake.steps = [DONE]
    said = person.types("import", people)
    assert said.code == 1
    assert said.err == (
        f"{people} has changed since its import was begun: delete {kept(people)} to import the file anew "
        "(or follow the import imp_1 of the former content with --resume).\n"
    )
    assert person.types("import", people, "--resume").code == 0
    assert uploads(fake) == [ROWS]


def test_a_lost_job_is_told_in_a_sentence(fake: FakeSignoff, person: Person, people: Path) -> None:
    fake.fails("GET", "/v1/imports/", *[Status(503)] * 7)
    person.types("import", people)
    fake.jobs.clear()
    said = person.types("import", people)
    assert said.code == 1
    assert said.err.splitlines()[-1] == (
        f"The service knows no import imp_1 any more: delete {kept(people)} to import the file anew."
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--column", "address"), "A --column is like address=E-Mail or address=1: the field, =, the column's"),
        (("--resume",), "There is nothing to resume: "),
    ],
)
def test_wrong_options_are_told_before_anything_is_sent(
    fake: FakeSignoff, person: Person, people: Path, words: tuple[str, ...], sentence: str
) -> None:
    said = person.types("import", people, *words)
    assert (said.code, fake.seen) == (1, [])
    assert said.err.startswith(sentence)
    assert not kept(people).exists()


def test_other_options_are_not_taken_for_those_that_were_begun(fake: FakeSignoff, person: Person, people: Path) -> None:
    fake.fails("GET", "/v1/imports/", *[Status(503)] * 7)
    person.types("import", people)
    said = person.types("import", people, "--reason", "complaint")
    assert said.err.startswith("This import was begun with other options: give the same again, or delete ")


def test_a_refused_import_keeps_nothing_and_says_what_the_service_says(
    fake: FakeSignoff, person: Person, people: Path
) -> None:
    _, body, _ = problem(400, "invalid-request", "no such layout", pointer="/file/layout")
    fake.fails("POST", "/v1/imports", Status(400, None, body))
    said = person.types("import", people, "--layout", "x")
    assert (said.code, said.err) == (1, "The service refused this (HTTP 400): no such layout, at /file/layout.\n")
    assert not kept(people).exists()


def test_standard_input_is_spooled_and_uploaded(fake: FakeSignoff, person: Person, stdin: None, tmp_path: Path) -> None:
    fake.steps, fake.files = [WITH_REJECTS], {"rejects_url": REJECTS}
    said = person.types("import", "-")
    assert said.code == REJECTED_ROWS
    assert uploads(fake) == [ROWS]
    assert [file.name for file in tmp_path.iterdir()] == ["stdin.rejected.csv"]


def test_standard_input_that_was_uploaded_is_followed_without_reading_it_again(
    fake: FakeSignoff, person: Person, stdin: None, tmp_path: Path
) -> None:
    fake.fails("GET", "/v1/imports/", *[Status(503)] * 7)
    assert person.types("import", "-").err.endswith("-m infra import - --resume\n")
    fake.steps = [DONE]
    assert person.types("import", "-", "--resume").code == 0
    assert uploads(fake) == [ROWS]


def test_other_standard_input_is_not_taken_for_the_former(
    fake: FakeSignoff, person: Person, stdin: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.fails("GET", "/v1/imports/", *[Status(503)] * 7)
    person.types("import", "-")
    # As long, and of other content.
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ROWS.swapcase())))
    said = person.types("import", "-")
    assert "Standard input has changed since its import was begun" in said.err


def test_a_file_that_changes_while_it_is_uploaded_is_told(fake: FakeSignoff, person: Person, people: Path) -> None:
    def grow(_: FakeSignoff) -> None:
        people.write_bytes(ROWS + b"later@example.com\n")

    fake.on_upload = grow
    said = person.types("import", people)
    assert said.code == 1
    assert "was changed while it was uploaded, and import imp_1 may hold a mixture: run the command again" in said.err
    assert not kept(people).exists()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda file: file.unlink(), "cannot be read: No such file or directory."),
        (lambda file: file.write_bytes(b""), "is empty: there is nothing to import."),
        (lambda file: (file.unlink(), file.mkdir()), "is no regular file: name one, or pipe the rows in"),
    ],
    ids=["missing", "empty", "folder"],
)
def test_a_file_that_cannot_be_imported_is_told(
    fake: FakeSignoff, person: Person, people: Path, make: Any, sentence: str
) -> None:
    make(people)
    said = person.types("import", people)
    assert said.code == 1
    assert sentence in said.err
    assert fake.seen == []


def test_a_file_over_what_a_store_takes_is_told(fake: FakeSignoff, person: Person, people: Path) -> None:
    with people.open("r+b") as file:
        file.truncate(sources.LARGEST + 1)
    assert "is over 5 GiB, which a store takes at most: split it." in person.types("import", people).err
    assert fake.seen == []


def test_presigned_urls_that_others_could_read_are_not_used(fake: FakeSignoff, person: Person, people: Path) -> None:
    fake.store = "http://store.example.com"
    said = person.types("import", people)
    assert said.code == 1
    assert "The service names a place that is not reached by https://: nothing was sent there." in said.err
