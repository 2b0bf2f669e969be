"""Links: the token that a mail carries, minted and opened (design.md, 'Tokens').

    o A bcdefghi . <sealed> . <signature>
    │ │ │          │          └ HMAC-SHA256 by itsdangerous over all before it, base64url, 43 characters
    │ │ │          └ AES-SIV of category number, issue day and address, padded; base64url
    │ │ └ the sender's code
    │ └ the master key's version
    └ the format, which names the purpose: a token is never tried as one and then as the other

A token never expires and is never used up (conformance C2). It has one canonical text: base64 lets several texts
stand for the same octets, so a text that does not come back from its own octets is refused.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import struct
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from itsdangerous import Signer, want_bytes

from .domain.errors import InvalidAddress, InvalidToken
from .keyring import VERSION_CHARS, KeyState

if TYPE_CHECKING:
    from .keyring import Keyring

#: How long a preferences link opens the preference centre; after that it acts as a one-click link.
PREFERENCES_DAYS = 90
ADDRESS_OCTETS = 254


class Purpose(StrEnum):
    """What a link is for. Its value is the itsdangerous salt, a part of the key labels and of what the seal covers."""

    ONE_CLICK = "one-click"
    PREFERENCES = "preferences"


class Link(NamedTuple):
    """What a genuine token says. `issued_day` in days since 1970-01-01 UTC; `address` as it was spelled at minting.

    A tuple, because a frozen dataclass takes as long to make as a signature (bench/RESULTS.md).
    """

    purpose: Purpose
    key_version: int
    sender: str
    category: int
    issued_day: int
    address: str
    compromised: bool

    def __repr__(self) -> str:
        """Without the address, which is in no log."""
        return f"Link({self.purpose.value}, key version {self.key_version}, {self.sender}, category {self.category})"

    def may_choose(self, today: int) -> bool:
        """Whether it opens the preference centre, `today` in days since 1970-01-01 UTC. If not, it still opts out.

        A day ahead of today is taken: the clocks of two containers differ around midnight.
        """
        age = today - self.issued_day
        return self.purpose is Purpose.PREFERENCES and not self.compromised and -1 <= age <= PREFERENCES_DAYS


_PURPOSES = {"o": Purpose.ONE_CLICK, "p": Purpose.PREFERENCES}
_FORMATS = {purpose: char for char, purpose in _PURPOSES.items()}

# Where the head ends, and, from the end, where the signed text does.
_HEAD = 10
_SIGNED = -44
# The sealed part has 32 to 288 octets: 16 of synthetic vector, then the content in blocks of 16.
# The signature's last character carries four bits, and two that must be zero: decoding and encoding it again would say
# no more than this does, at a greater price.
_TOKEN = re.compile(r"[op][A-Za-z0-9_-][a-z2-7]{8}\.[A-Za-z0-9_-]{43,384}\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_SENDER = re.compile(r"[a-z2-7]{8}")

_NUMBERS = struct.Struct(">HH")
_MOST = 0xFFFF
_BLOCK = 16
_TO_URLSAFE = bytes.maketrans(b"+/", b"-_")
_FROM_URLSAFE = bytes.maketrans(b"-_", b"+/")
_CACHED_KEYS = 1024


def mint(  # noqa: PLR0913, PLR0917 -- a token is these five facts under a keyring; an object of them would only be unpacked
    keyring: Keyring, purpose: Purpose, sender: str, category: int, day: int, address: str
) -> str:
    """The token of a link. `day` in days since 1970-01-01 UTC. The same arguments give the same text.

    Raises `InvalidAddress` for an address that is no text of 1 to 254 octets in UTF-8, `ValueError` for a sender code,
    a category number or a day out of range: so whatever is minted opens.
    """
    if not _SENDER.fullmatch(sender):
        msg = "a sender code is eight characters of a-z and 2-7"
        raise ValueError(msg)
    if not (0 <= category <= _MOST and 0 <= day <= _MOST):
        msg = f"category number and issue day are from 0 to {_MOST}"
        raise ValueError(msg)
    head = _FORMATS[purpose] + VERSION_CHARS[keyring.minting.version] + sender
    sealed = _sealer(keyring, head).seal(_pad(_NUMBERS.pack(category, day) + _address_octets(address)))
    return _signer(keyring, head).sign(b"%b.%b" % (head.encode("ascii"), _encode(sealed))).decode("ascii")


def open_token(keyring: Keyring, token: object) -> Link:
    """The link that this token stands for. Raises `InvalidToken` for anything else of any type.

    Raises nothing but that, unless the keyring has to look an unknown version up, and cannot.

    Checked in this order: type, pattern, canonical base64, known version, HMAC, seal, content.
    """
    # Not isinstance: a subclass may answer for itself as it likes.
    if type(token) is not str or not _TOKEN.fullmatch(token):
        raise InvalidToken
    text = token.encode("ascii")
    signed, signature = text[:_SIGNED], text[_SIGNED + 1 :]
    sealed = _decode(signed[_HEAD + 1 :])
    head = token[:_HEAD]
    key = keyring.find(VERSION_CHARS.index(head[1]))
    if key is None:
        raise InvalidToken
    # Texts are compared: itsdangerous's own verify_signature() compares octets, and takes other texts of them.
    if not hmac.compare_digest(_signer(keyring, head).get_signature(signed), signature):
        raise InvalidToken
    category, day, address = _read(_sealer(keyring, head).unseal(sealed))
    compromised = key.state is KeyState.COMPROMISED
    return Link(_PURPOSES[head[0]], key.version, head[2:], category, day, address, compromised)


class _Signer(Signer):
    """itsdangerous's signer, and its signatures: with the key derived and taken in once, not at each of them."""

    def __init__(self, key: bytes, purpose: Purpose) -> None:
        super().__init__(key, purpose, sep=".", key_derivation="hmac", digest_method=hashlib.sha256)
        self._keyed = HMAC(self.derive_key(), SHA256())

    def get_signature(self, value: str | bytes) -> bytes:
        mac = self._keyed.copy()
        mac.update(want_bytes(value))
        return _encode(mac.finalize())


class _Sealer:
    """AES-SIV bound to one token head: the head and the purpose are covered by the seal, though not in it."""

    __slots__ = ("_cipher", "_covered")

    def __init__(self, key: bytes, head: str) -> None:
        self._cipher = AESSIV(key)
        self._covered = [head.encode("ascii"), _PURPOSES[head[0]].encode("ascii")]

    def seal(self, content: bytes) -> bytes:
        return self._cipher.encrypt(content, self._covered)

    def unseal(self, sealed: bytes) -> bytes:
        try:
            return self._cipher.decrypt(sealed, self._covered)
        except InvalidTag:
            raise InvalidToken from None


# Signers and sealers are cached apart: an invented token may push another sender's signer out of the cache, but it
# never reaches the sealers.


@lru_cache(maxsize=_CACHED_KEYS)
def _signer(keyring: Keyring, head: str) -> _Signer:
    return _Signer(_derive(keyring, head, "sign", 32), _PURPOSES[head[0]])


@lru_cache(maxsize=_CACHED_KEYS)
def _sealer(keyring: Keyring, head: str) -> _Sealer:
    return _Sealer(_derive(keyring, head, "seal", 64), head)


def _derive(keyring: Keyring, head: str, use: str, length: int) -> bytes:
    label = f"{_PURPOSES[head[0]]}/{use}".encode("ascii")
    return keyring.derive(VERSION_CHARS.index(head[1]), head[2:], label, length)


def _read(padded: bytes) -> tuple[int, int, str]:
    """Category number, issue day and address. Only who holds the keys gets as far as this with anything wrong."""
    content = padded.rstrip(b"\0")
    zeros = len(padded) - len(content)
    is_padded = content.endswith(b"\x80") and zeros < _BLOCK and len(padded) % _BLOCK == 0
    octets = content[_NUMBERS.size : -1]
    # Decoded without an exception, which would carry the address.
    address = octets.decode("utf-8", "replace")
    if not (is_padded and 1 <= len(octets) <= ADDRESS_OCTETS and address.encode() == octets):
        raise InvalidToken
    category, day = _NUMBERS.unpack_from(content)
    return category, day, address


def _address_octets(address: str) -> bytes:
    octets = address.encode("utf-8", "replace")
    if octets.decode() != address:
        msg = "it is not Unicode text"
        raise InvalidAddress(msg)
    if not 1 <= len(octets) <= ADDRESS_OCTETS:
        msg = f"it should have 1 to {ADDRESS_OCTETS} octets"
        raise InvalidAddress(msg)
    return octets


def _pad(content: bytes) -> bytes:
    """ISO/IEC 7816-4: one octet 0x80, then zeros to a whole block. Lengths then say less about the address."""
    return content + b"\x80" + bytes(-(len(content) + 1) % _BLOCK)


def _encode(octets: bytes) -> bytes:
    return binascii.b2a_base64(octets, newline=False).rstrip(b"=").translate(_TO_URLSAFE)


def _decode(text: bytes) -> bytes:
    """Octets of base64url without padding; `InvalidToken` if they would not be encoded as this very text."""
    padded = text.translate(_FROM_URLSAFE) + b"=" * (-len(text) % 4)
    try:
        octets = binascii.a2b_base64(padded)
    except binascii.Error:
        raise InvalidToken from None
    if binascii.b2a_base64(octets, newline=False) != padded:
        raise InvalidToken
    return octets
