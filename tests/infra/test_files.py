"""The bucket and the queues of the storage stack, and what an engine is told of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.files import file_names
from infra.storage import load_template

if TYPE_CHECKING:
    from tests.engines import LocalFiles

RESOURCES: dict[str, dict[str, Any]] = load_template()["Resources"]
BUCKET: dict[str, Any] = RESOURCES["FilesBucket"]["Properties"]
JOBS: dict[str, Any] = RESOURCES["JobsQueue"]["Properties"]
CONFIG_SECONDS = 900
"""The function's longest run, which tests/infra/test_deployment.py compares with the deployment."""


def test_no_file_is_public() -> None:
    assert set(BUCKET["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(BUCKET["PublicAccessBlockConfiguration"]) == 4
    assert BUCKET["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_everything_is_encrypted() -> None:
    [rule] = BUCKET["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    for name in ("JobsQueue", "DeadJobsQueue"):
        # Not a key of KMS: S3 may not use the account's default key, and would tell nobody of uploads.
        assert RESOURCES[name]["Properties"]["SqsManagedSseEnabled"] is True
        assert "KmsMasterKeyId" not in RESOURCES[name]["Properties"]


def test_nothing_is_said_without_tls() -> None:
    [statement] = RESOURCES["FilesBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(statement["Resource"]) == 2


def test_every_file_is_gone_after_30_days_and_every_unfinished_upload_after_7() -> None:
    """S3 rounds up to the next midnight."""
    files, uploads = BUCKET["LifecycleConfiguration"]["Rules"]
    assert files.keys() == {"Id", "Status", "ExpirationInDays"}, "a prefix or a tag would leave something out"
    assert files["ExpirationInDays"] + 1 <= 30
    assert uploads["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] + 1 <= 7
    assert {rule["Status"] for rule in (files, uploads)} == {"Enabled"}
    assert "VersioningConfiguration" not in BUCKET, "what is deleted is gone"


def test_a_message_is_hidden_for_six_runs_and_kept_for_two_weeks() -> None:
    assert JOBS["VisibilityTimeout"] == 6 * CONFIG_SECONDS
    assert JOBS["MessageRetentionPeriod"] == 14 * 86_400
    assert JOBS["RedrivePolicy"]["maxReceiveCount"] == 5


def test_only_this_bucket_of_this_account_may_tell_the_queue() -> None:
    [statement] = RESOURCES["JobsQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    bucket = BUCKET["BucketName"]["Fn::Sub"]
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{bucket}"}},
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    }


def test_names_carry_the_stage_and_the_bucket_the_account_too() -> None:
    names = file_names("blue", "000000000001")
    assert names.bucket == "signoff-blue-files-000000000001"
    assert (names.jobs, names.dead_jobs) == ("signoff-blue-jobs", "signoff-blue-dead-jobs")
    assert len(file_names("x" * 32).bucket) <= 63


def test_an_engine_has_what_the_template_says(local_files: LocalFiles) -> None:
    attributes = local_files.sqs.get_queue_attributes(QueueUrl=local_files.queue_url, AttributeNames=["All"])
    told = attributes["Attributes"]
    assert told["VisibilityTimeout"] == str(JOBS["VisibilityTimeout"])
    assert told["MessageRetentionPeriod"] == str(JOBS["MessageRetentionPeriod"])
    redrive = json.loads(told["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(f":{local_files.names.dead_jobs}")
    assert redrive["maxReceiveCount"] == 5


def test_the_queue_hears_of_uploads_and_of_nothing_else(local_files: LocalFiles) -> None:
    assert [message["Event"] for message in local_files.messages()] == ["s3:TestEvent"]
    for key in ("exports/testsend/a.csv", "imports/testsend/b", "rejects/testsend/b.csv"):
        local_files.s3.put_object(Bucket=local_files.names.bucket, Key=key, Body=b"x")
    [message] = local_files.messages()
    [record] = message["Records"]
    assert record["s3"]["object"]["key"] == "imports%2Ftestsend%2Fb"
