"""One way to break each thing that `finish` makes or sets, and the way to mend it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.ops.examined.edge import here
from tests.infra.deploying.breaking import case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.deploying.deployed import Deployed

LOG = "signoff-prod-requests"
ALARM = "signoff-prod-dead-letters"
TOPIC = "signoff-prod-alarms"
FINISH = "Run `python -m infra finish --stage prod`"
SET = "is as `finish` sets it"


@case("signoff-prod-edge", "is made of infra/edge.yaml", "of another version of the file: Outputs differ")
def _stack_older(at: Deployed) -> Iterator[None]:
    at.edge.update(template={**here(), "Outputs": {}})
    yield
    at.edge.clear()


@case("functions' logs", SET, f"/aws/lambda/signoff-prod kept for 30 days. {FINISH}")
def _kept_for_ever(at: Deployed) -> Iterator[None]:
    logs, group = at.account.client("logs"), "/aws/lambda/signoff-prod"
    logs.delete_retention_policy(logGroupName=group)
    yield
    logs.put_retention_policy(logGroupName=group, retentionInDays=30)


@case("API Gateway's role for logs", SET, "for all APIs of this account and region")
def _no_role(at: Deployed) -> Iterator[None]:
    gateway = at.account.client("apigateway")
    role = gateway.get_account()["cloudwatchRoleArn"]
    gateway.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}])
    yield
    gateway.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}])


@case("API Gateway's own answers", SET, "THROTTLED: 429, a problem document")
def _own_answer(at: Deployed) -> Iterator[None]:
    gateway = at.account.client("apigateway")
    [api] = gateway.get_rest_apis()["items"]
    told = gateway.get_gateway_response(restApiId=api["id"], responseType="THROTTLED")
    gateway.delete_gateway_response(restApiId=api["id"], responseType="THROTTLED")
    yield
    names = ("statusCode", "responseParameters", "responseTemplates")
    gateway.put_gateway_response(restApiId=api["id"], responseType="THROTTLED", **{name: told[name] for name in names})


@case("API stage", SET, "/*/*/throttling/rateLimit = 2000")
def _other_limit(at: Deployed) -> Iterator[None]:
    gateway = at.account.client("apigateway")
    [api] = gateway.get_rest_apis()["items"]
    patch = {"op": "replace", "path": "/*/*/throttling/rateLimit"}
    gateway.update_stage(restApiId=api["id"], stageName="api", patchOperations=[{**patch, "value": "1"}])
    yield
    gateway.update_stage(restApiId=api["id"], stageName="api", patchOperations=[{**patch, "value": "2000"}])


@case(LOG, "retention (days)", "--retention-in-days 30")
def _requests_kept(at: Deployed) -> Iterator[None]:
    logs = at.account.client("logs")
    logs.put_retention_policy(logGroupName=LOG, retentionInDays=365)
    yield
    logs.put_retention_policy(logGroupName=LOG, retentionInDays=30)


@case(LOG, "is counted in", "Nobody counts OptOuts")
def _not_counted(at: Deployed) -> Iterator[None]:
    logs = at.account.client("logs")
    told = logs.describe_metric_filters(logGroupName=LOG)["metricFilters"]
    [found] = [each for each in told if each["metricTransformations"][0]["metricName"] == "OptOuts"]
    logs.delete_metric_filter(logGroupName=LOG, filterName=found["filterName"])
    yield
    names = ("logGroupName", "filterName", "filterPattern", "metricTransformations")
    logs.put_metric_filter(**{name: found[name] for name in names})


@case("firewall", "stands before the API", "Anybody may type addresses without end")
def _open(at: Deployed) -> Iterator[None]:
    waf, resource = at.account.client("wafv2"), _resource(at)
    acl = waf.get_web_acl_for_resource(ResourceArn=resource)["WebACL"]
    waf.disassociate_web_acl(ResourceArn=resource)
    yield
    waf.associate_web_acl(ResourceArn=resource, WebACLArn=acl["ARN"])


@case("firewall", "rules", "A rule that is missing lets too much through")
def _rule_less(at: Deployed) -> Iterator[None]:
    waf = at.account.client("wafv2")
    rules = waf.get_web_acl_for_resource(ResourceArn=_resource(at))["WebACL"]["Rules"]
    _rules(at, rules[:-1])
    yield
    _rules(at, rules)


@case(ALARM, "is there", "It is gone. Put it back by hand")
def _no_alarm(at: Deployed) -> Iterator[None]:
    watch = at.account.client("cloudwatch")
    told = _alarm(at)
    watch.delete_alarms(AlarmNames=[ALARM])
    yield
    _put(at, told)


@case(ALARM, "watches what the stack says", "Somebody changed Threshold")
def _deaf(at: Deployed) -> Iterator[None]:
    told = _alarm(at)
    _put(at, {**told, "Threshold": 500.0})
    yield
    _put(at, told)


@case(ALARM, "tells of it", "aws cloudwatch enable-alarm-actions")
def _mute(at: Deployed) -> Iterator[None]:
    told = _alarm(at)
    _put(at, {**told, "ActionsEnabled": False})
    yield
    _put(at, told)


@case(ALARM, "is quiet", "It is in ALARM: A job failed five times")
def _sounding(at: Deployed) -> Iterator[None]:
    watch = at.account.client("cloudwatch")
    watch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="a test")
    yield
    watch.set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="a test")


@case(TOPIC, "is heard by somebody", "--alarm-email")
def _unheard(at: Deployed) -> Iterator[None]:
    sns, topic = at.account.client("sns"), f"arn:aws:sns:us-east-1:123456789012:{TOPIC}"
    [told] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=told["SubscriptionArn"])
    yield
    sns.subscribe(TopicArn=topic, Protocol=told["Protocol"], Endpoint=told["Endpoint"])


def _resource(at: Deployed) -> str:
    [api] = at.account.client("apigateway").get_rest_apis()["items"]
    return f"arn:aws:apigateway:us-east-1::/restapis/{api['id']}/stages/api"


def _rules(at: Deployed, rules: list[dict[str, Any]]) -> None:
    waf = at.account.client("wafv2")
    acl = waf.get_web_acl_for_resource(ResourceArn=_resource(at))["WebACL"]
    token = waf.get_web_acl(Name=acl["Name"], Scope="REGIONAL", Id=acl["Id"])["LockToken"]
    waf.update_web_acl(
        Name=acl["Name"],
        Scope="REGIONAL",
        Id=acl["Id"],
        LockToken=token,
        DefaultAction=acl["DefaultAction"],
        VisibilityConfig=acl["VisibilityConfig"],
        Rules=rules,
    )


def _alarm(at: Deployed) -> dict[str, Any]:
    [told] = at.account.client("cloudwatch").describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    found: dict[str, Any] = told
    return found


def _put(at: Deployed, told: dict[str, Any]) -> None:
    names = [
        "AlarmName",
        "AlarmDescription",
        "Namespace",
        "MetricName",
        "Dimensions",
        "Statistic",
        "Period",
        "EvaluationPeriods",
        "ComparisonOperator",
        "Threshold",
        "TreatMissingData",
        "AlarmActions",
        "OKActions",
        "ActionsEnabled",
    ]
    at.account.client("cloudwatch").put_metric_alarm(**{name: told[name] for name in names if name in told})
    at.account.client("cloudwatch").set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="a test")
