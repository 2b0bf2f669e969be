"""How long the functions' logs are kept, and that API Gateway may write logs at all in this account."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.client.shown import counted
from infra.local.problems import CannotRun
from infra.ops import aws

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from infra.ops.deployed import Deployed

_ROLE = "signoff-api-gateway-logs"
_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
_ATTEMPTS = 6
_PAUSE = 20.0
"""Seconds: a role that was just made is not known everywhere at once, and UpdateAccount may be called no more often
(<https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>)."""
_NOT_YET = frozenset({"BadRequestException", "TooManyRequestsException"})


class FunctionLogs:
    """The log groups of both functions.

    Lambda makes them at a function's first line, and keeps what is in them for ever. They are made before that where
    they are not there (the stack's filter reads one), and are no part of the stack: CloudFormation makes none that is
    there already, and would delete them with itself.
    """

    what = "functions' logs"

    def __init__(self, deployed: Deployed, days: int, options: argparse.Namespace) -> None:
        self._logs = aws.client("logs", options)
        self._groups = [f"/aws/lambda/{function}" for function in deployed.functions]
        self._days = days

    def differences(self) -> list[str]:
        """Those that are kept for another time."""
        return [
            f"{group} kept for {counted(self._days, 'day')}"
            for group in self._groups
            if self._known(group) != self._days
        ]

    def put_right(self) -> None:
        """Makes them where they are not there."""
        for group in self._groups:
            known = self._known(group)
            with aws.explaining():
                if known is None:
                    self._make(group)
                if known != self._days:
                    self._logs.put_retention_policy(logGroupName=group, retentionInDays=self._days)

    def _known(self, group: str) -> int | None:
        """Days; 0 for ever, None where there is no such group."""
        with aws.explaining():
            told = self._logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        return next((int(each.get("retentionInDays", 0)) for each in told if each["logGroupName"] == group), None)

    def _make(self, group: str) -> None:
        try:
            self._logs.create_log_group(logGroupName=group)
        except ClientError as error:  # Lambda was as quick
            if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                raise


class GatewayRole:
    """The role by which API Gateway writes logs: one for all APIs of an account in a region, and none at first.

    One that is there is left as it is. A new one has the policy that AWS made for this; it is the account's and not
    the stage's, so that no stack has it, and `destroy` leaves it.
    """

    what = "API Gateway's role for logs"

    def __init__(self, options: argparse.Namespace, pause: Callable[[float], None] = time.sleep) -> None:
        self._gateway = aws.client("apigateway", options)
        self._iam = aws.client("iam", options)
        self._pause = pause

    def differences(self) -> list[str]:
        """One where there is none."""
        with aws.explaining():
            known = self._gateway.get_account().get("cloudwatchRoleArn")
        return [] if known else [f"the role {_ROLE}, for all APIs of this account and region"]

    def put_right(self) -> None:
        """Makes it, where it is not left from another region, and hands it over."""
        with aws.explaining():
            arn = self._role()
            self._iam.attach_role_policy(RoleName=_ROLE, PolicyArn=_POLICY)
            for _ in range(_ATTEMPTS):
                if is_taken(self._gateway, arn):
                    return
                self._pause(_PAUSE)
        raise CannotRun(f"API Gateway does not take the role {_ROLE} yet: repeat the command in a minute.")

    def _role(self) -> str:
        try:
            made: dict[str, Any] = self._iam.create_role(
                RoleName=_ROLE,
                AssumeRolePolicyDocument=json.dumps(_TRUST),
                Description="Lets API Gateway write logs; for all APIs of the account.",
                Tags=[{"Key": "application", "Value": "signoff"}],
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "EntityAlreadyExists":
                raise
            made = self._iam.get_role(RoleName=_ROLE)
        return str(made["Role"]["Arn"])


def is_taken(gateway: Any, arn: str) -> bool:
    """False while API Gateway does not know the role, or was offered it just now. Raises ClientError."""
    patch = {"op": "replace", "path": "/cloudwatchRoleArn", "value": arn}
    try:
        gateway.update_account(patchOperations=[patch])
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_YET:
            raise
        return False
    return True
