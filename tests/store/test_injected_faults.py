"""The store on the real engine, with faults in between. Nothing here waits: the clock is the test's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.api_keys import ApiKey, mint_api_key
from chalicelib.domain.acts import Act, OptedIn, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import IdempotencyMismatch, StoreUnavailable, TooManyRequests
from chalicelib.domain.fold import fold
from chalicelib.domain.recipients import STRANGER
from chalicelib.domain.state import Value
from chalicelib.store.engine import DynamoEngine
from chalicelib.store.keys import Keys
from chalicelib.store.ledger import Beside, Ledger
from chalicelib.store.limits import Limits
from chalicelib.store.operations import KEPT_SECONDS, Operations
from chalicelib.store.reading import Reader
from chalicelib.store.senders import Senders
from chalicelib.tokens import Purpose
from tests.gateway import send
from tests.site import ADDRESS, CODE, Site
from tests.store import faults
from tests.store.faults import FaultyPool, faulty
from tests.store.memory import Clock
from tests.test_surface import ROUTES
from tests.web.conftest import site

if TYPE_CHECKING:
    from uuid import UUID

    from chalicelib.domain.recipients import Entry, Recipient
    from chalicelib.domain.senders import Place

__all__ = ["site"]

READ, WRITE = "BatchGetItem", "TransactWriteItems"
OUT = Act("out", Via.ONE_CLICK, (OptedOut("news"),), 1)
IN = Act("in", Via.PREFERENCE_PAGE, (OptedIn("news"),), 1)
WRITE_FAULTS = {
    "lost request": faults.lost_request,
    "lost answer": faults.lost_answer,
    "error before": faults.error_before,
    "error after": faults.error_after,
    "throttled": faults.throttled,
    "over capacity": faults.over_capacity,
    "conflict": faults.conflict,
    "in progress": faults.in_progress,
}
READ_FAULTS = {
    "lost request": faults.lost_request,
    "error": faults.error_before,
    "throttled": faults.throttled,
    "over capacity": faults.over_capacity,
    "unprocessed": faults.unprocessed,
    "half processed": faults.half_processed,
}


@dataclass
class Store:
    """One container with a connection that goes wrong, and another with one that does not."""

    site: Site
    pool: FaultyPool
    ledger: Ledger
    reader: Reader
    other: Ledger
    clock: Clock

    @property
    def place(self) -> Place:
        return self.site.service.senders.get(CODE).place_of(parse_address(ADDRESS))

    def neighbour(self) -> Place:
        """Another recipient of the same shard."""
        sender = self.site.service.senders.get(CODE)
        places = (sender.place_of(parse_address(f"n{number}@example.com")) for number in range(1_000))
        return next(place for place in places if place.shard == self.place.shard)

    def recipient(self) -> Recipient:
        return self.site.service.reader.recipient(self.place)

    def entries(self) -> list[Entry]:
        return self.site.service.reader.log(CODE, self.place.shard, 0)

    def is_whole(self) -> bool:
        """The ledger has no gap and no act twice, and the state is its fold."""
        own = [entry for entry in self.entries() if entry.place == self.place]
        ids = [entry.act.id for entry in own]
        whole = len(self.entries()) == self.site.entries() and len(set(ids)) == len(ids)
        return whole and self.recipient().state == fold(entry.act for entry in own)

    def acts(self) -> list[str]:
        return [entry.act.id for entry in self.entries()]


@pytest.fixture
def store(site: Site) -> Store:
    return make_store(site)


def make_store(site: Site) -> Store:
    wire, pool = faulty(site.service.settings)
    table, clock = site.service.settings.recipients_table, Clock(site.clock.milliseconds)
    ledger = Ledger(DynamoEngine(wire, table), clock.timing())
    return Store(site, pool, ledger, Reader(wire, table, clock.timing()), site.service.ledger, clock)


@pytest.mark.parametrize("name", WRITE_FAULTS)
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_write_that_goes_wrong_ends_as_one_act(store: Store, name: str, times: int) -> None:
    """A10, A11."""
    store.pool.plan(WRITE, *[WRITE_FAULTS[name]] * times)

    recorded = store.ledger.record(store.place, OUT, Beside(ADDRESS))

    assert recorded.act == "out"
    assert store.acts() == ["out"]
    assert store.is_whole()
    assert store.recipient().address == ADDRESS


@pytest.mark.parametrize("name", READ_FAULTS)
@pytest.mark.parametrize("times", [1, 3])
def test_a_read_that_goes_wrong_is_no_absence(store: Store, name: str, times: int) -> None:
    """G4: a key that was not read is never taken for a recipient that is not there."""
    store.other.record(store.place, OUT)
    store.pool.plan(READ, *[READ_FAULTS[name]] * times)

    found = store.reader.recipient(store.place)

    assert found == store.recipient() != STRANGER


@pytest.mark.parametrize("name", READ_FAULTS)
def test_a_write_whose_read_goes_wrong_forgets_nothing(store: Store, name: str) -> None:
    store.other.record(store.place, OUT)
    store.pool.plan(READ, READ_FAULTS[name], READ_FAULTS[name])

    store.ledger.record(store.place, IN)

    assert store.acts() == ["out", "in"]
    assert store.is_whole()


def test_of_many_keys_none_is_taken_for_absent(store: Store) -> None:
    sender = store.site.service.senders.get(CODE)
    places = [sender.place_of(parse_address(f"person{number}@example.com")) for number in range(250)]
    for place in places[::50]:
        store.other.record(place, OUT)
    store.pool.plan(READ, faults.half_processed, faults.unprocessed, faults.throttled, faults.half_processed)

    states = store.reader.states(places)

    assert [place for place in places if "news" in states[place].choice] == places[::50]


def test_an_answer_lost_and_overtaken_is_not_carried_out_again(store: Store) -> None:
    store.pool.plan(WRITE, faults.lost_answer, faults.after(lambda: store.other.record(store.place, IN)))

    assert store.ledger.record(store.place, OUT).act is not None

    assert store.acts() == ["out", "in"]
    assert store.recipient().state.choice["news"].value is Value.IN
    assert store.is_whole()


@pytest.mark.parametrize("act", [OUT, IN], ids=["an opt-out", "an opt-in"])
def test_whoever_is_overtaken_the_opt_out_wins(store: Store, act: Act) -> None:
    overtaking = IN if act is OUT else OUT
    store.pool.plan(WRITE, faults.after(lambda: store.other.record(store.place, overtaking)))

    store.ledger.record(store.place, act)

    # an opt-in that lost changes nothing, and so it is not recorded
    assert store.acts() == (["in", "out"] if act is OUT else ["out"])
    assert store.recipient().state.choice["news"].value is Value.OUT
    assert store.is_whole()


def test_a_request_that_arrives_late_does_nothing_more(store: Store) -> None:
    """The same bytes and token were sent again and carried out."""
    store.pool.plan(WRITE, faults.late_request)
    store.ledger.record(store.place, OUT)
    store.pool.arrive()
    assert store.acts() == ["out"]
    assert store.is_whole()


def test_a_request_that_arrives_after_everybody_gave_up_changes_nothing_newer(store: Store) -> None:
    """The opt-in was never acknowledged, and an opt-out was: the latter stands."""
    store.pool.plan(WRITE, *[faults.late_request] * 60)
    with pytest.raises(StoreUnavailable):
        store.ledger.record(store.place, IN)
    store.other.record(store.place, OUT)
    store.pool.arrive()
    assert store.acts() == ["out"]
    assert store.recipient().state.choice["news"].value is Value.OUT
    assert store.is_whole()


def test_a_head_that_moved_costs_another_number_and_no_read(store: Store) -> None:
    """The transaction asks for `ALL_OLD`: the refusal brings the head."""
    store.pool.plan(WRITE, faults.after(lambda: store.other.record(store.neighbour(), OUT)))

    store.ledger.record(store.place, OUT)

    assert (store.pool.count(READ), store.pool.count(WRITE)) == (1, 2)
    assert [entry.seq for entry in store.entries()] == [1, 2]
    assert store.is_whole()


def test_a_recipient_that_moved_is_read_again(store: Store) -> None:
    store.pool.plan(WRITE, faults.after(lambda: store.other.record(store.place, IN)))

    store.ledger.record(store.place, OUT)

    assert (store.pool.count(READ), store.pool.count(WRITE)) == (2, 2)
    assert store.is_whole()


@pytest.mark.parametrize("name", WRITE_FAULTS)
def test_a_store_that_stays_wrong_is_told_in_time(store: Store, name: str) -> None:
    """A11: within 10 s of our clock, and it never says that it worked."""
    began = store.clock.milliseconds
    store.pool.plan(WRITE, *[WRITE_FAULTS[name]] * 2_000)
    try:
        recorded = store.ledger.record(store.place, OUT)
    except StoreUnavailable:
        assert store.clock.milliseconds - began < 10_000
        return
    # where the engine did carry it out, it is found among the recent acts
    assert name in {"lost answer", "error after"}
    assert recorded.act == "out"
    assert store.acts() == ["out"]


def test_now_is_the_engines_date(store: Store) -> None:
    store.pool.plan(READ, faults.dated("Fri, 20 Nov 2037 05:00:00 GMT"))

    store.ledger.record(store.place, OUT)

    [entry] = store.entries()
    assert entry.recorded == 2_142_306_000_000
    assert store.recipient().state.choice["news"].at == 2_142_306_000_000


def test_what_a_one_click_costs(store: Store) -> None:
    """6 write units and 2 read units, and no write where it is repeated within a minute."""
    store.ledger.record(store.place, OUT, Beside(ADDRESS))

    [(read, asked), (write, told)] = store.pool.calls
    assert (read, write) == (READ, WRITE)
    [request] = json.loads(asked)["RequestItems"].values()
    assert (len(request["Keys"]), request["ConsistentRead"]) == (2, True)
    puts = [item["Put"]["Item"] for item in json.loads(told)["TransactItems"]]
    assert len(puts) == 3
    assert max(map(size, puts)) <= 1_024

    store.ledger.record(store.place, Act("again", Via.ONE_CLICK, (OptedOut("news"),), 1))
    assert (store.pool.count(READ), store.pool.count(WRITE)) == (2, 1)


def size(item: dict[str, dict[str, str]]) -> int:
    """As DynamoDB counts: names and texts in UTF-8, two digits an octet and one more."""
    octets = 0
    for name, value in item.items():
        [(kind, text)] = value.items()
        octets += len(name.encode()) + (len(text) // 2 + 2 if kind == "N" else len(text.encode()))
    return octets


def test_a_busy_recipient_still_costs_one_unit_an_item(store: Store) -> None:
    """Four categories chosen and stopped as a whole, one told, eight acts remembered, an address of 24 characters."""
    for number in range(3):
        for category in ("newsletter", "offers", "policy-updates", "*"):
            part = OptedOut(category) if (number + len(category)) % 2 or category == "*" else OptedIn(category)
            store.clock.milliseconds += 61_000
            act_id = f"{number}{len(category):02}aBcDeFgHiJkLmNoPqR"
            store.ledger.record(
                store.place, Act(act_id, Via.PREFERENCE_PAGE, (part,), 1), Beside("a" * 12 + "@example.com")
            )

    [state] = [item for item in store.site.stored() if item["sk"]["S"].startswith("recipient#")]
    assert len(json.loads(state["re"]["S"])) == 8
    assert size(state) <= 1_024


class TestTheControlTable:
    """Senders, keys, budgets and notes under the same faults."""

    @pytest.mark.parametrize("name", [name for name in READ_FAULTS if name != "half processed"])
    def test_a_sender_that_cannot_be_read_is_trouble_and_no_stranger(self, site: Site, name: str) -> None:
        wire, pool = faulty(site.service.settings)
        known = site.service.settings
        senders = Senders(wire, known.control_table, site.service.secrets.pepper_key, Clock().timing())
        keys = Keys(wire, known.control_table, Clock().timing())
        pool.plan(READ, READ_FAULTS[name])
        assert senders.get(CODE).code == CODE
        for read in (lambda: senders.get(CODE), lambda: keys.find(CODE, "x" * 16)):
            pool.plan(READ, *[READ_FAULTS[name]] * 60)
            with pytest.raises(StoreUnavailable):
                read()

    @pytest.mark.parametrize("name", ["lost answer", "error after", "lost request", "throttled"])
    def test_an_idempotency_key_is_claimed_once_and_by_whom_it_was(self, site: Site, name: str) -> None:
        wire, pool = faulty(site.service.settings)
        operations = Operations(wire, site.service.settings.recipients_table, Clock().timing())
        pool.plan("PutItem", WRITE_FAULTS[name])
        pool.plan(READ, faults.unprocessed, faults.throttled)

        claim = operations.claim(CODE, 0, "key", "body", 7_000)

        assert (claim.received, claim.is_new) == (7_000, True)
        again = operations.claim(CODE, 0, "key", "body", 9_000)
        assert (again.received, again.is_new) == (7_000, False)
        with pytest.raises(IdempotencyMismatch):
            operations.claim(CODE, 0, "key", "another body", 9_000)

    @pytest.mark.parametrize("name", ["lost answer", "error after", "lost request", "throttled"])
    def test_of_two_answers_the_first_one_is_kept(self, site: Site, name: str) -> None:
        """G3: two who work side by side answer the same."""
        wire, pool = faulty(site.service.settings)
        operations = Operations(wire, site.service.settings.recipients_table, Clock().timing())
        claim, other = (operations.claim(CODE, 0, "key", "body", 7_000) for _ in range(2))
        pool.plan("UpdateItem", WRITE_FAULTS[name])
        pool.plan(READ, faults.unprocessed, faults.throttled)

        assert operations.keep(CODE, 0, "key", claim, "one") == "one"
        pool.plan(READ, faults.unprocessed, faults.throttled)
        assert operations.keep(CODE, 0, "key", other, "two") == "one"
        assert operations.claim(CODE, 0, "key", "body", 9_000).answer == "one"

    def test_an_answer_of_a_note_that_is_forgotten_is_given_and_not_kept(self, site: Site) -> None:
        operations = site.service.operations
        claim = operations.claim(CODE, 0, "key", "body", 7_000)
        later = 7_000 + (KEPT_SECONDS + 1) * 1_000
        assert operations.claim(CODE, 0, "key", "other", later).is_new
        assert operations.keep(CODE, 0, "key", claim, "one") == "one"
        assert operations.claim(CODE, 0, "key", "other", later).answer is None

    @pytest.mark.parametrize("fault", [faults.throttled, faults.lost_request, faults.lost_answer])
    def test_a_budget_that_cannot_be_counted_is_trouble(self, site: Site, fault: faults.Fault) -> None:
        wire, pool = faulty(site.service.settings)
        limits = Limits(wire, site.service.settings.control_table)
        pool.plan("UpdateItem", fault)
        with pytest.raises(StoreUnavailable):
            limits.take(CODE, "x", 1, 0)
        limits.take(CODE, "y", 1, 0)
        with pytest.raises(TooManyRequests) as caught:
            limits.take(CODE, "y", 1, 1_800_000)
        assert caught.value.retry_after == 1_800

    @pytest.mark.parametrize("fault", [faults.throttled, faults.lost_request, faults.error_after])
    def test_keys_that_cannot_be_listed_or_changed_are_trouble(self, site: Site, fault: faults.Fault) -> None:
        wire, pool = faulty(site.service.settings)
        keys = Keys(wire, site.service.settings.control_table, Clock().timing())
        key = ApiKey("x" * 16, CODE, "digest", frozenset({"read"}), 1)
        for operation, call in (
            ("PutItem", lambda: keys.create(key)),
            ("Query", lambda: keys.list(CODE)),
            ("TransactWriteItems", lambda: keys.revoke_in_turn(CODE, key.id, 7, 0)),
            ("UpdateItem", lambda: keys.touch(CODE, key.id, 7)),
        ):
            pool.plan(operation, fault)
            with pytest.raises(StoreUnavailable):
                call()

    def test_a_list_of_keys_goes_on_after_an_empty_page(self, site: Site) -> None:
        """H9."""
        wire, pool = faulty(site.service.settings)
        keys = Keys(wire, site.service.settings.control_table, Clock().timing())
        keys.create(ApiKey("x" * 16, CODE, "digest", frozenset({"read"}), 1))
        start = {"pk": {"S": f"sender#{CODE}"}, "sk": {"S": "key#"}}
        empty = faults.Answer(200, json.dumps({"Items": [], "Count": 0, "LastEvaluatedKey": start}).encode())
        pool.plan("Query", lambda *_: empty)

        assert [key.id for key in keys.list(CODE)] == ["x" * 16]
        assert pool.count("Query") == 2

    def test_a_key_that_is_not_there_is_neither_revoked_nor_used(self, site: Site) -> None:
        assert not site.service.keys.revoke_in_turn(CODE, "nobody", 7, 0)
        site.service.keys.touch(CODE, "nobody", 7)
        assert site.service.keys.find(CODE, "nobody") is None

    def test_a_use_that_cannot_be_noted_keeps_no_key_from_working(self, site: Site) -> None:
        wire = site.service._wire
        wire.pool = pool = FaultyPool(wire.pool)
        site.service.keys.create(ApiKey("x" * 16, CODE, "digest", frozenset({"read"}), 1))
        pool.plan("UpdateItem", faults.throttled)

        key = site.service.api_key(CODE, "x" * 16)

        assert key is not None
        assert pool.count("UpdateItem") == 1


SCRIPT = st.lists(st.sampled_from([*WRITE_FAULTS.values(), faults.late_request, faults.passes]), max_size=5)
READS = st.lists(st.sampled_from([*READ_FAULTS.values(), faults.passes]), max_size=3)
STEPS = st.lists(
    st.tuples(st.sampled_from([OptedOut("news"), OptedIn("news"), OptedOut("*")]), SCRIPT, READS), max_size=6
)


SAME_TABLES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
"""On purpose: each example is another recipient in the same tables."""


@settings(max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=SAME_TABLES)
@given(STEPS, st.uuids())
def test_whatever_goes_wrong_every_acknowledged_act_is_there_once(
    site: Site, steps: list[tuple[OptedOut | OptedIn, list[faults.Fault], list[faults.Fault]]], number: UUID
) -> None:
    store = make_store(site)
    place = site.service.senders.get(CODE).place_of(parse_address(f"x{number}@example.com"))
    acknowledged = []
    for index, (part, writes, reads) in enumerate(steps):
        act = Act(f"{number}.{index}", Via.PREFERENCE_PAGE, (part,), index)
        store.pool.plan(WRITE, *writes)
        store.pool.plan(READ, *reads)
        try:
            if store.ledger.record(place, act).act == act.id:
                acknowledged.append(act.id)
        except StoreUnavailable:
            pass
        store.pool.arrive()

    entries: list[Entry] = []
    while more := site.service.reader.log(CODE, place.shard, len(entries)):
        entries += more
    own = [entry.act.id for entry in entries if entry.place == place]
    assert set(acknowledged) <= set(own)
    assert len(set(own)) == len(own)
    assert site.service.reader.recipient(place).state == fold(e.act for e in entries if e.place == place)


class TestWhatCostsNothing:
    """Calls to the store that are never made."""

    @pytest.fixture
    def pool(self, site: Site) -> FaultyPool:
        wire = site.service._wire
        wire.pool = pool = FaultyPool(wire.pool)
        return pool

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
    @pytest.mark.parametrize("route", [path for path in ROUTES if "{token}" in path])
    def test_a_tampered_token_costs_no_call(self, site: Site, pool: FaultyPool, route: str, method: str) -> None:
        """A6."""
        token = site.token(purpose=Purpose.PREFERENCES)
        for spoiled in (token[:-1], f"{token}=", f"o{token[1:]}", token.replace("testsend", "othersnd"), "x", ""):
            assert send(method, route, {"token": spoiled}, body=b"").status in {404, 405}
        assert pool.calls == []

    def test_an_invented_key_costs_no_call(self, site: Site, pool: FaultyPool) -> None:
        for key in ("", "sgn_x", f"sgn_{'a' * 16}_{'a' * 52}_A{'a' * 8}"):
            assert send("POST", "/v1/check", headers={"Authorization": f"Bearer {key}"}, body=b"{}").status == 401
        assert pool.calls == []

    def test_a_page_costs_one_read_and_then_none_and_the_centre_one_more(self, site: Site, pool: FaultyPool) -> None:
        token = {"token": site.token(purpose=Purpose.PREFERENCES)}
        send("GET", "/u/{token}", token)
        assert [name for name, _ in pool.calls] == [READ]
        send("GET", "/u/{token}", token)
        assert len(pool.calls) == 1
        send("GET", "/p/{token}", token)
        assert [name for name, _ in pool.calls] == [READ, READ]


@pytest.mark.parametrize(
    ("method", "route"), [("GET", "/u/{token}"), ("POST", "/u/{token}"), ("POST", "/v1/check"), ("GET", "/v1/keys")]
)
def test_an_error_that_nobody_expected_is_told_without_its_text(
    site: Site, caplog: pytest.LogCaptureFixture, method: str, route: str
) -> None:
    """The last line: no traceback, and nothing of what the error says, which may be an address."""

    def unheard_of(_: FaultyPool, __: faults.Forward) -> None:
        raise RuntimeError(ADDRESS)

    wire = site.service._wire
    wire.pool = pool = FaultyPool(wire.pool)
    key = mint_api_key(site.service.keyring, CODE).text
    pool.plan(READ, unheard_of)

    with caplog.at_level("DEBUG"):
        answer = send(method, route, {"token": site.token()}, headers={"Authorization": f"Bearer {key}"}, body=b"{}")

    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "unexpected RuntimeError" in caplog.text
    for told in (caplog.text, answer.body, str(answer.headers)):
        assert ADDRESS not in told
        assert "Traceback" not in told
