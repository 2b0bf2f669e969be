"""The history: everything that happened, in words, newest first, and nothing else."""

from __future__ import annotations

import html
import re
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest

from chalicelib.domain.acts import (
    PARTS,
    Act,
    Blocked,
    Bounced,
    BounceLifted,
    Complained,
    Consented,
    Erased,
    OptedIn,
    OptedOut,
    Part,
    Restored,
    Stated,
    Unblocked,
    Undone,
    Via,
)
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.fold import fold
from chalicelib.domain.recipients import Entry
from chalicelib.domain.senders import Place, Sender
from chalicelib.domain.state import NOTHING_KNOWN, Choice, Value
from chalicelib.tokens import PREFERENCES_DAYS, Purpose
from chalicelib.use_cases.recalling import PAGE
from chalicelib.web.happenings import clauses, day_of, listed, registers_in_words
from tests.site import ADDRESS, CATALOGUE, CODE, DAY, Site
from tests.store.faults import FaultyPool
from tests.store.test_injected_faults import READ

if TYPE_CHECKING:
    from chalice.test import HTTPResponse


SENDER = Sender(CODE, "Test & Sons", CATALOGUE, bytes(32))
MARCH = 1_772_539_200_000
"""2026-03-03T12:00:00Z."""
OUT = Choice(5, Value.OUT, "x", 5, "x")
IN = Choice(5, Value.IN, "x", 5, "x")


def entry(via: Via, *parts: Part) -> Entry:
    return Entry(Place(CODE, 0, "rcp_x"), 1, Act("x", via, parts), MARCH, 1, 0, {})


SAID: list[tuple[Via, tuple[Part, ...], str]] = [
    (Via.ONE_CLICK, (OptedOut("offers", 1),), "you stopped Offers, by the button of your mail program"),
    (Via.UNSUBSCRIBE_PAGE, (OptedOut(ALL, 1),), "you stopped all optional mail, on the page to unsubscribe"),
    (
        Via.PREFERENCE_PAGE,
        (OptedOut("news", 1), OptedOut("offers", 1)),
        "you stopped News <b> and Offers, on the page where you choose what you get",
    ),
    (Via.MAILTO, (OptedOut("offers", 1),), "you stopped Offers, by a mail to unsubscribe"),
    (
        Via.OPT_OUT_FORM,
        (OptedOut(ALL, 1),),
        "all optional mail stopped, because your address was typed into the form to unsubscribe",
    ),
    (Via.OPS, (OptedOut("offers", 1),), "the people who run this page noted that you stopped Offers"),
    (Via.PREFERENCE_PAGE, (OptedIn("offers", 1),), "you chose Offers, on the page where you choose what you get"),
    (
        Via.PREFERENCE_PAGE,
        (Undone(("a",), (Restored("offers", OUT), Restored("news", None)), 1),),
        (
            "you undid a choice, on the page where you choose what you get: "
            "Offers stopped again, News <b> as if you had never chosen"
        ),
    ),
    (
        Via.OPS,
        (Undone(("a",), (Restored(ALL, IN),), 1),),
        "the people who run this page undid a choice: all optional mail chosen again",
    ),
    (Via.API, (Stated("offers", MARCH),), "Test & Sons noted that you stopped Offers"),
    (Via.API, (Stated("offers", MARCH - 2 * DAY),), "Test & Sons noted that you stopped Offers on 1 March 2026"),
    (
        Via.IMPORT,
        (Stated(ALL, 1),),
        "Test & Sons brought in a list which says that you stopped all optional mail on 1 January 1970",
    ),
    (Via.FEEDBACK, (Stated("offers", MARCH),), "a report of the mail system said that you stopped Offers"),
    (Via.API, (Consented("offers", MARCH),), "Test & Sons noted that you agreed to get Offers"),
    (
        Via.IMPORT,
        (Consented("offers", MARCH - DAY),),
        "Test & Sons brought in a list which says that you agreed to get Offers on 2 March 2026",
    ),
    (Via.API, (Blocked("offers", 1),), "Test & Sons stopped sending you Offers, by its own decision"),
    (Via.API, (Unblocked(ALL, 1),), "Test & Sons ended its own stop of all optional mail"),
    (
        Via.FEEDBACK,
        (Complained(MARCH),),
        "a report of the mail system said that you marked a mail as spam, which stops all optional mail",
    ),
    (
        Via.FEEDBACK,
        (Bounced(MARCH - DAY),),
        "a report of the mail system said that mail to you came back on 2 March 2026, which stops all mail",
    ),
    (Via.API, (BounceLifted(1),), "Test & Sons noted that mail reaches you again"),
    (
        Via.PREFERENCE_PAGE,
        (Erased(1),),
        "you erased your address and your choices, on the page where you choose what you get",
    ),
    (Via.API, (Erased(1),), "Test & Sons erased your address and your choices"),
    (Via.OPS, (Erased(1),), "the people who run this page erased your address and your choices"),
]


@pytest.mark.parametrize(("via", "parts", "said"), SAID)
def test_what_happened_is_said_in_words_that_a_person_uses(via: Via, parts: tuple[Part, ...], said: str) -> None:
    assert clauses(SENDER, entry(via, *parts)) == (said,)


def test_every_kind_of_act_is_in_the_table() -> None:
    assert {type(part) for _, parts, _ in SAID for part in parts} == set(PARTS)
    assert {via for via, _, _ in SAID} == set(Via)


@pytest.mark.parametrize(("via", "kind"), list(product(Via, PARTS)))
def test_every_kind_by_every_way_is_a_whole_clause(via: Via, kind: type[Part]) -> None:
    names = kind.__dataclass_fields__
    values = {"scope": "offers", "category": "offers", "acts": ("a",), "restored": (Restored("offers", None),)}
    part = kind(**{name: values.get(name, MARCH) for name in names if name != "evidence"})  # type: ignore[arg-type]

    [clause] = clauses(SENDER, entry(via, part))

    assert clause[0].islower() or clause.startswith(("Test & Sons", "Offers stopped"))
    assert not re.search(r"None|_|\{|\}|  |rcp|\.$", clause)
    assert ("Offers" in clause) is bool({"scope", "category", "restored"} & set(names))
    [*words] = registers_in_words(SENDER, fold([entry(via, part).act]))
    assert len(words) == 1
    assert not re.search(r"None|_|\{|\}|  ", words[0])


def test_one_form_is_one_entry_with_a_clause_for_each_kind() -> None:
    parts = (OptedOut("news", 1), OptedIn("offers", 1))
    assert len(clauses(SENDER, entry(Via.PREFERENCE_PAGE, *parts))) == 2


def test_a_category_that_the_catalogue_lost_is_told_by_its_id() -> None:
    assert "stopped gone" in clauses(SENDER, entry(Via.ONE_CLICK, OptedOut("gone", 1)))[0]


@pytest.mark.parametrize(("at", "day"), [(0, "1 January 1970"), (MARCH, "3 March 2026"), (-1, "31 December 1969")])
def test_days(at: int, day: str) -> None:
    assert day_of(at) == day


def test_lists_of_names() -> None:
    assert [listed("a"), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]


def test_nothing_kept_is_no_words() -> None:
    assert list(registers_in_words(SENDER, NOTHING_KNOWN)) == []


def test_what_is_kept_is_said_with_the_day_that_was_told() -> None:
    """Consent counts two minutes earlier than it says: no day is changed by that."""
    midnight = MARCH - 12 * 3_600_000
    acts = [Act("a", Via.API, (Consented("offers", midnight),)), Act("b", Via.IMPORT, (Consented("news", midnight),))]
    acts.append(Act("c", Via.API, (Blocked(ALL, MARCH),)))
    assert list(registers_in_words(SENDER, fold(acts))) == [
        "Test & Sons stopped sending all optional mail on 3 March 2026.",
        "You agreed to get Offers on 3 March 2026, says Test & Sons.",
        "You agreed to get News <b> on 3 March 2026, says a list that Test & Sons brought in.",
    ]


def footer(site: Site) -> str:
    return f"/p/{site.token(1, Purpose.PREFERENCES)}"


def get(site: Site, path: str) -> HTTPResponse:
    return site.client.http.get(path.removeprefix("/api"))


def lines(answer: HTTPResponse) -> list[str]:
    """The acts of a page, as text."""
    assert answer.status_code == 200
    [found, _] = re.findall(r"<ul>(.*?)</ul>", answer.body.decode(), re.DOTALL)
    return [html.unescape(re.sub("<[^>]*>", "", line)) for line in re.findall("<li>(.*?)</li>", found, re.DOTALL)]


def record(site: Site, *parts: Part, via: Via = Via.ONE_CLICK, address: str = ADDRESS) -> None:
    place = site.service.senders.get(CODE).place_of(parse_address(address))
    site.service.ledger.record(place, Act(f"act{site.entries()}", via, parts))


def test_it_tells_what_happened_newest_first(site: Site) -> None:
    site.post(f"/u/{site.token(2)}")
    record(site, Blocked("news"), via=Via.API)
    today = day_of(site.clock.milliseconds)

    assert lines(get(site, f"{footer(site)}/history")) == [
        f"On {today} Test & Sons stopped sending you News <b>, by its own decision.",
        f"On {today} you stopped Offers, by the button of your mail program.",
    ]


def test_it_shows_a_mask_alone_and_leads_back(site: Site) -> None:
    """F5."""
    site.post(f"/u/{site.token(2)}")

    page = get(site, f"{footer(site)}/history").body.decode()

    assert ADDRESS not in page
    assert "d**r@e*****.com" in page
    assert f'href="/api{footer(site)}"' in page
    assert f'href="/api{footer(site)}/history"' in get(site, footer(site)).body.decode()


def test_nothing_yet_is_said(site: Site) -> None:
    assert b"Nothing has happened yet" in get(site, f"{footer(site)}/history").body


@pytest.mark.parametrize("acts", [1, PAGE, PAGE + 1, 2 * PAGE, 3 * PAGE + 3])
def test_it_is_paged_and_every_act_comes_once(site: Site, acts: int) -> None:
    for number in range(acts):
        record(site, OptedOut("offers") if number % 2 else OptedIn("offers"))
    expected = ["stopped" if number % 2 else "chose" for number in range(acts)][::-1]

    found, path, pages = [], f"{footer(site)}/history", 0
    while path:
        answer = get(site, path)
        found += ["stopped" if "stopped" in line else "chose" for line in lines(answer)]
        pages += 1
        older = re.findall(r'<a href="([^"]+)">Older</a>', answer.body.decode())
        assert (b">Newest<" in answer.body) is (pages > 1)
        path = urljoin(path, older[0]) if older else ""

    assert found == expected
    assert pages == -(-acts // PAGE)


def test_acts_of_others_in_between_are_not_shown(site: Site) -> None:
    shard = site.service.senders.get(CODE).place_of(parse_address(ADDRESS)).shard
    others = [address for address in (f"reader{n}@example.com" for n in range(60)) if same_shard(site, address, shard)]
    for address in others:
        record(site, OptedOut("offers"), address=address)
        record(site, OptedIn("news"))
    assert others

    assert {line.partition("you ")[2] for line in lines(get(site, f"{footer(site)}/history"))} == {
        "chose News <b>, by the button of your mail program."
    }


def same_shard(site: Site, address: str, shard: int) -> bool:
    return site.service.senders.get(CODE).place_of(parse_address(address)).shard == shard


@pytest.mark.parametrize("older", ["", "x", "-1", "0", "999999", "9" * 400, "\u0663", "1%2c2", "<b>"])
def test_what_is_no_place_to_begin_gets_the_newest(site: Site, older: str) -> None:
    site.post(f"/u/{site.token(2)}")
    assert len(lines(get(site, f"{footer(site)}/history?older={older}"))) == 1


def test_an_act_of_very_many_parts_is_told_as_far_as_there_is_room(site: Site) -> None:
    record(site, *(Stated("offers", site.clock.milliseconds - number * DAY) for number in range(60)), via=Via.IMPORT)

    [line] = lines(get(site, f"{footer(site)}/history"))

    shown, rest = line.count("says that you stopped Offers"), re.findall("And ([0-9]+) more: your data", line)
    assert shown + int(rest[0]) == 60
    assert shown > 5


def test_a_place_in_the_ledger_of_somebody_else_shows_nothing_of_it(site: Site) -> None:
    shard = site.service.senders.get(CODE).place_of(parse_address(ADDRESS)).shard
    [other, *_] = (address for address in (f"r{n}@example.com" for n in range(99)) if same_shard(site, address, shard))
    record(site, OptedOut("offers"), address=other)
    record(site, OptedIn("news"))
    assert "chose News" in lines(get(site, f"{footer(site)}/history?older=1"))[0]


def test_a_page_is_two_reads(site: Site) -> None:
    """Besides that of the sender, which a container remembers. A7: no write."""
    for number in range(3 * PAGE):
        record(site, OptedOut("offers") if number % 2 else OptedIn("offers"))
    wire = site.service._wire
    path = f"{footer(site)}/history"
    get(site, path)

    for _ in range(3):
        wire.pool = pool = FaultyPool(wire.pool)
        answer = get(site, path)
        assert [name for name, _ in pool.calls] == [READ, READ]
        path = urljoin(path, re.findall(r'<a href="([^"]+)">(?:Older|Newest)</a>', answer.body.decode())[0])


def test_a_link_that_only_stops_tells_no_history(site: Site) -> None:
    site.post(f"/u/{site.token(2)}")
    path = f"{footer(site)}/history"
    assert get(site, f"/p/{site.token()}/history").status_code == 404
    site.clock.milliseconds += (PREFERENCES_DAYS + 1) * DAY

    answer = get(site, path)

    assert answer.status_code == 200
    assert b"This link is old" in answer.body
    assert b"you stopped" not in answer.body
    assert b"/p/" not in answer.body
