"""Changes of a sender on the real engine: the row and its line in the ledger agree, whatever happens in between."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from chalicelib.domain.acts import Act, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import Category, Ground, Kind
from chalicelib.domain.errors import CategoryRefused, PepperUnusable, StoreUnavailable, UnknownSender, VersionMoved
from chalicelib.domain.images import Logo, logo_of
from chalicelib.domain.profiles import Profile
from chalicelib.domain.senders import Hole, Place, Sender, SenderEntry
from chalicelib.service import Service
from chalicelib.store import codec
from chalicelib.store.calls import connect
from chalicelib.store.changing import REMEMBERED, Change, Draft, SenderChanges
from chalicelib.store.engine import load_line
from chalicelib.store.ledger import Timing
from chalicelib.store.operations import Claim
from chalicelib.use_cases.describing import Edit, change_profile, put_category, retire_category
from chalicelib.use_cases.looking import history
from tests.images import png
from tests.site import ADDRESS, CATALOGUE, CODE, Site
from tests.store import faults
from tests.store.faults import FaultyPool, faulty
from tests.store.memory import Clock
from tests.store.test_injected_faults import READ, READ_FAULTS, WRITE, WRITE_FAULTS
from tests.web.conftest import site

if TYPE_CHECKING:
    from chalicelib.domain.recipients import Entry

__all__ = ["site"]


@dataclass
class Control:
    """One container with a connection that goes wrong, and another with one that does not."""

    site: Site
    pool: FaultyPool
    changes: SenderChanges
    other: SenderChanges
    clock: Clock

    def sender(self) -> Sender:
        return self.site.service.senders.get(CODE)

    def lines(self) -> list[Entry | SenderEntry | Hole]:
        found: list[Entry | SenderEntry | Hole] = [
            load_line(item)
            for item in self.site.stored()
            if item["pk"]["S"] == f"{CODE}#0" and "log#" in item["sk"]["S"]
        ]
        return sorted(found, key=lambda line: line.seq)

    def is_whole(self) -> bool:
        """Numbers without a gap up to the head, a line for each version, and the row as the last line tells."""
        lines = self.lines()
        [head] = [item for item in self.site.stored() if (item["pk"]["S"], item["sk"]["S"]) == (f"{CODE}#0", "head")]
        told = [line for line in lines if isinstance(line, SenderEntry)]
        by_id = {line.category.id: line.category for line in told if line.category is not None}
        row = self.sender()
        return (
            [line.seq for line in lines] == list(range(1, int(head["seq"]["N"]) + 1))
            and [line.version for line in told] == list(range(2, row.version + 1))
            and all(row.catalogue.get(category_id) == category for category_id, category in by_id.items())
        )


@pytest.fixture
def control(site: Site) -> Control:
    wire, pool = faulty(site.service.settings)
    clock = Clock()
    changes = SenderChanges(wire, site.service.settings, site.service.secrets.pepper_key, clock.timing())
    return Control(site, pool, changes, site.service.sender_changes, clock)


def named(name: str) -> Draft:
    return lambda before: Change(replace(before, name=name))


def making(category_id: str) -> Draft:
    def draft(before: Sender) -> Change:
        catalogue = before.catalogue.putting(category_id, {"name": category_id, "kind": Kind.OPTIONAL})
        return Change(replace(before, catalogue=catalogue), catalogue.get(category_id))

    return draft


def test_everything_written_is_read_back_the_same(control: Control) -> None:
    profile = Profile(
        names={"de": "Prüfung"},
        default_language="de",
        languages=("de", "en"),
        accent="#123456",
        postal_address="1 Road\nTown",
        privacy_link="https://example.com/",
        logo=logo_of(png(3, 2)),
    )
    category = Category(
        "full", 4, Kind.SERVICE_ALERT, "F", "D", ground=Ground.DELIVERY, names={"de": "x"}, descriptions={"fr": '"é"'}
    )
    before = control.sender()
    wanted = replace(
        before, name="Other", profile=profile, form_open=False, catalogue=before.catalogue.adding(category)
    )

    made = control.changes.make(CODE, "x", lambda _: Change(wanted, category, png(3, 2)))

    assert made == control.sender() == replace(wanted, version=2)
    assert control.site.service.senders.find_logo(CODE) == (profile.logo, png(3, 2))
    assert control.lines() == [SenderEntry(CODE, 1, control.lines()[0].recorded, 2, category)]
    assert codec.load_profile(json.loads(codec.dump(codec.dump_profile(profile)))) == profile
    assert codec.load_category(json.loads(codec.dump(codec.dump_category(category)))) == category
    assert control.is_whole()


def test_a_row_of_before_is_read_and_changed(control: Control) -> None:
    """Rows that were written before senders had profiles, and categories languages."""
    table = control.site.tables.names.control
    key = {"pk": {"S": f"sender#{CODE}"}, "sk": {"S": "sender"}}
    old = json.dumps(
        [
            {"id": "news", "number": 1, "kind": "optional", "name": "News", "description": "", "needs_consent": False}
            | {"ground": None, "retired": False}
        ]
    )
    control.site.tables.client.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET categories = :old REMOVE profile, changes",
        ExpressionAttributeValues={":old": {"S": old}},
    )
    assert control.sender().profile == Profile()
    assert control.sender().catalogue.categories == (Category("news", 1, Kind.OPTIONAL, "News"),)

    control.changes.make(CODE, "x", named("Other"))

    assert (control.sender().name, control.sender().version) == ("Other", 2)
    assert control.is_whole()


def test_what_a_change_does_not_know_of_the_row_stays(control: Control) -> None:
    """A container of a newer version may have written more."""
    table = control.site.tables.names.control
    key = {"pk": {"S": f"sender#{CODE}"}, "sk": {"S": "sender"}}
    control.site.tables.client.update_item(
        TableName=table, Key=key, UpdateExpression="SET newer = :x", ExpressionAttributeValues={":x": {"S": "x"}}
    )
    control.changes.make(CODE, "x", named("Other"))
    assert control.site.tables.client.get_item(TableName=table, Key=key)["Item"]["newer"] == {"S": "x"}


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("name", WRITE_FAULTS)
def test_a_change_that_goes_wrong_ends_as_one(control: Control, name: str, times: int) -> None:
    control.pool.plan(WRITE, *[WRITE_FAULTS[name]] * times)

    made = control.changes.make(CODE, "x", named("Other"))

    assert made == control.sender()
    assert (made.name, made.version) == ("Other", 2)
    assert len(control.lines()) == 1
    assert control.is_whole()


@pytest.mark.parametrize("name", READ_FAULTS)
def test_a_change_whose_read_goes_wrong_forgets_nothing(control: Control, name: str) -> None:
    control.other.make(CODE, "first", making("first"))
    control.pool.plan(READ, READ_FAULTS[name], faults.passes, READ_FAULTS[name])

    control.changes.make(CODE, "x", making("second"))

    assert [category.id for category in control.sender().catalogue.categories][3:] == ["first", "second"]
    assert control.is_whole()


def test_a_change_that_is_overtaken_is_drafted_again(control: Control) -> None:
    """H4: neither of two is lost, and numbers are given once."""
    control.pool.plan(WRITE, faults.after(lambda: control.other.make(CODE, "other", making("other"))))

    control.changes.make(CODE, "x", making("own"))

    assert [(c.id, c.number) for c in control.sender().catalogue.categories][3:] == [("other", 4), ("own", 5)]
    assert control.is_whole()


def test_a_change_that_is_overtaken_may_be_refused(control: Control) -> None:
    """H10: two retire one of the last two service alerts each."""
    parcels = {"name": "Parcels", "kind": Kind.SERVICE_ALERT, "ground": Ground.DELIVERY}
    service = control.site.service
    put_category(Edit(service, CODE, Claim(1, True, "a")), "parcels", parcels)
    service.__dict__["sender_changes"] = control.changes
    other = Service(service.settings)
    control.pool.plan(WRITE, faults.after(lambda: retire_category(Edit(other, CODE, Claim(1, True, "b")), "parcels")))

    with pytest.raises(CategoryRefused):
        retire_category(Edit(service, CODE, Claim(1, True, "c")), "alerts")

    assert [category.id for category in control.sender().catalogue.service_alerts] == ["alerts"]
    assert control.is_whole()


def test_a_version_that_moves_on_the_way_refuses(control: Control) -> None:
    service = control.site.service
    service.__dict__["sender_changes"] = control.changes
    other = Service(service.settings)
    control.pool.plan(WRITE, faults.after(lambda: other.change_sender(CODE, "other", named("Other"))))

    with pytest.raises(VersionMoved) as caught:
        change_profile(Edit(service, CODE, Claim(1, True, "c"), version=1), {"name": "Own"})

    assert caught.value.version == 2
    assert control.sender().name == "Other"


def test_an_answer_lost_and_overtaken_is_not_carried_out_again(control: Control) -> None:
    """The other's change stands: the same bytes and token do nothing more."""
    overtaking = faults.after(lambda: control.other.make(CODE, "other", named("Other")))
    control.pool.plan(WRITE, faults.lost_answer, overtaking)

    assert control.changes.make(CODE, "x", named("Own")).name == "Own"

    assert (control.sender().name, len(control.lines())) == ("Other", 2)
    assert control.is_whole()


def test_two_answers_lost_and_overtaken_are_found_by_the_id_of_the_change(control: Control) -> None:
    control.pool.plan(WRITE, faults.lost_answer, faults.lost_answer)
    control.pool.plan(READ, faults.passes, faults.passes)
    control.pool.plan(READ, faults.after(lambda: control.other.make(CODE, "other", named("Other"))))

    made = control.changes.make(CODE, "x", named("Own"))

    assert (made.name, made.version) == ("Other", 3), "what is answered is what holds"
    assert (control.sender().name, len(control.lines())) == ("Other", 2)
    assert control.is_whole()


def test_a_request_that_arrives_late_does_nothing_more(control: Control) -> None:
    control.pool.plan(WRITE, faults.late_request)
    control.changes.make(CODE, "x", named("Own"))
    control.other.make(CODE, "other", named("Other"))
    control.pool.arrive()
    assert (control.sender().name, len(control.lines())) == ("Other", 2)
    assert control.is_whole()


def test_a_head_that_moved_costs_another_number_and_no_read(control: Control) -> None:
    """Recipients of shard 0 write to the same ledger."""
    ledger, sender = control.site.service.ledger, control.sender()
    place = next(p for n in range(999) if (p := sender.place_of(parse_address(f"n{n}@example.com"))).shard == 0)
    control.pool.plan(WRITE, faults.after(lambda: ledger.record(place, Act("out", Via.ONE_CLICK, (OptedOut("news"),)))))

    control.changes.make(CODE, "x", named("Own"))

    assert [type(line).__name__ for line in control.lines()] == ["Entry", "SenderEntry"]
    assert control.pool.count(READ) == 2
    sent = [json.loads(body)["ClientRequestToken"] for operation, body in control.pool.calls if operation == WRITE]
    assert len(sent) == len(set(sent)) == 2, "another content has another token"
    assert control.is_whole()
    ledger.record(place, Act("all", Via.ONE_CLICK, (OptedOut("*"),)))
    page = history(control.site.service, sender, place.recipient, None, 10)
    assert [entry.act.id for entry in page.entries] == ["all", "out"], "a line of the sender's is nobody's history"
    assert control.site.service.reader.history(place, 2, 10) == []
    assert set(control.site.service.reader.entries(CODE, 0, [1, 2, 3])) == {1, 3}
    assert control.is_whole()


@pytest.mark.parametrize("name", ["lost request", "throttled", "error before", "conflict"])
def test_a_store_that_stays_wrong_is_told_in_time(control: Control, name: str) -> None:
    began = control.clock.milliseconds
    control.pool.plan(WRITE, *[WRITE_FAULTS[name]] * 60)
    with pytest.raises(StoreUnavailable):
        control.changes.make(CODE, "x", named("Own"))
    assert control.clock.milliseconds - began < 10_000
    control.pool._planned.clear()
    assert control.changes.make(CODE, "x", named("Own")).name == "Own"
    assert len(control.lines()) == 1


def eight(control: Control) -> list[SenderChanges]:
    """Eight containers, that have as long as this machine takes."""
    settings, pepper_key = control.site.service.settings, control.site.service.secrets.pepper_key
    return [SenderChanges(connect(settings), settings, pepper_key, Timing(deadline=600)) for _ in range(8)]


def test_eight_who_change_at_once_lose_nothing(control: Control) -> None:
    """Every change has one line, and the row is what all lines tell."""
    containers = eight(control)

    def work(number: int) -> Sender:
        draft = named(f"Name {number}") if number % 3 == 0 else making(f"c{number}")
        return containers[number % 8].make(CODE, f"change{number}", draft)

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(work, range(48)))

    assert sorted(sender.version for sender in made) == list(range(2, 50))
    assert {c.id for c in control.sender().catalogue.categories} == {
        *(c.id for c in CATALOGUE.categories),
        *(f"c{n}" for n in range(48) if n % 3),
    }
    assert len({c.number for c in control.sender().catalogue.categories}) == 35
    assert control.is_whole()


def test_the_same_change_sent_by_two_at_once_is_one(control: Control) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda changes: changes.make(CODE, "same", making("own")), eight(control)))
    assert len(control.lines()) == 1
    assert control.is_whole()


def test_the_row_remembers_its_last_changes(control: Control) -> None:
    for number in range(REMEMBERED):
        control.changes.make(CODE, f"x{number}", named(f"Name {number}"))
    assert control.changes.make(CODE, "x0", named("Name 0")).name == f"Name {REMEMBERED - 1}"
    assert control.changes.make(CODE, "x9", named("Name 9")).name == "Name 9"
    assert control.changes.make(CODE, "x0", named("Name 0")).name == "Name 0", "what is older is not known any more"


def test_what_stays_as_it_is_is_not_written(control: Control) -> None:
    assert control.changes.make(CODE, "x", Change).version == 1
    assert control.site.stored() == []


def test_a_sender_that_is_not_there(control: Control) -> None:
    with pytest.raises(UnknownSender):
        control.changes.make("nobodyxx", "x", Change)


def test_a_pepper_that_does_not_fit_stops_changes_too(control: Control) -> None:
    settings = replace(control.site.service.settings, pepper_key=bytes(64))
    with pytest.raises(PepperUnusable):
        Service(settings).change_sender(CODE, "x", named("Other"))


def test_a_logo_and_the_row_that_tells_of_it_go_together(control: Control) -> None:
    def with_logo(octets: bytes | None) -> Draft:
        logo: Logo | None = None if octets is None else logo_of(octets)
        return lambda before: Change(before.changing({"logo": logo}), image=octets)

    control.pool.plan(WRITE, faults.lost_answer, faults.passes, faults.throttled)
    control.changes.make(CODE, "a", with_logo(png(3, 2)))
    control.changes.make(CODE, "b", with_logo(png(4, 2)))
    assert control.site.service.senders.find_logo(CODE) == (control.sender().profile.logo, png(4, 2))
    control.pool.plan(WRITE, faults.after(lambda: control.other.make(CODE, "c", with_logo(png(5, 2)))))
    control.changes.make(CODE, "d", with_logo(None))
    assert control.site.service.senders.find_logo(CODE) is None
    assert control.sender().profile.logo is None
    assert control.is_whole()


def test_the_head_of_a_deletion_moves_too(control: Control) -> None:
    """A deletion stands first in the transaction, and so the head is at another place in a refusal."""
    control.changes.make(
        CODE, "a", lambda before: Change(before.changing({"logo": logo_of(png(3, 2))}), image=png(3, 2))
    )
    place = Place(CODE, 0, "rcp_x")
    act = Act("out", Via.ONE_CLICK, (OptedOut("news"),))
    reads = control.pool.count(READ)
    control.pool.plan(WRITE, faults.after(lambda: control.site.service.ledger.record(place, act)))
    control.changes.make(CODE, "b", lambda before: Change(before.changing({"logo": None})))
    assert control.pool.count(READ) - reads == 2
    assert control.is_whole()


def test_no_address_is_in_a_line_or_a_row(control: Control) -> None:
    control.changes.make(CODE, "a", making("own"))
    assert ADDRESS not in str(control.site.stored())
