"""One way to break each of the queues, the key and the secrets, and the way to mend it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.infra.deploying.breaking import ALIAS, DEAD_JOBS, JOBS, MASTER, PEPPER, case, config, key_of, queue, secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.deploying.deployed import Deployed

# --- queues ---------------------------------------------------------------------------------------------------------


@case(
    JOBS,
    "visibility timeout (seconds)",
    "given to a second worker",
    ((JOBS, "visibility is 6 times the worker's timeout"),),
)
def _queue_impatient(at: Deployed) -> Iterator[None]:
    yield from queue(at, JOBS, VisibilityTimeout="60")


@case(JOBS, "retention (seconds)", "MessageRetentionPeriod=1209600")
def _queue_forgets(at: Deployed) -> Iterator[None]:
    yield from queue(at, JOBS, MessageRetentionPeriod="60")


@case(JOBS, "encryption", "SqsManagedSseEnabled=true")
def _queue_in_clear(at: Deployed) -> Iterator[None]:
    yield from queue(at, JOBS, SqsManagedSseEnabled="false")


@case(JOBS, "dead letters", "would never be put aside")
def _queue_without_end(at: Deployed) -> Iterator[None]:
    dead = f"arn:aws:sqs:us-east-1:123456789012:{DEAD_JOBS}"
    yield from queue(at, JOBS, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 500}))


@case(JOBS, "policy", "Only the bucket may send to it")
def _queue_open(at: Deployed) -> Iterator[None]:
    yield from queue(at, JOBS, Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))


@case(DEAD_JOBS, "is empty", "1 job failed five times")
def _dead_letter(at: Deployed) -> Iterator[None]:
    sqs = at.account.client("sqs")
    url = sqs.get_queue_url(QueueName=DEAD_JOBS)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    yield
    sqs.purge_queue(QueueUrl=url)


@case(
    JOBS,
    "visibility is 6 times the worker's timeout",
    "set its lambda_timeout to 900 at most",
    ((JOBS, "timeout (seconds)"),),
)
def _worker_slow(at: Deployed) -> Iterator[None]:
    """Nothing is changed but the file, so the function differs from it too."""
    yield from config(at, lambda told: told["lambda_functions"]["jobs"].update(lambda_timeout=901))


# --- key and secrets ------------------------------------------------------------------------------------------------


@case("SecretsKey", "rotation", "aws kms enable-key-rotation")
def _key_still(at: Deployed) -> Iterator[None]:
    kms, key = at.account.client("kms"), key_of(at)
    kms.disable_key_rotation(KeyId=key)
    yield
    kms.enable_key_rotation(KeyId=key)


@case("SecretsKey", "is enabled", "aws kms enable-key")
def _key_disabled(at: Deployed) -> Iterator[None]:
    kms, key = at.account.client("kms"), key_of(at)
    kms.disable_key(KeyId=key)
    yield
    kms.enable_key(KeyId=key)


@case("SecretsKey", "is enabled", "aws kms cancel-key-deletion")
def _key_going(at: Deployed) -> Iterator[None]:
    kms, key = at.account.client("kms"), key_of(at)
    kms.schedule_key_deletion(KeyId=key)
    yield
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)


@case("SecretsKey", "policy", "Somebody changed who may use the key")
def _key_shared(at: Deployed) -> Iterator[None]:
    kms, key = at.account.client("kms"), key_of(at)
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    told = json.loads(before)
    told["Statement"].append({**told["Statement"][0], "Sid": "Others", "Principal": {"AWS": "210987654321"}})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(told))
    yield
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=before)


@case("SecretsKey", "description", "aws kms update-key-description")
def _key_described(at: Deployed) -> Iterator[None]:
    kms, key = at.account.client("kms"), key_of(at)
    before = kms.describe_key(KeyId=key)["KeyMetadata"]["Description"]
    kms.update_key_description(KeyId=key, Description="Somebody's")
    yield
    kms.update_key_description(KeyId=key, Description=before)


@case(ALIAS, "is a name of the stage's key", "aws kms create-alias")
def _key_nameless(at: Deployed) -> Iterator[None]:
    kms, key = at.account.client("kms"), key_of(at)
    kms.delete_alias(AliasName=ALIAS)
    yield
    kms.create_alias(AliasName=ALIAS, TargetKeyId=key)


@case(PEPPER, "is not being deleted", "aws secretsmanager restore-secret")
def _secret_going(at: Deployed) -> Iterator[None]:
    secrets = at.account.client("secretsmanager")
    secrets.delete_secret(SecretId=PEPPER)
    yield
    secrets.restore_secret(SecretId=PEPPER)


@case(PEPPER, "can be read and used", "not of 5. Restore it from a backup")
def _pepper_short(at: Deployed) -> Iterator[None]:
    yield from secret(at, PEPPER, "c2hvcnQ=")


@case(MASTER, "can be read and used", "2 are minting; exactly one should be")
def _two_mint(at: Deployed) -> Iterator[None]:
    told = json.loads(at.account.client("secretsmanager").get_secret_value(SecretId=MASTER)["SecretString"])
    other = {**told["1"], "secret": told["1"]["secret"][::-1].lstrip("=") + "="}
    yield from secret(at, MASTER, json.dumps({**told, "2": other}))


@case(MASTER, "is encrypted by the stage's key", "The functions may use that key alone")
def _secret_elsewhere(at: Deployed) -> Iterator[None]:
    secrets = at.account.client("secretsmanager")
    before = secrets.describe_secret(SecretId=MASTER)["KmsKeyId"]
    secrets.update_secret(SecretId=MASTER, KmsKeyId="alias/aws/secretsmanager")
    yield
    secrets.update_secret(SecretId=MASTER, KmsKeyId=before)


@case(MASTER, "description", "aws secretsmanager update-secret")
def _secret_described(at: Deployed) -> Iterator[None]:
    secrets = at.account.client("secretsmanager")
    before = secrets.describe_secret(SecretId=MASTER)["Description"]
    secrets.update_secret(SecretId=MASTER, Description="Somebody's")
    yield
    secrets.update_secret(SecretId=MASTER, Description=before)
