"""Octets → rows: hostile files, and that it does not matter how octets are cut."""

from __future__ import annotations

import csv
import gzip
import io
import random
import tracemalloc
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.domain.acts import TOLD
from chalicelib.domain.errors import BadFile, UnknownLayout
from chalicelib.ingest import reading
from chalicelib.ingest.octets import ALLOWANCE, BLOCK
from chalicelib.ingest.reading import MOST_LINES_OF_A_ROW, MOST_OF_A_ROW, Row, rows_of
from chalicelib.ingest.rows import Defaults
from tests.ingest.reading import CREATED, packed, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

OUT = Defaults("opted_out")
ADA, BEN = "ada@example.com", "ben@example.com"
PLAIN = f"email\n{ADA}\n{BEN}\n"
NOISE = random.Random(7).randbytes(3 * BLOCK)  # noqa: S311 - noise

READ_WELL: dict[str, bytes] = {
    "bom": b"\xef\xbb\xbf" + PLAIN.encode(),
    "no end of the last line": PLAIN.strip().encode(),
    "crlf": PLAIN.replace("\n", "\r\n").encode(),
    "cr": PLAIN.replace("\n", "\r").encode(),
    "blank lines": PLAIN.replace("\n", "\n \n\n").encode(),
    "empty cells": f"email,name\n,\n{ADA},\n , \n{BEN},\n".encode(),
    "semicolons": f"email;name\n{ADA};a, b\n{BEN};\n".encode(),
    "tabs": f"email\tname\n{ADA}\ta;b\n{BEN}\t\n".encode(),
    "excel's first line": f"sep=;\r\nemail;name\r\n{ADA};a\r\n{BEN};b\r\n".encode(),
    "quotes": f'"email","name"\n"{ADA}","a ""b"", c"\n{BEN},5" pipe\n'.encode(),
    "quotes after a space": f'email, name\n{ADA}, "a, b"\n {BEN} ,c\n'.encode(),
    "line breaks in quotes": f'name,email\n"a\r\nb\n\nc",{ADA}\nd,{BEN}\n'.encode(),
    "separator in the quoted header": f'"email";"last name"\n{ADA};b\n{BEN};c\n'.encode(),
    "utf-16, little endian": PLAIN.encode("utf-16"),
    "utf-16, big endian": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "gzip": packed(PLAIN),
    "gzip of a bom": gzip.compress(b"\xef\xbb\xbf" + PLAIN.encode()),
    "gzip of two members": packed(PLAIN[:9]) + packed(PLAIN[9:]),
    "gzip of a mark in two members": gzip.compress(b"\xff") + gzip.compress(b"\xfe" + PLAIN.encode("utf-16-le")),
    "gzip with an empty member": packed(PLAIN) + packed(""),
    "gzip with zeros behind it": packed(PLAIN) + bytes(BLOCK + 5),
    "columns of nothing at the end": f"email\n{ADA},,\n{BEN}\n".encode(),
}


@pytest.mark.parametrize("name", READ_WELL)
def test_a_file_is_read_however_it_is_written(name: str) -> None:
    outcome = read(READ_WELL[name], OUT)
    assert list(outcome.told) == [ADA, BEN]
    assert not outcome.refused


BAD_ROWS: dict[str, tuple[bytes, str]] = {
    "a nul": (b"a\0b@example.com", reading.HAS_NUL),
    "octets that are not utf-8": (b"\xe4da@example.com", reading.NOT_UTF_8),
    "a surrogate in utf-8": (b"\xed\xa0\x80a@example.com", reading.NOT_UTF_8),
    "a damaged letter": ("\ufffdda@example.com".encode(), "damaged"),
    "a field of 1 MB": (b"x" * 1_000_000, reading.TOO_LONG),
    "a quoted field of 1 MB": (b'"' + b"x" * 1_000_000 + b'"', reading.TOO_LONG),
    "something behind a quote": (b'"ada"@example.com', reading.BAD_QUOTES),
    "a quote that is never closed": (b'"cyd@example.com', reading.BAD_QUOTES),
    "more cells than columns": (b"cyd@example.com,dee@example.com", "2 cells"),
    "an invalid address": (b"cyd at example.com", "address"),
    "two addresses": (b"cyd@example.com dee@example.com", "address"),
    "a control": (b"cyd\x1b@example.com", "address"),
    "half a character in utf-16": ("cyd\ud800@example.com".encode("utf-16-le", "surrogatepass"), reading.NOT_UTF_8),
}  # fmt: skip


@pytest.mark.parametrize("rest", ["", ",BOUNCE"])
@pytest.mark.parametrize("columns", [None, {"address": 1}])
def test_a_damaged_first_row_without_a_header_is_a_row(rest: str, columns: dict[str, object] | None) -> None:
    outcome = read(f"jos\ufffd@example.com{rest}\n{ADA}{rest}\n", OUT, columns=columns)
    assert (list(outcome.told), list(outcome.refused)) == ([ADA], [1])


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_costs_itself_alone_and_is_not_repeated(name: str) -> None:
    """D3."""
    row, reason = BAD_ROWS[name]
    content = f"email\n{ADA}\n".encode() + row + f"\n{BEN}\n".encode()
    if "utf-16" in name:
        before, after = f"email\n{ADA}\n".encode("utf-16"), f"\n{BEN}\n".encode("utf-16-le")
        content = before + row + after
    outcome = read(content, OUT)

    assert list(outcome.told) == [ADA, BEN]
    assert reason in outcome.refused[3]
    assert "example" not in outcome.refused[3]
    assert "cyd" not in outcome.refused[3]


BAD_FILES: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n \r\n\n",
    "a bom alone": b"\xef\xbb\xbf",
    "gzip of nothing": packed(""),
    "gzip that ends early": packed(PLAIN)[:-9],
    "gzip without its end": packed(PLAIN)[:-1],
    "gzip whose head ends early": packed(PLAIN)[:5],
    "gzip with a false sum": packed(PLAIN)[:-8] + bytes(8),
    "gzip with garbage behind it": packed(PLAIN) + b"garbage",
    "gzip damaged far in": gzip.compress(PLAIN.encode() + NOISE)[: 2 * BLOCK] + NOISE,
    "a bomb": gzip.compress(b"email\n" + bytes(5 * ALLOWANCE)),
    "a bomb of blank lines": gzip.compress(b"email\n" + b"\n" * (5 * ALLOWANCE)),
    "a spreadsheet": b"PK\x03\x04" + NOISE,
    "utf-16 without a mark": PLAIN.encode("utf-16-le"),
    "utf-16 cut in a letter": PLAIN.encode("utf-16")[:-1],
    "utf-32": PLAIN.encode("utf-32"),
    "a first row of 1 MB": b"x" * 1_000_000,
    "a first row with a quote that is never closed": b'"email\nada@example.com\n',
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_list_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(BadFile) as caught:
        read(BAD_FILES[name], OUT)
    assert "example" not in caught.value.reason


def test_rows_before_the_damage_are_given_first() -> None:
    content = gzip.compress(b"email\n" + b"".join(b"a%d@example.com\n" % number for number in range(50_000)))
    rows = rows_of([content[:-20]])
    assert len(list(islice(rows, 40_000))) == 40_000
    with pytest.raises(BadFile):
        list(rows)


def test_a_file_with_a_header_alone_has_no_rows() -> None:
    assert read("email\n", OUT).rows == []


def test_rows_know_the_line_in_which_they_begin() -> None:
    text = 'email,name\n\na@example.com,"x\n\ny"\n"b\nc@example.com,"z"\n'
    assert [(row.line, len(row.cells), row.flaw) for row in rows_of([text.encode()])] == [
        (1, 2, None),
        (3, 2, None),
        (6, 0, reading.BAD_QUOTES),
        (7, 2, None),
    ]


@pytest.mark.parametrize("line", ["x" * 1_000, "x"])
def test_a_quote_that_is_never_closed_gives_back_every_line_it_took(line: str) -> None:
    many = 5 * MOST_LINES_OF_A_ROW
    rows = list(rows_of([("email\n" + '"\n' + f"{line}\n" * many).encode()]))
    assert [row.line for row in rows] == list(range(1, many + 3))
    assert [row.flaw for row in rows if row.flaw] == [reading.BAD_QUOTES]


def test_a_quote_that_is_closed_too_late_is_not_closed() -> None:
    for lines, flaws in ((MOST_LINES_OF_A_ROW - 1, []), (MOST_LINES_OF_A_ROW, [reading.BAD_QUOTES] * 2)):
        content = 'email,name\n"' + "x\n" * lines + '",b\n'
        assert [row.flaw for row in rows_of([content.encode()]) if row.flaw] == flaws


@pytest.mark.parametrize(
    ("line", "block"), [(b"", b"x"), (b'"', b"x"), (b'"\n', b"x" * 63 + b"\n")], ids=["line", "quote", "rows"]
)
def test_memory_is_bounded_whatever_comes(line: bytes, block: bytes) -> None:
    """5 MB without an end of a line, without an end of a quote, and rows behind such a quote."""
    block *= BLOCK // len(block)
    tracemalloc.start()
    try:
        rows = sum(1 for _ in rows_of(chain([b"email\n", line], repeat(block, 80))))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows
    assert peak < 2_000_000


def test_a_row_may_be_as_long_as_is_said_and_no_longer() -> None:
    for extra, flaw in ((0, None), (1, reading.TOO_LONG)):
        content = b"email\n" + b"x" * (MOST_OF_A_ROW + extra) + b"\n"
        assert [row.flaw for row in rows_of([content])] == [None, flaw]


def test_nothing_of_the_csv_module_is_changed_for_others() -> None:
    limit = csv.field_size_limit()
    assert read(b"email\n" + b"x" * 200_000, OUT).refused
    assert csv.field_size_limit() == limit


def test_the_file_is_never_held_whole() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield b"email\n"
        while True:
            taken += 1
            yield b"a@example.com\n" * 100

    assert len(list(islice(rows_of(endless()), 100_000))) == 100_000
    assert taken * 1_400 < 100_000 * 14 + 4 * BLOCK


ROWS = gzip.compress(b"email\n" + b"".join(b"a%d@example.com\n" % number for number in range(40_000)))
DAMAGED = ROWS[: len(ROWS) // 2] + bytes(100) + ROWS[len(ROWS) // 2 + 100 :]


def cut(content: bytes, sizes: list[int]) -> Iterator[bytes]:
    start = 0
    while start < len(content):
        for size in sizes or [1]:
            yield content[start : start + size]
            start += size


def outcome_of(chunks: Iterable[bytes]) -> tuple[list[Row], str]:
    rows: list[Row] = []
    try:
        rows.extend(rows_of(chunks))
    except BadFile as error:
        return rows, error.reason
    return rows, ""


SOUP = st.lists(
    st.sampled_from(
        [
            "email",
            ADA,
            '"',
            '""',
            ",",
            ";",
            "\t",
            "\n",
            "\r",
            "\r\n",
            "\0",
            "é",
            "\U0001f600",
            " ",
            "sep=;",
            "x" * 70_000,
        ]
    ),
    max_size=30,
).map("".join)
FILES = st.one_of(
    SOUP.map(str.encode),
    SOUP.map(lambda text: text.encode("utf-16")),
    SOUP.map(packed),
    st.tuples(SOUP.map(packed), st.binary(max_size=20)).map(b"".join),
    st.tuples(SOUP.map(packed), st.integers(1, 40)).map(lambda pair: pair[0][: -pair[1]]),
    st.binary(max_size=200),
    st.sampled_from(list(BAD_FILES.values())[:10]),
)


@given(FILES, st.lists(st.integers(1, 100_000) | st.integers(1, 5), max_size=4).filter(lambda sizes: sum(sizes) != 1))
@example(READ_WELL["utf-16, big endian"], [1, 1])
@example(READ_WELL["gzip of two members"], [1, 1])
@example(DAMAGED, [1_000])
@example(DAMAGED, [30_000])
@example("é€\U0001f600\r\n".encode(), [1, 1])
@settings(deadline=None)
def test_it_does_not_matter_how_the_octets_are_cut(content: bytes, sizes: list[int]) -> None:
    """A worker that was killed finds the same rows again."""
    whole = outcome_of([content])
    assert outcome_of(cut(content, sizes)) == whole
    assert outcome_of([b"", content, b""]) == whole


PLAIN_CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r"), max_size=8)


@given(st.lists(st.lists(PLAIN_CELLS, min_size=2, max_size=4), max_size=8), st.sampled_from(",;\t"))
@settings(deadline=None)
def test_what_was_written_as_csv_is_read_again(table: list[list[str]], separator: str) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([["email", "name"], *table])
    rows = list(rows_of([written.getvalue().encode()]))
    assert [list(row.cells) for row in rows[1:]] == [cells for cells in table if any(map(str.strip, cells))]
    assert not any(row.flaw for row in rows)


HEADERS = st.sampled_from(
    [b"email,created\n", b"status,reason,email,created\n", b"address,tags,created_at\n",
     b"email,reason,category,date\n", b"uuid,email,name,attributes,status,created_at,updated_at\n",
     b"recipient,address,category,reason,since,via,except\n", b"Email Address,OPTIN_TIME,UNSUB_TIME,CLEAN_TIME\n",
     b"address,category,consent_at,consent_wording,consent_source\n", b""]
)  # fmt: skip
CELLS = st.sampled_from(
    [ADA.encode(), b"5.1.1", b"4.2.2", b"unsubscribed", b"spam", b"enabled", b"news", b"*", b"alerts", b"2026-03-01",
     b"", b"9999999999", b"1772357400", b"2099-01-01T00:00:00Z", b"01/02/2026", b"-1", b"web"]
)  # fmt: skip
LINES = st.lists(st.lists(CELLS | st.binary(max_size=6), min_size=1, max_size=8).map(b",".join), max_size=6)


@given(st.tuples(HEADERS, LINES.map(b"\n".join)).map(b"".join) | FILES, st.sampled_from([Defaults(), OUT]))
@settings(deadline=None, max_examples=300)
def test_whatever_comes_only_additions_come_out_and_none_of_the_future(content: bytes, defaults: Defaults) -> None:
    """H1: out of an import come four kinds of parts, none of which lifts anything; and no error but ours."""
    try:
        outcome = read(content, defaults)
    except (BadFile, UnknownLayout):
        return
    for row in outcome.rows:
        assert row.parts
        assert all(isinstance(part, TOLD) and 0 < part.at <= CREATED for part in row.parts)
    assert not any(ADA in reason for reason in outcome.refused.values())
