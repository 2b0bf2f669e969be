"""The commands as programs of their own: Ctrl-C at any moment, readers that leave, terminals."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.infra.client.fake import KEY, Hold
from tests.infra.client.persons import environment_of
from tests.infra.client.test_changes import LINES, PAGES
from tests.infra.client.test_importing import DONE, ROWS
from tests.infra.client.test_importing import WITH_REJECTS as IMPORTED_WITH_REJECTS
from tests.infra.processes import ROOT, SECONDS, infra_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.infra.client.fake import FakeSignoff


@pytest.fixture
def people(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_bytes(ROWS)
    return file


@contextmanager
def held(fake: FakeSignoff, method: str, path: str) -> Iterator[Hold]:
    """The first request of this kind stays unanswered inside the block."""
    hold = Hold()
    fake.fails(method, path, hold)
    yield hold
    hold.released.set()


@contextmanager
def started(fake: FakeSignoff, *words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A command that runs; where the block breaks off, so does it."""
    with subprocess.Popen(
        infra_command(*map(str, words)),
        cwd=ROOT,
        env=environment_of(fake),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def stopped_at(fake: FakeSignoff, place: tuple[str, str], *words: str | Path) -> str:
    """What a command says that is stopped by Ctrl-C while it waits for an answer."""
    with held(fake, *place) as hold, started(fake, *words) as process:
        assert hold.reached.wait(SECONDS)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert not re.search("canary", out + err)
    return err


def runs(fake: FakeSignoff, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        infra_command(*map(str, words)),
        cwd=ROOT,
        env=environment_of(fake),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def command_in(said: str) -> list[str]:
    """The words of the command that is to be typed to go on."""
    [line] = [line for line in said.splitlines() if line.startswith("  ")]
    words = line.split()
    assert words[:3] == [sys.executable, "-m", "infra"]
    return words[3:]


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (("POST", "/v1/imports"), "Stopped. Nothing was uploaded. Begin again with:"),
        (("PUT", "/store/"), "Stopped. The upload for import imp_1 is not whole, nothing is imported yet. Go on with:"),
        (("GET", "/v1/imports/"), "Stopped. The import imp_1 goes on in the service. Follow it with:"),
        (("GET", "/store/rejects"), "Stopped. The import is done; its rejected rows are not all here. Fetch them with"),
    ],
)
def test_an_import_that_is_stopped_goes_on_by_the_command_it_names(
    fake: FakeSignoff, people: Path, place: tuple[str, str], sentence: str
) -> None:
    fake.steps, fake.files = [IMPORTED_WITH_REJECTS], {"rejects_url": b"row\r\n"}
    said = stopped_at(fake, place, "import", people)
    assert sentence in said
    done = runs(fake, *command_in(said))
    assert done.returncode == 3, done.stderr
    assert len(fake.jobs) == 1
    assert fake.files["imp_1"] == ROWS
    assert [file.name for file in people.parent.iterdir() if "signoff" in file.name] == []


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (("POST", "/v1/exports"), "Stopped. No export was made. Begin again with:"),
        (("GET", "/v1/exports/"), "Stopped. The export exp_1 goes on in the service. Follow it with:"),
        (("GET", "/store/url"), "Stopped. The export exp_1 is made and not all downloaded. Go on with:"),
    ],
)
def test_an_export_that_is_stopped_goes_on_by_the_command_it_names(
    fake: FakeSignoff, tmp_path: Path, place: tuple[str, str], sentence: str
) -> None:
    fake.steps = [{"status": "done", "rows": 1, "url": "made when asked for", "cursor": "cursor-1"}]
    fake.files = {"url": ROWS}
    said = stopped_at(fake, place, "export", "--output", tmp_path / "people.csv")
    assert sentence in said
    done = runs(fake, *command_in(said))
    assert done.returncode == 0, done.stderr
    assert len(fake.jobs) == 1
    assert (tmp_path / "people.csv").read_bytes() == ROWS


def test_a_check_that_is_stopped_leaves_nothing_half(fake: FakeSignoff, people: Path, tmp_path: Path) -> None:
    output = tmp_path / "checked.csv"
    words = ("check", people, "--column", "E-Mail", "--category", "news", "--output", output)
    said = stopped_at(fake, ("POST", "/v1/check"), *words)
    assert f"addresses were checked; {output} is as it was, and nothing was changed in the service." in said
    assert [file.name for file in tmp_path.iterdir()] == ["people.csv"]
    assert runs(fake, *command_in(said)).returncode == 0
    assert len(output.read_bytes().splitlines()) == 10_001


def test_a_feed_that_is_followed_and_stopped_keeps_its_place(fake: FakeSignoff, tmp_path: Path) -> None:
    fake.pages = [*PAGES]
    cursor = tmp_path / "feed.cursor"
    hold = Hold()
    with started(fake, "changes", "--follow", "--cursor-file", cursor) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip("\n") for _ in LINES]
        # It asks on: the next question is held as the real service holds it.
        fake.fails("GET", "/v1/changes", hold)
        assert hold.reached.wait(SECONDS)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=SECONDS)
        hold.released.set()
    assert (process.returncode, lines) == (130, LINES)
    assert cursor.read_text() == "cursor-3\n"
    assert f"Stopped. {cursor} holds the place after the last page that was printed. Go on with:" in said
    assert command_in(said) == ["changes", "--follow", "--cursor-file", str(cursor)]
    assert {seen.query["wait"] for seen in fake.seen} == {"20"}


def test_a_place_is_not_kept_after_what_nobody_read(fake: FakeSignoff, tmp_path: Path) -> None:
    fake.pages = [*PAGES]
    cursor = tmp_path / "feed.cursor"
    with held(fake, "GET", "/v1/changes") as hold, started(fake, "changes", "--cursor-file", cursor) as process:
        assert hold.reached.wait(SECONDS)
        assert process.stdout is not None
        process.stdout.close()
        hold.released.set()
        assert process.wait(SECONDS) == 141
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert not cursor.exists()


def test_the_key_is_never_printed_even_where_it_was_typed(fake: FakeSignoff) -> None:
    done = runs(fake, "changes", "--key", KEY)
    assert done.returncode == 1
    assert done.stderr.startswith("A key is no argument, for other users of this machine see those")
    assert KEY not in done.stderr + done.stdout


@pytest.mark.parametrize("word", ["--apikey", "--ke", "--Key"])
def test_a_key_after_an_option_that_there_is_not_is_not_repeated(fake: FakeSignoff, word: str) -> None:
    for words in ((word, KEY), (f"{word}={KEY}",)):
        done = runs(fake, "changes", *words)
        assert (done.returncode, KEY in done.stderr) == (2, False)
        assert "sgn_…" in done.stderr


def test_a_summary_that_nobody_reads_is_no_failure_of_the_import(fake: FakeSignoff, people: Path) -> None:
    fake.steps = [DONE]
    with held(fake, "PUT", "/store/") as hold, started(fake, "import", people) as process:
        assert hold.reached.wait(SECONDS)
        assert process.stdout is not None
        process.stdout.close()
        hold.released.set()
        assert process.wait(SECONDS) == 141
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_a_disk_that_is_full_is_told(fake: FakeSignoff, tmp_path: Path) -> None:
    fake.pages = [*PAGES]
    cursor = tmp_path / "feed.cursor"
    with open("/dev/full", "w", encoding="ascii") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            infra_command("changes", "--cursor-file", str(cursor)),
            cwd=ROOT,
            env=environment_of(fake),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "The output cannot be written: No space left on device.\n")
    assert not cursor.exists()


@pytest.mark.parametrize("command", ["import", "export", "check", "changes"])
def test_help_says_how_with_an_example(fake: FakeSignoff, command: str) -> None:
    said = runs(fake, command, "--help").stdout
    assert f"example:\n  python -m infra {command} " in said
    for part in ("SIGNOFF_API_KEY", "--key-file", "--demo", "130: stopped by Ctrl-C"):
        assert part in said
    assert "--key " not in said


def test_on_a_terminal_there_are_bars_and_a_table(fake: FakeSignoff, people: Path) -> None:
    fake.steps = [DONE]
    ours, theirs = pty.openpty()
    environment = {**environment_of(fake), "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        infra_command("import", str(people)), cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        said = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)
    assert process.returncode == 0
    for part in ("Uploading", "━━━", "100 %", "250.0/250.0 kB", "10,000 rows, 9,998 accepted", "Import imp_1 is done"):
        assert part in said, said


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:
        # Linux says EIO where the last program of a terminal has ended.
        return b""
