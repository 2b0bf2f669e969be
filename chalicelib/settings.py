"""The environment → one frozen dataclass. Fails loudly, with the name of the setting and what it should be."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.domain.errors import SettingsError
from chalicelib.keyring import Keyring, KeyState, MasterKey

if TYPE_CHECKING:
    from collections.abc import Mapping

PEPPER_KEY_OCTETS = 64
"""AES-256-SIV takes two keys of 32 octets."""
_PUBLIC_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z0-9_-]+)*")
_LOCAL_HOSTS = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Settings:
    """All that differs between deployments. `public_url` has no slash at its end; every link starts with it."""

    public_url: str
    recipients_table: str
    control_table: str
    region: str
    keyring: Keyring = field(repr=False)
    pepper_key: bytes = field(repr=False)
    dynamodb_url: str | None = None
    key_budget: int = 6_000

    @property
    def prefix(self) -> str:
        """The path that comes before every route, "" or for example "/api"."""
        return "/" + path if (path := self.public_url.split("://", 1)[1].partition("/")[2]) else ""


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Reads the settings. Raises `SettingsError`."""
    return Settings(
        public_url=_public_url(environment),
        recipients_table=_required(environment, "SIGNOFF_RECIPIENTS_TABLE"),
        control_table=_required(environment, "SIGNOFF_CONTROL_TABLE"),
        region=_required(environment, "AWS_REGION"),
        keyring=_keyring(environment),
        pepper_key=_pepper_key(environment),
        dynamodb_url=environment.get("SIGNOFF_DYNAMODB_URL") or None,
        key_budget=_positive(environment, "SIGNOFF_KEY_BUDGET", 6_000),
    )


def _required(environment: Mapping[str, str], name: str) -> str:
    if not (value := environment.get(name, "").strip()):
        raise SettingsError(f"{name} is not set")
    return value


def _positive(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text := environment.get(name, "").strip() or str(otherwise)):
        raise SettingsError(f"{name} is not a whole number over 0")
    return int(text)


def _public_url(environment: Mapping[str, str]) -> str:
    url = _required(environment, "SIGNOFF_PUBLIC_URL").rstrip("/")
    if not _PUBLIC_URL.fullmatch(url):
        raise SettingsError("SIGNOFF_PUBLIC_URL is not a URL such as https://mail-choices.example.com/api")
    host = url.split("://", 1)[1].partition("/")[0].partition(":")[0]
    if url.startswith("http:") and host not in _LOCAL_HOSTS:
        raise SettingsError("SIGNOFF_PUBLIC_URL must be https (RFC 8058 §3.1), except on this machine itself")
    return url


def _keyring(environment: Mapping[str, str]) -> Keyring:
    name = "SIGNOFF_MASTER_KEYS"
    try:
        raw = json.loads(_required(environment, name))
        keys = [
            MasterKey(int(version), base64.b64decode(key["secret"], validate=True), KeyState(key["state"]))
            for version, key in raw.items()
        ]
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error):
        sentence = f'{name} is not JSON like {{"1": {{"secret": "<base64>", "state": "minting"}}}}'
        raise SettingsError(sentence) from None  # the text holds secrets: its error must not be chained
    return Keyring(keys)


def _pepper_key(environment: Mapping[str, str]) -> bytes:
    name = "SIGNOFF_PEPPER_KEY"
    try:
        key = base64.b64decode(_required(environment, name), validate=True)
    except binascii.Error:
        raise SettingsError(f"{name} is not base64") from None
    if len(key) != PEPPER_KEY_OCTETS:
        raise SettingsError(f"{name} is base64 of {PEPPER_KEY_OCTETS} octets, not of {len(key)}")
    return key
