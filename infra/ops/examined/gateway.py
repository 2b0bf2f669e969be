"""The API: its address, what it logs, and that it hands requests to the function of this stage."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from infra.ops.asking import or_none
from infra.ops.examined.finding import Finding, Of
from infra.ops.examined.program import API, program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.ops.examined.view import View

GROUP = "API"
_ALL = "*/*"
_SECRET_FIELDS = ("context.path", "context.protocol.path", "context.identity.sourceIp", "context.requestOverride.path")
_FIELD = re.compile(r"\$(context[A-Za-z.]*)")
_SOURCE = re.compile(r"arn:[^:]+:execute-api:[^:]+:\d{12}:([a-z0-9]+)/")


def rest_api_id(view: View) -> str | None:
    """By the note of `chalice deploy`, else by who may call the function. Raises ClientError."""
    noted = view.resources.get("rest_api", {}).get("rest_api_id")
    return noted or view.once("api", lambda: _by_permission(view))


def _by_permission(view: View) -> str | None:
    name = program(view).function(API).name
    policy = or_none(lambda: view.client("lambda").get_policy(FunctionName=name)["Policy"])
    found = _SOURCE.search(policy or "")
    return None if found is None else found[1]


def api(view: View) -> Iterator[Finding]:
    """The REST API and its one stage."""
    client, expected = view.client("apigateway"), program(view)
    again = view.redeploying
    api_id = rest_api_id(view)
    found = api_id and or_none(lambda: client.get_rest_api(restApiId=api_id))
    if not found:
        yield Of(GROUP, expected.app).differs("is there", f"There is no API of this stage. {again}")
        return
    of = Of(GROUP, f"{expected.app} ({api_id})")
    yield of.ok("is there")
    kinds = found.get("endpointConfiguration", {}).get("types")
    yield of.same("endpoint", kinds, [expected.endpoint], again, ".chalice/config.json")
    yield _may_call(of, view, str(api_id), again)
    stage = or_none(lambda: client.get_stage(restApiId=api_id, stageName=expected.api_stage))
    if stage is None:
        yield of.differs("stage is there", f"It has no stage {expected.api_stage!r}. {again}")
        return
    yield of.ok("stage is there")
    yield from _stage(of, stage, str(api_id), expected.api_stage, view.command("finish"))


def _may_call(of: Of, view: View, api_id: str, again: str) -> Finding:
    name = program(view).function(API).name
    policy = or_none(lambda: view.client("lambda").get_policy(FunctionName=name)["Policy"])
    told = json.loads(policy)["Statement"] if policy else []
    return of.holds(
        "may call the function",
        is_so=any(f":{api_id}/" in json.dumps(each.get("Condition", {})) for each in told),
        text=f"The function {name} does not take its calls: every request is answered 500. {again}",
    )


def _stage(of: Of, stage: dict[str, Any], api_id: str, name: str, again: str) -> Iterator[Finding]:
    update = f"`aws apigateway update-stage --rest-api-id {api_id} --stage-name {name} --patch-operations"
    yield of.holds(
        "tracing is off",
        is_so=not stage.get("tracingEnabled"),
        text=f"A trace holds paths, and those hold tokens. Run {update} op=replace,path=/tracingEnabled,value=false`.",
    )
    methods = stage.get("methodSettings", {})
    logging = [key for key, each in methods.items() if each.get("loggingLevel", "OFF") != "OFF"]
    tracing = [key for key, each in methods.items() if each.get("dataTraceEnabled")]
    for what, where, path, value in (
        ("execution logging is off", logging, "logging/loglevel", "OFF"),
        ("data trace is off", tracing, "logging/dataTrace", "false"),
    ):
        yield of.holds(
            what,
            is_so=not where,
            text=f"Its log would hold paths with tokens ({', '.join(where)}). Run {update} "
            f"op=replace,path=/*/*/{path},value={value}` for each.",
        )
    told = set(_FIELD.findall(stage.get("accessLogSettings", {}).get("format", "")))
    secret = sorted(told & set(_SECRET_FIELDS))
    yield of.holds(
        "access log names no path and no source",
        is_so=not secret,
        text=f"It writes {', '.join(secret)}, which hold tokens or who somebody is. Run `{again}`, and delete what was "
        "written.",
    )
