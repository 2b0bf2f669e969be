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
from chalicelib.domain.state import NOTHING_KNOWN, Choice, State, Value
from chalicelib.tokens import PREFERENCES_DAYS, Purpose
from chalicelib.use_cases.recalling import PAGE
from chalicelib.web.happenings import happened, registers_in_words
from chalicelib.web.voices import Voice, plain
from tests.site import ADDRESS, CATALOGUE, CODE, DAY, Site

if TYPE_CHECKING:
    from chalice.test import HTTPResponse


SENDER = Sender(CODE, "Test & Sons", CATALOGUE, bytes(32))
MARCH = 1_772_539_200_000
"""2026-03-03T12:00:00Z."""
OUT = Choice(5, Value.OUT, "x", 5, "x")
IN = Choice(5, Value.IN, "x", 5, "x")


def entry(via: Via, *parts: Part) -> Entry:
    return Entry(Place(CODE, 0, "rcp_x"), 1, Act("x", via, parts), MARCH, 1, 0, {})


HERE = "on the page where you choose what you get"
SAID: list[tuple[Via, tuple[Part, ...], str]] = [
    (
        Via.ONE_CLICK,
        (OptedOut("offers", 1),),
        "On 3 March 2026 you stopped Offers, by the button of your mail program.",
    ),
    (
        Via.UNSUBSCRIBE_PAGE,
        (OptedOut(ALL, 1),),
        "On 3 March 2026 you stopped all optional mail, on the page to unsubscribe.",
    ),
    (
        Via.PREFERENCE_PAGE,
        (OptedOut("news", 1), OptedOut("offers", 1)),
        f"On 3 March 2026 you stopped News <b> and Offers, {HERE}.",
    ),
    (Via.MAILTO, (OptedOut("offers", 1),), "On 3 March 2026 you stopped Offers, by a mail to unsubscribe."),
    (
        Via.OPT_OUT_FORM,
        (OptedOut(ALL, 1),),
        "On 3 March 2026 all optional mail stopped, because your address was typed into the form to unsubscribe.",
    ),
    (
        Via.OPS,
        (OptedOut("offers", 1),),
        "On 3 March 2026 you stopped Offers, as the people who run this page noted.",
    ),
    (Via.PREFERENCE_PAGE, (OptedIn("offers", 1),), f"On 3 March 2026 you chose Offers, {HERE}."),
    (
        Via.PREFERENCE_PAGE,
        (Undone(("a",), (Restored("offers", OUT), Restored("news", None)), 1),),
        f"On 3 March 2026 you undid a choice, {HERE}. Stopped as before: Offers. As if you had never chosen: News <b>.",
    ),
    (
        Via.OPS,
        (Undone(("a",), (Restored(ALL, IN),), 1),),
        (
            "On 3 March 2026 the people who run this page undid what was noted for your address. "
            "Chosen as before: all optional mail."
        ),
    ),
    (
        Via.API,
        (Undone(("a",), (Restored("offers", OUT),), 1),),
        "On 3 March 2026 Test & Sons undid what was noted for your address. Stopped as before: Offers.",
    ),
    (Via.API, (Stated("offers", MARCH),), "On 3 March 2026 you stopped Offers, as Test & Sons noted."),
    (
        Via.API,
        (Stated("offers", MARCH - 2 * DAY),),
        "On 1 March 2026 you stopped Offers, as Test & Sons noted. It was noted on 3 March 2026.",
    ),
    (
        Via.IMPORT,
        (Stated(ALL, 1),),
        (
            "On 1 January 1970 you stopped all optional mail, as a list says that Test & Sons brought in. "
            "It was noted on 3 March 2026."
        ),
    ),
    (Via.FEEDBACK, (Stated("offers", MARCH),), "On 3 March 2026 you stopped Offers, as the mail system reported."),
    (Via.API, (Consented("offers", MARCH),), "On 3 March 2026 you agreed to get Offers, as Test & Sons noted."),
    (
        Via.IMPORT,
        (Consented("offers", MARCH - DAY),),
        (
            "On 2 March 2026 you agreed to get Offers, as a list says that Test & Sons brought in. "
            "It was noted on 3 March 2026."
        ),
    ),
    (
        Via.API,
        (Blocked("offers", 1),),
        "On 3 March 2026 Test & Sons stopped sending you Offers, by its own decision.",
    ),
    (
        Via.API,
        (Unblocked(ALL, 1),),
        "On 3 March 2026 Test & Sons ended its decision not to send you all optional mail.",
    ),
    (
        Via.FEEDBACK,
        (Complained(MARCH),),
        "On 3 March 2026 you marked a mail as spam, as the mail system reported. This stops all optional mail.",
    ),
    (
        Via.FEEDBACK,
        (Bounced(MARCH - DAY),),
        (
            "On 2 March 2026 mail to you came back, as the mail system reported. This stops all mail. "
            "It was noted on 3 March 2026."
        ),
    ),
    (Via.API, (BounceLifted(1),), "On 3 March 2026 Test & Sons noted that mail reaches you again."),
    (Via.PREFERENCE_PAGE, (Erased(1),), f"On 3 March 2026 you erased your address and your choices, {HERE}."),
    (Via.API, (Erased(1),), "On 3 March 2026 Test & Sons erased your address and your choices."),
    (Via.OPS, (Erased(1),), "On 3 March 2026 the people who run this page erased your address and your choices."),
]


def texts(told: Entry) -> tuple[str, ...]:
    return tuple(plain(said) for said in happened(Voice(), SENDER, told))


@pytest.mark.parametrize(("via", "parts", "said"), SAID)
def test_what_happened_is_said_in_words_that_a_person_uses(via: Via, parts: tuple[Part, ...], said: str) -> None:
    assert texts(entry(via, *parts)) == (said,)


def test_every_kind_of_act_is_in_the_table() -> None:
    assert {type(part) for _, parts, _ in SAID for part in parts} == set(PARTS)
    assert {via for via, _, _ in SAID} == set(Via)


def every_kind_by(via: Via, kind: type[Part]) -> Entry:
    """An act of this kind that came this way."""
    values = {"scope": "offers", "category": "offers", "acts": ("a",), "restored": (Restored("offers", None),)}
    names = [name for name in kind.__dataclass_fields__ if name != "evidence"]
    return entry(via, kind(**{name: values.get(name, MARCH) for name in names}))  # type: ignore[arg-type]


def folded(told: Entry) -> State:
    return fold([told.act])


@pytest.mark.parametrize(("via", "kind"), list(product(Via, PARTS)))
def test_every_kind_by_every_way_is_a_whole_sentence(via: Via, kind: type[Part]) -> None:
    names, told = kind.__dataclass_fields__, every_kind_by(via, kind)

    [said] = texts(told)

    assert said.startswith("On 3 March 2026 ")
    assert not re.search(r"None|_|\{|\}|  |rcp|\.\.", said)
    assert ("Offers" in said) is bool({"scope", "category", "restored"} & set(names))
    [words] = (plain(kept) for kept in registers_in_words(Voice(), SENDER, folded(told)))
    assert not re.search(r"None|_|\{|\}|  ", words)


def test_one_form_is_one_entry_with_a_sentence_for_each_kind() -> None:
    parts = (OptedOut("news", 1), OptedIn("offers", 1))
    assert len(texts(entry(Via.PREFERENCE_PAGE, *parts))) == 2


def test_a_category_that_the_catalogue_lost_is_told_by_its_id() -> None:
    assert "stopped gone" in texts(entry(Via.ONE_CLICK, OptedOut("gone", 1)))[0]


def test_nothing_kept_is_no_words() -> None:
    assert list(registers_in_words(Voice(), SENDER, NOTHING_KNOWN)) == []


def test_what_is_kept_is_said_with_the_day_that_was_told() -> None:
    """Consent counts two minutes earlier than it says: no day is changed by that."""
    midnight = MARCH - 12 * 3_600_000
    acts = [Act("a", Via.API, (Consented("offers", midnight),)), Act("b", Via.IMPORT, (Consented("news", midnight),))]
    acts.append(Act("c", Via.API, (Blocked(ALL, MARCH),)))
    assert [plain(said) for said in registers_in_words(Voice(), SENDER, fold(acts))] == [
        "On 3 March 2026 Test & Sons stopped sending you all optional mail, by its own decision.",
        "You agreed to get Offers on 3 March 2026, says Test & Sons.",
        "You agreed to get News <b> on 3 March 2026, says a list that Test & Sons brought in.",
    ]


def footer(site: Site) -> str:
    return f"/p/{site.token(1, Purpose.PREFERENCES)}"


def history(site: Site) -> str:
    """As the preference centre links to it."""
    return f"{footer(site)}/history?{site.at()}"


def get(site: Site, path: str) -> HTTPResponse:
    return site.client.http.get(path.removeprefix("/api"))


def lines(answer: HTTPResponse) -> list[str]:
    """The acts of a page, as text."""
    assert answer.status_code == 200
    [found, *_] = re.findall(r'<ul role="list">(.*?)</ul>', answer.body.decode().partition("<footer>")[0], re.DOTALL)
    return [html.unescape(re.sub("<[^>]*>", "", line)) for line in re.findall("<li>(.*?)</li>", found, re.DOTALL)]


def record(site: Site, *parts: Part, via: Via = Via.ONE_CLICK, address: str = ADDRESS) -> None:
    place = site.service.senders.get(CODE).place_of(parse_address(address))
    site.service.ledger.record(place, Act(f"act{site.entries()}", via, parts))


def test_it_tells_what_happened_newest_first(site: Site) -> None:
    site.post(f"/u/{site.token(2)}")
    record(site, Blocked("news"), via=Via.API)
    # The engine dates what is recorded, and its midnight may come after the site's clock was set.
    days = "|".join(str(Voice().date(site.clock.milliseconds + later)) for later in (0, DAY))

    told = lines(get(site, history(site)))

    assert [re.sub(f"^On ({days}) ", "On that day ", line) for line in told] == [
        "On that day Test & Sons stopped sending you News <b>, by its own decision.",
        "On that day you stopped Offers, by the button of your mail program.",
    ]


def test_it_shows_a_mask_alone_and_leads_back(site: Site) -> None:
    """F5."""
    site.post(f"/u/{site.token(2)}")

    page = get(site, history(site)).body.decode()

    assert ADDRESS not in page
    assert "d**r@e*****.com" in page
    assert f'href="/api{footer(site)}"' in page
    assert f'href="/api{history(site)}"' in get(site, footer(site)).body.decode()


def test_nothing_yet_is_said(site: Site) -> None:
    assert b"Nothing has happened yet" in get(site, history(site)).body


@pytest.mark.parametrize("acts", [1, PAGE, PAGE + 1, 2 * PAGE, 3 * PAGE + 3])
def test_it_is_paged_and_every_act_comes_once(site: Site, acts: int) -> None:
    for number in range(acts):
        record(site, OptedOut("offers") if number % 2 else OptedIn("offers"))
    expected = ["stopped" if number % 2 else "chose" for number in range(acts)][::-1]

    found, path, pages = [], history(site), 0
    while path:
        answer = get(site, path)
        found += ["stopped" if "stopped" in line else "chose" for line in lines(answer)]
        pages += 1
        older = re.findall(r'<a href="([^"]+)">Older</a>', answer.body.decode())
        assert (b">Newest<" in answer.body) is (pages > 1)
        path = urljoin(path, html.unescape(older[0])) if older else ""

    assert found == expected
    assert pages == -(-acts // PAGE)


def test_acts_of_others_in_between_are_not_shown(site: Site) -> None:
    shard = site.service.senders.get(CODE).place_of(parse_address(ADDRESS)).shard
    others = [address for address in (f"reader{n}@example.com" for n in range(60)) if same_shard(site, address, shard)]
    for address in others:
        record(site, OptedOut("offers"), address=address)
        record(site, OptedIn("news"))
    assert others

    assert {line.partition("you ")[2] for line in lines(get(site, history(site)))} == {
        "chose News <b>, by the button of your mail program."
    }


def same_shard(site: Site, address: str, shard: int) -> bool:
    return site.service.senders.get(CODE).place_of(parse_address(address)).shard == shard


@pytest.mark.parametrize("older", ["0", "999999"])
def test_a_number_of_nobody_s_shows_nothing_and_leads_to_the_newest(site: Site, older: str) -> None:
    site.post(f"/u/{site.token(2, address='ada@example.com')}")
    record(site, OptedIn("news"))
    answer = get(site, f"{history(site)}&older={older}")
    assert answer.status_code == 200
    assert b"There is nothing here" in answer.body
    assert b"you chose" not in answer.body
    assert b">Newest<" in answer.body


@pytest.mark.parametrize("older", ["", "x", "-1", "9" * 400, "\u0663", "1%2c2", "<b>"])
def test_what_is_no_place_to_begin_gets_the_newest(site: Site, older: str) -> None:
    site.post(f"/u/{site.token(2)}")
    assert len(lines(get(site, f"{history(site)}&older={older}"))) == 1


def test_an_act_of_very_many_parts_is_told_as_far_as_there_is_room(site: Site) -> None:
    record(site, *(Stated("offers", site.clock.milliseconds - number * DAY) for number in range(60)), via=Via.IMPORT)

    [line] = lines(get(site, history(site)))

    shown, rest = line.count("you stopped Offers"), re.findall("And ([0-9]+) more: download your data", line)
    assert shown + int(rest[0]) == 60
    assert shown > 5


def test_a_place_in_the_ledger_of_somebody_else_shows_nothing_of_it(site: Site) -> None:
    shard = site.service.senders.get(CODE).place_of(parse_address(ADDRESS)).shard
    [other, *_] = (address for address in (f"r{n}@example.com" for n in range(99)) if same_shard(site, address, shard))
    record(site, OptedOut("offers"), address=other)
    record(site, OptedIn("news"))
    assert b"Offers" not in get(site, f"{history(site)}&older=1").body


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
