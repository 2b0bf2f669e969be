"""The rights of ops in docs/rights: what the commands call, on what is the stage's own, as narrow as AWS has them."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from botocore import xform_name
from botocore.session import get_session
from chalice import awsclient

from infra.ops import logs
from tests.infra.processes import ROOT

RIGHTS = ROOT / "docs" / "rights"
POLICIES = sorted(RIGHTS.glob("*.json"))
LONGEST = {"STAGE": "staging", "REGION": "ap-southeast-2", "ACCOUNT": "123456789012"}
MOST = 6_144
"""Characters of a managed policy, white space left out (IAM quotas)."""
CALLERS = [*(ROOT / "infra" / "ops").rglob("*.py"), Path(awsclient.__file__)]
SERVICES = {
    "acm",
    "apigateway",
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "iam",
    "kms",
    "lambda",
    "logs",
    "route53",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "wafv2",
}
AGES = {"decrypt", "encrypt"}
"""No command asks KMS for these: they are what backups are written and opened by."""
VERBS = {"create": "POST", "delete": "DELETE", "get": "GET", "import": "PUT", "put": "PUT", "update": "PATCH"}
"""Rights on API Gateway are its verbs."""
S3 = {
    "get_bucket_cors": "GetBucketCORS",
    "get_bucket_encryption": "GetEncryptionConfiguration",
    "get_bucket_lifecycle_configuration": "GetLifecycleConfiguration",
    "get_bucket_notification_configuration": "GetBucketNotification",
    "get_public_access_block": "GetBucketPublicAccessBlock",
    "head_object": "GetObject",
    "list_objects_v2": "ListBucket",
    "put_bucket_notification_configuration": "PutBucketNotification",
    "upload_file": "PutObject",
}
OTHERWISE = {"transact_write_items": "dynamodb:PutItem", "get_layer_version_by_arn": "lambda:GetLayerVersion"}
NOT_USED = {
    "create_api",
    "create_api_mapping",
    "create_integration",
    "create_log_group",
    "create_route",
    "create_stage",
    "delete_api",
    "delete_integration",
    "delete_log_group",
    "delete_retention_policy",
    "delete_route",
    "delete_rule",
    "filter_log_events",
    "get_api",
    "get_api_mappings",
    "get_apis",
    "get_authorizers",
    "get_bucket_notification_configuration",
    "get_integrations",
    "get_routes",
    "get_sdk",
    "get_subscription_attributes",
    "invoke",
    "put_bucket_notification_configuration",
    "put_rule",
    "put_targets",
    "remove_targets",
    "subscribe",
    "unsubscribe",
}
"""What Chalice can do and does not for this program: other kinds of APIs and of events, logs, invocations."""
BY_ID = (
    "arn:aws:acm:REGION:ACCOUNT:certificate/",
    "arn:aws:apigateway:REGION::/",
    "arn:aws:cloudformation:REGION:aws:transform/Serverless-2016-10-31",
    "arn:aws:cloudwatch:REGION:ACCOUNT:alarm:*",
    "arn:aws:iam::ACCOUNT:role/aws-service-role/ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway",
    "arn:aws:iam::ACCOUNT:role/signoff-api-gateway-logs",
    "arn:aws:kms:REGION:ACCOUNT:key/",
    "arn:aws:lambda:REGION:ACCOUNT:event-source-mapping:",
    "arn:aws:route53:::",
)
"""What is of an account and a region, and named by an id that nobody knows before; and two roles for all stages."""
NO_OWNER = {"kms:CreateKey", "lambda:CreateEventSourceMapping"}
"""What makes something that has no name before, so that no resource can be named; the other stars list, or tell."""


def statements(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["Statement"]
    return found


def granted() -> set[str]:
    return {action.lower() for file in POLICIES for each in statements(file) for action in each["Action"]}


@cache
def known_actions() -> dict[str, Any]:
    """Of each service its actions, and the kinds of resources that each can be held to, as cfn-lint has them of AWS."""
    file = Path(cfnlint.__file__).parent / "data" / "AdditionalSpecs" / "Policies.json"
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def held_to(action: str) -> list[str]:
    """The kinds of resources that a policy can hold this action to. Raises KeyError where there is no such action."""
    service, _, name = action.partition(":")
    found: list[str] = known_actions()[service]["Actions"][name.lower()].get("Resources", [])
    return found


@cache
def methods() -> dict[str, list[tuple[str, str]]]:
    """Each method of boto3's clients that is used here → the services that have it, with their name for it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for service in SERVICES:
        for name in get_session().get_service_model(service).operation_names:
            found.setdefault(xform_name(name), []).append((service, name))
    return found


def called(file: Path) -> set[str]:
    """The methods of boto3 that are called in a file, or named as a text (paginators and waiters)."""
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return names & set(methods()) - AGES


def rights_for(method: str) -> set[str]:
    """Any of these allows it: of some methods only their client says which service they ask."""
    if method in OTHERWISE:
        return {OTHERWISE[method].lower()}
    found = set()
    for service, name in methods()[method]:
        action = VERBS.get(method.partition("_")[0], name) if service == "apigateway" else S3.get(method, name)
        found.add(f"{service}:{action}".lower())
    return found


@pytest.mark.parametrize("file", CALLERS, ids=lambda file: file.stem)
def test_every_call_of_a_command_is_allowed(file: Path) -> None:
    unused = NOT_USED if file.name == "awsclient.py" else set()
    assert [each for each in sorted(called(file) - unused) if not rights_for(each) & granted()] == []


def test_there_are_calls() -> None:
    assert len({each for file in CALLERS for each in called(file)}) > 60


@pytest.mark.parametrize("file", POLICIES, ids=lambda file: file.stem)
class TestAPolicy:
    def test_is_short_enough_for_a_managed_one(self, file: Path) -> None:
        text = json.dumps(json.loads(file.read_text("utf-8")), separators=(",", ":"))
        for placeholder, longest in LONGEST.items():
            text = text.replace(placeholder, longest)
        assert len(text) <= MOST

    def test_names_actions_that_there_are_and_none_by_a_star(self, file: Path) -> None:
        for each in statements(file):
            assert each["Effect"] == "Allow"
            for action in each["Action"]:
                assert "*" not in action
                held_to(action)

    def test_has_a_star_for_a_resource_only_where_aws_takes_no_other(self, file: Path) -> None:
        for each in statements(file):
            if each["Resource"] != "*":
                assert all(re.sub(r"[*:/]", "", resource.split(":", 5)[5]) for resource in each["Resource"]), each
                continue
            assert [action for action in each["Action"] if held_to(action)] == []
            made = {action for action in each["Action"] if not re.search(r":(Describe|Get|List)", action)}
            assert made <= NO_OWNER

    def test_is_of_one_stage(self, file: Path) -> None:
        """Where a service names things by ids that nobody knows before, of its account and region."""
        for each in statements(file):
            for resource in set(each["Resource"]) - {"*"} if isinstance(each["Resource"], list) else ():
                assert "STAGE" in resource or any(part in resource for part in BY_ID), resource

    def test_opens_the_secrets_of_its_stage_alone(self, file: Path) -> None:
        for each in statements(file):
            if {"kms:Decrypt", "kms:GenerateDataKey"} & set(each["Action"]):
                assert each["Condition"]["StringEquals"] == {"kms:ViaService": "secretsmanager.REGION.amazonaws.com"}
                assert each["Condition"]["ForAnyValue:StringEquals"] == {"kms:ResourceAliases": "alias/signoff-STAGE"}
            if "iam:PassRole" in each["Action"]:
                assert all("*" not in resource.removesuffix("/signoff-STAGE-*") for resource in each["Resource"])
                assert set(each["Condition"]["StringEquals"]) == {"iam:PassedToService"}
            if "iam:AttachRolePolicy" in each["Action"]:
                assert each["Condition"] == {"ArnEquals": {"iam:PolicyARN": logs._POLICY}}


def test_the_first_domain_of_an_account_can_be_made() -> None:
    """API Gateway then makes its own role, in the caller's name: no client here calls for it."""
    assert "iam:createservicelinkedrole" in granted()
