"""A web ACL of AWS WAF as its rules say it: which of them have a say in a request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Request:
    method: str
    path: str


def matches(statement: dict[str, Any], request: Request, values: dict[str, str]) -> bool:
    """Whether a statement is about a request; of a rate, whether it counts it. What is not known here raises."""
    [(kind, told)] = statement.items()
    if kind == "AndStatement":
        return all(matches(each, request, values) for each in told["Statements"])
    if kind == "OrStatement":
        return any(matches(each, request, values) for each in told["Statements"])
    if kind == "NotStatement":
        return not matches(told["Statement"], request, values)
    if kind == "RateBasedStatement":
        return "ScopeDownStatement" not in told or matches(told["ScopeDownStatement"], request, values)
    if kind == "RegexMatchStatement":
        return re.search(_text(told["RegexString"], values), _field(told, request)) is not None
    if kind == "ByteMatchStatement" and told["PositionalConstraint"] == "EXACTLY":
        return _field(told, request) == _text(told["SearchString"], values)
    raise AssertionError(f"nothing here knows what a {kind} matches: it may be a one-click")


def rules_about(rules: list[dict[str, Any]], request: Request, values: dict[str, str]) -> list[str]:
    """The names of the rules that would do something about a request, in their order, until one lets it pass."""
    found = []
    for rule in sorted(rules, key=lambda each: int(each["Priority"])):
        if matches(rule["Statement"], request, values):
            found.append(rule["Name"])
            if "Allow" in rule.get("Action", {}):
                break
    return found


def _field(told: dict[str, Any], request: Request) -> str:
    [field] = told["FieldToMatch"]
    text = {"Method": request.method, "UriPath": request.path}[field]
    for each in sorted(told["TextTransformations"], key=lambda one: int(one["Priority"])):
        text = _TRANSFORMATIONS[each["Type"]](text)
    return text


def _normalized(path: str) -> str:
    """Without empty segments, `.`, and `..` that are not at the beginning.

    https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-transformation.html
    """
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif segment not in {"", "."}:
            kept.append(segment)
    start, end = ("/" if path.startswith("/") else ""), ("/" if kept and path.endswith("/") else "")
    return start + "/".join(kept) + end


_TRANSFORMATIONS: dict[str, Callable[[str], str]] = {
    "NONE": str,
    "URL_DECODE": lambda text: unquote_plus(text, "latin-1"),
    "NORMALIZE_PATH": _normalized,
}
"""Those that are used; another one raises KeyError. Each is done once, and so is the decoding."""


def _text(told: str | dict[str, str], values: dict[str, str]) -> str:
    if isinstance(told, str):
        return told
    return re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], told["Fn::Sub"])
