"""Signoff's bucket and queues as `storage.yaml` defines them, for engines that do not read CloudFormation.

In AWS the stack makes them. Tests and the local runner make theirs here, from the same file. What only AWS acts upon
(encryption, expiry, who may reach them) is not repeated to an engine in memory.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from infra.storage import load_template

ACCOUNT = "123456789012"
"""The one account of moto."""


@dataclass(frozen=True, slots=True)
class FileNames:
    """The names of one stage's bucket and queues."""

    bucket: str
    jobs: str
    dead_jobs: str

    def queue_url(self, engine_url: str, account: str = ACCOUNT) -> str:
        """Where the queue of jobs is, on the SQS at `engine_url`."""
        return f"{engine_url}/{account}/{self.jobs}"


def file_names(stage: str, account: str = ACCOUNT) -> FileNames:
    """The names that the stack gives to the bucket and the queues of `stage`."""
    resources = load_template()["Resources"]
    bucket, jobs, dead_jobs = (
        resources[name]["Properties"][key]["Fn::Sub"].replace("${Stage}", stage).replace("${AWS::AccountId}", account)
        for name, key in (("FilesBucket", "BucketName"), ("JobsQueue", "QueueName"), ("DeadJobsQueue", "QueueName"))
    )
    return FileNames(bucket, jobs, dead_jobs)


def create_files(s3: Any, sqs: Any, stage: str) -> FileNames:
    """Create the bucket and the queues of `stage` through botocore clients, and have uploads told to the queue.

    Both clients speak to moto; none of these exists yet.
    """
    names, resources = file_names(stage), load_template()["Resources"]
    dead = _create_queue(sqs, names.dead_jobs, resources["DeadJobsQueue"]["Properties"])
    redrive = {**resources["JobsQueue"]["Properties"]["RedrivePolicy"], "deadLetterTargetArn": dead}
    jobs = _create_queue(sqs, names.jobs, resources["JobsQueue"]["Properties"], RedrivePolicy=json.dumps(redrive))
    s3.create_bucket(Bucket=names.bucket)
    told = resources["FilesBucket"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    configurations = [_notification(each, jobs) for each in told]
    s3.put_bucket_notification_configuration(
        Bucket=names.bucket, NotificationConfiguration={"QueueConfigurations": configurations}
    )
    return names


def _create_queue(sqs: Any, name: str, properties: dict[str, Any], **attributes: str) -> str:
    """The queue's ARN."""
    for attribute in ("VisibilityTimeout", "MessageRetentionPeriod"):
        if attribute in properties:
            attributes[attribute] = str(properties[attribute])
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


def _notification(told: dict[str, Any], queue: str) -> dict[str, Any]:
    """CloudFormation's words for it → S3's."""
    return {
        "QueueArn": queue,
        "Events": [told["Event"]],
        "Filter": {"Key": {"FilterRules": told["Filter"]["S3Key"]["Rules"]}},
    }
