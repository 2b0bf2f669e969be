"""`python -m infra restore` where one table of before is gone, or both: what the other has is taken over by itself."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from chalicelib.api_keys import ApiKey, mint_api_key
from chalicelib.domain.errors import PepperUnusable, StoreUnavailable
from chalicelib.store.changing import Change
from chalicelib.store.models import bind
from infra.client.shown import Shown
from infra.ops.restored.finishing import Finishing
from infra.ops.restored.stage import StageRestore
from tests.infra.deploying.restoring import CODE, KilledWhenMending, Stage

if TYPE_CHECKING:
    from chalicelib.domain.senders import Sender

ACTS, CHANGES = "What was acknowledged to {} from 20", "What was changed in {} from 20"
"""What is said of a table of recipients that is gone, and of one of control."""


def key_of(stage: Stage, tables: list[str]) -> ApiKey:
    """An API key that is made by a container of these tables."""
    service = stage.service_on(tables)
    minted = mint_api_key(service.keyring, CODE)
    made = ApiKey(minted.id, CODE, minted.digest, frozenset({"read"}), service.clock())
    service.keys.create(made)
    return made


def is_live(stage: Stage, tables: list[str], key: ApiKey) -> bool | None:
    found = stage.service_on(tables).keys.find(CODE, key.id)
    return None if found is None else found.is_live


def revoke(stage: Stage, tables: list[str], key: ApiKey) -> None:
    keys = stage.service_on(tables).keys
    assert keys.revoke_in_turn(CODE, key.id, 1, keys.turn(CODE))


def known(stage: Stage) -> Sender:
    """As a container has it for half a minute, whatever becomes of its table."""
    return stage.service().senders.get(CODE)


class TestWithoutTheTableOfControl:
    """Containers that know the sender acknowledge opt-outs into the table of recipients that is left."""

    def test_every_opt_out_is_taken_over_and_the_other_table_is_sealed(self, stage: Stage) -> None:
        old, sender = stage.names(), known(stage)
        stage.delete(old[1])
        killed = stage.options(source=None, at=None, dry_run=False, yes=True)
        with pytest.raises(KeyboardInterrupt):
            StageRestore(killed, KilledWhenMending()).run()
        stage.opt_out(stage.service_on(old), "carla", sender)  # after the moment that the new table is of

        said = stage.done("restore", "--yes")
        assert "taken over from the tables of before: 1\n" in said
        assert CHANGES.format(old[1]) in said
        assert ACTS.format(old[0]) not in said
        stage.opt_out(stage.service_on(old), "dora", sender)

        told = stage.done("restore", "--finish", "--dry-run")
        assert f"What came to {old[0]} would be taken over.\n{old[0]} would be sealed" in told
        assert f"{old[1]} would be" not in told
        assert CHANGES.format(old[1]) in told
        assert stage.lost() == ["dora"]
        stage.deploy(*stage.names())
        told = stage.done("restore", "--finish", "--yes")
        assert f"1 act or change taken over from {old[0]}.\n" in told
        assert CHANGES.format(old[1]) in told
        assert f"{old[0]} stays as it is" in told
        assert f"{old[1]} stays" not in told

        assert len(stage.acked) == 4
        assert stage.lost() == []
        with pytest.raises(StoreUnavailable):
            stage.opt_out(stage.service_on(old), "emil", sender)

    def test_killed_while_it_takes_over_it_goes_on(self, stage: Stage) -> None:
        old, sender = stage.names(), known(stage)
        stage.delete(old[1])
        stage.done("restore", "--yes")
        new = stage.names()
        stage.deploy(*old)
        stage.opt_out(stage.service_on(old), "carla", sender)

        def killed(_seconds: float) -> None:
            stage.opt_out(stage.service_on(old), "dora", sender)
            raise KeyboardInterrupt

        options = stage.options(finish=True, wait=1, dry_run=False, yes=True)
        with pytest.raises(KeyboardInterrupt):
            Finishing(options, Shown(), killed).run()
        assert stage.lost() == ["dora"]
        stage.deploy(*new)
        assert "1 act or change taken over" in stage.done("restore", "--finish", "--yes")
        assert stage.lost() == []


class TestWithoutTheTableOfRecipients:
    """API keys are made and revoked in the table of control alone."""

    def test_keys_that_were_made_and_revoked_since_are_taken_over_and_the_table_is_closed(self, stage: Stage) -> None:
        old = stage.names()
        before = key_of(stage, old)
        stage.delete(old[0])
        said = stage.done("restore", "--yes")
        assert ACTS.format(old[0]) in said
        assert CHANGES.format(old[1]) not in said
        since = key_of(stage, old)
        revoke(stage, old, before)

        told = stage.done("restore", "--finish", "--dry-run")
        assert f"What came to {old[1]} would be taken over.\n{old[1]} would be closed" in told
        assert f"{old[0]} would be" not in told
        new = stage.names()
        assert (is_live(stage, new, before), is_live(stage, new, since)) == (True, None)
        stage.deploy(*new)
        told = stage.done("restore", "--finish", "--yes")
        assert ACTS.format(old[0]) in told
        assert f"{old[1]} stays as it is" in told

        assert (is_live(stage, new, before), is_live(stage, new, since)) == (False, True)
        assert stage.lost() == []
        with pytest.raises(PepperUnusable):
            stage.service_on(old).senders.get(CODE)


def test_without_both_the_interval_of_each_is_told_and_the_deployment_is_waited_for(stage: Stage) -> None:
    """Jobs that go on with a worker that names tables which are gone would fail for good."""
    old = stage.names()
    stage.deploy(*old)
    stage.delete(*old)
    said = stage.done("restore", "--yes")
    assert ACTS.format(old[0]) in said
    assert CHANGES.format(old[1]) in said
    told = stage.done("restore", "--finish", "--dry-run")
    assert "would be taken over" not in told
    assert "The imports and exports would go on." in told
    early = stage.type("restore", "--finish", "--yes")
    assert (early.code, "The old tables are still used by signoff-dev" in early.text) == (1, True)
    stage.deploy(*stage.names())
    told = stage.done("restore", "--finish", "--yes")
    assert ACTS.format(old[0]) in told
    assert "taken over from" not in told
    assert stage.lost() == []


def test_with_both_nothing_is_missing(stage: Stage) -> None:
    old = stage.names()
    said = stage.done("restore", "--yes")
    said += stage.done("restore", "--finish", "--dry-run")
    assert f"{old[0]} would be sealed: it takes no act any more.\n{old[1]} would be closed" in said
    said += stage.done("restore", "--finish", "--yes")
    assert "may be missing" not in said


@pytest.mark.parametrize("number", [0, 1], ids=["recipients", "control"])
def test_a_table_that_goes_before_it_was_sealed_is_told_of_and_one_that_goes_after_is_not(
    stage: Stage, number: int
) -> None:
    old = stage.names()
    stage.done("restore", "--yes")
    stage.delete(old[number])
    told = (ACTS, CHANGES)[number].format(old[number])
    assert told in stage.done("restore", "--finish", "--yes")
    stage.delete(old[1 - number])
    again = stage.done("restore", "--finish", "--yes")
    assert told not in again
    assert "may be missing" not in again
    assert stage.lost() == []


def test_killed_before_it_told_the_interval_it_tells_it_again(stage: Stage) -> None:
    old = stage.names()
    stage.delete(*old)
    config = stage.project / ".chalice" / "config.json"
    before = config.read_bytes()
    stage.done("restore", "--yes")
    config.write_bytes(before)  # as it is until the tables are told of
    said = stage.done("restore", "--yes")
    assert "their epoch has begun" in said
    assert ACTS.format(old[0]) in said


def test_a_sender_that_was_closed_stays_closed_where_the_lines_that_told_of_it_are_gone(stage: Stage) -> None:
    old = stage.names()
    stage.done("restore", "--yes")
    bind(*old)
    closing = partial(replace, closed=True, form_open=False)
    stage.service_on(old).change_sender(CODE, "closing", lambda now: Change(closing(now)))
    stage.delete(old[0])
    new = stage.names()
    stage.deploy(*new)
    stage.done("restore", "--finish", "--yes")
    bind(*new)
    sender = stage.service_on(new).senders.get(CODE)
    assert (sender.closed, sender.form_open) == (True, False)
