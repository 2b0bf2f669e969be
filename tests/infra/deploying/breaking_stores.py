"""One way to break each of the stacks, tables and the bucket, and the way to mend it again."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from infra.ops.examined.view import here
from tests.infra.deploying.breaking import BUCKET, CONTROL, RECIPIENTS, STACK, case, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.deploying.deployed import Deployed

# --- stacks ---------------------------------------------------------------------------------------------------------


@case(STACK, "state", "It is UPDATE_ROLLBACK_FAILED. Run `python -m infra provision --stage prod`: it says why")
def _stack_stuck(at: Deployed) -> Iterator[None]:
    at.stack.update(status="UPDATE_ROLLBACK_FAILED")
    yield
    at.stack.clear()


@case(STACK, "is made of infra/storage.yaml", "of another version of the file: Outputs differ")
def _stack_older(at: Deployed) -> Iterator[None]:
    at.stack.update(template={**here(), "Outputs": {}})
    yield
    at.stack.clear()


@case(STACK, "termination protection", "One call could delete the stack of prod")
def _unprotected(at: Deployed) -> Iterator[None]:
    stacks = at.account.client("cloudformation")
    stacks.update_termination_protection(StackName=STACK, EnableTerminationProtection=False)
    yield
    stacks.update_termination_protection(StackName=STACK, EnableTerminationProtection=True)


# --- tables ---------------------------------------------------------------------------------------------------------


@case(RECIPIENTS, "deletion protection", f"aws dynamodb update-table --table-name {RECIPIENTS} --deletion-protection")
def _table_unprotected(at: Deployed) -> Iterator[None]:
    yield from table(at, RECIPIENTS, {"DeletionProtectionEnabled": False}, {"DeletionProtectionEnabled": True})


@case(CONTROL, "billing mode", "--billing-mode PAY_PER_REQUEST")
def _table_billed(at: Deployed) -> Iterator[None]:
    rate = {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}
    yield from table(at, CONTROL, {"BillingMode": "PROVISIONED", **rate}, {"BillingMode": "PAY_PER_REQUEST"})


@case(CONTROL, "encryption", "--sse-specification Enabled=true,SSEType=KMS")
def _table_in_clear(at: Deployed) -> Iterator[None]:
    secret = {"SSESpecification": {"Enabled": True, "SSEType": "KMS"}}
    yield from table(at, CONTROL, {"SSESpecification": {"Enabled": False}}, secret)


@case(RECIPIENTS, "streams are off", "Somebody turned a stream on")
def _table_streams(at: Deployed) -> Iterator[None]:
    on = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}
    yield from table(at, RECIPIENTS, on, {"StreamSpecification": {"StreamEnabled": False}})


@case(RECIPIENTS, "point-in-time recovery", "aws dynamodb update-continuous-backups")
def _table_unrecoverable(at: Deployed) -> Iterator[None]:
    client, on = at.account.client("dynamodb"), {"PointInTimeRecoveryEnabled": True}
    off = {"PointInTimeRecoveryEnabled": False}
    client.update_continuous_backups(TableName=RECIPIENTS, PointInTimeRecoverySpecification=off)
    yield
    client.update_continuous_backups(TableName=RECIPIENTS, PointInTimeRecoverySpecification=on)


@case(RECIPIENTS, "time to live", "it could delete what must stay")
def _table_expires(at: Deployed) -> Iterator[None]:
    client, right = at.account.client("dynamodb"), {"Enabled": True, "AttributeName": "expires"}
    client.update_time_to_live(TableName=RECIPIENTS, TimeToLiveSpecification={**right, "AttributeName": "at"})
    yield
    client.update_time_to_live(TableName=RECIPIENTS, TimeToLiveSpecification=right)


@case(RECIPIENTS, "status", "Wait until AWS has done what it is at")
def _table_busy(at: Deployed) -> Iterator[None]:
    """moto's are always active."""
    right = at.clients["dynamodb"]
    at.clients["dynamodb"] = Busy(right)
    yield
    at.clients["dynamodb"] = right


class Busy:
    """A client of DynamoDB to which one table is being changed."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def describe_table(self, TableName: str) -> Any:  # noqa: N803 - as boto3 calls it
        answer = self._client.describe_table(TableName=TableName)
        if TableName == RECIPIENTS:
            answer["Table"]["TableStatus"] = "UPDATING"
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@case(CONTROL, "keys", "restore one with the right keys", ((STACK, "is made of infra/storage.yaml"),))
def _other_keys(at: Deployed) -> Iterator[None]:
    yield from _table_told(at, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}])


@case(CONTROL, "attributes of its keys", "restore one with", ((STACK, "is made of infra/storage.yaml"),))
def _other_attributes(at: Deployed) -> Iterator[None]:
    yield from _table_told(at, AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "N"}])


def _table_told(at: Deployed, **properties: Any) -> Iterator[None]:
    """A table's keys never change: what the stack says of them does here."""
    document = copy.deepcopy(here())
    document["Resources"]["ControlTable"]["Properties"].update(properties)
    at.stack.update(template=document)
    yield
    at.stack.clear()


# --- bucket ---------------------------------------------------------------------------------------------------------


@case(BUCKET, "public access is blocked", "aws s3api put-public-access-block")
def _bucket_public(at: Deployed) -> Iterator[None]:
    s3 = at.account.client("s3")
    block = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration={**block, "RestrictPublicBuckets": False})
    yield
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)


@case(BUCKET, "encryption", "Set it back")
def _bucket_in_clear(at: Deployed) -> Iterator[None]:
    s3 = at.account.client("s3")
    secret = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]
    s3.delete_bucket_encryption(Bucket=BUCKET)
    yield
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration=secret)


@case(BUCKET, "lifecycle", "must go within 30 days")
def _bucket_keeps(at: Deployed) -> Iterator[None]:
    s3 = at.account.client("s3")
    rules = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules[:1]})
    yield
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})


@case(BUCKET, "tells the queue of uploads", "Without it no import begins")
def _bucket_silent(at: Deployed) -> Iterator[None]:
    s3 = at.account.client("s3")
    told = s3.get_bucket_notification_configuration(Bucket=BUCKET)["QueueConfigurations"]
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    yield
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": told})


@case(BUCKET, "ownership", "Others could own objects in it")
def _bucket_shared(at: Deployed) -> Iterator[None]:
    s3 = at.account.client("s3")
    right = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]
    s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    yield
    s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=right)


@case(BUCKET, "keeps no old versions", "Old versions of files that hold addresses stay for ever")
def _bucket_versions(at: Deployed) -> Iterator[None]:
    s3 = at.account.client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})


@case(BUCKET, "no web page may read it (CORS)", "aws s3api delete-bucket-cors")
def _bucket_open(at: Deployed) -> Iterator[None]:
    s3 = at.account.client("s3")
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
    yield
    s3.delete_bucket_cors(Bucket=BUCKET)


@case(BUCKET, "policy", "Put back the policy that the template has")
def _bucket_policy(at: Deployed) -> Iterator[None]:
    s3 = at.account.client("s3")
    policy = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    s3.delete_bucket_policy(Bucket=BUCKET)
    yield
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)


@case(CONTROL, "is the stage's newest", "were restored into others")
def _table_of_before(at: Deployed) -> Iterator[None]:
    client, key = at.account.client("dynamodb"), {"pk": {"S": "sender#shopshop"}, "sk": {"S": "kept"}}
    client.put_item(TableName=CONTROL, Item={**key, "closed_fingerprint": {"S": ""}})
    yield
    client.delete_item(TableName=CONTROL, Key=key)
