"""What `finish` makes and sets: the edge stack, the firewall, the API's logs, answers and limits, and the alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.edge import TEMPLATE
from infra.ops import edge_parameters
from infra.ops.asking import or_none
from infra.ops.deployed import find_deployed
from infra.ops.examined.finding import Finding, NotChecked, Of
from infra.ops.examined.stacks import look_at_stack
from infra.ops.examined.templates import parsed
from infra.ops.gateway_answers import GatewayAnswers
from infra.ops.gateway_stage import StageSettings
from infra.ops.logs import FunctionLogs, GatewayRole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.ops.deployed import Deployed
    from infra.ops.examined.view import View
    from infra.ops.steps import Step

GROUP, ALARMS = "edge", "alarms"
_COMPARED = ("Namespace", "MetricName", "Statistic", "Period", "EvaluationPeriods", "Threshold", "ComparisonOperator")


def edge_stack(view: View) -> Iterator[Finding]:
    """The stack itself."""
    yield from look_at_stack(view, view.stage.edge_stack, here(), "infra/edge.yaml", "finish")


def here() -> dict[str, Any]:
    """infra/edge.yaml as it is in this folder."""
    return parsed(TEMPLATE.read_text("utf-8"))


def settings(view: View) -> Iterator[Finding]:
    """What no stack has and `finish` sets; it compares by itself. Raises CannotRun, where nothing is deployed."""
    deployed = find_deployed(view.stage, view.options)
    stack = view.stack(view.stage.edge_stack)
    days = edge_parameters.log_days({} if stack is None else stack.parameters)
    for step in _steps(view, deployed, days):
        lines = step.differences()
        yield Of(GROUP, step.what).holds(
            "is as `finish` sets it",
            is_so=not lines,
            text=f"It should be: {'; '.join(lines)}. Run `{view.command('finish')}`.",
        )


def _steps(view: View, deployed: Deployed, days: int) -> list[Step]:
    logs = f"arn:aws:logs:{view.region}:{view.account}:log-group:signoff-{view.name}-requests"
    return [
        FunctionLogs(deployed, days, view.options),
        GatewayRole(view.options),
        GatewayAnswers(deployed, view.options),
        StageSettings(deployed, logs, view.options),
    ]


def request_log(view: View) -> Iterator[Finding]:
    """The log of requests, which the alarms count in."""
    template = view.template_of(view.stage.edge_stack)
    for resource in template.of_type("AWS::Logs::LogGroup"):
        told = template.properties(resource)
        name = told["LogGroupName"]
        of, client = Of(GROUP, name), view.client("logs")
        groups = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        found = next((each for each in groups if each["logGroupName"] == name), None)
        if found is None:
            yield of.differs("is there", f"It is gone, and no alarm sounds. {_remade(view)}")
            continue
        yield of.ok("is there")
        days = int(told["RetentionInDays"])
        todo = f"Run `aws logs put-retention-policy --log-group-name {name} --retention-in-days {days}`."
        yield of.same("retention (days)", found.get("retentionInDays"), days, todo)
        known = {each["filterPattern"] for each in client.describe_metric_filters(logGroupName=name)["metricFilters"]}
        wanted = map(template.properties, template.of_type("AWS::Logs::MetricFilter"))
        lost = [
            each["MetricTransformations"][0]["MetricName"]
            for each in wanted
            if each["LogGroupName"] == name and each["FilterPattern"] not in known
        ]
        yield of.holds(
            "is counted in",
            is_so=not lost,
            text=f"Nobody counts {', '.join(lost)}, so that their alarms never sound. {_remade(view)}",
        )


def firewall(view: View) -> Iterator[Finding]:
    """That it stands before the API with the template's rules. Raises NotChecked where it is not wanted."""
    template = view.template_of(view.stage.edge_stack)
    associations = template.of_type("AWS::WAFv2::WebACLAssociation")
    if not associations:
        raise NotChecked(f"The stage has no firewall. To have one: `{view.command('finish', '--firewall')}`.")
    [acl] = template.of_type("AWS::WAFv2::WebACL")
    expected, of = template.properties(acl), Of(GROUP, "firewall")
    resource = template.properties(associations[0])["ResourceArn"]
    answer = or_none(lambda: view.client("wafv2").get_web_acl_for_resource(ResourceArn=resource)) or {}
    found = answer.get("WebACL")
    yield of.holds(
        "stands before the API",
        is_so=found is not None and found["Name"] == expected["Name"],
        text=f"Anybody may type addresses without end. {_remade(view)}",
    )
    if found is not None:
        yield of.same(
            "rules",
            _rules(found["Rules"]),
            _rules(expected["Rules"]),
            f"A rule that is missing lets too much through, and one more may refuse one-clicks. {_remade(view)}",
        )


def _rules(rules: list[dict[str, Any]]) -> list[list[Any]]:
    """Each by its place, name, what it does, and its rate."""
    told = [[int(each["Priority"]), each["Name"], *each.get("Action", {}), _limit(each["Statement"])] for each in rules]
    return sorted(told, key=lambda each: each[0])


def _limit(statement: Mapping[str, Any]) -> int | None:
    rate = statement.get("RateBasedStatement")
    return None if rate is None else int(rate["Limit"])


def alarms(view: View) -> Iterator[Finding]:
    """Each alarm of the stack: there, watching what it should, telling somebody, and quiet."""
    template = view.template_of(view.stage.edge_stack)
    expected = [template.properties(name) for name in template.of_type("AWS::CloudWatch::Alarm")]
    names = [each["AlarmName"] for each in expected]
    answer = view.client("cloudwatch").describe_alarms(AlarmNames=names, MaxRecords=100)
    found = {each["AlarmName"]: each for each in answer["MetricAlarms"]}
    for each in expected:
        yield from _alarm(view, each, found.get(each["AlarmName"]))
    yield from _heard(view)


def _alarm(view: View, expected: dict[str, Any], found: dict[str, Any] | None) -> Iterator[Finding]:
    name = expected["AlarmName"]
    of = Of(ALARMS, name)
    if found is None:
        yield of.differs("is there", f"It is gone. {_remade(view)}")
        return
    yield of.ok("is there")
    others = [key for key in _COMPARED if key in expected and not _is_same(found.get(key), expected[key])]
    yield of.holds(
        "watches what the stack says",
        is_so=not others,
        text=f"Somebody changed {', '.join(others)}: change it back, or set it by "
        f"`{view.command('finish', '--set …')}`. {_remade(view)}",
    )
    yield of.holds(
        "tells of it",
        is_so=bool(found.get("ActionsEnabled", True) and found.get("AlarmActions")),
        text=f"Its actions are off: `aws cloudwatch enable-alarm-actions --alarm-names {name}`.",
    )
    yield of.holds(
        "is quiet",
        is_so=found.get("StateValue") != "ALARM",
        text=f"It is in ALARM: {expected['AlarmDescription'].strip()}.",
    )


def _is_same(found: Any, expected: Any) -> bool:
    """A parameter is a text, and CloudWatch tells a number."""
    return found == expected or (
        isinstance(found, int | float) and str(expected).isdecimal() and found == int(expected)
    )


def _heard(view: View) -> Iterator[Finding]:
    """That somebody subscribed to the topic. One that is not the stack's own is its owner's."""
    stack = view.stack(view.stage.edge_stack)
    arn = "" if stack is None else stack.outputs.get("AlarmTopicArn", "")
    told = or_none(lambda: view.client("sns").list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"])
    confirmed = [each for each in told or () if each["SubscriptionArn"] != "PendingConfirmation"]
    yield Of(ALARMS, arn.rpartition(":")[2]).holds(
        "is heard by somebody",
        is_so=bool(confirmed),
        text=f"Nobody hears the alarms{', for the mail that asks was not answered' if told else ''}. Run "
        f"`{view.command('finish', '--alarm-email …')}`, and answer the mail that SNS sends.",
    )


def _remade(view: View) -> str:
    """CloudFormation makes nothing again that it believes to be there."""
    return (
        f"Put it back by hand as infra/edge.yaml has it, or delete the stack {view.stage.edge_stack} (it holds no "
        f"data) and run `{view.command('finish')}`."
    )
