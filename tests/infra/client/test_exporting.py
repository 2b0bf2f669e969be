"""`python -m infra export`, against a fake that fails in every way that a network has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.client.fake import Drop, Status

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.client.fake import FakeSignoff
    from tests.infra.client.persons import Person, Said

FILE = b"recipient,address\n" + b"".join(b"rcp_%06d,canary%06d@example.com\n" % (n, n) for n in range(20_000))
RUNNING = {"status": "running", "rows": 7_000}
DONE: dict[str, Any] = {
    "status": "done",
    "rows": 20_000,
    "fields": ["recipient", "address"],
    "cursor": "cursor-7",
    "url": "made when asked for",
}
EXPIRED = Status(403, None, b"<Error/>", "application/xml")


@pytest.fixture
def output(tmp_path: Path, fake: FakeSignoff) -> Path:
    fake.files["url"] = FILE
    return tmp_path / "people.csv"


def ranges(fake: FakeSignoff) -> list[str | None]:
    return [seen.headers.get("range") for seen in fake.requests("GET", "/store/")]


def beside(output: Path) -> dict[str, bytes]:
    """What lies there besides the export."""
    return {file.name: file.read_bytes() for file in output.parent.iterdir() if file != output}


def stopped_in_the_download(fake: FakeSignoff, person: Person, output: Path) -> Said:
    """An export of which 100,000 octets are there."""
    fake.steps = [DONE]
    fake.fails("GET", "/store/", Drop(after=100_000), *[Status(503)] * 7)
    said = person.types("export", "--output", output)
    assert said.code == 1
    assert (output.parent / "people.csv.part").read_bytes() == FILE[:100_000]
    return said


def test_an_export_is_followed_downloaded_and_its_cursor_kept(fake: FakeSignoff, person: Person, output: Path) -> None:
    fake.steps = [RUNNING, DONE]
    said = person.types("export", "--format", "csv", "--addresses", "none", "--output", output)
    assert said.code == 0
    assert output.read_bytes() == FILE
    assert output.stat().st_mode & 0o777 == 0o600
    assert beside(output) == {"people.csv.cursor": b"cursor-7\n"}
    assert said.out.splitlines() == [
        "Export exp_1 is done",
        f"file: {output}",
        "rows: 20,000",
        "fields: recipient, address",
        "feed cursor: cursor-7",
        f"kept in: {output}.cursor",
    ]
    assert "Exporting: running, 7,000 rows" in said.err
    assert "Downloading 100 %" in said.err
    [asked] = fake.requests("POST", "/v1/exports")
    assert json.loads(asked.body or b"") == {"format": "csv", "addresses": "none"}


@pytest.mark.parametrize(("name", "kind"), [("all.jsonl", "jsonl"), ("all.csv", "csv"), ("all", "csv")])
def test_the_ending_of_the_file_says_its_format(
    fake: FakeSignoff, person: Person, output: Path, name: str, kind: str
) -> None:
    fake.steps = [DONE]
    assert person.types("export", "--output", output.with_name(name)).code == 0
    [asked] = fake.requests("POST", "/v1/exports")
    assert json.loads(asked.body or b"")["format"] == kind


def test_of_hashed_addresses_the_key_is_kept_beside_and_never_printed(
    fake: FakeSignoff, person: Person, output: Path
) -> None:
    fake.steps = [{**DONE, "hash_key": "canary-hash-key"}]
    said = person.types("export", "--addresses", "hmac", "--output", output)
    assert beside(output)["people.csv.hash-key"] == b"canary-hash-key\n"
    assert (output.parent / "people.csv.hash-key").stat().st_mode & 0o777 == 0o600
    assert f"take HMAC-SHA256 of its UTF-8 with the key in {output}.hash-key (base64)" in said.err
    assert "canary" not in said.out + said.err


def test_a_download_that_breaks_goes_on_where_it_broke(fake: FakeSignoff, person: Person, output: Path) -> None:
    fake.steps = [DONE]
    fake.fails("GET", "/store/", Drop(after=100_000), Drop(), Drop(after=200_000), Status(503, "4"))
    assert person.types("export", "--output", output).code == 0
    assert output.read_bytes() == FILE
    assert ranges(fake) == [None, *["bytes=100000-"] * 2, *["bytes=300000-"] * 2]


def test_a_download_that_moves_on_is_never_given_up(fake: FakeSignoff, person: Person, output: Path) -> None:
    fake.steps = [DONE]
    fake.fails("GET", "/store/", *[Drop(after=20_000)] * 20)
    assert person.types("export", "--output", output).code == 0
    assert output.read_bytes() == FILE


def test_a_url_that_expires_halfway_is_asked_for_anew(fake: FakeSignoff, person: Person, output: Path) -> None:
    fake.steps = [DONE]
    fake.fails("GET", "/store/", Drop(after=100_000), EXPIRED)
    assert person.types("export", "--output", output).code == 0
    assert output.read_bytes() == FILE
    assert ranges(fake) == [None, "bytes=100000-", "bytes=100000-"]
    looks = [seen.query["look"] for seen in fake.requests("GET", "/store/")]
    assert looks[0] == looks[1] != looks[2]


def test_the_same_command_goes_on_with_the_part_that_is_there(fake: FakeSignoff, person: Person, output: Path) -> None:
    said = stopped_in_the_download(fake, person, output)
    assert "The export exp_1 is made and not all downloaded. Go on with:" in said.err
    assert said.err.endswith(f"-m infra export --output {output}\n")
    assert not output.exists()
    assert person.types("export", "--output", output).code == 0
    assert output.read_bytes() == FILE
    assert ranges(fake)[-1] == "bytes=100000-"
    assert len(fake.jobs) == 1
    assert list(beside(output)) == ["people.csv.cursor"]


def test_a_part_of_another_file_is_not_gone_on_with(fake: FakeSignoff, person: Person, output: Path) -> None:
    stopped_in_the_download(fake, person, output)
    fake.files["url"] = other = FILE.upper()
    assert person.types("export", "--output", output).code == 0
    assert output.read_bytes() == other


@pytest.mark.parametrize("other", [FILE[:50_000], FILE[:100_000].lower()], ids=["shorter", "as long as the part"])
def test_a_part_that_is_longer_than_the_file_is_not_gone_on_with(
    fake: FakeSignoff, person: Person, output: Path, other: bytes
) -> None:
    stopped_in_the_download(fake, person, output)
    fake.files["url"] = other
    assert person.types("export", "--output", output).code == 0
    assert output.read_bytes() == other


def test_a_part_that_is_whole_already_is_taken(fake: FakeSignoff, person: Person, output: Path) -> None:
    stopped_in_the_download(fake, person, output)
    (output.parent / "people.csv.part").write_bytes(FILE)
    assert person.types("export", "--output", output).code == 0
    assert output.read_bytes() == FILE
    assert ranges(fake)[-1] == f"bytes={len(FILE)}-"


def test_a_part_of_nobody_knows_what_is_begun_again(fake: FakeSignoff, person: Person, output: Path) -> None:
    (output.parent / "people.csv.part").write_bytes(b"x" * 1_000_000)
    fake.steps = [DONE]
    assert person.types("export", "--output", output).code == 0
    assert output.read_bytes() == FILE


def test_an_older_export_stays_until_the_new_one_is_whole(fake: FakeSignoff, person: Person, output: Path) -> None:
    output.write_bytes(b"older")
    cursor = output.parent / "people.csv.cursor"
    cursor.write_text("cursor-1\n")
    stopped_in_the_download(fake, person, output)
    assert (output.read_bytes(), cursor.read_text()) == (b"older", "cursor-1\n")
    person.types("export", "--output", output)
    assert (output.read_bytes(), cursor.read_text()) == (FILE, "cursor-7\n")


def test_a_lost_answer_makes_one_export(fake: FakeSignoff, person: Person, output: Path) -> None:
    fake.fails("POST", "/v1/exports", Drop(is_done=True), Status(429, "2"))
    fake.steps = [DONE]
    assert person.types("export", "--output", output).code == 0
    assert len(fake.jobs) == 1


def test_a_service_that_is_down_is_told_and_the_same_export_gone_on_with(
    fake: FakeSignoff, person: Person, output: Path
) -> None:
    fake.fails("GET", "/v1/exports/", *[Drop()] * 7)
    said = person.types("export", "--output", output)
    assert said.code == 1
    assert "Giving up: the connection to 127.0.0.1:" in said.err
    assert "The export exp_1 goes on in the service. Follow it with:" in said.err
    fake.steps = [DONE]
    assert person.types("export", "--output", output).code == 0
    assert len(fake.jobs) == 1


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ({"status": "failed", "detail": "out of luck"}, "The export exp_1 failed: out of luck. Run the command again."),
        ({**DONE, "url": None}, "The file of export exp_1 has expired: run the command again to export anew."),
    ],
)
def test_an_export_that_cannot_be_had_is_told_and_the_next_is_another(
    fake: FakeSignoff, person: Person, output: Path, step: dict[str, Any], sentence: str
) -> None:
    fake.steps = [step]
    said = person.types("export", "--output", output)
    assert (said.code, said.err.splitlines()[-1]) == (1, sentence)
    fake.steps = [DONE]
    assert person.types("export", "--output", output).code == 0
    assert len(fake.jobs) == 2


def test_a_lost_export_is_told(fake: FakeSignoff, person: Person, output: Path) -> None:
    stopped_in_the_download(fake, person, output)
    fake.jobs.clear()
    said = person.types("export", "--output", output)
    kept = f"{output}.signoff-export"
    assert said.err.splitlines()[-1] == f"The service knows no export exp_1 any more: delete {kept} to export anew."


def test_other_options_do_not_go_on_with_a_former_export(fake: FakeSignoff, person: Person, output: Path) -> None:
    stopped_in_the_download(fake, person, output)
    said = person.types("export", "--format", "jsonl", "--output", output)
    assert said.code == 1
    assert "is of another service or of other options: delete " in said.err


def test_a_folder_that_is_not_there_is_told_before_anything_is_sent(
    fake: FakeSignoff, person: Person, tmp_path: Path
) -> None:
    said = person.types("export", "--output", tmp_path / "nowhere" / "people.csv")
    assert (said.code, fake.seen) == (1, [])
    assert "nowhere is not there: make it, or choose another --output." in said.err
