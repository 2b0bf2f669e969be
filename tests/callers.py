"""One who asks the sender API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.api_keys import ApiKey, mint_api_key
from tests.site import CODE, Site

if TYPE_CHECKING:
    from chalice.test import HTTPResponse


@dataclass
class Caller:
    """One who asks with API keys."""

    site: Site

    def key(self, *scopes: str, code: str = CODE, revoked: bool = False) -> str:
        """A new key with these scopes."""
        key = mint_api_key(self.site.service.keyring, code)
        revoked_at = 2 if revoked else None
        self.site.service.keys.create(ApiKey(key.id, code, key.digest, frozenset(scopes), 1, revoked_at))
        return key.text

    def ask(self, path: str, body: Any, key: str | None = None, **headers: str) -> HTTPResponse:
        """POSTs JSON, or these very octets, with a key of all scopes unless another is given."""
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        bearer = key or self.key("read", "write", "links")
        return self.site.post(path, octets, Authorization=f"Bearer {bearer}", **headers)

    def act(self, *acts: dict[str, Any], **headers: str) -> HTTPResponse:
        """`POST /v1/acts`."""
        return self.ask("/v1/acts", {"acts": list(acts)}, **headers)
