"""Which service, which key; when to try again; what an answer that is none becomes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from infra.client.connecting import Connection, connection_of
from infra.client.jobs import followed
from infra.client.retrying import ATTEMPTS, Patience, Trouble, seconds_asked_for
from infra.client.shown import Shown
from infra.local.problems import CannotRun
from tests.infra.client.fake import KEY, Status, problem
from tests.infra.client.persons import Person, options_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.client.fake import FakeSignoff

URL = "https://mail.example.com/api"


def connected(*words: str | Path, **environment: str) -> Connection:
    return connection_of(options_of(["changes", *map(str, words)]), environment)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    return file


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "demo.json").write_text(json.dumps({"url": "http://127.0.0.1:8000", "api_key": KEY}))
    return folder


def test_url_and_key_come_from_the_environment_or_by_name(key_file: Path, demo: Path) -> None:
    of_environment = {"SIGNOFF_URL": f"{URL}/", "SIGNOFF_API_KEY": f" {KEY}\n"}
    here = Connection("http://127.0.0.1:8000", KEY)
    assert connected(**of_environment) == Connection(URL, KEY)
    assert connected("--url", "http://localhost:1", **of_environment) == Connection("http://localhost:1", KEY)
    assert connected("--url", URL, "--key-file", key_file) == Connection(URL, KEY)
    assert connected("--demo", demo, **of_environment) == here
    assert connected("--demo", demo / "demo.json") == here
    assert connected(SIGNOFF_LOCAL_DIR=str(demo)) == here


def test_a_connection_does_not_show_its_key() -> None:
    assert KEY not in repr(Connection(URL, KEY))


@pytest.mark.parametrize(
    ("words", "environment", "sentence"),
    [
        ((), {}, "Nothing says which service to ask: set SIGNOFF_URL and SIGNOFF_API_KEY, or start `make run`"),
        ((), {"SIGNOFF_API_KEY": KEY}, "There is a key and no service: set SIGNOFF_URL"),
        (("--url", URL), {}, "There is a service and no key: set SIGNOFF_API_KEY"),
        (("--url", "http://mail.example.com"), {"SIGNOFF_API_KEY": KEY}, "the key would be seen on the way"),
        (("--url", "http://127.0.0.1.example.com"), {"SIGNOFF_API_KEY": KEY}, "the key would be seen on the way"),
        (("--url", "https://a:b@mail.example.com"), {"SIGNOFF_API_KEY": KEY}, "The URL of the service is not like"),
        (("--url", "mail.example.com"), {"SIGNOFF_API_KEY": KEY}, "The URL of the service is not like"),
        (("--url", f"{URL}?a=b"), {"SIGNOFF_API_KEY": KEY}, "The URL of the service is not like"),
        (("--url", "https://["), {"SIGNOFF_API_KEY": KEY}, "The URL begins with http://"),
        (("--url", URL), {"SIGNOFF_API_KEY": f"{KEY} {KEY}"}, "it is not one word"),
        (("--url", URL), {"SIGNOFF_API_KEY": f"{KEY}\r\nX: y"}, "it is not one word"),
        (("--url", URL, "--key-file", "missing"), {}, "The key file missing cannot be read: No such file"),
        (("--demo", "missing"), {}, "missing cannot be read as the demo of `make run`"),
        (("--demo", "x", "--url", URL), {}, "--demo brings a URL and a key of its own"),
        (("--key", KEY), {}, "A key is no argument"),
        ((f"--key={KEY}",), {}, "A key is no argument"),
        (("--api-key", KEY), {}, "A key is no argument"),
        (("--token", KEY), {}, "A key is no argument"),
    ],
)
def test_what_is_missing_or_wrong_is_told_without_the_key(
    words: tuple[str, ...],
    environment: dict[str, str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotRun) as told:
        connected(*words, **environment)
    assert sentence in str(told.value)
    assert KEY not in str(told.value)


@pytest.mark.parametrize(
    ("status", "answer", "sentence"),
    [
        (
            401,
            problem(401, "unauthenticated", "the API key is missing or not valid"),
            "the API key is missing or not valid; set SIGNOFF_API_KEY to a key of this service that is not revoked.",
        ),
        (
            403,
            problem(403, "forbidden", "the API key lacks the scope 'read'"),
            "the API key lacks the scope 'read'; use a key that has it, or have one made with it (POST /v1/keys).",
        ),
        (400, problem(400, "x", "no canary@example.com here"), "no … here."),
        (400, (400, b"<html>canary@example.com</html>", {}), "The service refused this (HTTP 400)."),
        (404, (404, b"", {}), "The service refused this (HTTP 404); check the URL."),
        (302, (302, b"", {}), "answers with a redirect: give the URL that it leads to."),
        (200, (200, b"<html></html>", {}), "answers, but not as Signoff does: check the URL."),
        (200, (200, b"[]", {}), "answers, but not as Signoff does: check the URL."),
        (200, (200, b"{}", {}), "The service's answer has no changes: it and this command are of different versions."),
    ],
)
def test_answers_that_are_no_success_become_one_sentence(
    fake: FakeSignoff, person: Person, status: int, answer: tuple[int, bytes, object], sentence: str
) -> None:
    fake.fails("GET", "/v1/changes", Status(status, None, answer[1]))
    said = person.types("changes")
    assert said.code == 1
    assert said.err.endswith(f"{sentence}\n")
    assert len(said.err.splitlines()) == 1
    assert "canary" not in said.err


def test_where_nothing_listens_it_is_told_soon(fake: FakeSignoff) -> None:
    person = Person("http://127.0.0.1:1")
    said = person.types("changes")
    assert said.code == 1
    assert said.err.splitlines()[-1] == "Giving up: nothing listens at 127.0.0.1:1. Try again later."
    assert len(person.pauses) == 3


def test_a_service_that_wants_to_be_left_alone_for_long_is(fake: FakeSignoff, person: Person) -> None:
    fake.fails("GET", "/v1/changes", Status(429, "4000"))
    said = person.types("changes")
    assert said.err == ("Giving up: the key's budget of requests is used up for now (HTTP 429). Try again in 4000 s.\n")
    assert person.pauses == []


def test_pauses_grow_differ_by_chance_and_are_never_shorter_than_asked_for() -> None:
    pauses: list[float] = []
    patience = Patience(lambda _: None, pause=pauses.append, chance=lambda: 0.5)
    for number in range(ATTEMPTS - 1):
        patience.after(Trouble("x", retry_after=3.0 if number == 2 else None))
    with pytest.raises(CannotRun):
        patience.after(Trouble("x"))
    assert pauses == [0.25, 0.5, 4.0, 2.0, 4.0, 8.0]


def test_what_follows_for_days_never_gives_up() -> None:
    pauses: list[float] = []
    patience = Patience(lambda _: None, pause=pauses.append, chance=lambda: 1.0, endless=True)
    for _ in range(10_000):
        patience.after(Trouble("x"))
    assert max(pauses) == 20.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("7", 7.0), (" 0 ", 0.0), ("soon", None), ("-1", None), ("٣", None), ("9" * 5_000, 999_999_999.0)],
)
def test_retry_after_in_seconds(header: str | None, seconds: float | None) -> None:
    assert seconds_asked_for(header) == seconds


def test_retry_after_as_a_date() -> None:
    now = datetime.now(UTC)
    assert seconds_asked_for(format_datetime(now - timedelta(hours=1), usegmt=True)) == 0.0
    later = seconds_asked_for(format_datetime(now + timedelta(hours=1), usegmt=True))
    assert later is not None
    assert 0.0 < later <= 3_600.0


def test_a_job_is_asked_for_less_and_less_often_or_as_often_as_it_says(fake: FakeSignoff, person: Person) -> None:
    pauses: list[float] = []
    running: dict[str, object] = {"id": "exp_1", "status": "running"}
    fake.jobs["exp_1"] = running
    bodies = [Status(200, retry_after, json.dumps(running).encode()) for retry_after in [None] * 20 + ["9"]]
    fake.fails("GET", "/v1/exports/", *bodies)
    fake.steps = [{"status": "done"}]
    *before, last = followed(person.api(Shown()), "/v1/exports/exp_1", pauses.append)
    assert [job.status for job in before] == ["running"] * 21
    assert last.status == "done"
    assert pauses[:2] == [0.3, 0.39]
    assert pauses[18:] == [3.0, 3.0, 9.0]
