"""The text of an API key: `sgn_<id>_<secret>_<tag>` (design.md, 'HTTP').

The id is the sender's code and eight characters of its own; the secret is 256 random bits; the tag tells an invented
key without a store call. Only the digest of the secret is stored.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .domain.errors import Unauthenticated
from .keyring import base32_lower

if TYPE_CHECKING:
    from collections.abc import Callable

    from .keyring import Keyring

_SENDER = re.compile(r"[a-z2-7]{8}")
_KEY = re.compile(r"sgn_([a-z2-7]{16})_([a-z2-7]{52})_([A-Za-z0-9_-][a-z2-7]{8})")
_SENDER_LENGTH = 8
_ID_OCTETS = 5
_SECRET_OCTETS = 32


@dataclass(frozen=True, slots=True)
class ApiKeyText:
    """A key just made: `text` is shown to its holder once, `digest` is stored."""

    id: str
    text: str = field(repr=False)
    digest: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is stored: never its text, only the SHA-256 of its secret.

    `created` and `revoked` in milliseconds, `last_used` in days since 1970 UTC; `replaces` is the key that this one was
    made to follow, while both work.
    """

    id: str
    sender: str
    digest: str = field(repr=False)
    scopes: frozenset[str]
    created: int
    revoked: int | None = None
    last_used: int | None = None
    replaces: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether it still opens anything."""
        return self.revoked is None


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """What a well-formed key says; the store knows whether it is live. `digest`: SHA-256 of the secret's text, hex.

    Compare it with the stored one by `hmac.compare_digest`.
    """

    id: str
    sender_code: str
    digest: str


def mint_api_key(
    keyring: Keyring,
    sender_code: str,
    random: Callable[[int], bytes] = secrets.token_bytes,
    version: int | None = None,
) -> ApiKeyText:
    """A new key for this sender, under the minting master key or that of `version`.

    `random` gives as many random octets as it is asked for.

    Raises `ValueError` for a text that is no sender code.
    """
    if not _SENDER.fullmatch(sender_code):
        msg = "a sender code is eight characters of a-z and 2-7"
        raise ValueError(msg)
    key_id = sender_code + base32_lower(random(_ID_OCTETS))
    secret = base32_lower(random(_SECRET_OCTETS))
    text = f"sgn_{key_id}_{secret}_{keyring.api_key_tag(key_id, secret, version)}"
    return ApiKeyText(key_id, text, _digest(secret))


def parse_api_key(keyring: Keyring, text: object) -> ParsedKey:
    """The parts of a key that was made here. Raises `Unauthenticated` for anything else of any type.

    Raises only that, unless the keyring has to look an unknown version up, and cannot.

    A key made under a compromised version still parses: the tag spares store calls, the stored digest decides.
    """
    # Not isinstance: a subclass may answer for itself as it likes.
    match = _KEY.fullmatch(text) if type(text) is str else None
    if match is None:
        raise Unauthenticated
    key_id, secret, tag = match.groups()
    if not (_is_canonical(secret) and keyring.is_api_key_tag(key_id, secret, tag)):
        raise Unauthenticated
    return ParsedKey(key_id, key_id[:_SENDER_LENGTH], _digest(secret))


def _is_canonical(secret: str) -> bool:
    """52 characters hold four bits more than 32 octets, and those must be zero."""
    return base32_lower(base64.b32decode(secret.upper() + "====")) == secret


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()
