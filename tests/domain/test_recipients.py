"""Who is the same recipient, and who is not."""

from __future__ import annotations

import pytest

from chalicelib.domain.acts import Act, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import Catalogue, Category, Kind
from chalicelib.domain.decision import Reason, decide
from chalicelib.domain.fold import apply
from chalicelib.domain.senders import Place, Sender
from chalicelib.domain.state import NOTHING_KNOWN, State

A = Category("a", 1, Kind.OPTIONAL, "A")
ONE = Sender("aaaaaaaa", "One", Catalogue((A,)), bytes(range(32)))
OTHER = Sender("bbbbbbbb", "Other", Catalogue((A,)), bytes(range(1, 33)))
OUT = Act("x", Via.ONE_CLICK, (OptedOut("a", 1),))


class Table:
    """States by place, as a store holds them."""

    def __init__(self) -> None:
        self.states: dict[Place, State] = {}

    def opt_out(self, sender: Sender, address: str) -> None:
        place = sender.place_of(parse_address(address))
        self.states[place] = apply(self.states.get(place, NOTHING_KNOWN), OUT)

    def reason(self, sender: Sender, address: str) -> Reason | None:
        return decide(self.states.get(sender.place_of(parse_address(address)), NOTHING_KNOWN), A).reason


@pytest.mark.parametrize(
    ("opted_out", "asked"),
    [
        ("Dana@Example.COM", "dana@example.com"),
        (" dana@example.com ", "DANA@EXAMPLE.COM"),
        ("dana@b\u00fccher.example", "dana@xn--bcher-kva.example"),
        ("dana@B\u00dcCHER.example", "dana@XN--BCHER-KVA.EXAMPLE"),
        ("e\u0301va@example.com", "\u00c9va@example.com"),
    ],
)
def test_an_opt_out_of_an_address_in_another_spelling(opted_out: str, asked: str) -> None:
    """D1, H7."""
    table = Table()
    table.opt_out(ONE, opted_out)
    assert table.reason(ONE, asked) is Reason.OPTED_OUT


@pytest.mark.parametrize(
    ("opted_out", "asked"),
    [
        ("dana+news@example.com", "dana@example.com"),
        ("d.ana@example.com", "dana@example.com"),
        ("stra\u00dfe@example.com", "strasse@example.com"),
        ("dana@fa\u00df.example", "dana@fass.example"),
    ],
)
def test_what_is_another_address_stays_one(opted_out: str, asked: str) -> None:
    """D2: plus tags and dots are part of an address; D1: neither `casefold` nor transitional mapping."""
    table = Table()
    table.opt_out(ONE, opted_out)
    assert table.reason(ONE, asked) is None


def test_the_same_address_under_two_senders() -> None:
    """Unrelated ids, and what is chosen under one says nothing under the other."""
    table = Table()
    table.opt_out(ONE, "dana@example.com")

    assert table.reason(ONE, "dana@example.com") is Reason.OPTED_OUT
    assert table.reason(OTHER, "dana@example.com") is None
    one, other = (sender.place_of(parse_address("dana@example.com")).recipient for sender in (ONE, OTHER))
    assert one != other
