"""What an earlier stack retained, taken over by a new one: an import, which changes nothing of it.

A template's own names are made of the stage's, and CloudFormation takes over by itself (ImportExistingResources) only
what has a name without a function in it, and no secret, queue or key at all. So each is named to it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.local.problems import CannotRun
from infra.ops.examined.templates import parsed
from infra.ops.hints import command_on, typed_of
from infra.ops.retained import kept_of_template

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from infra.ops.retained import Kept
    from infra.ops.stacks import Plan, Stack

_BY_ITSELF = frozenset({"AWS::DynamoDB::Table", "AWS::Logs::LogGroup"})
"""What a stack that could not be made leaves behind, protected as it is; or a log. Taken over without being asked."""
_RESTORED = {
    "AWS::KMS::Key": "aws kms cancel-key-deletion --key-id {0} && aws kms enable-key --key-id {0}",
    "AWS::SecretsManager::Secret": "aws secretsmanager restore-secret --secret-id {0}",
}


def take_over(  # noqa: PLR0913 - what a stack is made with, and how the command was told
    stack: Stack,
    text: str,
    parameters: Mapping[str, str],
    options: argparse.Namespace,
    note: Callable[[str], None],
    *,
    is_wanted: bool,
) -> bool:
    """Has a stack that is not there yet take over what its template retains and is there. Raises CannotRun.

    Whether there was something. With --dry-run it only says so.
    """
    if stack.status() is not None:
        return False
    kept = kept_of_template(text, parameters, options)
    if not is_wanted:
        _check_by_itself(kept, parameters["Stage"], options)
    if not kept:
        return False
    plan = plan_adoption(stack, text, parameters, kept)
    note(f"{stack.name} takes over what is there, with all that is in it:")
    for each in kept:
        note(f"  < {each.resource}  {each.what}")
    if options.dry_run:
        stack.drop(plan)
    else:
        stack.carry_out(plan)
    return True


def _check_by_itself(kept: Sequence[Kept], stage: str, options: argparse.Namespace) -> None:
    """Raises CannotRun where something is there that is taken over only where that is asked for."""
    others = [each.what for each in kept if each.type not in _BY_ITSELF]
    if others:
        destroying = command_on(stage, typed_of(options), "destroy", "--dry-run")
        raise CannotRun(
            f"What an earlier stack of the stage {stage} held is there, without a stack: {', '.join(others)}. To take "
            "it over with all that is in it, so that links that are out open again, add --adopt; to begin anew, remove "
            f"it by hand first (`{destroying}` tells how)."
        )


def plan_adoption(stack: Stack, text: str, parameters: Mapping[str, str], kept: Sequence[Kept]) -> Plan:
    """A change set that imports what is kept, and makes nothing. Raises CannotRun."""
    going = [each for each in kept if each.is_going]
    if going:
        ways = ", ".join(f"`{_RESTORED[each.type].format(each.name)}`" for each in going)
        names = ", ".join(each.what for each in going)
        raise CannotRun(f"Somebody deleted {names}, and this can still be taken back: run {ways}, and try again.")
    by_resource = {each.resource: each for each in kept}
    document = _part_of(parsed(text), set(by_resource))
    imported = [by_resource[name] for name in document["Resources"]]
    if lost := [each.what for each in kept if each not in imported]:
        raise CannotRun(
            f"These cannot be taken over, for something that they need is gone: {', '.join(lost)}. Restore that, or "
            "remove these by hand."
        )
    return stack.plan_import(
        json.dumps(document),
        parameters,
        [
            {
                "ResourceType": each.type,
                "LogicalResourceId": each.resource,
                "ResourceIdentifier": dict([each.identifier]),
            }
            for each in imported
        ],
    )


def _part_of(document: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """The template with these resources alone, and without those among them that need another one. No outputs."""
    resources = document["Resources"]
    while lost := {name for name in names if _needs(resources[name].get("Properties", {}), set(resources)) - names}:
        names -= lost
    kept = {
        name: {key: value for key, value in each.items() if key != "DependsOn"}
        for name, each in resources.items()
        if name in names
    }
    return {**{key: value for key, value in document.items() if key != "Outputs"}, "Resources": kept}


def _needs(told: Any, resources: set[str]) -> set[str]:
    """The resources that a part of a template refers to."""
    if isinstance(told, list):
        return {name for each in told for name in _needs(each, resources)}
    if not isinstance(told, dict):
        return set()
    found = {name for each in told.values() for name in _needs(each, resources)}
    if isinstance(name := told.get("Ref"), str):
        found.add(name)
    if isinstance(attribute := told.get("Fn::GetAtt"), list):
        found.add(attribute[0])
    if isinstance(text := told.get("Fn::Sub"), str):
        found |= {name for name in resources if f"${{{name}}}" in text or f"${{{name}." in text}
    return found & resources
