"""What may come out of a row, of a file or of JSON, and when it counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.acts import TOLD, Bounced, Complained, Consented, Evidence, Part, Stated
from chalicelib.domain.errors import RowRefused
from chalicelib.ingest.folding import fold_rows
from chalicelib.ingest.json_rows import read_json_row
from chalicelib.ingest.meanings import Meaning, meaning_of
from chalicelib.ingest.rows import Defaults, ReadRow, read_address
from tests.ingest.reading import CATALOGUE, CREATED, ms, read

ADA = "Ada@Example.com"
OUT = Defaults("opted_out")
NINE = "2026-03-01T09:30:00Z"
AT = ms(NINE)
CONSENT = {"category": "news", "at": NINE, "how": "form", "wording": "Send me news", "source": "web"}


def json_row(item: Any, defaults: Defaults = OUT) -> ReadRow:
    return read_json_row(item, defaults, CATALOGUE, CREATED)


WHEN = {
    "a moment": (NINE, AT, AT),
    "a day: the end for an opt-out, the start for consent": (
        "2026-03-01", ms("2026-03-01T23:59:59.999Z"), ms("2026-03-01T00:00:00Z"),
    ),
    "the day of the job: not after it": ("2026-11-21", CREATED, ms("2026-11-21T00:00:00Z")),
    "the future: the job's creation": ("2030-01-01T00:00:00Z", CREATED, CREATED),
}  # fmt: skip


@pytest.mark.parametrize("name", WHEN)
def test_a_row_counts_from_when_it_says_and_never_after_the_job(name: str) -> None:
    text, opted_out, consented = WHEN[name]
    header = "address,reason,category,at,consent_at,consent_wording,consent_source\n"
    rows = "".join(f"{ADA},{word},news,{text},,,\n" for word in ("unsubscribed", "bounced", "spam"))
    told = read(f"{header}{rows}{ADA},,news,,{text},words,web\n").rows

    assert [row.parts for row in told] == [
        (Stated("news", opted_out),),
        (Bounced(opted_out),),
        (Complained(opted_out),),
        (Consented("news", consented),),
    ]


def test_a_row_without_a_date_counts_from_the_jobs_creation() -> None:
    """So that a row that is run twice is one act."""
    assert read(f"email,created\n{ADA},\n").rows[0].parts == (Stated("*", CREATED),)


def test_an_address_keeps_its_spelling_and_its_tags() -> None:
    """D1, D2."""
    address = read("email\n  Ada.B+news@Example.COM \n", OUT).rows[0].address
    assert (address.spelled, address.key) == ("Ada.B+news@Example.COM", "ada.b+news@example.com")


def test_what_a_row_is_of_is_not_shown() -> None:
    row = json_row({"address": ADA, "consent": CONSENT})
    assert "Example" not in repr(row)
    assert "news" not in repr(row.evidence and row).replace("category='news'", "")


def test_words_are_known_whatever_their_case_and_signs() -> None:
    assert {meaning_of(word) for word in ("HardBounce", "hard bounce", "HARD_BOUNCE", "hard-bounce")} == {
        Meaning.UNDELIVERABLE
    }
    assert meaning_of("") is None
    assert meaning_of("!") is None


def test_a_default_of_a_service_alert_is_refused_for_each_row() -> None:
    """H2."""
    assert "nobody can opt out" in read(f"email\n{ADA}\n", Defaults("opted_out", "alerts")).refused[2]


def test_a_retired_category_can_be_opted_out_of() -> None:
    """H3."""
    assert json_row({"address": ADA, "category": "old"}).parts == (Stated("old", CREATED),)


JSON_ROWS: dict[str, tuple[dict[str, Any], tuple[Part, ...]]] = {
    "address alone": ({}, (Stated("*", CREATED),)),
    "everything": ({"reason": "opted_out", "category": "news", "at": NINE}, (Stated("news", AT),)),
    "a complaint is of no category": ({"reason": "complaint", "category": "news", "at": NINE}, (Complained(AT),)),
    "undeliverable": ({"reason": "undeliverable"}, (Bounced(CREATED),)),
    "words of others": ({"reason": "Hard Bounce"}, (Bounced(CREATED),)),
    "a zone": ({"at": "2026-03-01T11:30:00.5+02:00"}, (Stated("*", AT + 500),)),
    "the future": ({"at": "2030-03-01T11:30:00Z"}, (Stated("*", CREATED),)),
    "consent": ({"consent": CONSENT}, (Consented("news", AT),)),
    "consent and opt-out": ({"consent": CONSENT, "reason": "opted_out"}, (Stated("*", CREATED), Consented("news", AT))),
}


@pytest.mark.parametrize("name", JSON_ROWS)
def test_a_json_row_means_what_it_means_in_a_file(name: str) -> None:
    fields, parts = JSON_ROWS[name]
    row = json_row({"address": ADA, **fields})
    assert (row.address.key, row.parts) == ("ada@example.com", parts)
    assert row.evidence == (Evidence("form", "Send me news", "web") if "consent" in fields else None)


BAD_JSON_ROWS: dict[str, tuple[Any, str]] = {
    "no object": ([ADA], ""),
    "no address": ({}, "address"),
    "a number for an address": ({"address": 7}, "address"),
    "an invalid address": ({"address": "ada.example.com"}, "address"),
    "an unknown name": ({"address": ADA, "ada@example.com": 1}, ""),
    "an unknown reason": ({"address": ADA, "reason": "ada@example.com"}, "reason"),
    "a soft bounce": ({"address": ADA, "reason": "soft_bounce"}, "reason"),
    "subscribed": ({"address": ADA, "reason": "subscribed"}, "reason"),
    "null": ({"address": ADA, "reason": None}, "reason"),
    "an unknown category": ({"address": ADA, "category": "ada@example.com"}, "category"),
    "a service alert": ({"address": ADA, "category": "alerts"}, "category"),
    "a list of commas": ({"address": ADA, "category": ",,"}, "category"),
    "an unreadable time": ({"address": ADA, "at": "ada@example.com"}, "at"),
    "a day": ({"address": ADA, "at": "2026-03-01"}, "at"),
    "a number for a time": ({"address": ADA, "at": 1772357400}, "at"),
    "a time that does not exist": ({"address": ADA, "at": "2026-02-30T00:00:00Z"}, "at"),
    "consent that is none": ({"address": ADA, "consent": True}, "consent"),
    "consent with an unknown name": ({"address": ADA, "consent": {**CONSENT, "ip": "192.0.2.1"}}, "consent"),
    "consent beside a time": ({"address": ADA, "at": NINE, "consent": CONSENT}, "at"),
    "consent to all": ({"address": ADA, "consent": {**CONSENT, "category": "*"}}, "consent/category"),
    "consent to a service alert": ({"address": ADA, "consent": {**CONSENT, "category": "alerts"}}, "consent/category"),
    "consent to nothing known": ({"address": ADA, "consent": {**CONSENT, "category": "x"}}, "consent/category"),
    "consent on a day": ({"address": ADA, "consent": {**CONSENT, "at": "2026-03-01"}}, "consent/at"),
    "consent at no time": ({"address": ADA, "consent": {**CONSENT, "at": "0001-01-01T00:00:00Z"}}, "consent/at"),
    "consent to nothing shown": ({"address": ADA, "consent": {**CONSENT, "wording": " "}}, "consent/wording"),
    "consent with a book": ({"address": ADA, "consent": {**CONSENT, "wording": "x" * 2_001}}, "consent/wording"),
    "consent with half a character": ({"address": ADA, "consent": {**CONSENT, "how": "\ud800"}}, "consent/how"),
    **{
        f"consent without {name}": (
            {"address": ADA, "consent": {field: text for field, text in CONSENT.items() if field != name}},
            f"consent/{name}",
        )
        for name in CONSENT
    },
}


@pytest.mark.parametrize("name", BAD_JSON_ROWS)
def test_a_bad_json_row_is_refused_at_its_field(name: str) -> None:
    """D3."""
    item, column = BAD_JSON_ROWS[name]
    with pytest.raises(RowRefused) as caught:
        json_row(item)
    assert caught.value.column == column
    assert "example.com" not in str(caught.value).lower()


def test_without_a_reason_and_a_default_a_json_row_is_refused() -> None:
    with pytest.raises(RowRefused, match="default reason"):
        json_row({"address": ADA}, Defaults())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([ADA, NINE, "news", "*", "opted_out", "\ud800", ""]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["address", "reason", "category", "at", "consent", *CONSENT]), inner, max_size=5
        )
    ),
)


@given(st.dictionaries(st.sampled_from(["reason", "category", "at", "consent"]), JSON) | JSON)
def test_whatever_json_comes_it_adds_or_is_refused(item: Any) -> None:
    """H1."""
    try:
        row = json_row({"address": ADA, **item} if isinstance(item, dict) else item)
    except RowRefused:
        return
    assert row.parts
    assert all(isinstance(part, TOLD) and 0 < part.at <= CREATED for part in row.parts)


SCOPES = st.sampled_from(["*", "news", "offers"])
TIMES = st.integers(1, 4)
EVIDENCE = st.builds(Evidence, st.just(""), st.sampled_from(["one", "two"]), st.just("web"))
ROWS = st.lists(
    st.builds(
        ReadRow,
        st.just(read_address(ADA)),
        st.lists(
            st.builds(Stated, SCOPES, TIMES)
            | st.builds(Bounced, TIMES)
            | st.builds(Complained, TIMES)
            | st.builds(Consented, SCOPES, TIMES),
            min_size=1,
            max_size=3,
        ).map(tuple),
        EVIDENCE,
    ),
    max_size=6,
)


@given(ROWS, st.randoms(use_true_random=False))
def test_rows_of_one_recipient_fold_to_the_same_in_every_order(rows: list[ReadRow], dice: Any) -> None:
    folded = fold_rows(rows)
    shuffled = [*rows, *rows[:1]]
    dice.shuffle(shuffled)

    assert fold_rows(shuffled) == folded
    assert fold_rows([ReadRow(read_address(ADA), folded.parts)]).parts == folded.parts
    assert {type(part) for part in folded.parts} == {type(part) for row in rows for part in row.parts}
    every = [part for row in rows for part in row.parts]
    for part in folded.parts:
        alike = [other for other in every if type(other) is type(part) and scope(other) == scope(part)]
        assert part.at == max(other.at for other in alike)
    consents = {part.category for part in folded.parts if isinstance(part, Consented)}
    assert set(folded.evidence) == consents


def scope(part: Part) -> str:
    return getattr(part, "scope", getattr(part, "category", ""))


def test_of_each_kind_the_newest_is_kept_with_its_own_evidence() -> None:
    first = json_row({"address": ADA, "consent": CONSENT})
    later = json_row({"address": ADA, "consent": {**CONSENT, "at": "2026-04-01T00:00:00Z", "wording": "Please"}})
    out = json_row({"address": ADA, "at": NINE})
    folded = fold_rows([later, out, first, json_row({"address": ADA, "category": "news", "at": NINE})])

    assert folded.parts == (Stated("*", AT), Stated("news", AT), Consented("news", ms("2026-04-01T00:00:00Z")))
    assert folded.evidence == {"news": Evidence("form", "Please", "web")}
    assert fold_rows([]).parts == ()
