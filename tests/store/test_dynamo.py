"""The store on the real engine, and what it makes of an engine's errors."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from pynamodb.exceptions import GetError

from chalicelib.api_keys import ApiKey
from chalicelib.domain.acts import Act, Consented, Erased, OptedIn, OptedOut, Restored, Undone, Via
from chalicelib.domain.errors import ActRefused, PepperUnusable, StoreUnavailable, UnknownSender
from chalicelib.domain.fold import fold
from chalicelib.domain.recipients import RECENT_ACTS, STRANGER
from chalicelib.domain.senders import Place
from chalicelib.domain.state import NOTHING_KNOWN, Choice, Value
from chalicelib.store import codec, pepper
from chalicelib.store.calls import connect, translated
from chalicelib.store.engine import DynamoEngine
from chalicelib.store.ledger import Beside, Ledger, Timing
from chalicelib.store.port import Busy, OutcomeUnknown
from chalicelib.store.reading import Reader
from tests.domain.test_rules import EXPECTED
from tests.site import CODE, Site
from tests.store.memory import Clock
from tests.web.conftest import site

__all__ = ["site"]
FORMER = Choice(7, Value.OUT, "x", 5, "y")


def test_everything_written_is_read_back_the_same() -> None:
    parts = (*(part for part, _ in EXPECTED.values()), Undone(("x",), (Restored("a", FORMER), Restored("b", None)), 9))
    act = Act("id", Via.PREFERENCE_PAGE, parts, 3)
    assert codec.load_act(json.loads(codec.dump(codec.dump_act(act)))) == act
    kept = fold([replace(act, parts=tuple(p for p in parts if not isinstance(p, Erased)))])
    told = fold([Act("t", Via.IMPORT, (Consented("a", 900_000),))])
    for state in (fold([act]), kept, told, NOTHING_KNOWN):
        assert codec.load_state(codec.dump_state(state)) == state
    formers = {"a": FORMER, "b": None}
    assert codec.load_formers(codec.dump_formers(formers)) == formers


def place(number: int, shard: int = 0) -> Place:
    return Place(CODE, shard, f"rcp_{number}")


def test_eight_writers_on_one_recipient_and_on_many_lose_nothing(site: Site) -> None:
    """Eight containers, 2,000 acts, more than half of them of one recipient, all on one shard.

    Every acknowledged act is in the ledger, numbers without a gap, and the state is the fold of the ledger.
    """
    jobs = [(place(number % 5 if number % 2 else 0), f"act{number}") for number in range(2_000)]
    table = site.service.settings.recipients_table
    # They have as long as this machine takes.
    ledgers = [Ledger(DynamoEngine(connect(site.service.settings), table), Timing(deadline=600)) for _ in range(8)]

    def write(job: tuple[Place, str]) -> str | None:
        where, name = job
        number = int(name[3:])
        part = OptedOut(f"c{number % 7}") if number % 3 else OptedIn(f"c{number % 7}")
        return ledgers[number % 8].record(where, Act(name, Via.PREFERENCE_PAGE, (part,), number)).act

    with ThreadPoolExecutor(8) as pool:
        acknowledged = list(pool.map(write, jobs))

    entries, after = [], 0
    while page := site.service.reader.log(CODE, 0, after):
        entries += page
        after = page[-1].seq
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    in_ledger = {entry.act.id for entry in entries}
    assert len(in_ledger) == len(entries)
    overtaken = [name for (_, name), act in zip(jobs, acknowledged, strict=True) if act != name]
    assert in_ledger == {name for _, name in jobs} - set(overtaken)
    assert all(int(name[3:]) % 3 == 0 for name in overtaken), "an opt-in may lose to what overtook it, an opt-out never"
    for number in range(5):
        own = [entry for entry in entries if entry.place == place(number)]
        assert site.service.reader.recipient(place(number)).state == fold(entry.act for entry in own)
        assert [entry.version for entry in own] == list(range(1, len(own) + 1))
        numbers = [0, *(entry.seq for entry in own)]
        for at, entry in enumerate(own):
            assert (entry.previous, *entry.earlier) == tuple(numbers[at : max(0, at - RECENT_ACTS) : -1] or [0])


def test_a_reader_of_the_log_stops_at_a_gap(site: Site) -> None:
    for number in range(4):
        site.service.ledger.record(place(number), Act(f"act{number}", Via.ONE_CLICK, (OptedOut("a"),)))
    key = {"pk": {"S": f"{CODE}#0"}, "sk": {"S": "log#000000000003"}}
    taken = site.tables.client.delete_item(TableName=site.tables.names.recipients, Key=key, ReturnValues="ALL_OLD")[
        "Attributes"
    ]
    assert [entry.seq for entry in site.service.reader.log(CODE, 0, 0)] == [1, 2]
    assert site.service.reader.log(CODE, 0, 2) == []
    site.tables.client.put_item(TableName=site.tables.names.recipients, Item=taken)
    assert [entry.seq for entry in site.service.reader.log(CODE, 0, 2)] == [3, 4]
    assert set(site.service.reader.entries(CODE, 0, [2, 9])) == {2}


def test_strangers_and_known_ones_in_several_calls(site: Site) -> None:
    site.service.ledger.record(place(150), Act("x", Via.ONE_CLICK, (OptedOut("a"),)), Beside("dana@example.com"))
    found = site.service.reader.recipients([place(number) for number in range(250)])
    assert len(found) == 250
    assert [where.recipient for where, recipient in found.items() if recipient != STRANGER] == ["rcp_150"]
    assert found[place(150)].address == "dana@example.com"


def test_an_engine_that_is_not_there(site: Site) -> None:
    """A11, G4: never "may send"."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings = replace(site.service.settings, dynamodb_url=f"http://127.0.0.1:{closed.getsockname()[1]}")
        connection = connect(settings)
        timing = Clock().timing()
        with pytest.raises(StoreUnavailable):
            Reader(connection, settings.recipients_table, timing).recipient(place(1))
        with pytest.raises(StoreUnavailable):
            Ledger(DynamoEngine(connection, settings.recipients_table), timing).record(
                place(1), Act("x", Via.ONE_CLICK, (OptedOut("a"),))
            )


def error(code: str, status: int = 400) -> GetError:
    response = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return GetError("x", ClientError(response, "GetItem"))  # type: ignore[arg-type] # on purpose, or a type that the library does not tell


def test_what_an_engine_says_is_translated() -> None:
    assert isinstance(translated(error("ThrottlingException")), Busy)
    assert isinstance(translated(error("TransactionInProgressException")), Busy)
    assert isinstance(translated(error("Whatever", 500)), OutcomeUnknown)
    assert isinstance(translated(error("InternalServerError")), OutcomeUnknown)
    assert isinstance(translated(GetError("x", ReadTimeoutError(endpoint_url="x"))), OutcomeUnknown)
    assert str(translated(error("ValidationException"))) == "the store refused a call: ValidationException"
    assert isinstance(translated(GetError("x", ValueError())), GetError)


def test_senders_and_keys(site: Site) -> None:
    sender = site.service.senders.get(CODE)
    with pytest.raises(ActRefused):
        site.service.senders.create(sender)
    with pytest.raises(UnknownSender):
        site.service.senders.get("nobodyxx")
    key = ApiKey("id", CODE, "digest", frozenset({"read", "links"}), 7)
    site.service.keys.create(key)
    assert site.service.keys.find(CODE, "id") == key
    assert site.service.keys.find(CODE, "other") is None


def test_a_pepper_is_bound_to_its_sender_and_its_fingerprint() -> None:
    key, secret = bytes(range(64)), bytes(32)
    wrapped = pepper.wrap(key, CODE, secret)
    for sender, text, fingerprint in (("othersnd", wrapped, b""), (CODE, b"", b""), (CODE, wrapped, b"x" * 32)):
        with pytest.raises(PepperUnusable):
            pepper.unwrap(key, sender, text, 8, fingerprint)
