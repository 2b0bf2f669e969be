"""`python -m infra changes`: printed first, then the place is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.client.fake import Drop, Status, problem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.client.fake import FakeSignoff
    from tests.infra.client.persons import Person

TIME = "2026-01-02T03:04:05.678Z"
RCP = "rcp_abcdefghijklmnopqrstuvwxyz"


def change(**more: Any) -> dict[str, Any]:
    return {
        "type": "recipient",
        "recipient": RCP,
        "address": "canary@example.com",
        "via": "one_click",
        "recorded": TIME,
        "added": [],
        "removed": [],
        "erased": False,
        **more,
    }


OPTED_OUT = change(added=[{"category": "news", "reason": "opted_out", "since": TIME}])
BACK = change(
    via="preference_page",
    removed=[{"category": "news", "reason": "opted_out"}, {"category": "*", "reason": "complaint"}],
)
ERASED = change(via="api", erased=True, added=[{"category": "*", "reason": "opted_out_of_all", "since": TIME}])
NOTHING = change(via="import")
CATEGORY = {"type": "category", "category": {"id": "news"}, "version": 2, "recorded": TIME}
SENDER = {"type": "sender", "sender": {}, "version": 3, "recorded": TIME}
PAGES: list[dict[str, Any]] = [
    {"changes": [OPTED_OUT, BACK]},
    {"changes": []},
    {"changes": [ERASED, NOTHING, CATEGORY, SENDER]},
]
LINES = [
    f"{TIME}  one_click        {RCP}  + news opted_out",
    f"{TIME}  preference_page  {RCP}  - news opted_out  - * complaint",
    f"{TIME}  api              {RCP}  + * opted_out_of_all  erased",
    f"{TIME}  import           {RCP}  nothing added or removed",
    f"{TIME}                   category news changed",
    f"{TIME}                   sender changed",
]


@pytest.fixture
def cursor(tmp_path: Path, fake: FakeSignoff) -> Path:
    fake.pages = list(PAGES)
    return tmp_path / "feed.cursor"


def cursors(fake: FakeSignoff) -> list[str | None]:
    return [seen.query.get("cursor") for seen in fake.requests("GET", "/v1/changes")]


def test_each_change_is_one_line_without_its_address(fake: FakeSignoff, person: Person, cursor: Path) -> None:
    said = person.types("changes")
    assert (said.code, said.out.splitlines()) == (0, LINES)
    assert said.err == ""
    assert cursors(fake) == [None, "cursor-1", "cursor-2"]
    assert "wait" not in fake.seen[0].query


def test_json_is_each_change_as_the_service_tells_it(person: Person, cursor: Path) -> None:
    said = person.types("changes", "--json")
    assert [json.loads(line) for line in said.out.splitlines()] == [told for page in PAGES for told in page["changes"]]


def test_the_place_is_kept_and_gone_on_from(fake: FakeSignoff, person: Person, cursor: Path) -> None:
    assert person.types("changes", "--cursor-file", cursor).out.splitlines() == LINES
    assert cursor.read_text() == "cursor-3\n"
    fake.pages.append({"changes": [BACK]})
    assert person.types("changes", "--cursor-file", cursor).out.splitlines() == [LINES[1]]
    assert cursor.read_text() == "cursor-4\n"


def test_failures_in_between_lose_nothing_and_repeat_nothing(fake: FakeSignoff, person: Person, cursor: Path) -> None:
    fake.fails("GET", "/v1/changes", Status(503), Drop(), Drop(after=50), Status(429, "5"))
    said = person.types("changes", "--cursor-file", cursor)
    assert (said.code, said.out.splitlines()) == (0, LINES)


def test_giving_up_keeps_the_place_after_what_was_printed(fake: FakeSignoff, person: Person, cursor: Path) -> None:
    fake.steps = []
    fake.fails("GET", "/v1/changes", Status(200, None, page(PAGES[0], "cursor-1")), *[Status(503)] * 7)
    said = person.types("changes", "--cursor-file", cursor)
    assert (said.code, said.out.splitlines()) == (1, LINES[:2])
    assert cursor.read_text() == "cursor-1\n"
    assert person.types("changes", "--cursor-file", cursor).out.splitlines() == LINES[2:]


@pytest.mark.parametrize("broken", ["no change", {"type": "recipient"}, {**OPTED_OUT, "added": ["x"]}])
def test_a_change_of_another_form_is_told_and_the_place_before_it_kept(
    fake: FakeSignoff, person: Person, cursor: Path, broken: Any
) -> None:
    fake.fails("GET", "/v1/changes", Status(200, None, page({"changes": [OPTED_OUT, broken]}, "cursor-1")))
    said = person.types("changes", "--cursor-file", cursor)
    assert said.code == 1
    assert "version" in said.err
    assert not cursor.exists()


def page(content: dict[str, Any], cursor: str) -> bytes:
    return json.dumps({**content, "cursor": cursor, "more": True}).encode()


def test_a_cursor_that_the_service_does_not_take_is_told(fake: FakeSignoff, person: Person, cursor: Path) -> None:
    cursor.write_text("cursor-of-another\n")
    _, body, _ = problem(400, "invalid-cursor", "the cursor is of another sender")
    fake.fails("GET", "/v1/changes", Status(400, None, body))
    said = person.types("changes", "--cursor-file", cursor)
    assert (said.code, said.err) == (1, "The service refused this (HTTP 400): the cursor is of another sender.\n")
    assert cursor.read_text() == "cursor-of-another\n"


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"\xff", b"x" * 10_001])
def test_a_file_that_holds_no_cursor_is_told(fake: FakeSignoff, person: Person, cursor: Path, content: bytes) -> None:
    cursor.write_bytes(content)
    said = person.types("changes", "--cursor-file", cursor)
    assert said.err == f"{cursor} holds no cursor: name another file, or delete it to begin with the first change.\n"
    assert (cursor.read_bytes(), fake.seen) == (content, [])


def test_what_could_control_a_terminal_is_not_printed(fake: FakeSignoff, person: Person, cursor: Path) -> None:
    evil = [{"category": "\x1b[2Jnews\r\n", "reason": "[bold]\u202e"}]
    fake.pages = [{"changes": [change(via="\x1b]0;", added=evil)]}]
    said = person.types("changes")
    assert said.out.splitlines() == [f"{TIME}  ]0;              {RCP}  + [2Jnews [bold]"]
