"""The keyring: what it refuses, what it derives, and the tag of an API key."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import SettingsError, StoreUnavailable
from chalicelib.keyring import Keyring, KeyState, MasterKey, master_keys_from

if TYPE_CHECKING:
    from collections.abc import Callable

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "tokens.json").read_text("utf-8"))

MINTING, VERIFYING, COMPROMISED = KeyState.MINTING, KeyState.VERIFYING, KeyState.COMPROMISED
ONE, TWO = b"1" * 32, b"2" * 32
KEY_ID, SECRET = "abcdefgh22222222", "a" * 52

REFUSED_RINGS = {
    "no key": ([], "0 are minting; exactly one should be"),
    "none minting": ([MasterKey(0, ONE, VERIFYING), MasterKey(1, TWO, COMPROMISED)], "0 are minting"),
    "two minting": ([MasterKey(0, ONE, MINTING), MasterKey(1, TWO, MINTING)], "2 are minting"),
    "a version twice": ([MasterKey(5, ONE, MINTING), MasterKey(5, TWO, VERIFYING)], "version 5 is there 2 times"),
    "a secret twice": (
        [MasterKey(0, ONE, COMPROMISED), MasterKey(1, ONE, MINTING)],
        "two versions have the same secret",
    ),
    "a short secret": ([MasterKey(7, b"3" * 31, MINTING)], "version 7 has 31 octets; it needs at least 32"),
    "a short old secret": ([MasterKey(0, ONE, MINTING), MasterKey(2, b"", VERIFYING)], "version 2 has 0 octets"),
    "a version below": ([MasterKey(-1, ONE, MINTING)], "version -1 should be from 0 to 63"),
    "a version above": ([MasterKey(64, ONE, MINTING)], "version 64 should be from 0 to 63"),
}


def ring(state_of_old: KeyState = VERIFYING) -> Keyring:
    return Keyring([MasterKey(0, ONE, state_of_old), MasterKey(1, TWO, MINTING)])


def hkdf_by_hand(key: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 §2 with an empty salt."""
    extracted = hmac.digest(bytes(32), key, "sha256")
    block, octets = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + info + bytes([counter]), "sha256")
        octets += block
    return octets[:length]


@pytest.mark.parametrize("name", REFUSED_RINGS)
def test_refuses_a_ring_and_says_why(name: str) -> None:
    keys, sentence = REFUSED_RINGS[name]
    with pytest.raises(SettingsError) as caught:
        Keyring(keys)
    assert sentence in str(caught.value)
    assert "111" not in str(caught.value)


@pytest.mark.parametrize("version", [0, 63])
def test_takes_a_ring_of_one(version: int) -> None:
    key = MasterKey(version, ONE, MINTING)
    assert Keyring(iter([key])).minting is key


def test_finds_a_key_by_its_version_whatever_its_state() -> None:
    keys = [MasterKey(0, ONE, COMPROMISED), MasterKey(3, TWO, VERIFYING), MasterKey(9, b"3" * 32, MINTING)]
    keyring = Keyring(keys)
    assert [keyring.find(version) for version in (0, 3, 9)] == keys
    assert keyring.minting == keys[2]
    assert keyring.find(1) is None


def test_the_version_before_mints_until_a_version_begins() -> None:
    keys = [MasterKey(0, ONE, VERIFYING), MasterKey(3, TWO, VERIFYING), MasterKey(9, b"3" * 32, MINTING, start=1_000)]
    times = [0, 999, 1_000, 9_999]
    keyring = Keyring(keys, lambda: times.pop(0))
    assert [keyring.minting.version for _ in range(4)] == [3, 3, 9, 9]


def test_a_compromised_version_mints_no_more_even_before_another_begins() -> None:
    keys = [MasterKey(0, ONE, VERIFYING), MasterKey(3, TWO, COMPROMISED), MasterKey(9, b"3" * 32, MINTING, start=1_000)]
    assert Keyring(keys, lambda: 0).minting.version == 0
    assert Keyring(keys[1:], lambda: 0).minting.version == 9, "there is no other"


def test_a_first_version_mints_wherever_clocks_stand() -> None:
    assert Keyring([MasterKey(1, ONE, MINTING, start=1_000)], lambda: 0).minting.version == 1


def test_json_tells_when_a_version_begins_to_mint() -> None:
    told = {"1": {"secret": base64.b64encode(ONE).decode(), "state": "minting", "from": "2026-11-21T09:00:00+01:00"}}
    assert master_keys_from(json.dumps(told), "X") == [MasterKey(1, ONE, MINTING, 1_795_248_000_000)]


def growing(*found: Keyring | None) -> tuple[Keyring, list[Keyring | None]]:
    """A keyring of version 1, and what is found when the keys are read again."""
    left = list(found)
    return Keyring([MasterKey(1, ONE, MINTING)], again=lambda: left.pop(0)), left


def test_an_unknown_version_is_looked_up_and_known_from_then_on() -> None:
    newer = Keyring([MasterKey(1, ONE, VERIFYING), MasterKey(2, TWO, MINTING)])
    asking: list[Callable[[Keyring], object]] = [
        lambda ring: ring.find(2),
        lambda ring: ring.derive(2, "abcdefgh", b"x", 32),
        lambda ring: ring.is_api_key_tag(KEY_ID, SECRET, newer.api_key_tag(KEY_ID, SECRET)),
    ]
    for ask in asking:
        keyring, left = growing(newer)
        before = keyring.derive(1, "abcdefgh", b"x", 32)
        assert ask(keyring)
        assert (left, keyring.minting.version) == ([], 2)
        assert keyring.derive(1, "abcdefgh", b"x", 32) == before


def test_a_version_that_is_not_found_again_is_unknown() -> None:
    keyring, left = growing(None, Keyring([MasterKey(1, ONE, MINTING)]))
    assert (keyring.find(2), keyring.find(2), left) == (None, None, [])


def test_no_text_of_an_impossible_version_makes_anybody_read() -> None:
    keyring, _ = growing()
    assert [keyring.find(version) for version in (-1, 64, 10**9)] == [None] * 3
    assert not keyring.is_api_key_tag(KEY_ID, SECRET, "!abcdefgh")
    assert not keyring.is_api_key_tag(KEY_ID, SECRET, "")


def test_trouble_with_reading_again_is_told_and_what_is_known_works_on() -> None:
    keyring = Keyring([MasterKey(1, ONE, MINTING)], again=trouble)
    with pytest.raises(StoreUnavailable):
        keyring.find(2)
    assert keyring.find(1) is not None


def trouble() -> Keyring:
    raise StoreUnavailable("not now")


def test_threads_that_meet_an_unknown_version_read_once() -> None:
    newer = Keyring([MasterKey(1, ONE, VERIFYING), MasterKey(2, TWO, MINTING)])
    met, keyring = threading.Barrier(8), growing(newer)[0]

    def find(_: int) -> MasterKey | None:
        met.wait()
        return keyring.find(2)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(find, range(8))) == [newer.find(2)] * 8


def test_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        ring().minting = MasterKey(2, ONE, MINTING)  # type: ignore[misc] # on purpose, or a type that the library does not tell


def test_shows_no_secret() -> None:
    keyring = ring()
    assert "111" not in repr(keyring.find(0))
    assert "222" not in f"{keyring!r} {keyring.minting!r}"


@pytest.mark.parametrize(
    "vector", VECTORS["derived_keys"], ids=lambda v: f"{v['key_version']} {v['label']} {v['sender']}"
)
def test_derives_the_pinned_keys(vector: dict[str, Any]) -> None:
    version = vector["key_version"]
    keyring = Keyring([MasterKey(version, bytes.fromhex(VECTORS["masters"][str(version)]), MINTING)])
    derived = keyring.derive(version, vector["sender"], vector["label"].encode(), vector["length"])
    assert derived.hex() == vector["key"]


@given(label=st.binary(max_size=40), length=st.integers(1, 200), version=st.sampled_from([0, 1]))
def test_derives_by_hkdf_from_the_sender_key(label: bytes, length: int, version: int) -> None:
    sender_key = hkdf_by_hand((ONE, TWO)[version], b"signoff/sender/abcdefgh", 32)
    assert ring().derive(version, "abcdefgh", label, length) == hkdf_by_hand(
        sender_key, b"signoff/key/" + label, length
    )


def test_derives_apart_for_every_version_sender_and_label() -> None:
    keyring = ring()
    cases = [(v, s, label) for v in (0, 1) for s in ("abcdefgh", "abcdefgi") for label in (b"x/sign", b"x/seal")]
    derived = {keyring.derive(version, sender, label, 32) for version, sender, label in cases}
    assert len(derived) == len(cases)


def test_derives_nothing_under_a_version_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        ring().derive(2, "abcdefgh", b"x", 32)


def test_rings_of_other_keys_share_no_derived_key() -> None:
    other = Keyring([MasterKey(0, b"other secret" * 3, MINTING)])
    assert ring().derive(0, "abcdefgh", b"x", 32) != other.derive(0, "abcdefgh", b"x", 32)


def test_a_tag_names_the_minting_version() -> None:
    assert ring().api_key_tag(KEY_ID, SECRET)[0] == "B"


@pytest.mark.parametrize("state", KeyState)
def test_a_tag_outlives_its_keys_days_of_minting(state: KeyState) -> None:
    tag = Keyring([MasterKey(0, ONE, MINTING)]).api_key_tag(KEY_ID, SECRET)
    others = [] if state is MINTING else [MasterKey(1, TWO, MINTING)]
    assert Keyring([MasterKey(0, ONE, state), *others]).is_api_key_tag(KEY_ID, SECRET, tag)


def test_a_tag_is_good_for_one_id_one_secret_and_one_version() -> None:
    keyring = ring()
    tag = keyring.api_key_tag(KEY_ID, SECRET)
    assert keyring.is_api_key_tag(KEY_ID, SECRET, tag)
    assert not keyring.is_api_key_tag(KEY_ID[:-1] + "3", SECRET, tag)
    assert not keyring.is_api_key_tag(KEY_ID, SECRET[:-1] + "q", tag)
    assert not keyring.is_api_key_tag(KEY_ID, SECRET, "A" + tag[1:])
    assert not keyring.is_api_key_tag(KEY_ID, SECRET, "C" + tag[1:])
    assert not keyring.is_api_key_tag(KEY_ID, SECRET, tag[:-1])
    assert not keyring.is_api_key_tag(KEY_ID, SECRET, "")
