"""The keys of a deployment out of Secrets Manager: read once, again once a minute, and told of by no error."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import Credentials
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from chalicelib.domain.errors import SettingsError, SignoffError, StoreUnavailable
from chalicelib.settings import Settings, settings_from
from chalicelib.store.secrets import AGAIN, ATTEMPTS, PAUSE, Secrets
from tests.kept_secrets import PEPPER_KEY, Document, KeptSecrets, master_key
from tests.test_settings import NAMED

if TYPE_CHECKING:
    from infra.local.memory import MemoryEngine

ONE: Document = {"1": master_key(1)}
TWO: Document = {"1": master_key(1, "verifying"), "2": master_key(2)}
SETTINGS = settings_from(NAMED)
SECRET_TEXT = ONE["1"]["secret"]


@dataclass
class Answer:
    status: int
    data: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Manager:
    """Answers for Secrets Manager, and remembers what it was asked. A value is a secret's text, or what answers."""

    values: dict[str, str | Callable[[], Answer]]
    sent: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)

    def urlopen(self, method: str, url: str, *, body: bytes, headers: Mapping[str, str]) -> Any:
        assert (method, url) == ("POST", "/")
        self.sent.append((body, headers))
        told = self.values[json.loads(body)["SecretId"]]
        return value(told) if isinstance(told, str) else told()

    def asked(self) -> dict[str, int]:
        """How often each secret was asked for."""
        kinds = {SETTINGS.master_secret: "master", SETTINGS.pepper_secret: "pepper"}
        return dict(Counter(kinds[json.loads(body)["SecretId"]] for body, _ in self.sent))


@dataclass
class Container:
    """One container's secrets, and the clock by which it asks; in seconds."""

    manager: Manager
    settings: Settings = SETTINGS
    seconds: float = 0.0
    secrets: Secrets = field(init=False)

    def __post_init__(self) -> None:
        credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI")
        self.secrets = Secrets(self.settings, lambda: credentials, lambda: self.seconds, lambda: 0)
        self.secrets.pool = self.manager


def container(
    master: Document | str | Callable[[], Answer], pepper: str | Callable[[], Answer] = PEPPER_KEY
) -> Container:
    assert SETTINGS.master_secret
    assert SETTINGS.pepper_secret
    text = json.dumps(master) if isinstance(master, dict) else master
    return Container(Manager({SETTINGS.master_secret: text, SETTINGS.pepper_secret: pepper}))


def value(text: str) -> Answer:
    return Answer(200, json.dumps({"SecretString": text}).encode())


def refusing(kind: str, status: int = 400) -> Callable[[], Answer]:
    told = {"__type": f"com.amazonaws.secretsmanager#{kind}", "Message": f"about {SECRET_TEXT}"}
    return lambda: Answer(status, json.dumps(told).encode())


def broken() -> Answer:
    raise ProtocolError(f"in the middle of {SECRET_TEXT}")


def late() -> Answer:
    raise ReadTimeoutError(None, "/", SECRET_TEXT)  # type: ignore[arg-type] # the pool is not looked at


def test_both_are_read_at_first_need_and_once() -> None:
    made = container(ONE)
    assert made.manager.sent == []
    for _ in range(3):
        assert made.secrets.keyring.minting.version == 1
        assert made.secrets.pepper_key == base64.b64decode(PEPPER_KEY)
        made.seconds += 3600
    assert made.manager.asked() == {"master": 1, "pepper": 1}


def test_a_call_is_signed_and_asks_for_what_is_current() -> None:
    made = container(ONE)
    made.secrets.keyring  # noqa: B018 - it is read
    body, headers = next(sent for sent in made.manager.sent if b"master-keys" in sent[0])
    assert json.loads(body) == {"SecretId": SETTINGS.master_secret, "VersionStage": "AWSCURRENT"}
    assert headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
    assert headers["Content-Type"] == "application/x-amz-json-1.1"
    scope = "/eu-central-1/secretsmanager/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target"
    assert scope in headers["Authorization"]


def test_both_are_asked_side_by_side() -> None:
    """Each waits until the other was asked, too: one after the other neither would come."""
    met = threading.Barrier(2, timeout=300)

    def meeting(text: str) -> Callable[[], Answer]:
        def answer() -> Answer:
            met.wait()
            return value(text)

        return answer

    assert container(meeting(json.dumps(ONE)), meeting(PEPPER_KEY)).secrets.keyring.minting.version == 1


def test_threads_that_need_them_at_once_read_once() -> None:
    made, met = container(ONE), threading.Barrier(8)

    def need(_: int) -> int:
        met.wait()
        return made.secrets.keyring.minting.version

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(need, range(8))) == [1] * 8
    assert made.manager.asked() == {"master": 1, "pepper": 1}


def test_what_the_settings_hold_is_not_asked_for() -> None:
    made = container(ONE)
    both = Container(made.manager, replace(SETTINGS, keyring=made.secrets.keyring, pepper_key=bytes(64)))
    made.manager.sent.clear()
    assert (both.secrets.keyring, both.secrets.pepper_key) == (made.secrets.keyring, bytes(64))
    assert made.manager.sent == []
    one = Container(made.manager, replace(SETTINGS, pepper_key=bytes(64)))
    assert one.secrets.keyring.minting.version == 1
    assert made.manager.asked() == {"master": 1}


WRONG: dict[str, tuple[str | Callable[[], Answer], str]] = {
    "no such secret, or no value": (refusing("ResourceNotFoundException"), "not there, or that has no value yet"),
    "no permission": (refusing("AccessDeniedException"), "may not be read"),
    "no permission for the KMS key": (refusing("DecryptionFailure"), "its KMS key does not decrypt"),
    "being deleted": (refusing("InvalidRequestException"), "is being deleted"),
    "octets and no text": (lambda: Answer(200, b'{"SecretBinary":"AAAA"}'), "holds no text"),
    "no JSON": (SECRET_TEXT, "is not JSON like"),
    "half an entry": (json.dumps({"1": {"secret": SECRET_TEXT}}), "is not JSON like"),
    "none mints": (json.dumps({"1": master_key(1, "verifying")}), "0 are minting"),
    "empty": ("", "is not JSON like"),
}
"""What somebody has to mend."""
TROUBLE: dict[str, Callable[[], Answer]] = {
    "throttled": refusing("ThrottlingException"),
    "trouble of theirs": refusing("InternalServiceError", 500),
    "no JSON at all": lambda: Answer(502, b"<html>"),
    "JSON, but no object": lambda: Answer(200, b"[]"),
    "broken off": broken,
    "too late": late,
    "old credentials": refusing("ExpiredTokenException"),
    "a name with an address in it": refusing("x@example.com"),
}
"""What passes."""


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_in_a_sentence_without_the_secret(name: str) -> None:
    told, says = WRONG[name]
    made = container(told)
    with pytest.raises(SettingsError, match=says) as caught:
        made.secrets.keyring  # noqa: B018 - it is read
    shown(caught.value)
    assert made.manager.asked()["master"] == 1


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_is_met_with_another_try_or_two(name: str) -> None:
    made = container(TROUBLE[name])
    with pytest.raises(StoreUnavailable) as caught:
        made.secrets.keyring  # noqa: B018 - it is read
    shown(caught.value)
    assert made.manager.asked()["master"] == ATTEMPTS

    def answer() -> Answer:
        return TROUBLE[name]() if made.manager.asked()["master"] == 1 else value(json.dumps(ONE))

    made = container(answer)
    assert made.secrets.keyring.minting.version == 1


def shown(error: SignoffError) -> None:
    """What is told names the setting, and neither the secret nor its ARN, also to who reads a trace."""
    assert str(error).startswith(("SIGNOFF_MASTER_SECRET ", "master keys: "))
    assert not [text for text in (SECRET_TEXT, "arn:", "@", "example") if text in str(error)]
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def test_the_other_secret_is_told_by_its_name_too() -> None:
    for pepper, says in ((PEPPER_KEY[:8], "is base64 of 64 octets, not of 6"), ("%%", "is not base64")):
        with pytest.raises(SettingsError, match=f"^SIGNOFF_PEPPER_SECRET {says}$"):
            container(ONE, pepper).secrets.keyring  # noqa: B018 - it is read


def test_after_trouble_there_is_a_pause_and_then_a_new_try() -> None:
    made = container(refusing("AccessDeniedException"))
    for seconds in (0, 0, PAUSE - 0.1):
        made.seconds = seconds
        with pytest.raises(SettingsError, match="may not be read"):
            made.secrets.keyring  # noqa: B018 - it is read
    assert made.manager.asked()["master"] == 1
    assert SETTINGS.master_secret
    made.manager.values[SETTINGS.master_secret] = json.dumps(ONE)
    made.seconds = PAUSE
    assert made.secrets.keyring.minting.version == 1


class TestAVersionThatIsNotKnown:
    @pytest.fixture
    def made(self) -> Iterator[Container]:
        made = container(ONE)
        assert made.secrets.keyring.find(1)
        made.manager.sent.clear()
        yield made
        assert "pepper" not in made.manager.asked(), "the other secret never changes"

    def put(self, made: Container, value: Document | Callable[[], Answer]) -> None:
        assert SETTINGS.master_secret
        made.manager.values[SETTINGS.master_secret] = json.dumps(value) if isinstance(value, dict) else value

    def test_is_looked_up_at_once_and_then_known(self, made: Container) -> None:
        self.put(made, TWO)
        key = made.secrets.keyring.find(2)
        assert key is not None
        assert made.secrets.keyring.minting == key
        assert made.manager.asked() == {"master": 1}

    def test_is_looked_up_once_a_minute_whatever_comes(self, made: Container) -> None:
        for tenth in range(10 * AGAIN):
            made.seconds = tenth / 10
            for version in range(64):
                assert (made.secrets.keyring.find(version) is not None) is (version == 1)
        assert made.manager.asked() == {"master": 1}
        self.put(made, TWO)
        made.seconds = AGAIN
        assert made.secrets.keyring.find(2) is not None
        assert made.manager.asked() == {"master": 2}

    def test_is_no_bad_link_as_long_as_it_cannot_be_looked_up(self, made: Container) -> None:
        """404 would be taken for the last word on a link that is good."""
        self.put(made, refusing("ThrottlingException"))
        for seconds, retry_after in ((0, 2), (0.5, 60), (AGAIN - 0.5, 1)):
            made.seconds = seconds
            with pytest.raises(StoreUnavailable) as caught:
                made.secrets.keyring.find(2)
            assert caught.value.retry_after == retry_after
            assert made.secrets.keyring.find(1) is not None
        assert made.manager.asked() == {"master": ATTEMPTS}
        self.put(made, TWO)
        made.seconds = AGAIN
        assert made.secrets.keyring.find(2) is not None

    def test_leaves_what_is_known_where_the_secret_makes_no_sense_any_more(self, made: Container) -> None:
        self.put(made, {"2": master_key(2, "verifying")})
        for _ in range(2):
            with pytest.raises(SettingsError, match="0 are minting"):
                made.secrets.keyring.find(2)
        assert made.secrets.keyring.minting.version == 1
        assert made.manager.asked() == {"master": 1}


def test_nobody_at_the_other_end() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        made = Secrets(replace(SETTINGS, secrets_url=url), lambda: Credentials("a", "b"), lambda: 0.0, lambda: 0)
        with pytest.raises(StoreUnavailable, match="could not be read: NewConnectionError"):
            made.keyring  # noqa: B018 - it is read


def test_without_credentials_nothing_is_sent() -> None:
    made = container(ONE)
    nobody = Secrets(SETTINGS, lambda: None, lambda: 0.0, lambda: 0)
    nobody.pool = made.manager
    with pytest.raises(StoreUnavailable, match="could not be read: NoCredentialsError"):
        nobody.keyring  # noqa: B018 - it is read
    assert made.manager.sent == []


class TestOverHttp:
    """The Secrets Manager of moto, in a process of its own."""

    def read(self, kept: KeptSecrets) -> Secrets:
        settings = settings_from(kept.named_in({**NAMED, "AWS_REGION": os.environ["AWS_REGION"]}))
        return Secrets(settings, lambda: Credentials("local", "local"), lambda: 0.0, lambda: 0)

    def test_both_come_and_a_new_version_is_found(self, moto_server: MemoryEngine) -> None:
        kept = KeptSecrets.at(moto_server.url, ONE)
        made = self.read(kept)
        assert made.keyring.minting.secret == bytes([1]) * 32
        assert made.pepper_key == base64.b64decode(PEPPER_KEY)
        kept.put(TWO)
        assert made.keyring.find(2) is not None

    def test_a_secret_without_a_value(self, moto_server: MemoryEngine) -> None:
        with pytest.raises(SettingsError, match=r"^SIGNOFF_MASTER_SECRET names a secret .* has no value yet$"):
            self.read(KeptSecrets.at(moto_server.url)).keyring  # noqa: B018 - it is read

    def test_an_arn_of_nothing(self, moto_server: MemoryEngine) -> None:
        kept = KeptSecrets.at(moto_server.url, ONE)
        gone = replace(kept, pepper_arn=kept.pepper_arn.replace("pepper-key", "salt"))
        with pytest.raises(SettingsError, match=r"^SIGNOFF_PEPPER_SECRET names a secret that is not there"):
            self.read(gone).keyring  # noqa: B018 - it is read

    def test_a_secret_that_is_being_deleted(self, moto_server: MemoryEngine) -> None:
        kept = KeptSecrets.at(moto_server.url, ONE)
        kept.client.delete_secret(SecretId=kept.master_arn)
        with pytest.raises(SettingsError, match=r"^SIGNOFF_MASTER_SECRET names a secret that is being deleted$"):
            self.read(kept).keyring  # noqa: B018 - it is read
