"""What moto 5.2.5 lacks for `finish`: some kinds of resources in a stack, and what a deployment does to an API.

The resources are made by moto's own services, so that they answer for them, and what they refuse makes the stack fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.apigateway import urls
from moto.apigateway.models import APIGatewayBackend, RestAPI
from moto.apigateway.responses import APIGatewayResponse
from moto.cloudwatch.models import Dimension, Metric, MetricDataQuery, MetricStat, cloudwatch_backends
from moto.core.common_models import CloudFormationModel
from moto.core.utils import camelcase_to_underscores
from moto.iam.models import AWSManagedPolicy, IAMBackend
from moto.logs.models import LogGroup, logs_backends
from moto.sns.models import sns_backends
from moto.wafv2.models import wafv2_backends

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[[str, dict[str, Any], str, str], str]
    Delete = Callable[[str, str, str], None]


def mend() -> None:
    """Put all of it in place."""
    _model("AWS::CloudWatch::Alarm", "AlarmName", _alarm, _no_alarm)
    _model("AWS::Logs::MetricFilter", "FilterName", _filter, _no_filter)
    _model("AWS::SNS::Subscription", "SubscriptionName", _subscription, _no_subscription)
    _model("AWS::WAFv2::WebACL", "Name", _acl, _no_acl)
    _model("AWS::WAFv2::WebACLAssociation", "AssociationName", _association, _no_association)
    LogGroup.update_from_cloudformation_json = classmethod(_keep_otherwise)  # type: ignore[assignment, method-assign]
    RestAPI.create_deployment = _keeping_the_stage(RestAPI.create_deployment)  # type: ignore[method-assign]
    # As a server, moto takes the end of its own pattern, "/?$", for a slash that has to be there.
    deployment = "{0}/restapis/(?P<function_id>[^/]+)/deployments/(?P<deployment_id>[^/]+)$"
    urls.url_paths[deployment] = APIGatewayResponse.dispatch
    IAMBackend._init_aws_policies = _the_one_policy  # type: ignore[method-assign]
    APIGatewayBackend.put_rest_api = _overwriting(APIGatewayBackend.put_rest_api)  # type: ignore[method-assign]


def _the_one_policy(self: IAMBackend) -> Any:
    """AWS has policies of its own; moto has them all or none, and reads a file of megabytes for it."""
    name = "AmazonAPIGatewayPushToCloudWatchLogs"
    kept: Any = AWSManagedPolicy
    return [kept(name, self.account_id, self.region_name, path="/service-role/", document="{}")]


def _model(kind: str, named: str, make: Make, delete: Delete) -> None:
    """CloudFormation makes these; moto passes over them without a word. It knows every model that is derived."""

    class Made(CloudFormationModel):
        def __init__(self, physical: str) -> None:
            self.physical_resource_id = physical

        @staticmethod
        def cloudformation_name_type() -> str:
            return named

        @staticmethod
        def cloudformation_type() -> str:
            return kind

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_more: Any
        ) -> Made:
            return cls(make(resource_name, cloudformation_json["Properties"], account_id, region_name))

        @classmethod
        def update_from_cloudformation_json(
            cls,
            original_resource: Any,
            new_resource_name: str,
            cloudformation_json: Any,
            account_id: str,
            region_name: str,
        ) -> Made:
            delete(original_resource.physical_resource_id, account_id, region_name)
            return cls(make(new_resource_name, cloudformation_json["Properties"], account_id, region_name))

        def delete(self, account_id: str, region_name: str) -> None:
            delete(self.physical_resource_id, account_id, region_name)

        @classmethod
        def has_cfn_attr(cls, attr: str) -> bool:
            return attr == "Arn"

        def get_cfn_attribute(self, attribute_name: str) -> str:
            return self.physical_resource_id

    _MODELS.append(Made)  # type: ignore[type-abstract] # whoever deletes one asks it itself


_MODELS: list[type[CloudFormationModel]] = []
"""Python forgets a class that nobody holds."""


def _alarm(name: str, told: dict[str, Any], account: str, region: str) -> str:
    more = {
        camelcase_to_underscores(key): value
        for key, value in told.items()
        if key not in {"AlarmName", "AlarmDescription", "OKActions", "Metrics", "Dimensions"}
    }
    unset = dict.fromkeys(("namespace", "metric_name", "period", "statistic"))
    cloudwatch_backends[account][region].put_metric_alarm(
        name=name,
        description=told["AlarmDescription"],
        ok_actions=told["OKActions"],
        dimensions=[{"Name": each["Name"], "Value": each["Value"]} for each in told.get("Dimensions", ())],
        metric_data_queries=[_query(each) for each in told.get("Metrics", ())] or None,
        **{**unset, **more, "threshold": float(told["Threshold"])},
    )
    return name


def _query(told: dict[str, Any]) -> MetricDataQuery:
    stat = told.get("MetricStat")
    if stat is None:
        return MetricDataQuery(told["Id"], told["Label"], "60", told["ReturnData"], told["Expression"])
    metric = stat["Metric"]
    dimensions = [Dimension(each["Name"], each["Value"]) for each in metric.get("Dimensions", ())]
    measured = MetricStat(
        Metric(metric["MetricName"], metric["Namespace"], dimensions), stat["Period"], stat["Stat"], ""
    )
    return MetricDataQuery(told["Id"], "", stat["Period"], told["ReturnData"], None, measured)


def _no_alarm(name: str, account: str, region: str) -> None:
    cloudwatch_backends[account][region].delete_alarms([name])


def _filter(name: str, told: dict[str, Any], account: str, region: str) -> str:
    backend, group = logs_backends[account][region], told["LogGroupName"]
    assert group in backend.groups, f"The specified log group does not exist: {group}."
    transformations: Any = [
        {key[0].lower() + key[1:]: value for key, value in each.items()} for each in told["MetricTransformations"]
    ]
    backend.put_metric_filter(name, told["FilterPattern"], group, transformations)
    return name


def _no_filter(name: str, account: str, region: str) -> None:
    backend = logs_backends[account][region]
    kept = [each for each in backend.filters.metric_filters if each["filterName"] != name]
    backend.filters.metric_filters = kept


def _subscription(name: str, told: dict[str, Any], account: str, region: str) -> str:
    made = sns_backends[account][region].subscribe(told["TopicArn"], told["Endpoint"], told["Protocol"])
    return str(made.arn)


def _no_subscription(arn: str, account: str, region: str) -> None:
    sns_backends[account][region].unsubscribe(arn)


def _acl(name: str, told: dict[str, Any], account: str, region: str) -> str:
    unset = ("association_config", "captcha_config", "challenge_config", "custom_response_bodies", "token_domains")
    made = wafv2_backends[account][region].create_web_acl(
        name=name,
        visibility_config=told["VisibilityConfig"],
        default_action=told["DefaultAction"],
        scope=told["Scope"],
        description=told["Description"],
        tags=[],
        rules=told["Rules"],
        **dict.fromkeys(unset),
    )
    return made.arn


def _no_acl(arn: str, account: str, region: str) -> None:
    wafv2_backends[account][region].wacls.pop(arn)


def _association(name: str, told: dict[str, Any], account: str, region: str) -> str:
    wafv2_backends[account][region].associate_web_acl(told["WebACLArn"], told["ResourceArn"])
    return str(told["ResourceArn"])


def _no_association(resource: str, account: str, region: str) -> None:
    wafv2_backends[account][region].disassociate_web_acl(resource)


def _keep_otherwise(
    _class: Any,
    original_resource: Any,
    new_resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
) -> Any:
    """A log group is kept for another time; moto cannot change one in a stack."""
    original_resource.retention_in_days = int(cloudformation_json["Properties"]["RetentionInDays"])
    return original_resource


def _keeping_the_stage(create: Callable[..., Any]) -> Callable[..., Any]:
    """A stage keeps its settings when another deployment is put into it; moto makes a new one in its place."""

    def create_deployment(self: Any, name: str, *more: Any, **named: Any) -> Any:
        before = self.stages.get(name)
        made = create(self, name, *more, **named)
        if before is not None:
            before.deployment_id = made.id
            self.stages[name] = before
        return made

    return create_deployment


def _overwriting(put: Callable[..., Any]) -> Callable[..., Any]:
    """PutRestApi, mode `overwrite`, takes away the answers of the gateway that its document has not (SAM issue 390)."""

    def put_rest_api(self: Any, function_id: str, *more: Any, **named: Any) -> Any:
        if named.get("mode") == "overwrite":
            self.get_rest_api(function_id).gateway_responses.clear()
        return put(self, function_id, *more, **named)

    return put_rest_api
