"""The environment → one frozen dataclass. Fails loudly, with the name of the setting and what it should be."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.domain.errors import SettingsError
from chalicelib.keyring import Keyring, master_keys_from

if TYPE_CHECKING:
    from collections.abc import Mapping

MASTER_KEYS, MASTER_SECRET = "SIGNOFF_MASTER_KEYS", "SIGNOFF_MASTER_SECRET"
PEPPER_KEY, PEPPER_SECRET = "SIGNOFF_PEPPER_KEY", "SIGNOFF_PEPPER_SECRET"
PEPPER_KEY_OCTETS = 64
"""AES-256-SIV takes two keys of 32 octets."""
_PUBLIC_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z0-9_-]+)*")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
"""S3 takes dots too, but a name with dots does not match the certificate of its own address."""
_QUEUE_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?/\d{12}/[A-Za-z0-9_-]{1,80}")
_ENGINE_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?/?")
_SECRET_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):\d{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}")
_LOCAL_HOSTS = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Settings:
    """All that differs between deployments. `public_url` has no slash at its end; every link starts with it.

    The keys are here (`keyring`, `pepper_key`), or each in the secret whose ARN is (`master_secret`, `pepper_secret`):
    `Service` has them either way.
    """

    public_url: str
    recipients_table: str
    control_table: str
    files_bucket: str
    jobs_queue_url: str
    region: str
    keyring: Keyring | None = field(repr=False)
    pepper_key: bytes | None = field(repr=False)
    dynamodb_url: str | None = None
    s3_url: str | None = None
    sqs_url: str | None = None
    key_budget: int = 6_000
    master_secret: str | None = None
    pepper_secret: str | None = None
    secrets_url: str | None = None

    @property
    def prefix(self) -> str:
        """The path that comes before every route, "" or for example "/api"."""
        return "/" + path if (path := self.public_url.split("://", 1)[1].partition("/")[2]) else ""


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Reads the settings. Raises `SettingsError`."""
    master_secret = _secret_arn(environment, MASTER_SECRET, MASTER_KEYS)
    pepper_secret = _secret_arn(environment, PEPPER_SECRET, PEPPER_KEY)
    return Settings(
        public_url=public_url_from(environment),
        recipients_table=_required(environment, "SIGNOFF_RECIPIENTS_TABLE"),
        control_table=_required(environment, "SIGNOFF_CONTROL_TABLE"),
        files_bucket=_bucket(environment),
        jobs_queue_url=_queue_url(environment),
        region=_required(environment, "AWS_REGION"),
        keyring=None if master_secret else _keyring(environment),
        pepper_key=None if pepper_secret else _pepper_key(environment),
        dynamodb_url=_engine_url(environment, "SIGNOFF_DYNAMODB_URL"),
        s3_url=_engine_url(environment, "SIGNOFF_S3_URL"),
        sqs_url=_engine_url(environment, "SIGNOFF_SQS_URL"),
        key_budget=_positive(environment, "SIGNOFF_KEY_BUDGET", 6_000),
        master_secret=master_secret,
        pepper_secret=pepper_secret,
        secrets_url=_engine_url(environment, "SIGNOFF_SECRETS_URL"),
    )


def _required(environment: Mapping[str, str], name: str) -> str:
    if not (value := environment.get(name, "").strip()):
        raise SettingsError(f"{name} is not set")
    return value


def _positive(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text := environment.get(name, "").strip() or str(otherwise)):
        raise SettingsError(f"{name} is not a whole number over 0")
    return int(text)


def public_url_from(environment: Mapping[str, str]) -> str:
    """Where all links begin. Raises `SettingsError`."""
    url = _required(environment, "SIGNOFF_PUBLIC_URL").rstrip("/")
    if not _PUBLIC_URL.fullmatch(url):
        raise SettingsError("SIGNOFF_PUBLIC_URL is not a URL such as https://mail-choices.example.com/api")
    if _is_open(url):
        raise SettingsError("SIGNOFF_PUBLIC_URL must be https (RFC 8058 §3.1), except on this machine itself")
    return url


def _bucket(environment: Mapping[str, str]) -> str:
    name = _required(environment, "SIGNOFF_FILES_BUCKET")
    if not _BUCKET.fullmatch(name):
        raise SettingsError("SIGNOFF_FILES_BUCKET is not a bucket's name: 3 to 63 of a-z, 0-9 and the hyphen inside")
    return name


def _queue_url(environment: Mapping[str, str]) -> str:
    url = _required(environment, "SIGNOFF_JOBS_QUEUE_URL")
    if not _QUEUE_URL.fullmatch(url):
        example = "https://sqs.eu-central-1.amazonaws.com/123456789012/signoff-dev-jobs"
        raise SettingsError(f"SIGNOFF_JOBS_QUEUE_URL is not a queue's URL such as {example}")
    if _is_open(url):
        raise SettingsError("SIGNOFF_JOBS_QUEUE_URL must be https, except on this machine itself")
    return url


def _engine_url(environment: Mapping[str, str], name: str) -> str | None:
    """Where an engine stands in for AWS; unset, or empty, where AWS itself is meant."""
    url = environment.get(name, "").strip()
    if url and not _ENGINE_URL.fullmatch(url):
        raise SettingsError(f"{name} is not the URL of a local engine such as http://127.0.0.1:4566")
    if _is_open(url):
        raise SettingsError(f"{name} must be https, except on this machine itself")
    return url or None


def _is_open(url: str) -> bool:
    """Whether anybody on the way could read what is sent there."""
    host = url.partition("://")[2].partition("/")[0].partition(":")[0]
    return url.startswith("http:") and host not in _LOCAL_HOSTS


def _secret_arn(environment: Mapping[str, str], name: str, instead_of: str) -> str | None:
    """The ARN of the secret that holds what another setting would hold; None where that one does."""
    arn, itself = (environment.get(each, "").strip() for each in (name, instead_of))
    if not arn and not itself:
        raise SettingsError(f"{name} is not set, and neither is {instead_of}")
    if arn and itself:
        raise SettingsError(f"{name} and {instead_of} are both set: only one of them counts")
    if not arn:
        return None
    found = _SECRET_ARN.fullmatch(arn)
    if found is None:
        example = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:signoff/dev/master-keys-a1b2c3"
        raise SettingsError(f"{name} is not a secret's ARN such as {example}")
    if found[1] != _required(environment, "AWS_REGION"):
        raise SettingsError(f"{name} is a secret of another region than this one")
    return arn


def _keyring(environment: Mapping[str, str]) -> Keyring:
    return Keyring(master_keys_from(_required(environment, MASTER_KEYS), MASTER_KEYS))


def _pepper_key(environment: Mapping[str, str]) -> bytes:
    return pepper_key_from(_required(environment, PEPPER_KEY), PEPPER_KEY)


def pepper_key_from(text: str, name: str) -> bytes:
    """The key of the peppers out of its base64; `name` is the setting that gave it. Raises `SettingsError`."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        raise SettingsError(f"{name} is not base64") from None  # the text is a secret
    if len(key) != PEPPER_KEY_OCTETS:
        raise SettingsError(f"{name} is base64 of {PEPPER_KEY_OCTETS} octets, not of {len(key)}")
    return key
