"""The template of what stands around the API, and what the API's stage is to log of a request."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).with_name("edge.yaml")
LOG_FIELDS = {
    "time": "$context.requestTimeEpoch",
    "request": "$context.requestId",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "latency": "$context.responseLatency",
    "octets": "$context.responseLength",
    "refusal": "$context.error.responseType",
}
"""A line of the log of requests: what the template's filters call a field → what API Gateway puts there ("-" for none).

The path's template and never the path, which holds tokens; no address, no query, no agent. The kind of a refusal and
never its message: API Gateway repeats an Authorization header there that it does not understand. Fields apart by spaces
and not JSON: a figure that is missing ("-") would make a JSON line unreadable, and the line count for nothing.
"""
LOG_FORMAT = " ".join(LOG_FIELDS.values())


@cache
def load_template() -> dict[str, Any]:
    """The template, with CloudFormation's short forms (`!Sub x`) as their long ones (`{"Fn::Sub": "x"}`)."""
    template: dict[str, Any] = yaml.load(TEMPLATE.read_text("utf-8"), Loader=_TemplateLoader)  # noqa: S506 - a SafeLoader
    return template


class _TemplateLoader(yaml.SafeLoader):
    """A SafeLoader that reads short forms of texts and lists."""


def _long_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return {f"Fn::{suffix}": loader.construct_sequence(node, deep=True)}
    if not isinstance(node, yaml.ScalarNode):
        raise TypeError(f"!{suffix} of a mapping is not used in {TEMPLATE.name}")
    text = loader.construct_scalar(node)
    if suffix == "GetAtt":
        return {"Fn::GetAtt": str(text).split(".", 1)}
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": text}


_TemplateLoader.add_multi_constructor("!", _long_form)
