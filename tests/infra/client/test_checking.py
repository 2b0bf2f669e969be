"""`python -m infra check`: lists in, answers out, in order, whatever a network does."""

from __future__ import annotations

import csv
import io
import json
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from infra.client.checking import AT_ONCE
from infra.client.in_order import in_order
from infra.client.lists import LONGEST_LINE
from infra.client.sheets import safe
from tests.infra.client.fake import Drop, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.infra.client.fake import FakeSignoff
    from tests.infra.client.persons import Person

SINCE = "2026-01-02T03:04:05.000Z"
HEADER = ["address", "may_send", "reason", "since", "error"]


def verdict(reason: str) -> dict[str, Any]:
    return {"may_send": False, "reason": reason, "since": SINCE}


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "checked.csv"


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def asked(fake: FakeSignoff) -> list[list[str]]:
    """The addresses of each request, in no order."""
    return [json.loads(seen.body)["addresses"] for seen in fake.requests("POST", "/v1/check") if seen.body]


def test_each_address_has_its_row_in_the_order_of_the_list(
    fake: FakeSignoff, person: Person, people: Path, output: Path
) -> None:
    fake.verdicts = {
        "b@example.com": verdict("opted_out"),
        "none": {"error": "an address has an @"},
    }
    people.write_text("\ufeffa@example.com\r\n\n  b@example.com \nnone\nc@example.com", "utf-8")
    said = person.types("check", people, "--category", "news", "--output", output)
    assert said.code == 0
    assert rows_of(output.read_text("utf-8")) == [
        HEADER,
        ["a@example.com", "true", "", "", ""],
        ["b@example.com", "false", "opted_out", SINCE, ""],
        ["none", "", "", "", "an address has an @"],
        ["c@example.com", "true", "", "", ""],
    ]
    assert output.stat().st_mode & 0o777 == 0o600
    assert said.out.splitlines() == [
        "Category news: 4 addresses",
        "may be sent: 2",
        "opted_out: 1",
        "no valid address: 1",
    ]
    assert "example.com" not in said.out + said.err
    assert sorted(people.parent.iterdir()) == [output, people]


def test_without_an_output_the_answers_alone_are_on_standard_output(
    fake: FakeSignoff, person: Person, people: Path
) -> None:
    people.write_text("a@example.com\n", "utf-8")
    said = person.types("check", people, "--category", "news")
    assert rows_of(said.out) == [HEADER, ["a@example.com", "true", "", "", ""]]
    assert "may be sent: 1" in said.err


def test_a_thousand_are_asked_at_once_and_every_answer_is_in_its_place(
    fake: FakeSignoff, person: Person, people: Path, output: Path
) -> None:
    addresses = [f"a{number}@example.com" for number in range(12_345)]
    fake.verdicts = {address: verdict("blocked") for address in addresses[::7]}
    fake.fails("POST", "/v1/check", Status(429, "1"), Drop(is_done=True), Status(503), Drop(after=10))
    people.write_text("\n".join(addresses), "utf-8")
    said = person.types("check", people, "--category", "news", "--output", output)
    found = rows_of(output.read_text("utf-8"))[1:]
    assert [row[0] for row in found] == addresses
    assert {row[0] for row in found if row[1] == "false"} == set(fake.verdicts)
    assert max(len(batch) for batch in asked(fake)) == 1_000
    assert len(fake.requests("POST", "/v1/check")) == 13 + 4
    assert "blocked: 1,764" in said.out


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_column_of_a_csv_file_is_found_by_its_name(
    fake: FakeSignoff, person: Person, people: Path, delimiter: str
) -> None:
    rows = ["\ufeffName|E-Mail |x", '"Reader| Dana"|d@example.com|1', "short", "", '"two\nlines"|e@example.com|2']
    people.write_text("\n".join(rows).replace("|", delimiter), "utf-8")
    person.types("check", people, "--category", "news", "--column", "e-mail")
    assert asked(fake) == [["d@example.com", "", "e@example.com"]]


def test_a_mark_before_the_first_column_is_none_of_its_name(fake: FakeSignoff, person: Person, people: Path) -> None:
    people.write_text("\ufeffMail,x\na@example.com,1\n", "utf-8")
    person.types("check", people, "--category", "news", "--column", "Mail")
    assert asked(fake) == [["a@example.com"]]


@pytest.mark.parametrize(
    ("content", "words", "sentence"),
    [
        (b"Name,E-Mail\nDana,d@example.com\n", (), "begins with names of columns: say which is the address's with"),
        (b"email\nd@example.com\n", (), "begins with names of columns"),
        (b"Name,Mail\n", ("--column", "E-Mail"), "has no column 'E-Mail'; its first line names 'Name', 'Mail'."),
        (b"d@example.com,b@example.com\n", ("--column", "E-Mail"), "its first line names none."),
        (b"", ("--column", "E-Mail"), "its first line names none."),
        (b"Mail,mail\n", ("--column", "Mail"), "has more than one column 'Mail'"),
        (b"a@example.com\n\xfcber@example.com\n", (), "Line 2 of "),
        ("a@example.com\n".encode("utf-16"), (), "is not UTF-8 text: save the list as UTF-8."),
        (b"a@example.com\n" + b"x" * LONGEST_LINE, (), "is over 1000000 octets: this is no list."),
        (b'Mail\n"' + b"x" * 140_000, ("--column", "Mail"), "cannot be read as CSV near line "),
    ],
)
def test_a_file_that_is_no_list_is_told_and_leaves_no_output(
    fake: FakeSignoff,
    person: Person,
    people: Path,
    output: Path,
    content: bytes,
    words: tuple[str, ...],
    sentence: str,
) -> None:
    people.write_bytes(content)
    output.write_text("of yesterday")
    said = person.types("check", people, "--category", "news", "--output", output, *words)
    assert said.code == 1
    assert sentence in said.err
    assert "@" not in said.err
    assert output.read_text() == "of yesterday"
    assert sorted(people.parent.iterdir()) == [output, people]


def test_what_can_be_no_address_is_not_sent(fake: FakeSignoff, person: Person, people: Path) -> None:
    people.write_text("a@example.com\n" + "x" * 5_000 + "@example.com\nb@example.com\n", "utf-8")
    said = person.types("check", people, "--category", "news")
    assert asked(fake) == [["a@example.com", "b@example.com"]]
    assert rows_of(said.out)[2] == ["x" * 1_000, "", "", "", "nothing over 1000 characters is an address"]


def test_a_request_is_never_larger_than_a_body_may_be(fake: FakeSignoff, person: Person, people: Path) -> None:
    people.write_text("".join("ü" * 900 + f"{number}@example.com\n" for number in range(2_000)), "utf-8")
    person.types("check", people, "--category", "news")
    assert sum(len(batch) for batch in asked(fake)) == 2_000
    assert max(len(seen.body or b"") for seen in fake.requests("POST", "/v1/check")) < 1_000_000


def test_an_answer_about_other_addresses_is_not_used(fake: FakeSignoff, person: Person, people: Path) -> None:
    body = json.dumps({"results": [{"address": "b@example.com", "may_send": True}]}).encode()
    fake.fails("POST", "/v1/check", Status(200, None, body))
    people.write_text("a@example.com\n", "utf-8")
    said = person.types("check", people, "--category", "news")
    assert said.code == 1
    assert "answered for other addresses than it was asked for: nothing of that is used." in said.err
    assert "@" not in said.err


@pytest.mark.parametrize("answer", [{}, {"may_send": None}, {"may_send": "true"}, {"may_send": 1}])
def test_an_answer_without_a_verdict_is_never_may_send(
    fake: FakeSignoff, person: Person, people: Path, answer: dict[str, Any]
) -> None:
    """G4."""
    body = json.dumps({"results": [{"address": "a@example.com", **answer}]}).encode()
    fake.fails("POST", "/v1/check", Status(200, None, body))
    people.write_text("a@example.com\n", "utf-8")
    said = person.types("check", people, "--category", "news")
    assert said.code == 1
    assert "true" not in said.out


def test_an_unknown_category_is_told_with_what_to_do(fake: FakeSignoff, person: Person, people: Path) -> None:
    people.write_text("a@example.com\n" * 9_000, "utf-8")
    said = person.types("check", people, "--category", "unknown")
    assert said.code == 1
    assert said.err.endswith("the sender has no such category; GET /v1/categories lists those that there are.\n")


def test_standard_input_is_a_list_too(fake: FakeSignoff, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a@example.com\n")))
    assert rows_of(person.types("check", "-", "--category", "news").out)[1][0] == "a@example.com"


FORMULAS = ["=1+1@example.com", "+a@example.com", "-a@example.com", "@a", " =a", "'a", "\uff1da@example.com"]


@pytest.mark.parametrize("address", FORMULAS)
def test_no_cell_is_a_formula_unless_the_machine_form_is_asked_for(
    fake: FakeSignoff, person: Person, people: Path, output: Path, address: str
) -> None:
    fake.verdicts = {address.strip(): {"error": "=no"}}
    people.write_text(address, "utf-8")
    person.types("check", people, "--category", "news", "--output", output)
    [_, row] = rows_of(output.read_text("utf-8"))
    assert row == [f"'{address.strip()}", "", "", "", "'=no"]
    person.types("check", people, "--category", "news", "--output", output, "--exact")
    [_, row] = rows_of(output.read_text("utf-8"))
    assert row == [address.strip(), "", "", "", "=no"]


def test_harmless_cells_stay() -> None:
    assert safe(" =1") == "' =1"
    assert [safe(cell) for cell in ("", "a=b@example.com", "2026-01-02", "o'neil@example.com")] == [
        "",
        "a=b@example.com",
        "2026-01-02",
        "o'neil@example.com",
    ]


def test_results_come_in_order_and_few_questions_are_taken_ahead() -> None:
    taken, later = 0, threading.Event()

    def questions() -> Iterator[int]:
        nonlocal taken
        for number in range(100):
            taken += 1
            yield number

    def work(number: int) -> int:
        # The first is the last to be done.
        if number == 0:
            assert later.wait(30)
        later.set()
        return number

    results = in_order(work, questions(), at_once=AT_ONCE)
    for expected, result in enumerate(results):
        assert result == expected
        assert taken <= expected + 2 * AT_ONCE


def test_an_error_of_one_question_comes_in_its_place_and_ends_the_rest() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise ValueError(number)
        return number

    results = in_order(work, range(1_000), at_once=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="3"):
        next(results)
