"""The commands that need routes which were written at the same time, against Signoff itself.

Needs, besides `make run` with a demo key of the scopes read, write and admin: POST and GET /v1/imports with the local
file store, queue and worker; GET /v1/changes; POST and GET /v1/exports.
"""

from __future__ import annotations

import base64
import csv
import hmac
import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.infra.processes import ROOT, SECONDS, infra_command, runner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADDRESSES = [f"a{number}@example.com" for number in range(2_000)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a runner that serves."""
    folder = tmp_path_factory.mktemp("data")
    with runner(ROOT, folder, seconds=10 * SECONDS):
        yield folder


def runs(data: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*infra_command(*map(str, words)), "--demo", str(data)],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
        check=False,
    )
    assert "example.com" not in done.stderr
    return done


def test_a_file_is_imported_its_rejects_fetched_and_a_check_finds_them(data: Path, tmp_path: Path) -> None:
    people, checked = tmp_path / "people.csv", tmp_path / "checked.csv"
    lines = [f"{address};2025-01-02T03:04:05Z" for address in [*ADDRESSES, "nobody"]]
    people.write_text("\n".join(["E-Mail;Since", *lines]), "utf-8")
    words = ("--column", "address=E-Mail", "--column", "at=2", "--reason", "opted_out", "--category", "offers")
    done = runs(data, "import", people, *words)
    assert done.returncode == 3, done.stderr
    assert "rows: 2,001\naccepted: 2,000\nchanged: 2,000\nunchanged: 0\nrejected: 1\n" in done.stdout
    rejected = (tmp_path / "people.csv.rejected.csv").read_text("utf-8")
    assert "an address has an @" in rejected
    again = runs(data, "import", people, *words)
    assert (again.returncode, "accepted: 2,000\n" in again.stdout) == (3, True)
    runs(data, "check", people, "--column", "E-Mail", "--category", "offers", "--output", checked)
    with checked.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["reason"] for row in rows[:-1]} == {"opted_out"}


def test_the_feed_is_printed_and_gone_on_with(data: Path, tmp_path: Path) -> None:
    cursor, people = tmp_path / "feed.cursor", tmp_path / "people.csv"
    first = runs(data, "changes", "--cursor-file", cursor)
    assert first.returncode == 0, first.stderr
    assert runs(data, "changes", "--cursor-file", cursor).stdout == ""
    people.write_text("feed@example.com\n", "utf-8")
    assert runs(data, "import", people, "--reason", "opted_out").returncode == 0
    [line] = runs(data, "changes", "--cursor-file", cursor).stdout.splitlines()
    assert "  import           rcp_" in line
    assert line.endswith("  + * opted_out_of_all")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_holds_who_was_imported_and_the_feed_goes_on_after_it(data: Path, tmp_path: Path, form: str) -> None:
    people, output = tmp_path / "people.csv", tmp_path / "export"
    people.write_text("export@example.com\n", "utf-8")
    assert runs(data, "import", people, "--reason", "opted_out").returncode == 0
    done = runs(data, "export", "--format", form, "--output", output)
    assert done.returncode == 0, done.stderr
    assert "export@example.com" in output.read_text("utf-8")
    # It begins a little before the export, with what a replica has already.
    assert runs(data, "changes", "--cursor-file", output.with_name("export.cursor")).returncode == 0
    assert runs(data, "changes", "--cursor-file", output.with_name("export.cursor")).stdout == ""
    people.write_text("later@example.com\n", "utf-8")
    assert runs(data, "import", people, "--reason", "opted_out").returncode == 0
    assert len(runs(data, "changes", "--cursor-file", output.with_name("export.cursor")).stdout.splitlines()) == 1


def test_hashed_addresses_come_with_their_key(data: Path, tmp_path: Path) -> None:
    people, output = tmp_path / "people.csv", tmp_path / "export.jsonl"
    people.write_text("Hashed@EXAMPLE.com\n", "utf-8")
    assert runs(data, "import", people, "--reason", "opted_out").returncode == 0
    done = runs(data, "export", "--format", "jsonl", "--addresses", "hmac", "--output", output)
    assert done.returncode == 0, done.stderr
    assert "@example.com" not in output.read_text("utf-8")
    key = output.with_name("export.jsonl.hash-key").read_text("ascii").strip()
    assert key not in done.stdout + done.stderr
    # As the command says that it is done.
    hashed = hmac.new(base64.b64decode(key), b"hashed@example.com", "sha256").hexdigest()
    assert hashed in {json.loads(line)["address_hmac"] for line in output.read_text("utf-8").splitlines()}
