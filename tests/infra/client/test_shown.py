"""How numbers are told to people."""

from __future__ import annotations

import pytest

from infra.client.shown import counted


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0 senders"), (1, "1 sender"), (2, "2 senders"), (12_345, "12,345 senders")]
)
def test_one_of_them_is_one(number: int, told: str) -> None:
    assert counted(number, "sender") == told


def test_a_word_with_another_plural() -> None:
    assert [counted(number, "category", "categories") for number in (1, 2)] == ["1 category", "2 categories"]
