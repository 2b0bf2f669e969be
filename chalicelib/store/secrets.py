"""The keys of a deployment: out of its settings, or out of the secrets in Secrets Manager that these name.

Each secret is read once in the life of a container, at first need, both side by side. The master keys are read again
where something names a version that is not among them, at most once a minute: so a container that began before
`keys rotate` learns of the new version with the first link that was made under it, and a flood of invented versions
costs one call a minute.

A call is one request over the transport of `wire.py`. No error tells what a secret holds, nor its ARN: what is told is
shown to those who ask.
"""

from __future__ import annotations

import json
import math
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from chalicelib.domain.errors import SettingsError, SignoffError, StoreUnavailable
from chalicelib.keyring import Keyring, master_keys_from
from chalicelib.settings import MASTER_SECRET, PEPPER_SECRET, pepper_key_from
from chalicelib.store.wire import endpoint, pool_of, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.credentials import Credentials

    from chalicelib.settings import Settings
    from chalicelib.store.wire import Pool

AGAIN = 60
"""Seconds from one reading of the master keys for the sake of an unknown version to the next."""
PAUSE = 2
"""Seconds after a first reading that failed, in which nothing is asked and the same is told."""
ATTEMPTS = 3
"""With the time-outs of `wire.py` 9 s at the worst, within a request's 25."""
_HEADERS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
_OK = 200
_NAME = re.compile(r"[A-Za-z]{1,60}")
_WRONG = {
    "AccessDeniedException": "names a secret that may not be read: the function's policy or the KMS key forbids it",
    "DecryptionFailure": "names a secret that its KMS key does not decrypt",
    "InvalidRequestException": "names a secret that is being deleted",
    "ResourceNotFoundException": "names a secret that is not there, or that has no value yet",
}
"""What Secrets Manager refuses however often it is asked: somebody has to mend it."""


class Secrets:
    """The keyring and the key of the peppers. Safe to share between threads.

    `monotonic` in seconds, `now` in milliseconds since 1970 UTC. Both properties raise `SettingsError` where a secret
    is missing, may not be read or makes no sense, and `StoreUnavailable` where it could not be read now.
    """

    def __init__(
        self,
        settings: Settings,
        credentials: Callable[[], Credentials | None],
        monotonic: Callable[[], float],
        now: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._monotonic = monotonic
        self._now = now
        self._url = (settings.secrets_url or endpoint("secretsmanager", settings.region)).rstrip("/") + "/"
        self._lock = threading.Lock()
        self._kept: tuple[Keyring, bytes] | None = None
        self._first = _Pace(monotonic, PAUSE)
        self._again = _Pace(monotonic, AGAIN)

    @property
    def keyring(self) -> Keyring:
        """The master keys."""
        return self._both()[0]

    @property
    def pepper_key(self) -> bytes:
        """What the senders' peppers are wrapped under."""
        return self._both()[1]

    @cached_property
    def pool(self) -> Pool:
        """The connections to Secrets Manager."""
        return pool_of(self._url)

    def _both(self) -> tuple[Keyring, bytes]:
        return self._kept or self._read_first()

    def _read_first(self) -> tuple[Keyring, bytes]:
        with self._lock:
            # Another thread may have read them while this one waited.
            if self._kept is None:
                self._first.is_early()
                with self._first.trying():
                    self._kept = self._read_both()
            return self._kept

    def _read_both(self) -> tuple[Keyring, bytes]:
        with ThreadPoolExecutor(1, thread_name_prefix="secrets") as pool:
            pepper_key = pool.submit(self._read_pepper_key)
            return self._settings.keyring or self._read_keyring(), pepper_key.result()

    def _read_pepper_key(self) -> bytes:
        held = self._settings.pepper_key
        return held or pepper_key_from(self._read(PEPPER_SECRET, self._settings.pepper_secret), PEPPER_SECRET)

    def _read_keyring(self) -> Keyring:
        text = self._read(MASTER_SECRET, self._settings.master_secret)
        return Keyring(master_keys_from(text, MASTER_SECRET), self._now, self._read_again)

    def _read_again(self) -> Keyring | None:
        """The keyring as it is now; None where it was read again within the last minute."""
        if self._again.is_early():
            return None
        with self._again.trying():
            return self._read_keyring()

    def _read(self, name: str, arn: str | None) -> str:
        """The text of a secret; `name` is the setting that names it. Asked again where the answer says nothing."""
        body = json.dumps({"SecretId": arn, "VersionStage": "AWSCURRENT"}).encode()
        for _ in range(ATTEMPTS - 1):
            try:
                return self._ask(name, body)
            except StoreUnavailable:
                continue
        return self._ask(name, body)

    def _ask(self, name: str, body: bytes) -> str:
        scope = ("secretsmanager", self._settings.region)
        try:
            headers = signed(self._credentials(), scope, self._url, _HEADERS, body)
            answer = self.pool.urlopen("POST", "/", body=body, headers=headers)
        except (BotoCoreError, HTTPError) as error:
            raise StoreUnavailable(f"{name} could not be read: {type(error).__name__}") from None
        return _text_of(name, answer.status, answer.data)


class _Pace:
    """When something was tried last, and what came of it: for some seconds trouble is told again without a try."""

    def __init__(self, monotonic: Callable[[], float], seconds: int) -> None:
        self._monotonic = monotonic
        self._seconds = seconds
        self._tried: float | None = None
        self._trouble: SignoffError | None = None

    def is_early(self) -> bool:
        """Whether it was tried just now. Raises the trouble that came of it."""
        left = 0.0 if self._tried is None else self._tried + self._seconds - self._monotonic()
        if left > 0 and self._trouble is not None:
            raise _told_again(self._trouble, math.ceil(left))
        return left > 0

    @contextmanager
    def trying(self) -> Iterator[None]:
        """A try; trouble is noted, and goes on its way."""
        self._tried, self._trouble = self._monotonic(), None
        try:
            yield
        except SignoffError as error:
            self._trouble = error
            raise


def _told_again(trouble: SignoffError, left: int) -> SignoffError:
    """A new one: an error that is raised twice keeps the traces of both."""
    return SettingsError(str(trouble)) if isinstance(trouble, SettingsError) else StoreUnavailable(str(trouble), left)


def _text_of(name: str, status: int, octets: bytes) -> str:
    """The text in an answer of Secrets Manager."""
    try:
        told: Any = json.loads(octets)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise StoreUnavailable(f"{name} could not be read: status {status}")
    if status != _OK:
        raise _refusal(name, status, str(told.get("__type", "")))
    if not isinstance(text := told.get("SecretString"), str):
        raise SettingsError(f"{name} names a secret that holds no text")
    return text


def _refusal(name: str, status: int, kind: str) -> SignoffError:
    cause = kind.rpartition("#")[2]
    if (wrong := _WRONG.get(cause)) is not None:
        return SettingsError(f"{name} {wrong}")
    return StoreUnavailable(f"{name} could not be read: {cause if _NAME.fullmatch(cause) else f'status {status}'}")
