"""An erased address: nowhere any more, never mailed again, and back by a real re-subscription alone (C5, H1, H5)."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest

from chalicelib.api import times
from chalicelib.domain.acts import CONSENT_ALLOWANCE
from chalicelib.store.operations import Claim
from chalicelib.tokens import Purpose
from chalicelib.use_cases.looking import erase
from tests.gateway import Answer, send
from tests.site import CODE, Site, make_site
from tests.tenants import EXPORT, IMPORT, Tenant, get
from tests.test_surface import ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.engines import LocalFiles, LocalTables

ADDRESS = "Dana.Canary@Cage.example.com"
OTHER = "other@example.com"
MINUTE = 60_000
DAY = 1_440 * MINUTE
EVIDENCE = {
    "how": f"the form that {ADDRESS} filled",
    "wording": "Yes, sing to me every week",
    "source": "order 4711 of Dana",
}
MARKS = ("dana.c", "canary", "cage.example", "ZGFuYS", "RGFuYS", "sing to me", "order 4711")
"""What tells the address or the texts of its evidence; twice as base64 begins it. Four letters come by chance."""
ONE, HISTORY = "/v1/recipients/{recipient}", "/v1/recipients/{recipient}/acts"
FORMATS = ("jsonl", "csv", "spreadsheet")
READ_BY_POST = {"/v1/check", "/v1/recipients/lookup"}
"""Routes that read by POST; the others of that method write."""


@dataclass(frozen=True)
class Case:
    """The sender, the address's recipient id, and the imports that held it."""

    sender: Tenant
    recipient: str
    imports: tuple[str, ...]

    @property
    def site(self) -> Site:
        return self.sender.site

    def erase(self) -> dict[str, Any]:
        return self.sender.told("DELETE", ONE, once=token_hex(8), recipient=self.recipient)

    def later(self, milliseconds: int) -> int:
        """Moves the clock, and says what it shows then."""
        self.site.clock.milliseconds += milliseconds
        return self.site.clock.milliseconds


@pytest.fixture
def site(dynoxide_tables: LocalTables, local_files: LocalFiles) -> Iterator[Site]:
    with make_site(dynoxide_tables, local_files) as made:
        yield made


@pytest.fixture
def case(site: Site, local_files: LocalFiles) -> Case:
    """One with a past of every kind."""
    sender = Tenant.of(site, local_files, CODE)
    return Case(sender, sender.recipient(ADDRESS), live(sender))


def live(sender: Tenant) -> tuple[str, ...]:
    """What happens to an address in its life, and to another one; the ids of the imports."""
    now = sender.site.clock.milliseconds
    site, past = sender.site, times.tell(now - 9 * DAY)
    site.post(f"/u/{sender.token(ADDRESS)}")
    site.post(f"/u/{sender.token(ADDRESS)}/all", b"")
    site.post(f"/u/{sender.token(OTHER)}")
    opt_in(sender, "news")
    consent = {"act": "consent", "address": ADDRESS, "category": "offers", "at": past, "evidence": EVIDENCE}
    out = {"act": "opt_out", "address": ADDRESS, "category": "news", "at": past}
    sender.act(consent, out, once=ADDRESS.replace("@", "-at-"))
    sender.act(consent, {"act": "block", "address": ADDRESS.lower(), "category": "offers"})
    sender.act({"act": "lift", "address": ADDRESS, "reason": "blocked", "category": "offers"})
    rows = [
        {"address": ADDRESS, "reason": "opted_out", "category": "offers", "at": past},
        {"address": ADDRESS, "reason": "undeliverable"},
        {"address": ADDRESS, "consent": {"category": "news", "at": past, **EVIDENCE}},
        {"address": ADDRESS.replace("@", "@@")},
    ]
    by_rows = sender.told("POST", "/v1/imports", {"rows": rows}, once=ADDRESS)["id"]
    sender.act({"act": "lift", "address": ADDRESS, "reason": "undeliverable"})
    by_file = sender.import_file(csv(now), layout="auto")
    assert (by_file["status"], by_file["counts"]["rejected"]) == ("done", 1)
    headless = sender.import_file(f"{ADDRESS},{ADDRESS}\n".encode(), layout="signoff")
    type_into_form(sender)
    for kind in FORMATS:
        sender.export(format=kind)
    return by_rows, by_file["id"], headless["id"]


def csv(consented: int) -> bytes:
    """A list with a row that cannot be."""
    wording, source = EVIDENCE["wording"], EVIDENCE["source"]
    return (
        "email,reason,category,consent_category,consent_at,consent_how,consent_wording,consent_source\n"
        f'{ADDRESS},,,news,{times.tell(consented)},{EVIDENCE["how"]},"{wording}",{source}\n'
        f"{ADDRESS},unsubscribed,offers,,,,,\n"
        f"{ADDRESS}@,unsubscribed,offers,,,,,\n"
        f"{OTHER},unsubscribed,offers,,,,,\n"
    ).encode()


def opt_in(sender: Tenant, category: str) -> Answer:
    """The preference page, as a browser that has just opened it saves it."""
    version = sender.told("POST", "/v1/recipients/lookup", {"address": ADDRESS})["version"]
    body = f"version={version}&shown={category}&wanted={category}".encode()
    answer = send("POST", "/p/{token}", {"token": sender.token(ADDRESS, 1, Purpose.PREFERENCES)}, body=body)
    assert "Test &amp; Sons will send you" in answer.body
    return answer


def type_into_form(sender: Tenant) -> None:
    body = f"address={quote_plus(ADDRESS)}".encode()
    assert send("POST", "/o/{sender}", {"sender": CODE}, body=body).status == 200


def marks_in(*texts: object) -> list[str]:
    told = " ".join(map(str, texts)).lower()
    return [mark for mark in MARKS if mark.lower() in told]


def stored_marks(case: Case) -> list[str]:
    """What both tables tell of the address, as the raw items that they hold."""
    tables = case.site.tables
    return marks_in(tables.items(tables.names.recipients), tables.items(tables.names.control))


def pages(case: Case, path: str, **query: str) -> list[Answer]:
    """Every page of a list, by its cursor."""
    answers = [case.sender.ask("GET", path, query=query)]
    while (cursor := json.loads(answers[-1].body)["cursor"]) and json.loads(answers[-1].body).get("more", True):
        answers.append(case.sender.ask("GET", path, query={**query, "cursor": cursor}))
    return answers


def checks(case: Case) -> list[Answer]:
    body = {"category": "news", "recipients": [case.recipient]}
    return [case.sender.ask("POST", "/v1/check", body)]


def check_one(case: Case) -> list[Answer]:
    return [case.sender.ask("GET", "/v1/check", query={"category": "news", "recipient": case.recipient})]


def lookup(case: Case) -> list[Answer]:
    """The address is in the question, and not in the answer."""
    return [case.sender.ask("POST", "/v1/recipients/lookup", {"address": ADDRESS})]


def recipient(case: Case) -> list[Answer]:
    return [case.sender.ask("GET", ONE, values={"recipient": case.recipient})]


def acts(case: Case) -> list[Answer]:
    answers = [case.sender.ask("GET", HISTORY, values={"recipient": case.recipient}, query={"limit": "3"})]
    while (cursor := json.loads(answers[-1].body)["cursor"]) is not None:
        query = {"limit": "3", "cursor": str(cursor)}
        answers.append(case.sender.ask("GET", HISTORY, values={"recipient": case.recipient}, query=query))
    return answers


def suppressions(case: Case) -> list[Answer]:
    answers = pages(case, "/v1/suppressions", limit="2")
    answers += [case.sender.ask("GET", "/v1/suppressions", query={"format": kind}) for kind in ("csv", "spreadsheet")]
    return answers


def changes(case: Case) -> list[Answer]:
    return pages(case, "/v1/changes", limit="4")


def imports(case: Case) -> list[Answer]:
    return [case.sender.ask("GET", "/v1/imports")]


def one_import(case: Case) -> list[Answer]:
    """Each, and the list of its refused rows."""
    answers = [case.sender.ask("GET", IMPORT, values={"import_id": job}) for job in case.imports]
    urls = [json.loads(answer.body)["rejects_url"] for answer in answers]
    assert any(urls)
    return answers + [downloaded(url) for url in urls if url]


def exports(case: Case) -> list[Answer]:
    return [case.sender.ask("GET", "/v1/exports")]


def one_export(case: Case) -> list[Answer]:
    """One of each kind, made now, and its file."""
    answers = []
    for kind in FORMATS:
        for addresses in ("plain", "hmac", "none"):
            job = case.sender.export(format=kind, addresses=addresses)
            file = downloaded(job["url"])
            assert case.recipient in file.body
            answers += [case.sender.ask("GET", EXPORT, values={"export_id": job["id"]}), file]
    return answers


def downloaded(url: str) -> Answer:
    octets = get(url)
    return Answer(200, {}, (gzip.decompress(octets) if octets.startswith(b"\x1f\x8b") else octets).decode())


def plain(path: str) -> Callable[[Case], list[Answer]]:
    return lambda case: [case.sender.ask("GET", path, values={"category": "news"})]


LOOKS: dict[tuple[str, str], Callable[[Case], list[Answer]]] = {
    ("/v1/check", "POST"): checks,
    ("/v1/check", "GET"): check_one,
    ("/v1/recipients/lookup", "POST"): lookup,
    (ONE, "GET"): recipient,
    (HISTORY, "GET"): acts,
    ("/v1/suppressions", "GET"): suppressions,
    ("/v1/changes", "GET"): changes,
    ("/v1/imports", "GET"): imports,
    (IMPORT, "GET"): one_import,
    ("/v1/exports", "GET"): exports,
    (EXPORT, "GET"): one_export,
    **{
        (path, "GET"): plain(path)
        for path in ("/v1/keys", "/v1/categories", "/v1/categories/{category}", "/v1/sender", "/v1/sender/logo")
    },
}
"""Every way to read, by a key."""


def test_every_way_to_read_is_looked_at() -> None:
    """A new route fails here until it is."""
    reading = {
        (path, method)
        for path, route in ROUTES.items()
        for method in route.methods
        if route.kind == "api" and (method == "GET" or (method == "POST" and path in READ_BY_POST))
    }
    assert reading == set(LOOKS)


def told_by_routes(case: Case) -> dict[tuple[str, str], list[str]]:
    """Route → what its answers tell of the address, headers included; those that tell nothing are left out."""
    found = {}
    for way, look in LOOKS.items():
        answers = look(case)
        assert all(answer.status == 200 or way[0].endswith("/logo") for answer in answers), way
        if marks := marks_in(*(f"{answer.headers} {answer.body}" for answer in answers)):
            found[way] = marks
    return found


class TestAfterIt:
    def test_no_route_tells_the_address_or_its_evidence_and_no_item_holds_them(self, case: Case) -> None:
        """C5. Before it many do: the test can see them."""
        assert stored_marks(case)
        telling = {(ONE, "GET"), (HISTORY, "GET"), ("/v1/suppressions", "GET"), ("/v1/changes", "GET"), (EXPORT, "GET")}
        assert set(told_by_routes(case)) == {*telling, ("/v1/recipients/lookup", "POST")}

        erased = case.erase()

        assert (erased["known"], erased["address"]) == (True, None)
        assert told_by_routes(case) == {}
        assert stored_marks(case) == []

    def test_nothing_optional_is_sent_and_a_service_alert_is(self, case: Case) -> None:
        """H2."""
        case.erase()
        gone = "opted_out_of_all"
        assert case.sender.verdicts(ADDRESS) == {"news": gone, "offers": gone, "alerts": None}
        for category, may_send in (("news", False), ("offers", False), ("alerts", True)):
            body = {"category": category, "addresses": [ADDRESS, ADDRESS.lower()]}
            results = case.sender.told("POST", "/v1/check", body)["results"]
            assert [result["may_send"] for result in results] == [may_send, may_send]

    def test_whoever_follows_learns_of_it(self, case: Case) -> None:
        case.erase()
        *_, change = [
            change
            for answer in changes(case)
            for change in json.loads(answer.body)["changes"]
            if change.get("recipient") == case.recipient
        ]
        assert (change["erased"], change["address"]) == (True, None)

    def test_a_second_one_works_again(self, case: Case) -> None:
        case.erase()
        entries = case.site.entries()
        assert case.erase()["address"] is None
        assert case.site.entries() == entries, "there is nothing more to forget"

        at = case.later(DAY)
        consent = {"act": "consent", "category": "news", "at": times.tell(at), "evidence": EVIDENCE}
        case.sender.act({**consent, "address": ADDRESS})
        assert stored_marks(case)
        assert case.sender.verdicts(ADDRESS)["news"] is None
        case.later(DAY)
        case.erase()

        assert told_by_routes(case) == {}
        assert stored_marks(case) == []
        assert case.sender.verdicts(ADDRESS)["news"] == "opted_out_of_all"


def rows_told_later(at: int) -> list[dict[str, Any]]:
    told: dict[str, Any] = {"address": ADDRESS, "at": times.tell(at)}
    return [
        {"address": ADDRESS, "consent": {"category": "news", **shown_at(at)}},
        {"address": ADDRESS, "reason": "undeliverable", "consent": {"category": "news", **shown_at(at)}},
        {**told, "reason": "opted_out", "category": "offers", "consent": {"category": "news", **shown_at(at)}},
        {**told, "reason": "opted_out"},
        {**told, "reason": "complaint"},
    ]


def shown_at(at: int) -> dict[str, Any]:
    return {"at": times.tell(at), **EVIDENCE}


def kinds_since_the_erasure(case: Case) -> set[str]:
    kinds = [part["kind"] for act in case.sender.history(case.recipient) for part in act["parts"]]
    return set(kinds[: kinds.index("erased")])


@pytest.mark.parametrize("days", [-5, -1, 1, 5])
@pytest.mark.parametrize("way", ["rows", "file"])
def test_an_import_brings_nothing_back_and_lifts_nothing(case: Case, days: int, way: str) -> None:
    """H1, C5: whatever its dates, and whatever consent it tells of."""
    case.erase()
    erased = case.site.clock.milliseconds
    case.later(9 * DAY)
    if way == "rows":
        told = case.sender.told("POST", "/v1/imports", {"rows": rows_told_later(erased + days * DAY)})
        assert told["counts"]["rejected"] == 0
    else:
        told = case.sender.import_file(csv(erased + days * DAY), layout="auto")
        assert told["status"] == "done"

    assert not {"news", "offers"} & {name for name, reason in case.sender.verdicts(ADDRESS).items() if reason is None}
    assert stored_marks(case) == []
    assert told_by_routes(case) == {}
    assert ("consented" in kinds_since_the_erasure(case)) is (days > 0), (
        "nor does the ledger tell of a consent before it"
    )


OTHER_WAYS: dict[str, Callable[[Case], object]] = {
    "a click": lambda case: case.site.post(f"/u/{case.sender.token(ADDRESS)}"),
    "stop all": lambda case: case.site.post(f"/u/{case.sender.token(ADDRESS)}/all", b""),
    "the form": lambda case: type_into_form(case.sender),
    "an opt-out told": lambda case: case.sender.act({"act": "opt_out", "address": ADDRESS, "category": "news"}),
    "a block": lambda case: case.sender.act({"act": "block", "address": ADDRESS, "category": "*"}),
    "a lift": lambda case: case.sender.act({"act": "lift", "address": ADDRESS, "reason": "blocked", "category": "*"}),
    "a bounce lifted": lambda case: case.sender.act({"act": "lift", "address": ADDRESS, "reason": "undeliverable"}),
    "links": lambda case: case.sender.told(
        "POST", "/v1/links", {"category": "news", "recipients": [{"address": ADDRESS}]}
    ),
    "consent of before": lambda case: case.sender.act(consent_at(case, -20 * DAY)),
    "consent at its time": lambda case: case.sender.act(consent_at(case, -10 * DAY)),
    "consent within what clocks differ by": lambda case: case.sender.act(
        consent_at(case, CONSENT_ALLOWANCE - 10 * DAY)
    ),
}


def consent_at(case: Case, shift: int) -> dict[str, Any]:
    at = times.tell(case.site.clock.milliseconds + shift)
    return {"act": "consent", "address": ADDRESS, "category": "news", "at": at, "evidence": EVIDENCE}


@pytest.mark.parametrize("way", OTHER_WAYS)
def test_what_is_no_new_subscription_stores_no_address(case: Case, way: str) -> None:
    """C5: ten days later."""
    case.erase()
    case.later(10 * DAY)

    OTHER_WAYS[way](case)

    assert not {"news", "offers"} & {name for name, reason in case.sender.verdicts(ADDRESS).items() if reason is None}
    assert stored_marks(case) == []


class TestAReSubscription:
    """H5."""

    def test_by_the_preference_page_lifts_it_for_what_was_chosen(self, case: Case) -> None:
        case.erase()
        opt_in(case.sender, "news")

        assert case.sender.verdicts(ADDRESS) == {"news": None, "offers": "opted_out_of_all", "alerts": None}
        newest, before, *_ = case.sender.history(case.recipient)
        assert (newest["via"], newest["parts"][0]["kind"]) == ("preference_page", "opted_in")
        assert before["parts"][0]["kind"] == "erased"
        assert case.sender.told("GET", ONE, recipient=case.recipient)["address"] == ADDRESS

    def test_by_newer_consent_lifts_it_and_shows_the_evidence(self, case: Case) -> None:
        case.erase()
        case.later(DAY)
        case.sender.act(consent_at(case, 0))

        assert case.sender.verdicts(ADDRESS) == {"news": None, "offers": "opted_out_of_all", "alerts": None}
        newest, before, *_ = case.sender.history(case.recipient)
        assert (newest["via"], newest["parts"][0]["kind"]) == ("api", "consented")
        assert newest["evidence"] == EVIDENCE
        assert before["parts"][0]["kind"] == "erased"
        assert not [act for act in case.sender.history(case.recipient)[1:] if "evidence" in act]

    def test_makes_an_import_count_again(self, case: Case) -> None:
        """What is told of one who came back is kept with what shows it."""
        case.erase()
        opt_in(case.sender, "news")
        at = case.later(DAY)
        row = {"address": ADDRESS, "consent": {"category": "offers", **shown_at(at)}}
        case.sender.told("POST", "/v1/imports", {"rows": [row]})

        query = {"limit": "1"}
        [newest] = json.loads(case.sender.ask("GET", HISTORY, values={"recipient": case.recipient}, query=query).body)[
            "acts"
        ]
        assert (newest["via"], newest["evidence"]) == ("import", EVIDENCE)
        assert case.sender.verdicts(ADDRESS)["offers"] == "opted_out_of_all"

    def test_keeps_its_evidence_when_the_erasure_comes_again(self, case: Case) -> None:
        """The erasure's own answer was lost, and could not be kept."""
        service, claim = case.site.service, Claim(case.site.clock.milliseconds, is_new=True, nonce="n")
        sender = service.senders.get(CODE)
        erase(service, sender, case.recipient, claim)
        opt_in(case.sender, "news")
        at = case.later(DAY)
        case.sender.act({**consent_at(case, 0), "category": "offers"})
        row = {"address": ADDRESS, "consent": {"category": "news", **shown_at(at)}}
        case.sender.told("POST", "/v1/imports", {"rows": [row]})

        told = erase(service, sender, case.recipient, claim)

        assert told.recipient.address is None, "the same answer as before"
        shown = [act["via"] for act in case.sender.history(case.recipient) if "evidence" in act]
        assert shown == ["import", "api"]
