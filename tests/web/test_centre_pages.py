"""The preference centre of a sender with more kinds of mail than one page has room for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest

from chalicelib.domain.acts import Act, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.store.operations import Claim
from chalicelib.tokens import Purpose, mint
from chalicelib.use_cases.describing import Edit, retire_category
from tests.heavy import LONGEST_ADDRESS, MANY, many_sender
from tests.site import ADDRESS, Site
from tests.web.test_preferences import read

if TYPE_CHECKING:
    from chalice.test import HTTPResponse

KINDS = [f"kind-{number}" for number in range(1, 26)]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def create(site: Site) -> None:
    site.service.senders.create(many_sender())


def centre(site: Site, address: str = ADDRESS) -> str:
    return f"/p/{mint(site.service.keyring, Purpose.PREFERENCES, MANY, 1, site.day, address)}"


def get(site: Site, path: str) -> HTTPResponse:
    return site.client.http.get(path.removeprefix("/api"))


def links(path: str, answer: HTTPResponse, label: str) -> list[str]:
    """Where links with this label lead, on the page of this path."""
    return [urljoin(path, target) for target in re.findall(rf'<a href="([^"]+)">{label}</a>', answer.body.decode())]


def second_page(site: Site) -> str:
    [more] = links(centre(site), get(site, centre(site)), "More kinds of mail")
    return more


def shown(answer: HTTPResponse) -> list[str]:
    return list(read(answer).boxes)


def unwanted(site: Site) -> list[str]:
    sender = site.service.senders.get(MANY)
    state = site.service.reader.recipient(sender.place_of(parse_address(ADDRESS))).state
    return sorted(state.choice)


def test_every_kind_is_on_one_page_in_the_senders_order(site: Site) -> None:
    found: list[str] = []
    path, pages = centre(site), 0
    while path:
        answer = get(site, path)
        assert f"You see {len(found) + 1} to " in answer.body.decode()
        found += shown(answer)
        assert bool(links(path, answer, "The first kinds of mail")) is (pages > 0)
        [path] = links(path, answer, "More kinds of mail") or [""]
        pages += 1

    assert found == KINDS
    assert pages > 1


def test_the_form_names_what_it_showed_once(site: Site) -> None:
    page = read(get(site, second_page(site)))
    assert dict(page.hidden)["shown"] == dict(page.hidden)["before"] == " ".join(page.boxes)


def test_saving_a_page_changes_what_it_showed_alone_and_shows_it_again(site: Site) -> None:
    """H4: what the other pages hold stays as it is."""
    sender = site.service.senders.get(MANY)
    site.service.ledger.record(
        sender.place_of(parse_address(ADDRESS)), Act("a", Via.PREFERENCE_PAGE, (OptedOut(KINDS[0]), OptedOut(KINDS[9])))
    )
    second = second_page(site)
    page = get(site, second)
    first_shown, *others = shown(page)

    [action] = re.findall(r'action="([^"]+)"><input type="hidden" name="version"', page.body.decode())
    saved = site.post(urljoin(second, action).removeprefix("/api"), read(page).saving(*others), Content_Type=FORM)

    assert shown(saved) == [first_shown, *others]
    assert read(saved).boxes[first_shown] is False
    assert unwanted(site) == sorted({KINDS[0], KINDS[9], first_shown})
    assert links(second, saved, "More kinds of mail") == links(second, page, "More kinds of mail")


def test_undo_shows_the_page_that_was_saved(site: Site) -> None:
    second = second_page(site)
    page = get(site, second)
    saved = site.post(second, read(page).saving(), Content_Type=FORM)

    answer = site.post(*undo_form(saved), Content_Type=FORM)

    assert shown(answer) == shown(page)
    assert set(read(answer).boxes.values()) == {True}


def undo_form(answer: HTTPResponse) -> tuple[str, bytes]:
    [path] = re.findall(r'<form method="post" action="/api([^"]+/undo[^"]*)">', answer.body.decode())
    [act] = re.findall(r'name="act" value="([^"]+)"', answer.body.decode())
    return path, f"act={act}".encode()


@pytest.mark.parametrize("before", [[], KINDS])
@pytest.mark.parametrize("address", [ADDRESS, *(LONGEST_ADDRESS[start:] for start in range(0, 60, 15))])
def test_whatever_was_saved_or_undone_the_same_kinds_are_shown(site: Site, address: str, before: list[str]) -> None:
    """With little room, too: a link to the longest address leaves the least."""
    unwanted = [OptedOut(kind) for kind in KINDS if kind not in before]
    if unwanted:
        act = Act("a", Via.PREFERENCE_PAGE, tuple(unwanted))
        site.service.ledger.record(site.service.senders.get(MANY).place_of(parse_address(address)), act)
    page = get(site, centre(site, address))
    after = [] if before else KINDS

    saved = site.post(centre(site, address), read(page).saving(*after), Content_Type=FORM)
    undone = site.post(*undo_form(saved), Content_Type=FORM)

    assert shown(page) == shown(saved) == shown(undone)
    assert [set(read(answer).boxes.values()) for answer in (page, saved, undone)] == [
        {bool(before)},
        {bool(after)},
        {bool(before)},
    ]


@pytest.mark.parametrize("told", ["", "nope", "alert-0", "kind-1", "*", "<b>", "kind-13%00", "kind-13%20", "9" * 400])
def test_what_is_no_place_to_begin_gets_the_first_page(site: Site, told: str) -> None:
    path = centre(site)
    answer = get(site, f"{path}?from={told}")
    assert answer.body == get(site, path).body
    assert b"from=%" not in answer.body


def test_a_kind_that_was_retired_since_is_no_place_to_begin(site: Site) -> None:
    second = second_page(site)
    retire_category(Edit(site.service, MANY, Claim(1, is_new=True, nonce="x")), second.partition("=")[2])
    site.forget()

    assert shown(get(site, second)) == shown(get(site, centre(site)))


def test_names_that_are_too_many_for_a_sentence_are_counted(site: Site) -> None:
    page = get(site, centre(site))
    saved = site.post(centre(site), read(page).saving(), Content_Type=FORM)

    [said] = re.findall(r'role="status"[^>]*>([^<]+)<', saved.body.decode())
    assert said.count("shelf") < len(shown(page))
    rest = int(re.findall(r"and (\d+) more\.", said)[0])
    assert said.count("shelf") + rest == len(shown(page))
