"""The environment → settings, or one sentence that names what is wrong."""

from __future__ import annotations

import base64
import json

import pytest

from chalicelib.domain.errors import SettingsError
from chalicelib.settings import settings_from

SECRET = base64.b64encode(bytes(range(32))).decode()
GOOD = {
    "SIGNOFF_PUBLIC_URL": "https://choices.example.com/api/",
    "SIGNOFF_RECIPIENTS_TABLE": "recipients",
    "SIGNOFF_CONTROL_TABLE": " control ",
    "SIGNOFF_FILES_BUCKET": "signoff-dev-files-123456789012",
    "SIGNOFF_JOBS_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/signoff-dev-jobs",
    "SIGNOFF_MASTER_KEYS": json.dumps({"1": {"secret": SECRET, "state": "minting"}}),
    "SIGNOFF_PEPPER_KEY": base64.b64encode(bytes(range(64))).decode(),
    "AWS_REGION": "eu-central-1",
}
LOCAL = {
    "SIGNOFF_PUBLIC_URL": "http://127.0.0.1:8000",
    "SIGNOFF_JOBS_QUEUE_URL": "http://localhost:4566/000000000000/signoff-local-jobs",
    "SIGNOFF_DYNAMODB_URL": "http://127.0.0.1:8001",
    "SIGNOFF_S3_URL": "http://127.0.0.1:4566",
    "SIGNOFF_SQS_URL": "http://localhost:4566/",
    "SIGNOFF_SECRETS_URL": "http://127.0.0.1:4566",
}
ENGINES = ("SIGNOFF_DYNAMODB_URL", "SIGNOFF_S3_URL", "SIGNOFF_SQS_URL", "SIGNOFF_SECRETS_URL")
ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:signoff/dev/master-keys-a1b2c3"
NAMED = {
    **{name: text for name, text in GOOD.items() if name not in {"SIGNOFF_MASTER_KEYS", "SIGNOFF_PEPPER_KEY"}},
    "SIGNOFF_MASTER_SECRET": ARN,
    "SIGNOFF_PEPPER_SECRET": ARN.replace("master-keys", "pepper-key"),
}
WRONG = [
    ("SIGNOFF_PUBLIC_URL", "choices.example.com", "is not a URL such as"),
    ("SIGNOFF_PUBLIC_URL", "https://choices.example.com/a b", "is not a URL such as"),
    ("SIGNOFF_PUBLIC_URL", "http://choices.example.com", "must be https"),
    ("SIGNOFF_FILES_BUCKET", "Files", "is not a bucket's name"),
    ("SIGNOFF_FILES_BUCKET", "a.b.c", "is not a bucket's name"),
    ("SIGNOFF_FILES_BUCKET", "arn:aws:s3:::files", "is not a bucket's name"),
    ("SIGNOFF_FILES_BUCKET", "ab", "is not a bucket's name"),
    ("SIGNOFF_JOBS_QUEUE_URL", "signoff-dev-jobs", "is not a queue's URL such as"),
    ("SIGNOFF_JOBS_QUEUE_URL", "arn:aws:sqs:eu-central-1:123456789012:jobs", "is not a queue's URL such as"),
    ("SIGNOFF_JOBS_QUEUE_URL", "http://sqs.example.com/123456789012/jobs", "must be https"),
    *((name, "127.0.0.1:4566", "is not the URL of a local engine") for name in ENGINES),
    *((name, "http://engine.example.com", "must be https") for name in ENGINES),
    ("SIGNOFF_MASTER_KEYS", "{", "is not JSON like"),
    ("SIGNOFF_MASTER_KEYS", "[]", "is not JSON like"),
    ("SIGNOFF_MASTER_KEYS", '{"1": {"secret": "%", "state": "minting"}}', "is not JSON like"),
    ("SIGNOFF_MASTER_KEYS", f'{{"1": {{"secret": "{SECRET}", "state": "brewing"}}}}', "is not JSON like"),
    (
        "SIGNOFF_MASTER_KEYS",
        f'{{"1": {{"secret": "{SECRET}", "state": "minting", "from": "soon"}}}}',
        "is not JSON like",
    ),
    ("SIGNOFF_MASTER_KEYS", f'{{"1": {{"secret": "{SECRET}", "state": "minting", "from": 3}}}}', "is not JSON like"),
    (
        "SIGNOFF_MASTER_KEYS",
        f'{{"1": {{"secret": "{SECRET}", "state": "minting", "from": "2026-11-21T08:00:00"}}}}',
        "is not JSON like",
    ),
    ("SIGNOFF_MASTER_KEYS", f'{{"one": {{"secret": "{SECRET}", "state": "minting"}}}}', "is not JSON like"),
    ("SIGNOFF_PEPPER_KEY", "%", "is not base64"),
    ("SIGNOFF_PEPPER_KEY", SECRET, "is base64 of 64 octets, not of 32"),
]


def test_a_deployment() -> None:
    settings = settings_from(GOOD)
    assert (settings.public_url, settings.prefix) == ("https://choices.example.com/api", "/api")
    assert (settings.recipients_table, settings.control_table) == ("recipients", "control")
    assert settings.files_bucket == GOOD["SIGNOFF_FILES_BUCKET"]
    assert settings.jobs_queue_url == GOOD["SIGNOFF_JOBS_QUEUE_URL"]
    assert (settings.dynamodb_url, settings.s3_url, settings.sqs_url, settings.secrets_url) == (None,) * 4
    assert (settings.master_secret, settings.pepper_secret) == (None, None)


def test_a_machine_of_ones_own() -> None:
    settings = settings_from({**GOOD, **LOCAL})
    assert settings.prefix == ""
    assert settings.jobs_queue_url == LOCAL["SIGNOFF_JOBS_QUEUE_URL"]
    urls = (settings.dynamodb_url, settings.s3_url, settings.sqs_url, settings.secrets_url)
    assert urls == tuple(LOCAL[name] for name in ENGINES)


def test_secrets_that_are_named_and_not_told() -> None:
    settings = settings_from(NAMED)
    assert (settings.keyring, settings.pepper_key) == (None, None)
    assert (settings.master_secret, settings.pepper_secret) == (ARN, NAMED["SIGNOFF_PEPPER_SECRET"])


@pytest.mark.parametrize("name", ["SIGNOFF_MASTER_SECRET", "SIGNOFF_PEPPER_SECRET"])
@pytest.mark.parametrize(
    ("arn", "says"),
    [
        ("signoff/dev/master-keys", "is not a secret's ARN such as"),
        (ARN.replace("secretsmanager", "s3"), "is not a secret's ARN such as"),
        (ARN + " ", None),
        (ARN.replace("eu-central-1", "eu-west-1"), "is a secret of another region than this one"),
        (ARN.replace("aws", "aws-cn", 1).replace("eu-central-1", "cn-north-1"), "is a secret of another region"),
    ],
)
def test_a_secret_is_named_by_its_arn_in_this_region(name: str, arn: str, says: str | None) -> None:
    if says is None:
        settings_from({**NAMED, name: arn})
        return
    with pytest.raises(SettingsError) as caught:
        settings_from({**NAMED, name: arn})
    assert str(caught.value).startswith(f"{name} {says}")


@pytest.mark.parametrize("name", ["SIGNOFF_MASTER_KEYS", "SIGNOFF_PEPPER_KEY"])
def test_a_secret_is_not_told_twice(name: str) -> None:
    with pytest.raises(SettingsError, match=f"and {name} are both set") as caught:
        settings_from({**NAMED, name: GOOD[name]})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("text", [None, "", "  "])
def test_what_is_missing_is_named(name: str, text: str | None) -> None:
    environment = {**GOOD, name: text}
    instead = {"SIGNOFF_MASTER_KEYS": "SIGNOFF_MASTER_SECRET", "SIGNOFF_PEPPER_KEY": "SIGNOFF_PEPPER_SECRET"}
    sentence = f"{instead[name]} is not set, and neither is {name}" if name in instead else f"{name} is not set"
    with pytest.raises(SettingsError, match=f"^{sentence}$"):
        settings_from({name: text for name, text in environment.items() if text is not None})


@pytest.mark.parametrize(("name", "text", "says"), WRONG)
def test_what_is_wrong_is_named_with_what_it_should_be(name: str, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from({**GOOD, name: text})
    assert str(caught.value).startswith(f"{name} {says}")


@pytest.mark.parametrize("name", ["SIGNOFF_MASTER_KEYS", "SIGNOFF_PEPPER_KEY"])
def test_no_error_tells_a_secret(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from({**GOOD, name: f'{{"1": "{SECRET}"}}'})
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_secrets_are_not_shown_with_the_settings() -> None:
    settings = settings_from(GOOD)
    assert repr(settings.pepper_key) not in repr(settings)
    assert "keyring" not in repr(settings)
