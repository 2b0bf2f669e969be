"""Mail addresses: what is one, how it is spelled, and the key by which two spellings are the same recipient.

Mail goes to the original spelling; everything else goes by the key (conformance D1). Plus tags and dots are
part of an address and stay (D2).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

import idna

from chalicelib.domain.errors import InvalidAddress

MAX_ADDRESS_OCTETS = 254  # RFC 5321 §4.5.3.1.3: a path of 256 octets less its two angle brackets
MAX_LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1
MAX_DOMAIN_OCTETS = 253
ADDRESS_KEY_VERSION = 1  # part of every pepper's fingerprint: another way to make keys would find no recipient

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"  # RFC 5322 §3.2.3
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # RFC 5890 §2.3.1
_ASCII_ADDRESS = re.compile(
    rf"{_ATEXT}+(?:\.{_ATEXT}+)*@(?:{_LABEL}\.)+(?=[A-Za-z0-9-]*[A-Za-z])({_LABEL})",
    re.ASCII,
)
_BEYOND = "[^\x00-\x7f]"  # RFC 6532 §3.2
_LOST = "\ufffd"  # stands for a character that was lost on the way
_ATOM = re.compile(rf"(?:{_ATEXT}|{_BEYOND})+(?:\.(?:{_ATEXT}|{_BEYOND})+)*")
_ASCII_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?=[a-z0-9-]*[a-z])({_LABEL})", re.ASCII)
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # what UTS 46 takes for the dot between labels
_UNUSABLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})  # controls, formats, unassigned, spaces


@dataclass(frozen=True, slots=True)
class Address:
    """An address as it was spelled (outer white space removed) and its key."""

    spelled: str = field(repr=False)
    key: str = field(repr=False)


def parse_address(text: object) -> Address:
    """The address in `text`. Raises `InvalidAddress` with the reason (conformance D3), never with the text."""
    address = kept_address(text)
    if _LOST in address.spelled:
        raise InvalidAddress("the part before the @ has a character or a dot where none may be")
    return address


def kept_address(text: object) -> Address:
    """As `parse_address`, of a link: what was an address when it was minted is one for ever (conformance C2)."""
    if not isinstance(text, str):
        raise InvalidAddress("an address is a text")
    spelled = text.strip()
    if len(spelled) > MAX_ADDRESS_OCTETS:
        raise InvalidAddress(f"an address has at most {MAX_ADDRESS_OCTETS} octets")
    local, at, domain = spelled.rpartition("@")
    if not at:
        raise InvalidAddress("an address has an @" if spelled else "the address is empty")
    key = spelled.lower()
    if (
        len(local) <= MAX_LOCAL_OCTETS
        and len(domain) <= MAX_DOMAIN_OCTETS
        and "xn--" not in key
        and _ASCII_ADDRESS.fullmatch(spelled)
    ):
        return Address(spelled, key)
    key = f"{_local_key(local)}@{_domain_key(domain)}"
    if max(_octets(spelled), _octets(key)) > MAX_ADDRESS_OCTETS:
        raise InvalidAddress(f"an address has at most {MAX_ADDRESS_OCTETS} octets")
    return Address(spelled, key)


def _local_key(local: str) -> str:
    _refuse_unusable(local, "the part before the @")
    if not local:
        raise InvalidAddress("there is nothing before the @")
    # Composed again, because a capital may have no composed form where its small letter has one: J\u030c, \u01f0.
    key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).lower())
    if max(_octets(local), _octets(key)) > MAX_LOCAL_OCTETS:
        raise InvalidAddress(f"the part before the @ has at most {MAX_LOCAL_OCTETS} octets")
    if not _ATOM.fullmatch(local):
        raise InvalidAddress("the part before the @ has a character or a dot where none may be")
    return key


def _domain_key(domain: str) -> str:
    _refuse_unusable(domain, "the part after the @")
    try:
        key = idna.encode(domain, uts46=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidAddress("the part after the @ is not a domain name") from error
    if len(key) > MAX_DOMAIN_OCTETS or not _ASCII_DOMAIN.fullmatch(key):
        raise InvalidAddress("the part after the @ is not a full domain name")
    return key


def _refuse_unusable(part: str, where: str) -> None:
    if any(unicodedata.category(character) in _UNUSABLE for character in part):
        raise InvalidAddress(f"{where} has a space or an invisible character")


def _octets(text: str) -> int:
    return len(text.encode("utf-8"))


def mask(spelled: str) -> str:
    """An address as a page may show it, `d**e@s*****.com` (conformance F5): neither length can be told."""
    local, _, domain = spelled.rpartition("@")
    labels = _DOTS.split(domain)
    last = local[2:][-1:]  # of two letters, one is shown
    return f"{local[:1]}**{last}@{labels[0][:1]}*****.{labels[-1]}"
