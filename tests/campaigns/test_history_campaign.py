from __future__ import annotations

from tests.campaigns.histories import History, run


def test_no_acknowledged_opt_out_is_lost_or_undone() -> None:
    """A hundredth of the whole campaign."""
    wrong = run(100, seed=1)
    assert [(history.seed, history.lost, history.broken) for history in wrong] == []


def test_the_histories_do_interleave() -> None:
    """A campaign in which nothing ever got in between would prove nothing."""
    history = History(1).run()
    assert history.count > 60
    assert len(history.engine.entries) > 20
