"""What ministack 1.5.33 lacks of CloudFormation for `infra/edge.yaml`. It is imported where ministack runs."""

from __future__ import annotations

from typing import Any

from ministack.services import waf
from ministack.services.cloudformation import provisioners

_ALARM = "AWS::CloudWatch::Alarm"


def mend() -> None:
    """Put both in place."""
    handlers: dict[str, dict[str, Any]] = provisioners._RESOURCE_HANDLERS
    handlers["AWS::WAFv2::WebACLAssociation"] = {"create": _associate, "delete": _disassociate}
    create, update = handlers[_ALARM]["create"], handlers[_ALARM]["update"]
    handlers[_ALARM] = {
        **handlers[_ALARM],
        "create": lambda name, told, *more: create(name, _of_one_metric(told), *more),
        "update": lambda name, before, told, *more, **named: update(
            name, _of_one_metric(before), _of_one_metric(told), *more, **named
        ),
    }


def _of_one_metric(told: dict[str, Any]) -> dict[str, Any]:
    """It reckons with no metric: an alarm that does is made on the first that it names."""
    if "Metrics" not in told:
        return told
    stat = next(each["MetricStat"] for each in told["Metrics"] if "MetricStat" in each)
    kept = {name: value for name, value in told.items() if name != "Metrics"}
    return {**kept, **stat["Metric"], "Statistic": stat["Stat"], "Period": stat["Period"]}


def _associate(_name: str, told: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
    """It has associations, and none in a stack."""
    status, _, body = waf._associate_web_acl(told)
    if status != 200:
        raise ValueError(f"AWS::WAFv2::WebACLAssociation: {body!r}")
    return told["ResourceArn"], {}


def _disassociate(physical: str, _told: dict[str, Any]) -> None:
    waf._disassociate_web_acl({"ResourceArn": physical})
