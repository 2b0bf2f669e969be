"""What moto 5.2.5 passes over in the template of stores without a word, done after it by the same API as anybody's.

Its CloudFormation makes tables, bucket, queues and key, but leaves out half of their properties; a doctor would find
them missing, and be right.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.ops.examined.templates import Template, parsed
from infra.storage import TEMPLATE

if TYPE_CHECKING:
    from tests.infra.deploying.accounts import Account


def complete(account: Account, stage: str) -> None:
    """Have the stores of a stage as CloudFormation makes them."""
    name = f"signoff-{stage}-storage"
    told = account.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    values = {"Stage": stage, "AWS::AccountId": "123456789012", "AWS::Region": "us-east-1", "AWS::Partition": "aws"}
    physical = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in told if "PhysicalResourceId" in each}
    template = Template(parsed(TEMPLATE.read_text("utf-8")), values, physical)
    for resource in template.of_type("AWS::DynamoDB::Table"):
        _table(account.client("dynamodb"), template.properties(resource))
    _bucket(account.client("s3"), template.properties("FilesBucket"))
    account.client("s3").put_bucket_policy(
        Bucket=template.name("FilesBucket"), Policy=_document(template, "FilesBucketPolicy")
    )
    account.client("sqs").set_queue_attributes(
        QueueUrl=physical["JobsQueue"], Attributes={"Policy": _document(template, "JobsQueuePolicy")}
    )


def _document(template: Template, resource: str) -> str:
    return json.dumps(template.properties(resource)["PolicyDocument"])


def _table(client: Any, told: dict[str, Any]) -> None:
    name, encryption = told["TableName"], told["SSESpecification"]
    client.update_time_to_live(TableName=name, TimeToLiveSpecification=told["TimeToLiveSpecification"])
    client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification=told["PointInTimeRecoverySpecification"]
    )
    client.update_table(
        TableName=name, SSESpecification={"Enabled": encryption["SSEEnabled"], "SSEType": encryption["SSEType"]}
    )


def _bucket(client: Any, told: dict[str, Any]) -> None:
    name = told["BucketName"]
    client.put_bucket_ownership_controls(Bucket=name, OwnershipControls=told["OwnershipControls"])
    client.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=told["PublicAccessBlockConfiguration"])
    client.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": each["ServerSideEncryptionByDefault"],
                    "BucketKeyEnabled": each["BucketKeyEnabled"],
                }
                for each in told["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            ]
        },
    )
    rules = [_rule(each) for each in told["LifecycleConfiguration"]["Rules"]]
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    queues = [
        {
            "QueueArn": each["Queue"],
            "Events": [each["Event"]],
            "Filter": {"Key": {"FilterRules": each["Filter"]["S3Key"]["Rules"]}},
        }
        for each in told["NotificationConfiguration"]["QueueConfigurations"]
    ]
    client.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"QueueConfigurations": queues})


def _rule(told: dict[str, Any]) -> dict[str, Any]:
    rule = {"ID": told["Id"], "Status": told["Status"], "Filter": {"Prefix": ""}}
    if "ExpirationInDays" in told:
        rule["Expiration"] = {"Days": told["ExpirationInDays"]}
    if "AbortIncompleteMultipartUpload" in told:
        rule["AbortIncompleteMultipartUpload"] = told["AbortIncompleteMultipartUpload"]
    return rule
