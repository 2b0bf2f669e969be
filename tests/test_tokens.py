"""Tokens: pinned for good, one canonical text each, and `InvalidToken` for everything else of any type."""

from __future__ import annotations

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import Signer

from chalicelib.domain.errors import InvalidAddress, InvalidToken
from chalicelib.keyring import VERSION_CHARS, Keyring, KeyState, MasterKey
from chalicelib.tokens import PREFERENCES_DAYS, Link, Purpose, mint, open_token

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "tokens.json").read_text("utf-8"))
LINKS: dict[str, dict[str, Any]] = {link["name"]: link for link in VECTORS["links"]}

OLD, NEW = b"1" * 32, b"2" * 32
OLD_RING = Keyring([MasterKey(0, OLD, KeyState.MINTING)])
RING = Keyring([MasterKey(0, OLD, KeyState.VERIFYING), MasterKey(1, NEW, KeyState.MINTING)])
SENDER, DAY, ADDRESS = "abcdefgh", 20_000, "anna.berg@news.mail.test"
ONE_CLICK, PREFERENCES = Purpose
TOKEN = mint(RING, ONE_CLICK, SENDER, 1, DAY, ADDRESS)
HEAD, SEALED, SIGNATURE = TOKEN.split(".")

purposes = st.sampled_from(Purpose)
senders = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=8, max_size=8)
numbers = st.integers(0, 0xFFFF)
addresses = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=254).filter(
    lambda text: len(text.encode()) <= 254
)


class Disguised(str):
    """A text that answers for itself."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        raise RuntimeError


class Masked:
    """An object that does not even say what it is."""

    def __getattribute__(self, _: str) -> NoReturn:
        raise RuntimeError


def forge(content: bytes, head: str = "oBabcdefgh", purpose: str = "one-click", covered: str = "one-click") -> str:
    """A token made with the true keys but without `mint`, so that it may hold what `mint` never would."""
    cipher = AESSIV(RING.derive(1, SENDER, f"{purpose}/seal".encode(), 64))
    sealed = base64.urlsafe_b64encode(cipher.encrypt(content, [head.encode(), covered.encode()])).rstrip(b"=")
    return stock_signer(purpose).sign(head.encode() + b"." + sealed).decode()


def stock_signer(purpose: str) -> Signer:
    key = RING.derive(1, SENDER, f"{purpose}/sign".encode(), 32)
    return Signer(key, salt=purpose, key_derivation="hmac", digest_method=hashlib.sha256)


def padded(content: bytes) -> bytes:
    return content + b"\x80" + bytes(-(len(content) + 1) % 16)


def wire(category: int, day: int, address: bytes) -> bytes:
    return category.to_bytes(2, "big") + day.to_bytes(2, "big") + address


def next_char(text: str) -> str:
    """The text with its last character one further in the alphabet: where those bits are spare, the same octets."""
    return text[:-1] + VERSION_CHARS[(VERSION_CHARS.index(text[-1]) + 1) % 64]


# Its sealed part has 43 characters, whose last one has two bits to spare.
SHORT = forge(padded(wire(1, DAY, b"a@b.test")))

HOSTILE_TOKENS: dict[str, object] = {
    "nothing": None,
    "a truth": True,
    "a number": 7,
    "not a number": float("nan"),
    "octets": TOKEN.encode(),
    "a bytearray": bytearray(TOKEN.encode()),
    "a list": [TOKEN],
    "a class": str,
    "a subclass of str": Disguised(TOKEN),
    "an object without a class": Masked(),
    "empty": "",
    "dots": "..",
    "a lone surrogate": "\ud800" + TOKEN[1:],
    "a lone surrogate at the end": TOKEN[:-1] + "\udfff",
    "a letter outside ASCII at the end": TOKEN + "é",
    "a NUL": TOKEN + "\0",
    "a line end": TOKEN + "\n",
    "a line end inside": f"{HEAD}.{SEALED}\n.{SIGNATURE}",
    "a space before": " " + TOKEN,
    "a byte order mark": "\ufeff" + TOKEN,
    "an equals sign": TOKEN + "=",
    "an equals sign in the sealed part": f"{HEAD}.{SEALED}=.{SIGNATURE}",
    "Arabic digits": "oB٣bcdefgh" + TOKEN[10:],
    "full-width letters": TOKEN.replace("B", "\uff22"),
    "plain base64": TOKEN.translate(str.maketrans("-_", "+/")) + "+",
    "spare bits of the signature": f"{HEAD}.{SEALED}.{next_char(SIGNATURE)}",
    "huge": TOKEN * 100_000,
    "huge sealed part": f"{HEAD}.{'A' * 10_000_000}.{SIGNATURE}",
    "no signature": f"{HEAD}.{SEALED}",
    "an empty signature": f"{HEAD}.{SEALED}.",
    "one character short": TOKEN[:-1],
    "one part more": f"{TOKEN}.{SIGNATURE}",
    "another format": "q" + TOKEN[1:],
    "an older version": "oA" + TOKEN[2:],
    "a version that is not there": "oC" + TOKEN[2:],
    "the other purpose": "p" + TOKEN[1:],
    "another sender": "oBz7y6x5w4" + TOKEN[10:],
    "capitals in the sender": "oBABCDEFGH" + TOKEN[10:],
    "a sealed length that base64 cannot have": stock_signer("one-click").sign(f"{HEAD}.{'A' * 45}").decode(),
    "a sealed part that nobody sealed": stock_signer("one-click").sign(f"{HEAD}.{'A' * 64}").decode(),
    "spare bits of the sealed part": stock_signer("one-click").sign(next_char(SHORT.rpartition(".")[0])).decode(),
    "signed for the other purpose": stock_signer("preferences").sign(f"{HEAD}.{SEALED}").decode(),
    "sealed over another purpose": forge(padded(wire(1, DAY, b"a@b.test")), covered="preferences"),
    "keys of the other purpose": forge(padded(wire(1, DAY, b"a@b.test")), purpose="preferences"),
    "no padding": forge(wire(1, DAY, b"abc@exa.test")),
    "only zeros": forge(bytes(16)),
    "a block of padding too much": forge(padded(wire(1, DAY, b"abc@exa.test")) + bytes(16)),
    "padding to half a block": forge(wire(1, DAY, b"abc@exa.test") + b"\x80" + bytes(7)),
    "padding of another octet": forge(wire(1, DAY, b"ab@exa.test") + b"\x81"),
    "no address": forge(padded(wire(1, DAY, b""))),
    "half the numbers": forge(padded(b"\0\1\2")),
    "an address of 255 octets": forge(padded(wire(1, DAY, b"a" * 255))),
    "an address that is not UTF-8": forge(padded(wire(1, DAY, b"\xff@b.test"))),
    "an overlong form in the address": forge(padded(wire(1, DAY, b"\xc0\x80@b.test"))),
    "a surrogate in the address": forge(padded(wire(1, DAY, b"\xed\xa0\x80@b.test"))),
}

BAD_ADDRESSES = {
    "empty": "",
    "255 octets": "a" * 255,
    "255 octets, 128 characters": "a" + "ö" * 127,
    "a lone surrogate": "a\ud800@b.test",
    "a surrogate pair in two halves": "\ud83e\udd8a@b.test",
}

BAD_ARGUMENTS: dict[str, tuple[str, int, int]] = {
    "an empty sender": ("", 1, DAY),
    "a sender too long": ("abcdefghi", 1, DAY),
    "a sender in capitals": ("ABCDEFGH", 1, DAY),
    "a sender with a line end": ("abcdefg\n", 1, DAY),
    "a sender with a dot": ("abcd.fgh", 1, DAY),
    "a category below": (SENDER, -1, DAY),
    "a category above": (SENDER, 0x10000, DAY),
    "a day below": (SENDER, 1, -1),
    "a day above": (SENDER, 1, 0x10000),
}


def ring_of_vectors(minting: int) -> Keyring:
    """All the pinned masters, of which this version mints."""
    states = {
        version: KeyState.MINTING if version == str(minting) else KeyState.VERIFYING for version in VECTORS["masters"]
    }
    return Keyring(
        MasterKey(int(version), bytes.fromhex(secret), states[version])
        for version, secret in VECTORS["masters"].items()
    )


def is_refused(token: object, keyring: Keyring = RING) -> bool:
    try:
        open_token(keyring, token)
    except InvalidToken:
        return True
    return False


# Pinned


@pytest.mark.parametrize("name", LINKS)
def test_a_link_in_somebodys_mailbox_opens(name: str) -> None:
    pinned = LINKS[name]
    link = open_token(ring_of_vectors(minting=1), pinned["token"])
    assert link == Link(
        purpose=Purpose(pinned["purpose"]),
        key_version=pinned["key_version"],
        sender=pinned["sender"],
        category=pinned["category"],
        issued_day=pinned["issued_day"],
        address=pinned["address"],
        compromised=False,
    )


@pytest.mark.parametrize("name", LINKS)
def test_mints_the_pinned_text(name: str) -> None:
    pinned = LINKS[name]
    keyring, purpose = ring_of_vectors(minting=pinned["key_version"]), Purpose(pinned["purpose"])
    text = mint(keyring, purpose, pinned["sender"], pinned["category"], pinned["issued_day"], pinned["address"])
    assert text == pinned["token"]


def test_stock_itsdangerous_with_the_purpose_as_salt_signs_the_same() -> None:
    assert stock_signer("one-click").sign(f"{HEAD}.{SEALED}").decode() == TOKEN
    assert forge(padded(wire(1, DAY, ADDRESS.encode()))) == TOKEN


@pytest.mark.parametrize(("octets", "characters"), [(24, 119), (254, 439)])
@pytest.mark.parametrize("purpose", Purpose)
def test_length(purpose: Purpose, octets: int, characters: int) -> None:
    token = mint(RING, purpose, SENDER, 0xFFFF, 0xFFFF, "a" * octets)
    assert len(token) == characters
    assert open_token(RING, token).address == "a" * octets


# Round trip


@given(purpose=purposes, sender=senders, category=numbers, day=numbers, address=addresses)
def test_what_is_minted_opens(purpose: Purpose, sender: str, category: int, day: int, address: str) -> None:
    token = mint(RING, purpose, sender, category, day, address)
    assert open_token(RING, token) == Link(purpose, 1, sender, category, day, address, compromised=False)
    assert token.isascii()


@given(purpose=purposes, sender=senders, category=numbers, day=numbers, address=addresses)
def test_a_token_shows_no_more_than_its_head(
    purpose: Purpose, sender: str, category: int, day: int, address: str
) -> None:
    head, sealed, _ = mint(RING, purpose, sender, category, day, address).split(".")
    assert head == {"one-click": "o", "preferences": "p"}[purpose] + "B" + sender
    octets = base64.urlsafe_b64decode(sealed + "==")
    assert len(octets) % 16 == 0
    assert wire(category, day, address.encode()) not in octets


def test_neither_a_link_nor_an_error_shows_the_address() -> None:
    assert "anna" not in repr(open_token(RING, TOKEN))
    with pytest.raises(InvalidAddress) as caught:
        mint(RING, ONE_CLICK, SENDER, 1, DAY, "anna\ud800")
    assert "anna" not in f"{caught.value!r} {caught.value.__context__!r}"


@pytest.mark.parametrize("name", BAD_ADDRESSES)
def test_no_link_for_an_address_that_would_not_open(name: str) -> None:
    with pytest.raises(InvalidAddress):
        mint(RING, ONE_CLICK, SENDER, 1, DAY, BAD_ADDRESSES[name])


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_no_link_for_arguments_out_of_range(name: str) -> None:
    sender, category, day = BAD_ARGUMENTS[name]
    with pytest.raises(ValueError, match=r"sender code|category number"):
        mint(RING, ONE_CLICK, sender, category, day, ADDRESS)


def test_threads_share_keys_without_harm() -> None:
    def mint_and_open(number: int) -> tuple[str, Link]:
        token = mint(RING, ONE_CLICK, SENDER, number % 7, DAY, f"user{number}@b.test")
        return token, open_token(RING, token)

    numbers = range(2_000)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(mint_and_open, numbers))
    assert results == [mint_and_open(number) for number in numbers]
    assert [link.address for _, link in results] == [f"user{number}@b.test" for number in numbers]


# Hostile


@pytest.mark.parametrize("name", HOSTILE_TOKENS)
def test_refuses_by_name(name: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        open_token(RING, HOSTILE_TOKENS[name])
    assert str(caught.value) == "the link is not valid"


def test_the_forger_of_these_tests_can_make_a_good_token() -> None:
    assert open_token(RING, SHORT).address == "a@b.test"


def test_refuses_every_change_of_one_byte() -> None:
    tokens = [
        TOKEN,
        mint(RING, PREFERENCES, "z7y6x5w4", 2, DAY, "b@a.test"),
        mint(OLD_RING, ONE_CLICK, SENDER, 1, DAY, "é"),
    ]
    for token in tokens:
        changed = {token[:place] + chr(byte) + token[place + 1 :] for place in range(len(token)) for byte in range(256)}
        assert {text for text in changed if not is_refused(text)} == {token}


def test_refuses_every_splice_across_senders_purposes_and_versions() -> None:
    genuine = {
        mint(ring, purpose, sender, 1, DAY, ADDRESS)
        for ring in (OLD_RING, RING)
        for purpose in Purpose
        for sender in (SENDER, "z7y6x5w4")
    }
    parts = [token.split(".") for token in sorted(genuine)]
    spliced = {f"{head}.{sealed}.{mac}" for head, _, _ in parts for _, sealed, _ in parts for _, _, mac in parts}
    assert len(spliced) == 8**3
    assert {text for text in spliced if not is_refused(text)} == genuine


@pytest.mark.parametrize("purpose", Purpose)
def test_only_one_text_of_the_same_octets_opens(purpose: Purpose) -> None:
    """A stock signer takes some last characters for others."""
    token = mint(RING, purpose, SENDER, 1, DAY, ADDRESS)
    texts = [token[:-1] + char for char in VERSION_CHARS]
    assert sum(stock_signer(purpose).validate(text) for text in texts) == 4
    assert [text for text in texts if not is_refused(text)] == [token]


@given(st.one_of(st.text(), st.binary(), st.text(VERSION_CHARS + ".", min_size=98, max_size=439), st.from_type(object)))
def test_refuses_anything(token: object) -> None:
    assert is_refused(token)


@given(st.from_regex(r"[op][AB]abcdefgh\.[A-Za-z0-9_-]{43,384}\.[A-Za-z0-9_-]{43}", fullmatch=True))
def test_refuses_whatever_has_the_form_alone(token: str) -> None:
    assert is_refused(token)


@given(st.binary(max_size=300))
def test_refuses_or_reads_canonically_whatever_a_holder_of_the_keys_seals(content: bytes) -> None:
    token = forge(content)
    if not is_refused(token):
        link = open_token(RING, token)
        assert mint(RING, link.purpose, link.sender, link.category, link.issued_day, link.address) == token


@given(numbers, numbers, st.binary(min_size=1, max_size=254))
def test_reads_an_address_exactly_if_it_is_utf_8(category: int, day: int, octets: bytes) -> None:
    token = forge(padded(wire(category, day, octets)))
    try:
        address = octets.decode("utf-8")
    except UnicodeDecodeError:
        assert is_refused(token)
    else:
        assert open_token(RING, token).address == address


# Rotation


def test_a_link_of_an_older_key_still_opens() -> None:
    old = mint(OLD_RING, PREFERENCES, SENDER, 1, DAY, ADDRESS)
    link = open_token(RING, old)
    assert (link.key_version, link.compromised, link.may_choose(DAY)) == (0, False, True)
    assert open_token(RING, TOKEN).key_version == 1


def test_a_link_of_a_compromised_key_opens_but_may_not_choose() -> None:
    old = mint(OLD_RING, PREFERENCES, SENDER, 1, DAY, ADDRESS)
    keyring = Keyring([MasterKey(0, OLD, KeyState.COMPROMISED), MasterKey(1, NEW, KeyState.MINTING)])
    link = open_token(keyring, old)
    assert (link.address, link.category, link.compromised) == (ADDRESS, 1, True)
    assert not link.may_choose(DAY)


def test_a_link_of_a_key_that_is_gone_or_replaced_does_not_open() -> None:
    assert is_refused(TOKEN, OLD_RING)
    assert is_refused(TOKEN, Keyring([MasterKey(1, OLD, KeyState.MINTING)]))


# What a link may do


@pytest.mark.parametrize(
    ("age", "may_choose"),
    [
        (-2, False),
        (-1, True),
        (0, True),
        (1, True),
        (PREFERENCES_DAYS, True),
        (PREFERENCES_DAYS + 1, False),
        (40_000, False),
    ],
)
def test_a_preferences_link_may_choose_for_ninety_days(age: int, *, may_choose: bool) -> None:
    link = open_token(RING, mint(RING, PREFERENCES, SENDER, 1, DAY, ADDRESS))
    assert PREFERENCES_DAYS == 90
    assert link.may_choose(DAY + age) is may_choose


@given(st.integers(-3, 200))
def test_a_one_click_link_never_may_choose(age: int) -> None:
    assert not open_token(RING, TOKEN).may_choose(DAY + age)
