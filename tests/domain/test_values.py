"""Addresses, categories, senders, identities."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.addresses import mask, parse_address
from chalicelib.domain.categories import Catalogue, Category, Ground, Kind
from chalicelib.domain.errors import CategoryRefused, InvalidAddress, InvalidRequest, UnknownCategory
from chalicelib.domain.identity import pepper_fingerprint, recipient_id, shard_of
from chalicelib.domain.senders import Sender

VALID_ADDRESSES = {
    "Dana@Example.COM": "dana@example.com",
    "  dana@example.com\n": "dana@example.com",
    "d.a.n.a+news@example.com": "d.a.n.a+news@example.com",
    "straße@example.com": "straße@example.com",
    "STRASSE@example.com": "strasse@example.com",
    "dana@faß.test": "dana@xn--fa-hia.test",
    "dana@XN--FA-HIA.test": "dana@xn--fa-hia.test",
    "dana@bücher.test": "dana@xn--bcher-kva.test",
    "E\u0301@example.com": "\u00e9@example.com",
    "J\u030c@example.com": "\u01f0@example.com",
    "dana@example\u3002com": "dana@example.com",
}
INVALID_ADDRESSES = [
    None, 7, b"dana@example.com", "", " ", "dana", "@example.com", "dana@", "dana@localhost", "dana@1.2.3.4",
    "da na@example.com", "dana@exa mple.com", ".dana@example.com", "dana.@example.com", "d..a@example.com",
    "dana@-example.com", "dana@example..com", "dana@xn--\u0000.com", "da\u200bna@example.com", "da\ud800na@example.com",
    "a" * 65 + "@example.com", "é" * 33 + "@example.com", "dana@" + "a" * 64 + ".com", "dana@" + "a." * 130 + "com",
    '"a b"@example.com', "dana@[127.0.0.1]", "dana<x@example.com", "dana@xn--a.com",
    "m\ufffdller@example.com", "dana@m\ufffdller.test",
]  # fmt: skip
NEWS = Category("news", 1, Kind.OPTIONAL, "News")
ALERTS = Category("alerts", 2, Kind.SERVICE_ALERT, "Alerts", ground=Ground.SAFETY)
BOTH = Catalogue((NEWS, ALERTS))


@pytest.mark.parametrize("text", VALID_ADDRESSES)
def test_keys_are_pinned(text: str) -> None:
    """D1, D2, H7."""
    address = parse_address(text)
    assert address.key == VALID_ADDRESSES[text]
    assert address.spelled == text.strip()
    assert parse_address(address.key).key == address.key


@pytest.mark.parametrize("text", INVALID_ADDRESSES)
def test_what_is_no_address_is_refused_with_a_reason_that_does_not_repeat_it(text: object) -> None:
    """D3."""
    with pytest.raises(InvalidAddress) as caught:
        parse_address(text)
    assert caught.value.reason
    assert not str(text).strip() or str(text) not in str(caught.value)


def test_a_mask_tells_no_length() -> None:
    """F5."""
    assert mask("dave@shop.example.com") == "d**e@s*****.com"
    assert mask("ab@x.test") == "a**@x*****.test"


def test_identities() -> None:
    one, other = bytes(32), bytes([1]) * 32
    assert recipient_id(one, "a@example.com") != recipient_id(other, "a@example.com")
    assert len(recipient_id(one, "a@example.com")) == 30
    assert {shard_of(recipient_id(one, f"{n}@example.com"), 8) for n in range(300)} == set(range(8))
    assert len({pepper_fingerprint(one, 8), pepper_fingerprint(one, 9), pepper_fingerprint(other, 8)}) == 3
    sender = Sender("testsend", "Test", BOTH, one)
    assert sender.place_of(parse_address("A@EXAMPLE.com")) == sender.place_of(parse_address("a@example.com"))


@pytest.mark.parametrize(
    "change",
    [
        {"code": "x"},
        {"shards": 0},
        {"shards": 65},
        {"pepper": b""},
        {"name": " "},
        {"name": "x" * 101},
        {"name": "a\nb"},
    ],
)
def test_a_sender_that_cannot_be(change: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        replace(Sender("testsend", "Test", BOTH, bytes(32)), **change)  # type: ignore[arg-type] # on purpose


@pytest.mark.parametrize(
    "change", [{"id": "A B"}, {"number": 0}, {"number": 65_536}, {"name": ""}, {"name": "x" * 501}, {"name": "a\r\nb"}]
)
def test_a_category_that_cannot_be(change: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        replace(NEWS, **change)  # type: ignore[arg-type] # on purpose


def test_kinds_and_grounds() -> None:
    """C7."""
    for refused in ((ALERTS, {"ground": None}), (ALERTS, {"needs_consent": True}), (NEWS, {"ground": Ground.SAFETY})):
        with pytest.raises(CategoryRefused):
            replace(refused[0], **refused[1])


def test_a_category_is_retired_never_deleted_and_revived() -> None:
    """H3."""
    retired = BOTH.retiring("news")
    assert retired.get("news").retired
    assert retired.optional == ()
    assert retired.reviving("news") == BOTH
    for taken in (replace(NEWS, number=9), replace(NEWS, id="other")):
        with pytest.raises(CategoryRefused):
            retired.adding(taken)
    assert BOTH.adding(Category("x", BOTH.next_number, Kind.OPTIONAL, "X")).get_number(3).id == "x"
    full = Catalogue(tuple(Category(f"c{n}", n, Kind.OPTIONAL, "C") for n in range(1, 201)))
    with pytest.raises(CategoryRefused):
        full.adding(Category("x", 900, Kind.OPTIONAL, "X"))
    with pytest.raises(UnknownCategory):
        BOTH.get("x")
    with pytest.raises(UnknownCategory):
        BOTH.get_number(9)


def test_a_kind_changes_only_from_service_alert_to_optional() -> None:
    """H10."""
    with pytest.raises(CategoryRefused):
        BOTH.changing(replace(NEWS, kind=Kind.SERVICE_ALERT, ground=Ground.SAFETY))
    with pytest.raises(CategoryRefused):
        BOTH.retiring("news").changing(replace(NEWS, kind=Kind.SERVICE_ALERT, ground=Ground.SAFETY, retired=True))
    optional = replace(ALERTS, kind=Kind.OPTIONAL, ground=None)
    with pytest.raises(CategoryRefused):
        BOTH.changing(optional)
    with pytest.raises(CategoryRefused):
        BOTH.retiring("alerts")
    more = BOTH.adding(Category("more", 3, Kind.SERVICE_ALERT, "More", ground=Ground.DELIVERY))
    assert not more.changing(optional).get("alerts").is_service_alert
    with pytest.raises(CategoryRefused):
        BOTH.changing(replace(NEWS, number=7))
