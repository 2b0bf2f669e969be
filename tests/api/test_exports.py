"""`/v1/exports`: the whole list as a file, exact, and the record of each disclosure."""

from __future__ import annotations

import base64
import csv
import hmac
import io
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.api import times
from chalicelib.api.registers import tell_registers
from chalicelib.domain.addresses import parse_address
from chalicelib.use_cases.exporting import MOST_UNFINISHED
from chalicelib.use_cases.handing_over import GIVEN_UP
from chalicelib.worker import give_up
from tests.api.asking import Admin
from tests.callers import Caller
from tests.jobs import EXPORTS, Desk, get, lines_of, make_desk
from tests.site import CODE, DAY
from tests.store import faults
from tests.store.faults import FaultyPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engines import LocalFiles, LocalTables

PEOPLE = ["Ada@Example.COM", "ben@example.com", "=cyd+1@example.com", "dee@example.com", "eli@bücher.example"]
FORMATS, ADDRESSES = ("jsonl", "csv", "spreadsheet"), ("plain", "hmac", "none")
ROW_FIELDS = ["category", "reason", "since", "via", "except"]


@pytest.fixture
def desk(dynoxide_tables: LocalTables, local_files: LocalFiles) -> Iterator[Desk]:
    with make_desk(dynoxide_tables, local_files) as made:
        yield made


def fill(desk: Desk) -> None:
    """Six recipients and six rows of suppression: one has none, one has two, and one was erased."""
    desk.rows(
        {"address": PEOPLE[0], "reason": "opted_out", "category": "news"},
        {"address": PEOPLE[0], "reason": "undeliverable"},
        {"address": PEOPLE[1], "reason": "complaint"},
        {"address": PEOPLE[2], "reason": "opted_out"},
        {"address": PEOPLE[4], "reason": "opted_out", "category": "offers"},
        {"address": "gone@example.com", "reason": "opted_out", "category": "offers"},
    )
    block = {"address": PEOPLE[3], "category": "news"}
    desk.admin.told("POST", "/v1/acts", {"acts": [{"act": "block", **block}]})
    desk.site.clock.milliseconds += 61_000
    desk.admin.told("POST", "/v1/acts", {"acts": [{"act": "lift", "reason": "blocked", **block}]})
    desk.admin.told("DELETE", "/v1/recipients/{recipient}", recipient=recipient_of(desk, "gone@example.com"))


def recipient_of(desk: Desk, address: str) -> str:
    return desk.site.service.senders.get(CODE).place_of(parse_address(address)).recipient


def table(octets: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(octets.decode(), newline=""), strict=True))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("addresses", ADDRESSES)
def test_every_form_of_a_list(desk: Desk, form: str, addresses: str) -> None:
    fill(desk)

    told = desk.export(format=form, addresses=addresses)

    column = {"plain": ["address"], "hmac": ["address_hmac"], "none": []}[addresses]
    beside = ["version", "registers", "suppressions"] if form == "jsonl" else ROW_FIELDS
    assert told["fields"] == ["recipient", *column, *beside]
    assert (told["status"], told["format"], told["addresses"]) == ("done", form, addresses)
    octets = get(told["url"])
    rows = lines_of(octets) if form == "jsonl" else table(octets)
    assert all(list(row) == told["fields"] for row in rows)
    assert (told["rows"], told["octets"]) == (len(rows), len(octets))
    assert len(rows) == 6
    assert ("hash_key" in told) is (addresses == "hmac")
    if addresses != "plain":
        assert "@" not in octets.decode()
    if form != "jsonl":
        assert octets.decode().count("\r\n") == octets.count(b"\n") == len(rows) + 1


@pytest.mark.parametrize(("addresses", "is_there"), [("plain", False), ("hmac", False), ("none", True)])
def test_a_file_of_before_an_erasure_is_told_no_more(desk: Desk, addresses: str, is_there: bool) -> None:
    """C5: it may hold the address. The record of it stays, and another export is without."""
    fill(desk)
    before = desk.export(addresses=addresses)

    desk.admin.told("DELETE", "/v1/recipients/{recipient}", recipient=recipient_of(desk, PEOPLE[0]))

    again = desk.admin.told("GET", "/v1/exports/{export_id}", export_id=before["id"])
    assert (again["url"] is not None) is is_there
    assert is_there or "erased" in again["detail"]
    assert again["fields"] == before["fields"]
    assert desk.export(addresses=addresses)["url"] is not None


def test_an_export_that_is_given_up_says_so(desk: Desk) -> None:
    begun = desk.admin.told("POST", "/v1/exports", {}, 202)

    assert give_up(desk.site.service, {"job": "export", "sender": CODE, "id": begun["id"]}, ValueError())

    told = desk.admin.told("GET", "/v1/exports/{export_id}", export_id=begun["id"])
    assert (told["status"], told["detail"], told["url"]) == ("failed", GIVEN_UP, None)
    assert give_up(desk.site.service, {"job": "export", "sender": CODE, "id": "exp_" + "0" * 26}, ValueError())
    assert desk.export()["url"] is not None


def test_few_exports_of_a_sender_wait_at_once(desk: Desk) -> None:
    for _ in range(MOST_UNFINISHED):
        desk.admin.told("POST", "/v1/exports", {}, 202)

    refused = desk.admin.ask("POST", "/v1/exports", {})

    assert refused.status == 429
    assert int(refused.headers["retry-after"]) > 0


def test_json_lines_hold_every_register_of_everybody(desk: Desk) -> None:
    fill(desk)
    reader, sender = desk.site.service.reader, desk.site.service.senders.get(CODE)
    told = desk.export()
    lines = {line["recipient"]: line for line in lines_of(get(told["url"]))}
    for address in PEOPLE:
        place = sender.place_of(parse_address(address))
        held, line = reader.recipient(place), lines[place.recipient]
        assert (line["address"], line["version"]) == (held.address, held.version)
        assert line["registers"] == json.loads(json.dumps(tell_registers(held.state)))
    assert lines[recipient_of(desk, PEOPLE[0])]["address"] == PEOPLE[0]
    erased = lines[recipient_of(desk, "gone@example.com")]
    assert erased["address"] is None
    assert [(row["category"], row["reason"]) for row in erased["suppressions"]] == [("*", "opted_out_of_all")]
    assert lines[recipient_of(desk, PEOPLE[3])]["suppressions"] == []


def test_csv_is_the_list_of_suppressions(desk: Desk) -> None:
    fill(desk)
    told = desk.export(format="csv")
    rows = table(get(told["url"]))
    listed = json.loads(desk.ask("GET", "/v1/suppressions").body)["suppressions"]
    exported = {(row["recipient"], row["category"], row["reason"]): row for row in rows}
    assert len(exported) == len(rows) == len(listed)
    for row in listed:
        other = exported[row["recipient"], row["category"], row["reason"]]
        assert other == {name: " ".join(text) if isinstance(text, list) else text or "" for name, text in row.items()}
    assert PEOPLE[2] in {row["address"] for row in rows}


def test_the_form_for_spreadsheets_has_no_formula(desk: Desk) -> None:
    fill(desk)
    rows = table(get(desk.export(format="spreadsheet")["url"]))
    assert f"'{PEOPLE[2]}" in {row["address"] for row in rows}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_an_empty_list_is_a_file_with_its_columns(desk: Desk) -> None:
    assert get(desk.export(format="csv")["url"]).decode() == "recipient,address,category,reason,since,via,except\r\n"
    told = desk.export(format="jsonl")
    assert (get(told["url"]), told["rows"], told["octets"]) == (b"", 0, 0)


def test_hashes_are_found_again_as_it_is_described_and_differ_between_exports(desk: Desk) -> None:
    fill(desk)
    exports = [desk.export(addresses="hmac") for _ in range(2)]
    keys = [base64.b64decode(told["hash_key"]) for told in exports]
    assert [len(key) for key in keys] == [32, 32]
    assert keys[0] != keys[1]
    assert base64.b64decode(desk.show(exports[0]["id"])["hash_key"]) == keys[0]
    normal = {"ada@example.com": PEOPLE[0], "eli@xn--bcher-kva.example": PEOPLE[4]}
    for key, told in zip(keys, exports, strict=True):
        hashes = {line["recipient"]: line["address_hmac"] for line in lines_of(get(told["url"]))}
        for text, address in normal.items():
            assert hashes[recipient_of(desk, address)] == hmac.new(key, text.encode(), "sha256").hexdigest()
        assert hashes[recipient_of(desk, "gone@example.com")] is None


def test_the_record_stays_and_says_who_when_and_what(desk: Desk) -> None:
    """C4, C6: also when the file is gone."""
    fill(desk)
    created = desk.site.clock.milliseconds
    ids = [desk.export(format="csv", addresses="none")["id"]]
    desk.site.clock.milliseconds += 31 * DAY
    caller = Caller(desk.site)
    other = Admin.of(caller, "admin")
    ids.append(other.told("POST", EXPORTS, {}, status=202)["id"])

    answer = desk.ask("GET", EXPORTS)

    second, first = json.loads(answer.body)["exports"]
    assert [second["id"], first["id"]] == ids[::-1]
    assert first["key"] == desk.admin.key.split("_")[1][-len(first["key"]) :]
    assert second["key"] != first["key"]
    assert first["created"] == times.tell(created)
    assert first["fields"] == ["recipient", *ROW_FIELDS]
    assert (first["url"], first["rows"]) == (None, 6)
    assert first["expires"] == times.tell(created + 30 * DAY)
    gone = desk.show(ids[0])
    assert (gone["url"], "cursor" in gone) == (None, False)
    assert (second["status"], second["url"], second["octets"]) == ("waiting", None, None)
    assert "cursor" not in desk.show(ids[1])


def test_what_is_downloaded_has_a_name_and_is_not_kept(desk: Desk) -> None:
    told = desk.export(format="csv")
    query = parse_qs(urlsplit(told["url"]).query)
    assert query["response-content-disposition"] == [f'attachment; filename="{told["id"]}.csv"']
    assert query["response-cache-control"] == ["private, no-store"]
    assert query["X-Amz-Expires"] == ["900"]


def test_what_a_replica_needs_comes_with_it(desk: Desk) -> None:
    desk.admin.put("news", {"name": "Newer"})
    told = desk.export()
    listed = json.loads(desk.ask("GET", "/v1/categories").body)
    assert {name: told[name] for name in ("categories", "version")} == listed
    page = json.loads(desk.ask("GET", "/v1/changes", {"cursor": told["cursor"]}).body)
    assert [change["version"] for change in page["changes"] if change["type"] == "category"] in ([], [told["version"]])
    listed_alone = json.loads(desk.ask("GET", EXPORTS).body)["exports"][0]
    assert "cursor" not in listed_alone


def test_pages(desk: Desk) -> None:
    """G5."""
    ids = []
    for _ in range(3):
        desk.site.clock.milliseconds += 1_000
        ids.append(desk.admin.told("POST", EXPORTS, {}, status=202)["id"])
    first = desk.ask("GET", EXPORTS, {"limit": "2"})
    page = json.loads(first.body)
    assert [job["id"] for job in page["exports"]] == ids[:0:-1]
    assert f"limit=2&cursor={page['cursor']}" in first.headers["link"]
    rest = desk.ask("GET", EXPORTS, {"limit": "2", "cursor": page["cursor"]})
    assert [job["id"] for job in json.loads(rest.body)["exports"]] == ids[:1]
    assert "link" not in rest.headers


@pytest.mark.parametrize("body", [None, {}, {"format": "jsonl", "addresses": "plain"}])
def test_a_request_needs_nothing(desk: Desk, body: Any) -> None:
    told = desk.admin.told("POST", EXPORTS, body, status=202)
    assert (told["format"], told["addresses"], told["status"]) == ("jsonl", "plain", "waiting")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"format": "xlsx"}, "/format"), ({"addresses": "sha256"}, "/addresses"), ({"since": 1}, ""), ([], "")],
)
def test_a_request_that_cannot_be_used(desk: Desk, body: Any, pointer: str) -> None:
    assert desk.admin.told("POST", EXPORTS, body, status=400)["pointer"] == pointer
    assert json.loads(desk.ask("GET", EXPORTS).body)["exports"] == []


@pytest.mark.parametrize("scope", ["read", "write", "links"])
def test_only_who_administers_may_take_the_list_out(desk: Desk, scope: str) -> None:
    lesser = Admin.of(Caller(desk.site), scope)
    told = desk.export()
    assert lesser.ask("POST", EXPORTS, {}).status == 403
    assert lesser.ask("GET", EXPORTS).status == 403
    assert lesser.ask("GET", f"{EXPORTS}/{{export_id}}", export_id=told["id"]).status == 403


@pytest.mark.parametrize("job", ["exp_" + "0" * 26, "imp_" + "0" * 26])
def test_an_export_that_is_not_there(desk: Desk, job: str) -> None:
    assert desk.ask("GET", f"{EXPORTS}/{{export_id}}", export_id=job).status == 404


def test_an_export_that_was_asked_for_twice_is_made_once(desk: Desk) -> None:
    """G3: the very same answer, though it is done by then."""
    first = desk.admin.ask("POST", EXPORTS, {"format": "csv"}, once="k")
    assert desk.work() == 1
    desk.site.clock.milliseconds += 5_000
    again = desk.admin.ask("POST", EXPORTS, {"format": "csv"}, once="k")
    assert (again.status, again.body) == (first.status, first.body) == (202, first.body)
    assert desk.work() == 0
    assert desk.admin.ask("POST", EXPORTS, {"format": "jsonl"}, once="k").status == 422
    assert len(json.loads(desk.ask("GET", EXPORTS).body)["exports"]) == 1


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("fault", [faults.lost_answer, faults.lost_request], ids=["lost answer", "lost request"])
def test_one_export_whatever_goes_wrong(desk: Desk, at: int, fault: faults.Fault) -> None:
    """The same request again where it got no answer: then there is one job, and a message for it."""
    wire = desk.site.service._wire
    pool = wire.pool = FaultyPool(wire.pool)
    pool.plan("PutItem", *[faults.passes] * at, fault)
    pool.plan("UpdateItem", fault)
    answers = [desk.admin.ask("POST", EXPORTS, {}, once="k") for _ in range(3)]
    assert answers[-1].status == 202
    assert len({answer.body for answer in answers if answer.status == 202}) == 1
    desk.work()
    [told] = json.loads(desk.ask("GET", EXPORTS).body)["exports"]
    assert told["status"] == "done"


def test_a_queue_that_takes_no_message_is_no_answer(desk: Desk) -> None:
    queue = desk.site.service.queue
    name, queue._queue_url = queue._queue_url, f"{queue._queue_url}-gone"
    assert desk.admin.ask("POST", EXPORTS, {}, once="k").status == 503
    queue._queue_url = name
    first = desk.admin.ask("POST", EXPORTS, {}, once="k")
    assert first.status == 202
    desk.work()
    assert desk.show(json.loads(first.body)["id"])["status"] == "done"
    assert len(json.loads(desk.ask("GET", EXPORTS).body)["exports"]) == 1
