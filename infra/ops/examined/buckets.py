"""The bucket of files, beside the stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.ops.asking import or_none
from infra.ops.examined.compared import Kind, Told, compare
from infra.ops.examined.finding import Finding, Of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.ops.examined.view import View

GROUP = "bucket"
TYPE = "AWS::S3::Bucket"
_IN_THE_CONSOLE = "Set it back (S3, bucket {name}), or take it out of the template and provision."
_KIND = Kind(
    GROUP,
    {
        "OwnershipControls": Told("ownership", f"Others could own objects in it. {_IN_THE_CONSOLE}"),
        "PublicAccessBlockConfiguration": Told(
            "public access is blocked",
            "Its files hold addresses. Run `aws s3api put-public-access-block --bucket {name} "
            "--public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,"
            "RestrictPublicBuckets=true`.",
        ),
        "BucketEncryption": Told("encryption", _IN_THE_CONSOLE),
        "LifecycleConfiguration": Told("lifecycle", f"Files with addresses must go within 30 days. {_IN_THE_CONSOLE}"),
        "NotificationConfiguration": Told(
            "tells the queue of uploads", f"Without it no import begins. {_IN_THE_CONSOLE}"
        ),
    },
    frozenset({"BucketName"}),
)


def buckets(view: View) -> Iterator[Finding]:
    """The one there is."""
    for resource in view.storage.of_type(TYPE):
        yield from _bucket(view, resource)


def _bucket(view: View, resource: str) -> Iterator[Finding]:
    client, name = view.client("s3"), view.storage.name(resource)
    of = Of(GROUP, name)
    if or_none(lambda: client.get_bucket_location(Bucket=name)) is None:
        yield of.differs(
            "is there",
            "The stack made it, and it is gone: imports and exports fail. Make one of this name by hand, as "
            "infra/storage.yaml has it: CloudFormation makes nothing again that it believes to be there.",
        )
        return
    yield of.ok("is there")
    yield from compare(view, _KIND, resource, _found(client, name))
    yield of.holds(
        "keeps no old versions",
        # Once it was on it can be suspended, and never be as if it had not been.
        is_so=client.get_bucket_versioning(Bucket=name).get("Status") != "Enabled",
        text="Old versions of files that hold addresses stay for ever: suspend versioning (`aws s3api "
        f"put-bucket-versioning --bucket {name} --versioning-configuration Status=Suspended`), and delete "
        "the versions.",
    )
    yield of.holds(
        "no web page may read it (CORS)",
        is_so=or_none(lambda: client.get_bucket_cors(Bucket=name)) is None,
        text=f"Somebody opened it to web pages: `aws s3api delete-bucket-cors --bucket {name}`.",
    )
    yield from _policy(view, client, resource)


def _policy(view: View, client: Any, resource: str) -> Iterator[Finding]:
    template, of = view.storage, Of(GROUP, view.storage.name(resource))
    for policy in template.of_type("AWS::S3::BucketPolicy"):
        told = template.properties(policy)
        if told["Bucket"] != of.of:
            continue
        found = or_none(lambda: client.get_bucket_policy(Bucket=of.of)["Policy"])
        yield of.same(
            "policy",
            None if found is None else json.loads(found),
            told["PolicyDocument"],
            f"Put back the policy that the template has (S3, bucket {of.of}, permissions).",
        )


def _found(client: Any, name: str) -> dict[str, Any]:
    block = or_none(lambda: client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"])
    owners = or_none(lambda: client.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"])
    life = or_none(lambda: client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) or []
    secret = or_none(lambda: client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"])
    told = client.get_bucket_notification_configuration(Bucket=name)
    return {
        "OwnershipControls": None
        if owners is None
        else {"Rules": [{"ObjectOwnership": each["ObjectOwnership"]} for each in owners["Rules"]]},
        "PublicAccessBlockConfiguration": block,
        "BucketEncryption": None
        if secret is None
        else {"ServerSideEncryptionConfiguration": [_encryption(each) for each in secret["Rules"]]},
        "LifecycleConfiguration": {"Rules": [_rule(each) for each in life]},
        "NotificationConfiguration": {
            "QueueConfigurations": [_notification(each) for each in told.get("QueueConfigurations", ())]
        },
    }


def _encryption(rule: dict[str, Any]) -> dict[str, Any]:
    """Without what S3 adds by itself."""
    return {
        "BucketKeyEnabled": rule.get("BucketKeyEnabled", False),
        "ServerSideEncryptionByDefault": rule["ApplyServerSideEncryptionByDefault"],
    }


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule of the lifecycle in the template's words."""
    found: dict[str, Any] = {"Id": rule.get("ID"), "Status": rule["Status"]}
    if "Expiration" in rule:
        found["ExpirationInDays"] = rule["Expiration"].get("Days")
    if "AbortIncompleteMultipartUpload" in rule:
        found["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    scope = rule.get("Filter", {}).get("Prefix") or rule.get("Prefix") or rule.get("Filter", {}).get("And")
    return {**found, "Filter": scope} if scope else found


def _notification(told: dict[str, Any]) -> dict[str, Any]:
    rules = told.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    [event] = told["Events"] if len(told["Events"]) == 1 else [told["Events"]]
    return {
        "Event": event,
        "Queue": told["QueueArn"],
        "Filter": {"S3Key": {"Rules": [{"Name": each["Name"].lower(), "Value": each["Value"]} for each in rules]}},
    }
