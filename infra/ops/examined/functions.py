"""The functions, beside `.chalice/config.json` and the policies in `.chalice/`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from infra.ops.asking import or_none
from infra.ops.examined.finding import Finding, Of, shown
from infra.ops.examined.program import API, JOBS, Function, program
from infra.ops.kept_keys import CHANGED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.ops.examined.view import View

GROUP = "functions"
RUNTIMES = frozenset({"python3.11", "python3.12", "python3.13"})
"""Those that the project runs on (pyproject.toml)."""
_CONFIG = ".chalice/config.json"


def api_function(view: View) -> Iterator[Finding]:
    """The one that answers requests."""
    yield from _function(view, program(view).function(API))


def jobs_function(view: View) -> Iterator[Finding]:
    """The one that works on jobs."""
    yield from _function(view, program(view).function(JOBS))


def _function(view: View, expected: Function) -> Iterator[Finding]:
    client, of = view.client("lambda"), Of(GROUP, expected.name)
    again = view.redeploying
    found = or_none(lambda: client.get_function_configuration(FunctionName=expected.name))
    if found is None:
        yield of.differs("is there", f"It is not deployed. {again}")
        return
    yield of.ok("is there")
    yield of.holds(
        "runtime",
        is_so=found.get("Runtime") in RUNTIMES,
        text=f"It is {shown(found.get('Runtime'))}, and the project runs on {', '.join(sorted(RUNTIMES))}: have "
        f"`chalice` run with such a Python. {again}",
    )
    yield of.same("timeout (seconds)", found["Timeout"], expected.timeout, again, _CONFIG)
    yield of.same("memory (MB)", found["MemorySize"], expected.memory, again, _CONFIG)
    yield _environment(of, found, expected, again)
    yield _layer(of, view, found, again)
    yield of.holds(
        "tracing is off",
        is_so=found.get("TracingConfig", {}).get("Mode") != "Active" and not program(view).xray,
        text=f"A trace holds paths, and those hold tokens: see that `xray` is false in {_CONFIG}. {again}",
    )
    yield _concurrency(of, client, expected, again)


def _environment(of: Of, found: dict[str, Any], expected: Function, again: str) -> Finding:
    """By the settings' names alone: what somebody else put there could be a secret."""
    told = {name: value for name, value in found.get("Environment", {}).get("Variables", {}).items() if name != CHANGED}
    names = sorted(
        name for name in {**told, **expected.environment} if told.get(name) != expected.environment.get(name)
    )
    return of.holds(
        "settings",
        is_so=not names,
        text=f"{', '.join(names)}: the function has not what {_CONFIG} says. {again}",
    )


def _layer(of: Of, view: View, found: dict[str, Any], again: str) -> Finding:
    expected = program(view)
    names = [each["Arn"].split(":")[6] for each in found.get("Layers", ())]
    wanted = [expected.layer] if expected.has_layer else []
    noted = view.resources.get("managed-layer", {}).get("layer_version_arn")
    if names == wanted and wanted and noted is not None:
        [arn] = [each["Arn"] for each in found["Layers"]]
        return of.same("layer", arn, noted, again, "the note of the last deployment from here")
    return of.same("layer", names, wanted, again, _CONFIG)


def _concurrency(of: Of, client: Any, expected: Function, again: str) -> Finding:
    found = client.get_function_concurrency(FunctionName=expected.name).get("ReservedConcurrentExecutions")
    return of.same("reserved concurrency", found, expected.concurrency, again, _CONFIG)


def roles(view: View) -> Iterator[Finding]:
    """What each function may do: its file's statements, and nothing besides."""
    for expected in program(view).functions:
        yield from _role(view, expected)


def _role(view: View, expected: Function) -> Iterator[Finding]:
    client, of = view.client("iam"), Of(GROUP, f"role {expected.role}")
    again = view.redeploying
    attached = or_none(lambda: client.list_attached_role_policies(RoleName=expected.role)["AttachedPolicies"])
    if attached is None:
        yield of.differs("is there", f"It is not. {again}")
        return
    yield of.ok("is there")
    names = [each["PolicyName"] for each in attached]
    yield of.holds(
        "has no policies attached",
        is_so=not names,
        text=f"It may do more than its file says, by {', '.join(names)}: take off what nobody needs (`aws iam "
        f"detach-role-policy --role-name {expected.role} --policy-arn …`).",
    )
    inline = client.list_role_policies(RoleName=expected.role)["PolicyNames"]
    others = [name for name in inline if name != expected.role_policy]
    yield of.holds(
        "has one policy of its own",
        is_so=not others,
        text=f"It has {', '.join(others)} besides: `aws iam delete-role-policy --role-name {expected.role} "
        "--policy-name …`, or put the statements into the file.",
    )
    document = or_none(
        lambda: client.get_role_policy(RoleName=expected.role, PolicyName=expected.role_policy)["PolicyDocument"]
    )
    told = json.loads(unquote(document)) if isinstance(document, str) else document
    yield of.holds(
        f"policy is that of .chalice/{expected.policy.name}",
        is_so=_statements(told) == _statements(expected.statements()),
        text=f"What it may do and what the file says differ in {_differing(told, expected.statements())}. {again}",
    )


def _statements(document: Any) -> Any:
    return None if document is None else document.get("Statement")


def _differing(found: Any, expected: Any) -> str:
    have, want = (
        {each.get("Sid", f"statement {number}"): each for number, each in enumerate(_statements(told) or ())}
        for told in (found, expected)
    )
    return ", ".join(sid for sid in {**want, **have} if have.get(sid) != want.get(sid)) or "their order"


def event_source(view: View) -> Iterator[Finding]:
    """What hands the queue's messages to the worker."""
    from chalicelib.jobs import AT_ONCE  # noqa: PLC0415 - it imports Chalice

    function = program(view).function(JOBS).name
    of = Of(GROUP, f"event source of {function}")
    queue = view.storage.arn("JobsQueue")
    arn = f"arn:aws:lambda:{view.region}:{view.account}:function:{function}"
    answer = or_none(lambda: view.client("lambda").list_event_source_mappings(FunctionName=arn))
    found = (answer or {}).get("EventSourceMappings", [])
    ours = [each for each in found if each["EventSourceArn"] == queue]
    again = view.redeploying
    yield of.holds(
        "takes from the queue of jobs",
        is_so=len(ours) == 1,
        text=f"Nothing hands the messages of {queue} to the function: imports and exports wait. {again}",
    )
    others = [each["EventSourceArn"] for each in found if each not in ours]
    yield of.holds(
        "takes from nothing else",
        is_so=not others,
        text=f"It works on {', '.join(others)} too: `aws lambda delete-event-source-mapping --uuid …`.",
    )
    for mapping in ours[:1]:
        uuid = mapping["UUID"]
        yield of.holds(
            "is enabled",
            is_so=mapping.get("State") in {"Enabled", "Enabling", "Creating", "Updating"},
            text=f"It is {mapping.get('State')}: imports and exports wait. Run `aws lambda update-event-source-mapping "
            f"--uuid {uuid} --enabled`.",
        )
        yield of.same("batch size", mapping.get("BatchSize"), 1, again, "chalicelib/jobs.py")
        most = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        yield of.same("most at once", most, AT_ONCE, again, "chalicelib/jobs.py")
