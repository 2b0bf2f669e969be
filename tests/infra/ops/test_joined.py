"""A sender that is changed on both sides while a restore is finished: of two words the stricter one holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.acts import Act, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import Catalogue, Category, Ground, Kind
from chalicelib.domain.decision import Reason
from chalicelib.domain.senders import Sender
from chalicelib.store.changing import Change
from chalicelib.store.models import bind
from chalicelib.use_cases.asking import check
from infra.ops.restored.joined import with_category, with_row
from tests.campaigns.restore_lives import CODES
from tests.campaigns.restores import restoring_of
from tests.infra.ops.test_restored import Torn, again_of
from tests.site import CATALOGUE, CODE

if TYPE_CHECKING:
    from chalicelib.service import Service
    from infra.local.engine import Engine

SENDER = Sender(CODE, "Test & Sons", CATALOGUE, bytes(32))


def category(kind: Kind, *, needs_consent: bool, retired: bool) -> Category:
    is_alert = kind is Kind.SERVICE_ALERT
    ground = Ground.SAFETY if is_alert else None
    return Category(
        "terms", 9, kind, "Terms", needs_consent=needs_consent and not is_alert, ground=ground, retired=retired
    )


CATEGORIES = st.builds(category, st.sampled_from(Kind), needs_consent=st.booleans(), retired=st.booleans())


@given(CATEGORIES, CATEGORIES)
def test_of_two_words_on_a_category_the_one_holds_that_lets_less_through(held: Category, told: Category) -> None:
    now = replace(SENDER, catalogue=Catalogue((*CATALOGUE.categories, held)))
    joined = with_category(now, replace(told, name="Told"))
    found = joined.sender.catalogue.get("terms")
    assert found.name == "Told"
    assert found.is_service_alert == (held.is_service_alert and told.is_service_alert)
    assert found.needs_consent == (held.needs_consent or told.needs_consent)
    assert found.retired == (held.retired or told.retired)
    assert (joined.untaken is None) == (found == replace(told, name="Told"))


@given(*[st.booleans()] * 4)
def test_a_closed_sender_stays_closed_and_a_form_that_is_off_stays_off(a: bool, b: bool, c: bool, d: bool) -> None:
    now, theirs = replace(SENDER, closed=a, form_open=b), replace(SENDER, closed=c, form_open=d, name="Told")
    joined = with_row(now, theirs)
    assert (joined.sender.closed, joined.sender.form_open, joined.sender.name) == (a or c, b and d, "Told")
    assert (joined.untaken is None) == (joined.sender == theirs)


def test_a_category_of_another_ones_number_is_told_and_not_taken() -> None:
    joined = with_category(SENDER, Category("new", 1, Kind.OPTIONAL, "New"))
    assert joined.sender == SENDER
    assert "number" in str(joined.untaken)


def test_a_number_stays_whatever_the_other_side_gave_the_same_id() -> None:
    """It is in every link that was minted here: another one would open none of them."""
    held = Category("sales", 4, Kind.OPTIONAL, "Sales")
    now = replace(SENDER, catalogue=Catalogue((*CATALOGUE.categories, held)))
    joined = with_category(now, replace(held, number=5, name="Sale"))
    assert joined.sender.catalogue.get("sales") == replace(held, name="Sale")
    assert "its number 5" in str(joined.untaken)


def test_the_last_service_alert_stays() -> None:
    alert = next(each for each in CATALOGUE.categories if each.is_service_alert)
    joined = with_category(SENDER, replace(alert, retired=True))
    assert joined.sender == SENDER
    assert "last service alert" in str(joined.untaken)


def put(service: Service, code: str, category_id: str, **fields: Any) -> None:
    def draft(now: Sender) -> Change:
        catalogue = now.catalogue.putting(category_id, fields)
        return Change(replace(now, catalogue=catalogue), catalogue.get(category_id))

    service.change_sender(code, f"{category_id} {fields}", draft)


def test_who_left_a_category_that_was_made_optional_meanwhile_stays_out(dynoxide: Engine) -> None:
    """H10, whatever a container of before is acknowledged between `chalice deploy` and `restore --finish`."""
    torn = Torn.of(dynoxide, 5)
    restored, old, code = torn.copy(), torn.lives.service, CODES[0]
    bind(torn.tables.names.recipients, torn.tables.names.control)
    put(old, code, "terms", name="Terms", kind=Kind.SERVICE_ALERT, ground=Ground.TRANSACTION)
    restoring = restoring_of(restored, torn.tables)
    restoring.mend()
    restoring.begin()
    bind(torn.tables.names.recipients, torn.tables.names.control)
    put(old, code, "terms", name="Terms and conditions")
    old.change_sender(code, "named", lambda now: Change(replace(now, name="Shop", form_open=True)))
    again = again_of(restored, torn.tables, restoring)
    new = again.service
    put(new, code, "terms", kind=Kind.OPTIONAL)
    new.change_sender(code, "closed", lambda now: Change(replace(now, closed=True, form_open=False)))
    place = new.senders.get(code).place_of(parse_address("dana@example.com"))
    new.ledger.record(place, Act("o_1", Via.ONE_CLICK, (OptedOut("terms"),), 1))

    again.take()

    sender = new.senders.get(code)
    terms = sender.catalogue.get("terms")
    assert (terms.name, terms.kind) == ("Terms and conditions", Kind.OPTIONAL)
    assert (sender.name, sender.closed, sender.form_open) == ("Shop", True, False)
    verdict = check(new, sender, "terms", ["dana@example.com"])[0].verdict
    assert verdict is not None
    assert verdict.reason is Reason.OPTED_OUT
    assert len(again.untaken) == 2
