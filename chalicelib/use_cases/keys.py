"""API keys: made, followed by another, revoked. A key's text is shown once, to whom it was made for."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from chalicelib.api_keys import ApiKey, mint_api_key
from chalicelib.domain.errors import ActRefused, InvalidRequest, StoreUnavailable, UnknownKey
from chalicelib.use_cases.repeating import claim_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service
    from chalicelib.store.operations import Claim
    from chalicelib.use_cases.repeating import Request

SCOPES = ("links", "read", "write", "admin")
MOST_LIVE = 50
ATTEMPTS = 20
"""How often a change of keys is tried against others."""


def create_key(service: Service, sender: Sender, scopes: frozenset[str], request: Request) -> tuple[ApiKey, str]:
    """A new key with these scopes, and its text. Raises `InvalidRequest`, `ActRefused`, `StoreUnavailable`."""
    if not scopes or not scopes <= set(SCOPES):
        raise InvalidRequest(f"a list of one or more of {', '.join(SCOPES)}", "/scopes")
    claim = claim_of(service, sender, request)
    key, text = _mint(service, sender, scopes, None, claim)

    def check(keys: list[ApiKey]) -> None:
        if sum(other.is_live for other in keys) >= MOST_LIVE:
            raise ActRefused(f"a sender has at most {MOST_LIVE} live keys: revoke one first")

    return _put(service, key, check), text


def follow_key(service: Service, sender: Sender, key_id: str, request: Request) -> tuple[ApiKey, str]:
    """A new key with the scopes of another, which goes on working until it is revoked: two are live.

    Raises `UnknownKey`, `ActRefused` where it is revoked or has a live follower already, `StoreUnavailable`.
    """
    claim = claim_of(service, sender, request)
    keys = service.keys.list(sender.code)
    key, text = _mint(service, sender, _find(keys, key_id).scopes, key_id, claim)

    def check(keys: list[ApiKey]) -> None:
        if not _find(keys, key_id).is_live:
            raise ActRefused("a revoked key is not followed by another")
        if any(other.replaces == key_id and other.is_live for other in keys):
            raise ActRefused("this key has a live follower already: revoke one of the two first")

    return _put(service, key, check), text


def revoke_key(service: Service, sender: Sender, key_id: str) -> ApiKey:
    """The key, revoked, now or before; it stops everywhere within a minute. Raises `UnknownKey`, `ActRefused`.

    The last live key that may administer stays: without one nobody could make another by this API.
    """

    def attempt(turn: int) -> bool:
        keys = service.keys.list(sender.code)
        key = _find(keys, key_id)
        if key.is_live and "admin" in key.scopes and not any(_may_administer(other, key) for other in keys):
            raise ActRefused("this is the last live key with the scope admin: make another one first")
        return not key.is_live or service.revoke_key(sender.code, key_id, turn)

    _in_turn(service, sender.code, attempt)
    return _find(service.keys.list(sender.code), key_id)


def _in_turn(service: Service, sender: str, attempt: Callable[[int], bool]) -> None:
    """Until an attempt, which decides by the keys as they are, was not overtaken. Raises `StoreUnavailable`."""
    for _ in range(ATTEMPTS):
        if attempt(service.keys.turn(sender)):
            return
    raise StoreUnavailable("the keys are being changed")


def _may_administer(other: ApiKey, than: ApiKey) -> bool:
    return other.id != than.id and other.is_live and "admin" in other.scopes


def _find(keys: list[ApiKey], key_id: str) -> ApiKey:
    for key in keys:
        if key.id == key_id:
            return key
    raise UnknownKey


def _mint(
    service: Service, sender: Sender, scopes: frozenset[str], replaces: str | None, claim: Claim
) -> tuple[ApiKey, str]:
    version = service.keyring.minting.version if claim.key_version is None else claim.key_version
    minted = mint_api_key(service.keyring, sender.code, _octets(service, sender, claim, version), version)
    return ApiKey(minted.id, sender.code, minted.digest, scopes, service.clock(), replaces=replaces), minted.text


def _put(service: Service, key: ApiKey, check: Callable[[list[ApiKey]], None]) -> ApiKey:
    """The key as it is stored: by this request, or by the same one before or beside it.

    `check` is given the other keys, and raises `ActRefused`.
    """

    def attempt(turn: int) -> bool:
        keys = service.keys.list(key.sender)
        if any(other.id == key.id for other in keys):
            return True
        check(keys)
        return service.keys.create_in_turn(key, turn)

    _in_turn(service, key.sender, attempt)
    return service.keys.find(key.sender, key.id) or key


def _octets(service: Service, sender: Sender, claim: Claim, version: int) -> Callable[[int], bytes]:
    """Where a key's octets come from: the master of the version noted, and the random nonce of the request's note.

    The text of a key is stored nowhere, and the same request is still answered with the same one (conformance G3), as
    long as it is known to be the same. Neither the master nor the note tells the key without the other.
    """
    secret = service.keyring.derive(version, sender.code, b"api-key/repeatable", 32)
    return lambda count: hmac.digest(secret, f"{count} {claim.nonce}".encode(), "sha256")[:count]
