"""`/v1/imports`: rows and files, each row once, and nothing that was withheld is ever lifted (conformance H1)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.api.times import tell
from chalicelib.domain.acts import Act, Bounced, Complained, Consented, OptedIn, OptedOut, Stated, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.fold import fold
from chalicelib.store.ledger import Beside
from tests.api.asking import Admin, body_errors
from tests.callers import Caller
from tests.gateway import send
from tests.ingest.reading import CREATED
from tests.ingest.test_layouts import SAMPLES
from tests.jobs import IMPORTS, Desk, make_desk, put, rejects_of, zipped
from tests.site import ADDRESS, CODE
from tests.store import faults
from tests.store.faults import FaultyPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.domain.acts import Part
    from chalicelib.domain.senders import Place
    from chalicelib.domain.state import State
    from tests.engines import LocalFiles, LocalTables

A, B, C = "ada@example.com", "ben@example.com", "cyd@example.com"
NINE = "2026-03-01T09:30:00Z"
CONSENT = {"category": "study", "at": NINE, "how": "a box", "wording": "Yes, please", "source": "order 4711"}


@pytest.fixture
def desk(dynoxide_tables: LocalTables, local_files: LocalFiles) -> Iterator[Desk]:
    with make_desk(dynoxide_tables, local_files) as made:
        yield made


def place_of(desk: Desk, address: str) -> Place:
    return desk.site.service.senders.get(CODE).place_of(parse_address(address))


def state_of(desk: Desk, address: str) -> State:
    return desk.site.service.reader.recipient(place_of(desk, address)).state


def did(desk: Desk, address: str, part: Part, via: Via = Via.PREFERENCE_PAGE) -> None:
    """Something that a recipient or a sender did before."""
    desk.site.clock.milliseconds += 61_000
    act = Act(f"x{desk.site.clock.milliseconds}", via, (part,))
    desk.site.service.ledger.record(place_of(desk, address), act, Beside(address))


def counts(rows: int, changed: int, unchanged: int = 0, rejected: int = 0) -> dict[str, int]:
    accepted = rows - rejected
    return {"rows": rows, "accepted": accepted, "changed": changed, "unchanged": unchanged, "rejected": rejected}


# Rows


def test_rows_are_imported_at_once(desk: Desk) -> None:
    told = desk.rows(
        {"address": A, "reason": "opted_out", "category": "news", "at": NINE},
        {"address": B, "reason": "SpamComplaint"},
        {"address": C, "reason": "hard_bounce", "at": NINE},
        {"address": "Dee@EXAMPLE.com", "reason": "unsubscribed"},
        {"address": "eli@example.com"},
        {"address": "fay@example.com", "category": "*"},
        default={"reason": "opted_out", "category": "offers"},
    )

    assert told["status"] == "done"
    assert told["counts"] == counts(6, 6)
    assert (told["rejected"], told["octets"], told["rejects_url"], told["layout"]) == ([], None, None, None)
    assert desk.site.reasons(A) == {"news": "opted_out", "offers": None, "alerts": None}
    assert desk.site.reasons(B) == {"news": "complaint", "offers": "complaint", "alerts": None}
    assert desk.site.reasons(C) == dict.fromkeys(("news", "offers", "alerts"), "undeliverable")
    for address in ("dee@example.com", "eli@example.com"):
        assert desk.site.reasons(address) == {"news": None, "offers": "opted_out", "alerts": None}
    assert desk.site.reasons("fay@example.com") == {
        "news": "opted_out_of_all",
        "offers": "opted_out_of_all",
        "alerts": None,
    }
    assert desk.site.service.reader.recipient(place_of(desk, "dee@example.com")).address == "Dee@EXAMPLE.com"
    assert desk.show(told["id"]) == {name: value for name, value in told.items() if name != "rejected"}


def test_without_a_default_a_row_is_an_opt_out_of_everything_where_it_says_so(desk: Desk) -> None:
    told = desk.rows({"address": A, "reason": "opted_out"}, {"address": B})
    assert told["counts"] == counts(2, 1, rejected=1)
    assert desk.site.reasons(A)["offers"] == "opted_out_of_all"
    assert told["rejected"] == [
        {"row": 1, "pointer": "/rows/1/reason", "detail": "the row does not say why, and there is no default reason"}
    ]


def test_a_consent_comes_with_what_shows_it_and_satisfies_the_need_of_consent_alone(desk: Desk) -> None:
    """H1, C4."""
    desk.admin.put("study", {"name": "Study", "kind": "optional", "needs_consent": True}, 201)
    did(desk, B, OptedOut("study"))
    did(desk, C, OptedOut("*"))
    assert desk.site.reasons(A)["study"] == "no_consent"

    told = desk.rows(*({"address": address, "consent": CONSENT} for address in (A, B, C)))

    assert told["counts"] == counts(3, 3)
    assert desk.site.reasons(A)["study"] is None
    assert desk.site.reasons(B)["study"] == "opted_out"
    assert desk.site.reasons(C)["study"] == "opted_out_of_all"
    acts = desk.admin.told("GET", "/v1/recipients/{recipient}/acts", recipient=place_of(desk, A).recipient)["acts"]
    assert [act["evidence"] for act in acts] == [{name: CONSENT[name] for name in ("how", "wording", "source")}]
    assert acts[0]["parts"][0]["consented"] == "2026-03-01T09:30:00.000Z"
    [entry] = desk.site.service.reader.log(CODE, place_of(desk, A).shard, 0)[-1:]
    assert [getattr(part, "evidence", None) for part in entry.act.parts] == [entry.act.id]


def test_an_opt_out_and_a_consent_in_one_row(desk: Desk) -> None:
    told = desk.rows(
        {"address": A, "reason": "opted_out", "category": "news", "consent": {**CONSENT, "category": "offers"}}
    )
    assert told["counts"] == counts(1, 1)
    assert (set(state_of(desk, A).stated), set(state_of(desk, A).consent_told)) == ({"news"}, {"offers"})


def test_what_would_show_a_consent_that_was_erased_is_not_kept(desk: Desk) -> None:
    """C5: nor is the address. An import brings nobody back: newer consent holds, and its texts are not kept."""
    did(desk, A, OptedOut("news"))
    recipient = place_of(desk, A).recipient
    desk.site.clock.milliseconds += 61_000
    erase = ("DELETE", "/v1/recipients/{recipient}")
    assert desk.admin.ask(*erase, recipient=recipient).status == 200
    desk.site.clock.milliseconds += 600_000
    old, new = {**CONSENT, "category": "news"}, {**CONSENT, "category": "offers", "source": "new"}
    new["at"] = tell(desk.site.clock.milliseconds - 60_000) or ""

    told = desk.rows({"address": A, "reason": "opted_out", "consent": old}, {"address": A, "consent": new})

    assert told["counts"] == counts(2, 2)
    kept = [item for item in desk.site.stored() if item["sk"]["S"].startswith("evidence#")]
    assert kept == []
    assert desk.site.service.reader.recipient(place_of(desk, A)).address is None


def test_rows_of_one_recipient_are_one_act(desk: Desk) -> None:
    told = desk.rows(
        {"address": A, "reason": "opted_out", "category": "news"},
        {"address": A.upper(), "reason": "complaint"},
        {"address": A, "reason": "opted_out", "category": "news", "at": NINE},
    )
    assert told["counts"] == counts(3, 3)
    assert desk.site.entries() == 1


REFUSED: list[tuple[Any, str, str]] = [
    ({"address": "nobody"}, "/address", "@"),
    ({"address": ""}, "/address", "empty"),
    ({}, "/address", "missing"),
    ({"address": 7}, "/address", "text"),
    ({"address": A, "reason": "whatever"}, "/reason", "not a reason"),
    ({"address": A, "reason": "soft_bounce"}, "/reason", "soft bounce"),
    ({"address": A, "reason": "subscribed"}, "/reason", "not a suppression"),
    ({"address": A, "reason": ["opted_out"]}, "/reason", "text"),
    ({"address": A, "reason": "opted_out", "category": "nope"}, "/category", "no such category"),
    ({"address": A, "reason": "opted_out", "category": "alerts"}, "/category", "nobody can opt out"),
    ({"address": A, "reason": "opted_out", "at": "2026-03-01"}, "/at", "RFC 3339"),
    ({"address": A, "reason": "opted_out", "at": "1969-03-01T00:00:00Z"}, "/at", "1970"),
    ({"address": A, "reason": "opted_out", "why": 1}, "", "nothing else"),
    ({"address": A, "consent": {**CONSENT, "category": "*"}}, "/consent/category", "one category"),
    ({"address": A, "consent": {**CONSENT, "category": "alerts"}}, "/consent/category", "service alert"),
    ({"address": A, "consent": {**CONSENT, "category": "news", "wording": ""}}, "/consent/wording", "text"),
    ({"address": A, "consent": {"category": "news"}}, "/consent", "missing"),
    ({"address": A, "consent": CONSENT, "at": NINE}, "/at", "consent"),
    (A, "", "object"),
    (None, "", "object"),
]


def test_a_refused_row_says_where_and_why_and_keeps_nothing_from_the_others(desk: Desk) -> None:
    good = [{"address": f"n{number}@example.com"} for number in range(len(REFUSED))]
    rows = [row for bad, one in zip(REFUSED, good, strict=True) for row in (bad[0], one)]

    told = desk.rows(*rows, default={"reason": "opted_out"})

    assert told["counts"] == counts(2 * len(REFUSED), len(REFUSED), rejected=len(REFUSED))
    assert [row["row"] for row in told["rejected"]] == list(range(0, 2 * len(REFUSED), 2))
    for row, (bad, pointer, word) in zip(told["rejected"], REFUSED, strict=True):
        assert row["pointer"].startswith(f"/rows/{row['row']}{pointer}"), (bad, row)
        assert word in row["detail"], (bad, row)
        assert "example.com" not in row["detail"]
    assert {desk.site.reasons(row["address"])["news"] for row in good} == {"opted_out_of_all"}
    assert desk.site.reasons(A) == {"news": None, "offers": None, "alerts": None}


def test_a_thousand_rows_and_not_one_more(desk: Desk) -> None:
    rows = [{"address": f"n{number}@example.com"} for number in range(1_001)]
    told = desk.rows(*rows[:1_000], default={"reason": "undeliverable"})
    assert told["counts"] == counts(1_000, 1_000)
    assert desk.admin.ask("POST", IMPORTS, {"rows": rows, "default": {"reason": "undeliverable"}}).status == 400


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"rows": [{"address": A}], "file": {}}, ""),
        ({"rows": []}, "/rows"),
        ({"rows": [{"address": A}], "default": {"reason": "blocked"}}, "/default/reason"),
        ({"file": {"layout": "own"}}, "/file/layout"),
        ({"file": {"columns": {"at": 2}}}, "/file/columns"),
        ({"file": {"columns": {"address": 0}}}, "/file/columns/address"),
        ({"file": {"default": {"category": "NEWS!"}}}, "/file/default/category"),
        ({"file": {}, "more": 1}, ""),
    ],
)
def test_a_request_that_cannot_be_used(desk: Desk, body: dict[str, Any], pointer: str) -> None:
    """G1."""
    told = desk.admin.told("POST", IMPORTS, body, status=400)
    assert told["pointer"].startswith(pointer)
    assert desk.ask("GET", IMPORTS).body == '{"imports": [], "cursor": null}'


@pytest.mark.parametrize(("form", "pointer"), [("rows", "/default/category"), ("file", "/file/default/category")])
@pytest.mark.parametrize(
    ("category", "status", "name"), [("nope", 404, "unknown-category"), ("alerts", 409, "cannot-opt-out")]
)
def test_a_default_that_is_no_category_to_opt_out_of_is_pointed_at(
    desk: Desk, form: str, pointer: str, category: str, status: int, name: str
) -> None:
    default = {"reason": "opted_out", "category": category}
    body = {"rows": [{"address": A}], "default": default} if form == "rows" else {"file": {"default": default}}
    told = desk.admin.told("POST", IMPORTS, body, status=status)
    assert (told["type"], told["pointer"]) == (f"urn:signoff:{name}", pointer)
    assert desk.site.entries() == 0


def test_scopes(desk: Desk) -> None:
    reader, writer = (Admin.of(Caller(desk.site), scope) for scope in ("read", "write"))
    assert reader.ask("POST", IMPORTS, {"file": {}}).status == 403
    assert writer.ask("GET", IMPORTS).status == 403
    assert writer.ask("POST", IMPORTS, {"file": {}}).status == 201


def test_the_same_rows_with_the_same_key_are_imported_once_and_answered_the_same(desk: Desk) -> None:
    body = {"rows": [{"address": A, "reason": "opted_out", "category": "later"}, {"address": B, "reason": "bounce"}]}
    first = desk.admin.ask("POST", IMPORTS, body, once="k")
    stored = desk.site.entries()
    desk.admin.put("later", {"name": "Later", "kind": "optional"}, 201)
    desk.site.forget()

    again = desk.admin.ask("POST", IMPORTS, body, once="k")

    assert json.loads(first.body)["counts"] == counts(2, 1, rejected=1)
    assert (again.status, again.body) == (first.status, first.body)
    assert desk.site.entries() == stored + 1, "the category, and no row"
    assert len(json.loads(desk.ask("GET", IMPORTS).body)["imports"]) == 1


def test_another_body_under_the_same_key_is_refused(desk: Desk) -> None:
    one, other = ({"rows": [{"address": address, "reason": "bounce"}]} for address in (A, B))
    assert desk.admin.ask("POST", IMPORTS, one, once="k").status == 200
    assert desk.admin.ask("POST", IMPORTS, other, once="k").status == 422
    assert desk.admin.ask("POST", IMPORTS, {"file": {}}, once="k").status == 422
    assert desk.site.entries() == 1


def test_the_same_rows_without_a_key_change_nothing_the_second_time(desk: Desk) -> None:
    """Even undated ones are stated again, at the time of their import; dated ones are not."""
    row = {"address": A, "reason": "opted_out", "at": NINE}
    assert desk.rows(row)["counts"] == counts(1, 1)
    assert desk.rows(row)["counts"] == counts(1, 0, unchanged=1)


def test_the_acts_of_two_imports_are_two(desk: Desk) -> None:
    for day in (1, 2):
        desk.rows({"address": A, "consent": {**CONSENT, "category": "news", "at": f"2026-03-0{day}T09:30:00Z"}})
    place = place_of(desk, A)
    assert len({entry.act.id for entry in desk.site.service.reader.log(CODE, place.shard, 0)}) == 2
    assert len(desk.site.service.evidences.of(place)) == 2


def of_one_shard(desk: Desk, count: int) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    number = 0
    while len(found) < count:
        number += 1
        address = f"n{number}@example.com"
        if place_of(desk, address).shard == 0:
            found.append({"address": address, "reason": "opted_out"})
    return found


def test_the_same_request_completes_what_there_was_no_time_for(desk: Desk) -> None:
    """A11."""
    rows = [*of_one_shard(desk, 70), {"address": "nobody"}]
    wire = desk.site.service._wire
    pool = wire.pool = FaultyPool(wire.pool)

    def takes_long() -> None:
        desk.site.clock.milliseconds += 15_000

    pool.plan("TransactWriteItems", faults.after(takes_long))
    first = desk.admin.ask("POST", IMPORTS, {"rows": rows}, once="k")
    [unfinished] = json.loads(desk.ask("GET", IMPORTS).body)["imports"]
    again = desk.admin.ask("POST", IMPORTS, {"rows": rows}, once="k")

    assert (first.status, "retry-after" in first.headers) == (503, True)
    assert 0 < unfinished["counts"]["changed"] < 70
    assert unfinished["status"] == "running"
    assert {name: unfinished["counts"][name] for name in ("rows", "accepted", "rejected")} == {
        "rows": 71,
        "accepted": 70,
        "rejected": 1,
    }
    assert again.status == 200
    assert json.loads(again.body)["id"] == unfinished["id"]
    assert json.loads(again.body)["counts"] == counts(71, 70, rejected=1)
    assert desk.site.entries() == 70
    assert desk.admin.ask("POST", IMPORTS, {"rows": rows}, once="k").body == again.body


@pytest.mark.parametrize("operation", ["PutItem", "BatchGetItem", "TransactWriteItems"])
@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("fault", [faults.lost_answer, faults.lost_request], ids=["lost answer", "lost request"])
def test_rows_are_imported_once_whatever_goes_wrong(desk: Desk, operation: str, at: int, fault: faults.Fault) -> None:
    """A10, A11: a fault at each call, and the same request again where it got no answer."""
    rows = [{"address": f"n{number}@example.com", "reason": "complaint"} for number in range(4)]
    wire = desk.site.service._wire
    pool = wire.pool = FaultyPool(wire.pool)
    pool.plan(operation, *[faults.passes] * at, fault)

    answers = [desk.admin.ask("POST", IMPORTS, {"rows": rows}, once="k") for _ in range(3)]

    good = [answer for answer in answers if answer.status == 200]
    assert answers[-1].status == 200
    assert {answer.body for answer in good} == {answers[-1].body}
    assert json.loads(answers[-1].body)["counts"] == counts(4, 4)
    assert desk.site.entries() == 4


def test_a_file_that_was_asked_for_twice_is_asked_for_once(desk: Desk) -> None:
    first = desk.admin.ask("POST", IMPORTS, {"file": {"layout": "plain"}}, once="k")
    desk.site.clock.milliseconds += 5_000
    put(json.loads(first.body)["upload"]["url"], f"{A}\n".encode())

    again = desk.admin.ask("POST", IMPORTS, {"file": {"layout": "plain"}}, once="k")

    assert (again.status, again.body) == (first.status, first.body) == (201, first.body)
    assert desk.admin.ask("POST", IMPORTS, {"file": {}}, once="k").status == 422
    assert len(json.loads(desk.ask("GET", IMPORTS).body)["imports"]) == 1


# H1: an import never lifts


@pytest.mark.parametrize(
    ("before", "via", "reason"),
    [
        (Complained(CREATED), Via.FEEDBACK, "complaint"),
        (OptedOut("news"), Via.ONE_CLICK, "opted_out"),
        (OptedOut("*"), Via.PREFERENCE_PAGE, "opted_out_of_all"),
        (Bounced(CREATED), Via.FEEDBACK, "undeliverable"),
    ],
)
def test_what_was_withheld_stays_withheld_whatever_is_imported(desk: Desk, before: Part, via: Via, reason: str) -> None:
    """H1: rows that are newer and older, and consents, which other services took for a new subscription."""
    did(desk, A, before, via)
    desk.site.clock.milliseconds += 61_000
    consent = {**CONSENT, "category": "news", "at": "2026-11-01T00:00:00Z"}

    desk.rows(
        {"address": A, "consent": consent},
        {"address": A, "reason": "opted_out", "category": "offers", "at": "2020-01-01T00:00:00Z"},
        {"address": A, "reason": "subscribed"},
    )
    desk.import_file(f"email,status\n{A},subscribed\n", columns={"address": "email", "reason": "status"})

    assert desk.site.reasons(A)["news"] == reason


def test_a_block_stays(desk: Desk) -> None:
    desk.admin.ask("POST", "/v1/acts", {"acts": [{"act": "block", "address": A, "category": "*"}]})
    desk.rows({"address": A, "consent": {**CONSENT, "category": "news"}})
    assert desk.site.reasons(A)["news"] == "blocked"


@pytest.mark.parametrize(("later", "reason"), [(-60_000, None), (60_000, "opted_out")])
def test_an_opt_in_of_the_recipient_is_weighed_by_time(desk: Desk, later: int, reason: str | None) -> None:
    """An old list does not undo a new opt-in; an opt-out that came after it counts. Ties go to the opt-out."""
    did(desk, A, OptedIn("news"))
    at = state_of(desk, A).choice["news"].at + later
    desk.site.clock.milliseconds += 120_000
    desk.import_file(f"email,created\n{A},{at}\n", default={"category": "news"})
    assert desk.site.reasons(A)["news"] == reason


# Files


def test_a_file_is_uploaded_worked_on_and_counted(desk: Desk) -> None:
    begun = desk.begin(default={"reason": "opted_out", "category": "news"})
    assert (begun["status"], begun["counts"], begun["octets"]) == ("waiting", counts(0, 0), None)
    assert begun["upload"]["method"] == "PUT"
    content = f"E-Mail\n{A}\nnobody\n{B}\n".encode()
    put(begun["upload"]["url"], content)
    assert desk.show(begun["id"])["status"] == "waiting"

    assert desk.work() == 1
    told = desk.show(begun["id"])

    assert "upload" not in told
    assert (told["status"], told["layout"], told["detail"]) == ("done", "plain", None)
    assert told["counts"] == counts(3, 2, rejected=1)
    assert told["octets"] == {"read": len(content), "of": len(content)}
    assert rejects_of(told) == [["line", "column", "reason"], ["3", "address", "an address has an @"]]
    assert [desk.site.reasons(address)["news"] for address in (A, B)] == ["opted_out", "opted_out"]


def test_a_waiting_import_gets_a_url_whenever_it_is_asked_for(desk: Desk) -> None:
    begun = desk.begin()
    desk.site.clock.milliseconds += 7_200_000
    later = desk.show(begun["id"])
    assert later["upload"]["expires"] > begun["upload"]["expires"]
    assert later["upload"]["url"].partition("?")[0] == begun["upload"]["url"].partition("?")[0]


SOURCES = (
    "ses, api names",
    "ses, bulk format without a header",
    "sendgrid, groups",
    "sendgrid, bounces and blocks",
    "mailgun, unsubscribes",
    "mailgun, complaints",
    "postmark",
    "mailchimp, everybody",
    "listmonk",
    "ours",
    "our consents",
    "named",
    "named, an opt-out and a consent",
    "plain, all columns",
)


@pytest.mark.parametrize("name", SOURCES)
def test_the_files_of_the_providers(desk: Desk, name: str) -> None:
    """Every row of a sample is in the states afterwards, and what is refused is told by its line."""
    desk.admin.put("old", {"name": "Old", "kind": "optional"}, 201)
    desk.admin.retire("old")
    desk.site.clock.milliseconds += 3_600_000  # far beyond the engine's own clock, which dates what is recorded
    sample = SAMPLES[name]
    default = {"category": sample.defaults.category}
    default |= {} if sample.defaults.reason is None else {"reason": sample.defaults.reason}
    columns = {} if sample.columns is None else {"columns": dict(sample.columns)}

    told = desk.import_file(sample.text, layout=sample.wanted, default=default, **columns)

    assert told["status"] == "done", told["detail"]
    assert told["layout"] == sample.layout
    assert (told["counts"]["rejected"], told["counts"]["changed"]) == (len(sample.refused), len(sample.told))
    created = desk.job(told).created
    for address, parts in sample.told.items():
        state = state_of(desk, address)
        expected = fold([Act("a", Via.IMPORT, tuple(dated(part, created) for part in parts))])
        for register in ("stated", "consent_told"):
            assert times(getattr(state, register)) == times(getattr(expected, register))
        for register in ("complaint", "bounced"):
            held, wanted = getattr(state, register), getattr(expected, register)
            assert (held and held.at) == (wanted and wanted.at)
    lines = {int(line): why for line, _, why in rejects_of(told)[1:]} if sample.refused else {}
    assert lines.keys() == sample.refused.keys()


def dated(part: Part, created: int) -> Part:
    """As of this import; undated rows of the samples are of the time of theirs."""
    if part.at != CREATED:
        return part
    match part:
        case Stated(scope, _):
            return Stated(scope, created)
        case Bounced(_):
            return Bounced(created)
        case Consented():
            return part
        case _:
            return Complained(created)


def times(register: Any) -> dict[str, int]:
    return {scope: mark.at for scope, mark in register.items()}


@pytest.mark.parametrize(
    "content",
    [
        zipped(f"email;created\r\n{A};1772357400\r\n"),
        f"\ufeffemail,created\n{A},1772357400".encode(),
        f"email\tcreated\n{A}\t1772357400\n\n\n".encode("utf-16"),
        f'sep=;\n"email";"created"\n"{A}";"1772357400"\n'.encode(),
    ],
    ids=["gzip, semicolons, CRLF", "BOM", "UTF-16, tabs", "sep="],
)
def test_files_as_programs_write_them(desk: Desk, content: bytes) -> None:
    told = desk.import_file(content, default={"category": "news"})
    assert (told["status"], told["layout"], told["counts"]) == ("done", "sendgrid", counts(1, 1))
    assert told["octets"]["of"] == len(content)
    assert state_of(desk, A).stated["news"].at == 1_772_357_400_000


def test_a_row_with_quoted_line_breaks_and_octets_that_are_no_text(desk: Desk) -> None:
    content = (
        b"email,created,first name\n"
        + f'{A},1772357400,"a\nb"\n'.encode()
        + b"b\xff@example.com,,\n"
        + f"{B},,\n".encode()
    )
    told = desk.import_file(content)
    assert told["counts"] == counts(3, 2, rejected=1)
    assert rejects_of(told)[1] == ["4", "", "the row is not UTF-8"]


BAD = {
    "empty": (b"", "the file is empty"),
    "a spreadsheet": (b"PK\x03\x04rest", "save it as CSV"),
    "half a gzip": (zipped(f"email,created\n{A},1772357400\n")[:-9], "the gzip ends early"),
    "of nobody knows what": (b"a,b,c\n1,2,3\n", "3 columns"),
    "that does not say why": (f"email\n{A}\n".encode(), "default reason"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_read_fails_with_a_sentence(desk: Desk, name: str) -> None:
    content, word = BAD[name]
    told = desk.import_file(content)
    assert told["status"] == "failed"
    assert word in told["detail"]
    assert "example.com" not in told["detail"]
    assert told["counts"]["accepted"] == told["counts"]["changed"] + told["counts"]["unchanged"] == 0
    assert told["rejects_url"] is None


def test_a_file_that_is_gone_fails_with_a_sentence(desk: Desk) -> None:
    begun = desk.begin()
    put(begun["upload"]["url"], b"x")
    desk.site.service.files.delete(f"imports/{CODE}/{begun['id']}")
    desk.work()
    told = desk.show(begun["id"])
    assert (told["status"], told["octets"]) == ("failed", None)
    assert "the file is gone" in told["detail"]


def test_the_same_file_again_changes_nothing(desk: Desk) -> None:
    content = f"email,created\n{A},1772357400\n{B},1772357400\n{A},1772357401\n"
    assert desk.import_file(content)["counts"] == counts(3, 3)
    before = [item for item in desk.site.stored() if not item["sk"]["S"].startswith("job#")]

    again = desk.import_file(content)

    assert again["counts"] == counts(3, 0, unchanged=3)
    assert [item for item in desk.site.stored() if not item["sk"]["S"].startswith("job#")] == before


def test_a_second_upload_to_a_url_that_was_used_changes_nothing(desk: Desk) -> None:
    begun = desk.begin(default={"reason": "opted_out"})
    put(begun["upload"]["url"], f"{A}\n".encode())
    desk.work()
    done = desk.show(begun["id"])
    put(begun["upload"]["url"], f"{B}\n".encode())
    desk.work()
    assert desk.show(begun["id"]) == done
    assert desk.site.reasons(B)["news"] is None


def test_an_upload_that_nobody_asked_for_is_left_alone(desk: Desk) -> None:
    """Nor does a message make a file of rows that came with their request."""
    rows = desk.rows({"address": A, "reason": "bounce"})
    for name in ("imp_" + "0" * 26, rows["id"]):
        desk.site.service.files.put(f"imports/{CODE}/{name}", f"{B}\n".encode())
    assert desk.work() == 2
    assert desk.site.reasons(B)["news"] is None
    assert desk.show(rows["id"])["status"] == "done"


# Looking


def test_the_list_is_newest_first_and_in_pages(desk: Desk) -> None:
    """G5."""
    ids = []
    for number in range(5):
        desk.site.clock.milliseconds += 1_000
        ids.append(desk.begin()["id"] if number % 2 else desk.rows({"address": A, "reason": "bounce"})["id"])
    found: list[str] = []
    query = {"limit": "2"}
    for _ in range(3):
        answer = desk.ask("GET", IMPORTS, query)
        page = json.loads(answer.body)
        found += [job["id"] for job in page["imports"]]
        if page["cursor"] is None:
            assert "link" not in answer.headers
            break
        link = re.fullmatch(r'<https://choices\.example\.com/api/v1/imports\?(.*)>; rel="next"', answer.headers["link"])
        assert link is not None
        query = dict(pair.split("=") for pair in link[1].split("&"))
        assert query == {"limit": "2", "cursor": page["cursor"]}
    assert found == ids[::-1]
    assert desk.ask("HEAD", IMPORTS).status == 200


@pytest.mark.parametrize("job", ["imp_" + "0" * 26, "exp_" + "0" * 26, "nobody", "dana@example.com"])
def test_an_import_that_is_not_there(desk: Desk, job: str) -> None:
    assert desk.ask("GET", f"{IMPORTS}/{{import_id}}", import_id=job).status in {400, 404}


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"cursor": "x"}, {"page": "2"}])
def test_a_list_that_cannot_be(desk: Desk, query: dict[str, str]) -> None:
    assert desk.ask("GET", IMPORTS, query).status == 400


def test_what_is_sent_here_is_what_the_document_describes() -> None:
    row = {"address": ADDRESS, "reason": "opted_out", "category": "news", "at": NINE, "consent": CONSENT}
    assert body_errors("POST", IMPORTS, {"rows": [row], "default": {"reason": "complaint", "category": "*"}}) == []
    file = {"layout": "auto", "columns": {"address": 1, "consent_at": "x"}, "default": {"reason": "undeliverable"}}
    assert body_errors("POST", IMPORTS, {"file": file}) == []


def test_a_key_that_may_only_read_sees_no_upload(desk: Desk) -> None:
    """Whoever has its URL can import."""
    begun = desk.admin.told("POST", "/v1/imports", {"file": {}}, 201)
    assert "upload" in begun
    bearer = {"Authorization": f"Bearer {Caller(desk.site).key('read')}"}

    answer = send("GET", "/v1/imports/{import_id}", {"import_id": begun["id"]}, headers=bearer)

    assert answer.status == 200
    assert "upload" not in json.loads(answer.body)


def test_an_opt_out_between_the_request_and_the_upload_keeps_its_time(desk: Desk) -> None:
    """What a file tells was received with the file: consent recorded after the request does not win over it."""
    now = desk.site.clock.milliseconds
    said = now // 1000 * 1000 - 60_000
    desk.site.clock.milliseconds = now - 600_000  # the file store's clock is that of the machine

    desk.import_file(f"email,created\n{A},{said // 1000}\n")

    assert state_of(desk, A).stated["*"].at == said
