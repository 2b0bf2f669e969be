"""The text of an API key: pinned, canonical, and `Unauthenticated` for everything else."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api_keys import mint_api_key, parse_api_key
from chalicelib.domain.errors import Unauthenticated
from chalicelib.keyring import VERSION_CHARS, Keyring, KeyState, MasterKey

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "tokens.json").read_text("utf-8"))

OLD, NEW = b"1" * 32, b"2" * 32
RING = Keyring([MasterKey(0, OLD, KeyState.VERIFYING), MasterKey(1, NEW, KeyState.MINTING)])
ZEROS = mint_api_key(RING, "abcdefgh", random=bytes).text


class Disguised(str):
    """A text that answers for itself."""

    __slots__ = ()


def with_tag(key_id: str, secret: str) -> str:
    """A key whose tag is genuine, whatever its other parts are."""
    return f"sgn_{key_id}_{secret}_{RING.api_key_tag(key_id, secret)}"


HOSTILE_KEYS: dict[str, object] = {
    "nothing": None,
    "a number": 7,
    "octets": ZEROS.encode(),
    "a list": [ZEROS],
    "a subclass of str": Disguised(ZEROS),
    "empty": "",
    "a lone surrogate": ZEROS[:-1] + "\ud800",
    "a line end": ZEROS + "\n",
    "a space before": " " + ZEROS,
    "capitals": ZEROS.upper(),
    "another prefix": "sgm" + ZEROS[3:],
    "hyphens": ZEROS.replace("_", "-"),
    "no tag": ZEROS.rpartition("_")[0],
    "a tag too short": ZEROS[:-1],
    "a tag too long": ZEROS + "a",
    "digits that base32 lacks": ZEROS.replace("a", "1"),
    "Arabic digits": ZEROS[:-1] + "٣",
    "secret bits beyond 256": with_tag("abcdefghaaaaaaaa", "a" * 51 + "b"),
    "huge": ZEROS * 100_000,
    "a version that is not there": ZEROS[:-9] + "C" + ZEROS[-8:],
    "the tag of another version": ZEROS[:-9] + "A" + ZEROS[-8:],
}


def ring_for(vector: dict[str, Any]) -> Keyring:
    version = vector["key_version"]
    return Keyring([MasterKey(version, bytes.fromhex(VECTORS["masters"][str(version)]), KeyState.MINTING)])


@pytest.mark.parametrize("vector", VECTORS["api_keys"], ids=lambda vector: vector["id"])
def test_parses_the_pinned_keys(vector: dict[str, Any]) -> None:
    parsed = parse_api_key(ring_for(vector), vector["text"])
    assert (parsed.id, parsed.sender_code, parsed.digest) == (vector["id"], vector["sender"], vector["digest"])


@pytest.mark.parametrize("vector", VECTORS["api_keys"], ids=lambda vector: vector["id"])
def test_mints_the_pinned_keys(vector: dict[str, Any]) -> None:
    octets = {5: bytes.fromhex(vector["id_octets"]), 32: bytes.fromhex(vector["secret_octets"])}
    minted = mint_api_key(ring_for(vector), vector["sender"], random=octets.__getitem__)
    assert (minted.id, minted.text, minted.digest) == (vector["id"], vector["text"], vector["digest"])


@given(st.binary(min_size=32, max_size=32))
def test_what_is_minted_parses(octets: bytes) -> None:
    minted = mint_api_key(RING, "z7y6x5w4", random=lambda length: octets[:length])
    parsed = parse_api_key(RING, minted.text)
    assert (parsed.id, parsed.sender_code, parsed.digest) == (minted.id, "z7y6x5w4", minted.digest)


def test_a_secret_is_256_random_bits_and_only_its_digest_is_given_beside_the_text() -> None:
    first, second = (mint_api_key(RING, "abcdefgh") for _ in range(2))
    secret = first.text.split("_")[2]
    assert len(base64.b32decode(secret.upper() + "====")) * 8 == 256
    assert first.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert (first.id, first.text) != (second.id, second.text)
    assert secret not in repr(first)


@pytest.mark.parametrize("state", [KeyState.VERIFYING, KeyState.COMPROMISED])
def test_a_key_outlives_the_rotation_of_the_master(state: KeyState) -> None:
    minted = mint_api_key(Keyring([MasterKey(0, OLD, KeyState.MINTING)]), "abcdefgh")
    rotated = Keyring([MasterKey(0, OLD, state), MasterKey(1, NEW, KeyState.MINTING)])
    assert parse_api_key(rotated, minted.text).digest == minted.digest


def test_every_version_char_is_read_back_the_underscore_too() -> None:
    for version in range(len(VERSION_CHARS)):
        keyring = Keyring([MasterKey(version, OLD, KeyState.MINTING)])
        minted = mint_api_key(keyring, "abcdefgh")
        assert minted.text[-9] == VERSION_CHARS[version]
        assert parse_api_key(keyring, minted.text).id == minted.id


@pytest.mark.parametrize("name", HOSTILE_KEYS)
def test_refuses_by_name(name: str) -> None:
    with pytest.raises(Unauthenticated):
        parse_api_key(RING, HOSTILE_KEYS[name])


def test_refuses_every_change_of_one_character() -> None:
    accepted = []
    for position in range(len(ZEROS)):
        for char in map(chr, range(256)):
            changed = ZEROS[:position] + char + ZEROS[position + 1 :]
            try:
                parse_api_key(RING, changed)
            except Unauthenticated:
                continue
            accepted.append(changed)
    assert set(accepted) == {ZEROS}


@given(
    st.one_of(st.text(), st.binary(), st.integers(), st.from_regex(r"sgn_[a-z2-7]{16}_[a-z2-7]{52}_[AB][a-z2-7]{8}"))
)
def test_refuses_anything_else(text: object) -> None:
    with pytest.raises(Unauthenticated):
        parse_api_key(RING, text)


@pytest.mark.parametrize("sender", ["", "abcdefg", "abcdefghi", "ABCDEFGH", "abcdefg1", "abcdefg\n"])
def test_mints_for_sender_codes_only(sender: str) -> None:
    with pytest.raises(ValueError, match="sender code"):
        mint_api_key(RING, sender)
