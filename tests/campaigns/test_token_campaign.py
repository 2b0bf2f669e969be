"""The campaign of mutated tokens at a thousandth of its size, and proof that it can fail."""

from __future__ import annotations

import random
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from itsdangerous.encoding import base64_decode, base64_encode

from chalicelib.domain.errors import InvalidToken
from chalicelib.tokens import Link, open_token
from tests.campaigns.token_mutations import BATCH, Opener, Report, main, mint_genuine, run, single_bytes

if TYPE_CHECKING:
    from chalicelib.keyring import Keyring

SEED = 20_260_101


def ignores_spelling(keyring: Keyring, token: object) -> Link:
    """Skips the comparison of a text with what its octets encode to, as stock itsdangerous does."""
    if type(token) is str and token.isascii() and token.count(".") == 2:
        head, sealed, signature = token.split(".")
        try:
            parts = [base64_encode(base64_decode(part)).decode() for part in (sealed, signature)]
        except Exception:  # noqa: BLE001 -- base64_decode raises several, and which is not the point
            raise InvalidToken from None
        token = ".".join((head, *parts))
    return open_token(keyring, token)


def ignores_space_around(keyring: Keyring, token: object) -> Link:
    """Strips, as if the pattern ended in `$`."""
    return open_token(keyring, token.strip() if type(token) is str else token)


def tries_both_purposes(keyring: Keyring, token: object) -> Link:
    """Does not bind the format to the token."""
    try:
        return open_token(keyring, token)
    except InvalidToken:
        if type(token) is not str:
            raise
        return open_token(keyring, {"o": "p", "p": "o"}.get(token[:1], "") + token[1:])


def takes_any_text(keyring: Keyring, token: object) -> Link:
    """Takes octets for text."""
    return open_token(keyring, bytes(token).decode() if isinstance(token, bytes | bytearray) else token)


def forgets_the_type(keyring: Keyring, token: object) -> Link:
    """Uses what it was given before it knows what that is."""
    return open_token(keyring, token[:500])  # type: ignore[index] # on purpose, or a type that the library does not tell


def encodes_first(keyring: Keyring, token: object) -> Link:
    """Fails on lone surrogates."""
    if type(token) is str:
        token.encode()
    return open_token(keyring, token)


def refuses_all(_keyring: Keyring, _token: object) -> Link:
    """Accepts nothing wrong, and nothing right."""
    raise InvalidToken


def test_no_mutated_token_is_accepted_and_none_raises_anything_else() -> None:
    report = run(50_000, SEED)
    assert report == Report(cases=50_000, genuine=8), str(report)
    assert not report.is_failure


@pytest.mark.parametrize("opener", [ignores_spelling, ignores_space_around, tries_both_purposes, takes_any_text])
def test_an_opener_that_takes_too_much_is_caught(opener: Opener) -> None:
    report = run(20_000, SEED, opener)
    assert report.accepted
    assert report.is_failure
    assert "accepted: " in str(report)


@pytest.mark.parametrize(("opener", "error"), [(forgets_the_type, "TypeError"), (encodes_first, "UnicodeEncodeError")])
def test_an_opener_that_raises_is_caught(opener: Opener, error: str) -> None:
    report = run(5_000, SEED, opener)
    assert report.exceptions
    assert report.is_failure
    assert error in str(report)


def test_an_opener_that_refuses_all_is_caught() -> None:
    report = run(100, SEED, refuses_all)
    assert report.genuine_refused == report.genuine == 8
    assert report.is_failure


def test_a_batch_holds_every_single_byte_change_of_its_tokens() -> None:
    rng = random.Random(SEED)  # noqa: S311 -- a campaign repeats itself; nothing here is secret
    _, tokens = mint_genuine(rng)
    places = sum(map(len, tokens))
    changed = set(islice(single_bytes(rng, tokens), 256 * places))
    assert len(changed - set(tokens)) == 255 * places
    assert 256 * places <= BATCH * 4 // 10


def test_no_case_at_all_is_a_failure() -> None:
    assert run(0, SEED).is_failure


def test_the_command_reports_what_run_does(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--cases", "2000", "--workers", "2", "--seed", "3"])
    printed = capsys.readouterr()
    assert status == 0
    assert printed.out == f"{run(2000, 3)}\n"
    assert "2,000 of 2,000" in printed.err
